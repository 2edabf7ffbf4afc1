"""Steps for what of the detector and of the sky an observation could see: mask of ACIS, field of view of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.headers import whole
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table, plain
from mta_assets.instruments import geometry
from mta_assets.level1 import acis_mask, observation
from mta_assets.level1.aspect_choice import best_aspect
from mta_assets.level1.fov import Edges, fov_table, outlines


def mask(obspar: Sequence[Product], blocks: Sequence[Product] | None) -> list[Product | Table]:
    """``ACIS_MSK1`` from the chips of the observation and the parameter block of its run, if there is one.

    Blocks whose chips can not be, or are not those of the observation, are findings after it.

    Raises
    ------
    NothingToDo
        If no chips are known.
    """
    par = observation.parameters(obspar)
    tstart, tstop = observation.span(par)
    detnam = par.get("detnam", "")
    if not acis_mask.chips_of(detnam):
        raise NothingToDo(f"no chips are known of obsid {par.get('obs_id', '?')}: there are no exposures of it")
    readmode = par.get("readmode", "")
    block = acis_mask.block_of(blocks, detnam, tstart, tstop, readmode)
    common = {**observation.keywords(par), "CONTENT": ("MSK", "what data product")}
    made = Product("ACIS_MSK1", tuple(acis_mask.mask_tables(detnam, block)), tstart, tstop, common)
    return [made, *acis_mask.block_findings(blocks, detnam, tstart, tstop, readmode, block)]


def field_of_view(
    obspar: Sequence[Product],
    masks: Sequence[Product],
    ground: Sequence[Product] | None,
    onboard: Sequence[Product] | None,
    request: Request,
    *,
    file_id: str,
) -> Product:
    """The fov1 product of an observation.

    Parameters
    ----------
    obspar, masks, ground, onboard
        ``OBSPAR``, the mask (msk1) of the instrument, ``ASOL``, ``ASPSOL_OBC``.

    Raises
    ------
    NothingToDo
        If there is no aspect solution of the time of the observation.
    """
    par = observation.parameters(obspar)
    tstart, tstop = observation.span(par)
    ground, onboard = (_within(given, tstart, tstop) for given in (ground, onboard))
    best = best_aspect(ground, onboard, request.stream == "sap")
    if best.table is None:
        raise NothingToDo("no aspect solution of this time: the field of view is not known")
    instrument = "ACIS" if par.get("instrume") == "ACIS" else par.get("detector", "")
    sim = observation.number(par, "sim_x"), observation.number(par, "sim_z")
    nominal = observation.number(par, "ra_nom"), observation.number(par, "dec_nom")
    if instrument not in geometry.INSTRUMENTS:
        raise BadData(
            f"obspar of obsid {par.get('obs_id', '?')}: detector is {instrument!r}, expected one of "
            f"{', '.join(geometry.INSTRUMENTS)}; make OBSPAR again"
        )
    edges = edges_of(masks[0])
    for chip, ((x0, x1), (y0, y1)) in edges.items():
        size = geometry.chips(instrument)[chip].size if chip in geometry.chips(instrument) else (x1, y1)
        if not (1 <= x0 <= x1 <= size[0] and 1 <= y0 <= y1 <= size[1]):
            raise BadData(
                f"{masks[0].file_id}: CHIPX {x0:.0f} to {x1:.0f}, CHIPY {y0:.0f} to {y1:.0f} are no part of chip "
                f"{chip}, which has {size[0]:.0f} x {size[1]:.0f} pixels; make the mask again or deliver another"
            )
    polygons = outlines(instrument, edges, best.table, sim, nominal)
    common = {**observation.keywords(par), "CONTENT": ("FOV", "what data product"), "ASPTYPE": best.asptype}
    return Product(file_id, (fov_table(polygons, instrument, nominal),), tstart, tstop, common)


def _within(given: Sequence[Product] | None, tstart: float, tstop: float) -> list[Product]:
    """Aspect solutions, of which only the time of the observation counts."""
    found = []
    for product in given or ():
        time = np.asarray(product.tables[0]["time"], float)
        found.append(replace(product, tables=(product.tables[0].where((time >= tstart) & (time <= tstop)),)))
    return found


def edges_of(product: Product) -> dict[int, Edges]:
    """First and last pixel of each chip in a mask: its rectangles that take events (sampling cycle above 0).

    Raises
    ------
    BadData
        If a table does not say of which chip it is, or no rectangle takes events.
    """
    found: dict[int, Edges] = {}
    for table in product.tables:
        shape = np.char.strip(table["SHAPE"].astype(str))
        if shape.ndim != 1:
            raise BadData(f"{product.file_id}[{table.name}].SHAPE: expected one shape a row; make the mask again")
        for row in np.flatnonzero((shape == "rectangle") & (table["SAMP_CYC"] > 0)).tolist():
            chip = _chip(product, table, row)
            x, y = (tuple(float(edge) for edge in table[name][row]) for name in ("CHIPX", "CHIPY"))
            known = found.get(chip, ((x[0], x[1]), (y[0], y[1])))
            found[chip] = (
                (min(known[0][0], x[0]), max(known[0][1], x[1])),
                (min(known[1][0], y[0]), max(known[1][1], y[1])),
            )
    if not found:
        raise BadData(
            f"{product.file_id}: no rectangle takes events (SHAPE rectangle, SAMP_CYC above 0); make the mask again or "
            "deliver another"
        )
    return found


def _chip(product: Product, table: Table, row: int) -> int:
    """Chip of a rectangle: CCD_ID of ACIS; the HRC numbers its rectangles (COMPONENT) from 0 or, of the S, from 1."""
    if plain(table.header.get("CCD_ID")) is not None:
        return whole(table.header, "CCD_ID", f"{product.file_id}[{table.name}]", (0, 9))
    if "COMPONENT" not in table:
        raise BadData(f"{product.file_id}[{table.name}]: neither CCD_ID nor COMPONENT says of which chip it is")
    first = 1 if str(plain(product.header.get("DETNAM", ""))).strip() == "HRC-S" else 0
    return int(table["COMPONENT"][row]) + first
