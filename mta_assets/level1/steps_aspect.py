"""Steps of the aspect pipelines: products of the registry in, products of the registry out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from mta_assets.core.errors import NothingToDo
from mta_assets.core.request import Request
from mta_assets.core.tables import Header, Product, Table, concatenate
from mta_assets.level1.aca_tables import STARCAT
from mta_assets.level1.aspect import make_aspect
from mta_assets.level1.aspect_onboard import compare, onboard_solution
from mta_assets.level1.observation import table_of

FILE_IDS = {"ASPSOL": "ASOL"}  # of the solution as the registry, and so deliveries, call it


def ground(
    images: Iterable[Product], engineering: Iterable[Product], stars: Iterable[Product], obspar: Sequence[Product]
) -> Iterator[Product | Table]:
    """Aspect solution, quality, centroids, properties of stars and fid lights, and findings of an observation.

    Parameters
    ----------
    images, engineering, stars, obspar
        ``ACA_IMG0``, ``PCAD_ENG0``, ``STARCAT`` and ``OBSPAR`` of its time.
    """
    catalogue = concatenate([STARCAT.empty(), *(_plain(product.tables[0]) for product in stars)])
    for item in make_aspect(images, engineering, catalogue, table_of(obspar)):
        if isinstance(item, Product):
            yield replace(item, file_id=FILE_IDS.get(item.file_id, item.file_id))
        else:
            yield item


def onboard(solutions: Iterable[Product], request: Request) -> Product:
    """``ASPSOL_OBC`` of an observation from the ``OSOL`` of the playbacks of its time."""
    made = onboard_solution(solutions, request.tstart, request.tstop)
    return replace(made, header={**made.header, **_observation(request)})


def difference(onboard: Sequence[Product], ground: Sequence[Product], request: Request) -> Product:
    """``ASPDIFF``: the on-board against the ground solution.

    Raises
    ------
    NothingToDo
        If they have no time in common.
    """
    table = compare(onboard[0].tables[0], ground[0].tables[0])
    if not len(table):
        raise NothingToDo("on-board and ground solution have no time in common: there is nothing to compare")
    header: Header = {"CONTENT": ("ASPDIFF", "what data product"), "INSTRUME": ("PCAD", "Aspect Camera")}
    start, stop = float(table["time"][0]), float(table["time"][-1])
    return Product("ASPDIFF", (table,), start, stop, {**header, **_observation(request)})


def _plain(table: Table) -> Table:
    return STARCAT.build({name: table[name] for name in STARCAT.names})


def _observation(request: Request) -> Header:
    return {
        "OBS_ID": (str(request.obsid), "Observation id"),
        "OBI_NUM": (request.obi, "Obi number"),
    }
