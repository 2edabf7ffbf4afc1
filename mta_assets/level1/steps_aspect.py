"""Steps of the aspect pipelines: products of the registry in, products of the registry out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.records import finding
from mta_assets.core.request import Request
from mta_assets.core.tables import Header, Product, Table, concatenate, plain
from mta_assets.level1.aca_tables import STARCAT
from mta_assets.level1.aspect import make_aspect
from mta_assets.level1.aspect_choice import NO_ATTITUDE, rows_finding, usable
from mta_assets.level1.aspect_compare import MOST, apart, compare, figure
from mta_assets.level1.aspect_onboard import onboard_solution
from mta_assets.level1.observation import NUMBERS, keywords, parameters, table_of
from mta_assets.level1.orbit_angles import EPHEMERIS, angles_product

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


def onboard(
    solutions: Iterable[Product], obspar: Sequence[Product] | None, request: Request
) -> tuple[Product | Table, ...]:
    """``ASPSOL_OBC`` of an observation from the ``OSOL`` of the playbacks of its time, and a finding of its lost rows.

    ``obspar`` gives the nominal pointing and the place of the SIM; where files are given by hand it tells which
    observation is meant, and its time.
    """
    made = onboard_solution(solutions, request.tstart, request.tstop)
    known = keywords(parameters(obspar)) if obspar else {}
    place = {name: value for name, value in known.items() if name in NUMBERS or name in ("OBS_MODE", "GRATING")}
    made = replace(made, header={**place, **made.header, **_observation(request)})
    return made, *_lost(request, "OSOL", int(plain(made.tables[0].header["NUMLOST"])))


def difference(
    onboard: Sequence[Product], ground: Sequence[Product], request: Request
) -> tuple[tuple[Product | Table, ...], dict[str, bytes]]:
    """``ASPDIFF``, the on-board against the ground solution, findings, and the picture of it.

    Findings are rows of either that hold no attitude, and two attitudes that can not be of one observation.

    Raises
    ------
    NothingToDo
        If they have no time in common.
    BadData
        If no row of one of them holds an attitude.
    """
    found: list[Table] = []
    attitudes = []
    for given in (onboard[0], ground[0]):
        rows, lost = usable(given.tables[0])
        if lost and not len(rows):
            raise BadData(
                f"{given.file_id}: none of its {lost} rows is an attitude ({NO_ATTITUDE}); make it again or deliver "
                "another"
            )
        attitudes.append(rows)
        found += _lost(request, given.file_id, lost)
    table = compare(*attitudes)
    if not len(table):
        raise NothingToDo("on-board and ground solution have no time in common: there is nothing to compare")
    if far := apart(table):
        turns = ", ".join(f"{value:.0f} arcsec about {axis}" for axis, value in far.items())
        detail = (
            f"ASPSOL_OBC and ASOL are {turns} apart, expected less than {MOST:.0f}: one is not of this observation; "
            "look at OBS_ID and times of both, and deliver the right asol1"
        )
        found.append(finding(f"{request.partition} aspect", "PCAD", "aspect_apart", detail, _ends(table)))
    header: Header = {"CONTENT": ("ASPDIFF", "what data product"), "INSTRUME": ("PCAD", "Aspect Camera")}
    made = Product("ASPDIFF", (table,), *_ends(table), {**header, **_observation(request)})
    return (made, *found), {
        "on-board against ground": figure(table, f"{request.partition}: on-board minus ground aspect")
    }


def angles(
    ground: Sequence[Product], orbit: Iterable[Product], solar: Iterable[Product], lunar: Iterable[Product],
    request: Request,
) -> Product:  # fmt: skip
    """``ANGLES``: Sun, Moon and Earth seen from the pointing, where the ephemerides were delivered.

    Parameters
    ----------
    orbit, solar, lunar
        ``ORBIT_EPH1``, ``SOLAR_EPH1``, ``LUNAR_EPH1`` around the observation.
    """
    craft, sun, moon = (joined(given) for given in (orbit, solar, lunar))
    made = angles_product(usable(ground[0].tables[0])[0], craft, sun, moon, request.tstart, request.tstop)
    return replace(made, file_id="ANGLES", header={**made.header, **_observation(request)})


def joined(products: Iterable[Product]) -> Table:
    """Ephemeris of several files: in order of time, each time once."""
    parts = []
    for product in products:
        table = product.tables[0]
        names = {name.lower(): name for name in table.columns}
        parts.append(Table(table.name, {c.name: table[names.get(c.name.lower(), c.name)] for c in EPHEMERIS}))
    found = concatenate(parts)
    found = found.where(np.isfinite(found["Time"]))
    return found.where(np.unique(found["Time"], return_index=True)[1])


def _ends(table: Table) -> tuple[float, float]:
    return float(table["time"][0]), float(table["time"][-1])


def _lost(request: Request, file_id: str, rows: int) -> list[Table]:
    span = (request.tstart, request.tstop)
    return [rows_finding(f"{request.partition} {file_id}", file_id, rows, span)] if rows else []


def _plain(table: Table) -> Table:
    return STARCAT.build({name: table[name] for name in STARCAT.names})


def _observation(request: Request) -> Header:
    return {
        "OBS_ID": (str(request.obsid), "Observation id"),
        "OBI_NUM": (request.obi, "Obi number"),
    }
