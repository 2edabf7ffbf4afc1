"""Step of the catalogue pipeline: source lists of a stretch of time to one catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.headers import keyword
from mta_assets.core.records import finding, observation_key
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table
from mta_assets.level3.catalogue import catalogue_product
from mta_assets.level3.identify import Observation

ERRORS = ("RA_ERR", "DEC_ERR")
NUMBERS = ("RA", "DEC", *ERRORS, "NET_RATE", "NET_RATE_ERR", "SIGNIFICANCE")


def catalogue(
    acis: Sequence[Product] | None, hrc: Sequence[Product] | None, request: Request, *, file_id: str, radius: float
) -> Iterator[Product | Table]:
    """The catalogue of all source lists whose observations meet the time that is asked for.

    Sources without a place, a rate or an error of them are left out, and a finding says of which list.

    Parameters
    ----------
    acis, hrc
        ``ACIS_SRC2``, ``HRC_SRC2``.
    radius
        Greatest offset between observations [arcsec].

    Raises
    ------
    NothingToDo
        If there is no source in any of them.
    """
    found = [(product, *_observation(product)) for given in (acis, hrc) for product in given or ()]
    observations = [one for _, one, _ in found]
    if not any(len(one.sources) for one in observations):
        raise NothingToDo(f"no source lists from {request.tstart:.0f} to {request.tstop:.0f} s: no catalogue")
    made = catalogue_product(sorted(observations, key=lambda one: (one.time, one.obs_id)), file_id, radius)
    fields = {"day": request.partition.replace("-", "")}
    yield replace(made, tstart=request.tstart, tstop=request.tstop, fields=fields)
    for product, one, left in found:
        if left:
            detail = f"{left} sources of the src2 of {one.obs_id} have no place, rate or error, left out: make it again"
            span = (product.tstart, product.tstop)
            yield finding(f"{one.obs_id} src2", "SRC", "no_place", detail, span, left, "sources")


def _observation(product: Product) -> tuple[Observation, int]:
    """Sources of an observation that can be used, and how many there are besides.

    Raises
    ------
    BadData
        If the list does not say of which observation it is.
    """
    heads = {**product.header, **product.tables[0].header}
    named = [str(keyword(heads, name, default)).strip() for name, default in (("OBS_ID", ""), ("OBI_NUM", 0))]
    if not all(text.isdecimal() for text in named):
        raise BadData(
            f"{product.file_id} from {product.tstart:.0f} s: OBS_ID {named[0]!r}, OBI_NUM {named[1]!r} are no "
            "observation and interval; make the source list again"
        )
    table = product.table("SRCLIST")
    good = np.all([np.isfinite(table[name]) for name in NUMBERS], axis=0)
    good &= np.all([table[name] > 0 for name in ERRORS], axis=0)
    key = observation_key(int(named[0]), int(named[1]))
    return Observation(key, product.tstart, table.where(good)), int(np.count_nonzero(~good))
