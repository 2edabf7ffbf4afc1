"""Step of the catalogue pipeline: source lists of a stretch of time to one catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mta_assets.core.errors import NothingToDo
from mta_assets.core.records import observation_key
from mta_assets.core.request import Request
from mta_assets.core.tables import Product
from mta_assets.level3.catalogue import catalogue_product
from mta_assets.level3.identify import Observation


def catalogue(
    acis: Sequence[Product] | None, hrc: Sequence[Product] | None, request: Request, *, file_id: str, radius: float
) -> Product:
    """The catalogue of all source lists whose observations meet the time that is asked for.

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
    observations = [one for given in (acis, hrc) for one in _observations(given or ())]
    if not any(len(one.sources) for one in observations):
        raise NothingToDo(f"no source lists from {request.tstart:.0f} to {request.tstop:.0f} s: no catalogue")
    made = catalogue_product(sorted(observations, key=lambda one: (one.time, one.obs_id)), file_id, radius)
    fields = {"day": request.partition.replace("-", "")}
    return replace(made, tstart=request.tstart, tstop=request.tstop, fields=fields)


def _observations(products: Sequence[Product]) -> Iterator[Observation]:
    for product in products:
        heads = {**product.header, **product.tables[0].header}
        obsid, obi = (int(_plain(heads.get(name, 0))) for name in ("OBS_ID", "OBI_NUM"))
        yield Observation(observation_key(obsid, obi), product.tstart, product.table("SRCLIST"))


def _plain(given: object) -> str:
    return str(given[0] if isinstance(given, tuple) else given)
