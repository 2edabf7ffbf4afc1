"""Step of the grating pipelines: zero order, regions and resolved events of one observation; a missing zero order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mta_assets.core.errors import BadData
from mta_assets.core.records import finding
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table
from mta_assets.level15.products import grating_events, region_mask, zero_orders


def resolve(evt1: Sequence[Product], request: Request, *, instrument: str) -> Iterator[Product | Table]:
    """src1a, reg1a and evt1a of an observation; a finding, and none of them, where there is no zero order.

    Parameters
    ----------
    instrument
        ``ACIS`` or ``HRC``, with which the file ids begin.
    """
    events = evt1[0]
    try:
        sources = zero_orders(events, f"{instrument}_SRC1A")
    except BadData as why:
        yield _finding(request, str(why), events)
        return
    yield sources
    regions = region_mask(sources, events, f"{instrument}_REG1A")
    yield regions
    yield grating_events(events, regions, f"{instrument}_EVT1A")


def _finding(request: Request, why: str, events: Product) -> Table:
    return finding(f"{request.partition} zero order", "GRATING", "no_zero_order", why, (events.tstart, events.tstop))
