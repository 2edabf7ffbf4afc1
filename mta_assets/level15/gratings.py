"""Events of a grating observation: which arm and order they belong to, and their angles and wavelengths.

For each event in the regions of a source: the diffraction angles from its chip pixel and the place that the zero
order had on the detector at that moment. That place follows from the event itself: its sky and DET coordinates tell
where the telescope pointed, so no aspect is needed here, only the roll. (Its mean over the observation is used; real
rolls drift by a few arc seconds, which moves tg_d of 13838 and 14392 by up to 1.5e-5 deg.)

The pixel is taken as the archive does: tg_resolve_events uses the integer chip coordinates even where sky and DET
were repositioned within the pixel (seen in 13838: with them its tg_r comes out to 5e-7 deg, with the repositioned place
to 9e-5). ``position="det"`` takes the repositioned place instead.

Of two sources whose regions overlap, an event is of that one an order of which it fits; of two that it fits, or none,
of that one whose arm or zero order is nearer (tg_d). tg_smap has a bit for each in whose regions it lies.

Where the arms of the HETG cross, the CCD energy decides: an event that fits an order of one arm only is of that arm,
any other is of none (tg_part 99), as in the archive's lists. HRC has no energies: events left of the zero order are
of order -1, those right of it of +1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.headers import renumbered
from mta_assets.core.tables import Column, Header, Schema, Table
from mta_assets.instruments import gratings_frames as frames
from mta_assets.instruments.gratings import NO_ORDER, NO_PART, ZERO_ORDER
from mta_assets.instruments.gratings_orders import sort_orders
from mta_assets.level15 import clocked
from mta_assets.level15.columns import ACIS_ORDER, CLOCKED_COLUMNS, HRC_ORDER, TG_COLUMNS
from mta_assets.level15.regions import MAX_SOURCES, Box, SourceRegion
from mta_assets.level15.setup import Setup

Array = NDArray[Any]

BLOCK = 1 << 15  # events at once: fewer pay for the calls, more leave the cache
DEGREE = 180 / np.pi
BLANK = {"tg_m": NO_ORDER, "tg_part": NO_PART, "chipy_tg": np.nan, "chipy_zo": np.nan}  # of events of nothing
UNITS = {"x": "pixel", "y": "pixel", "detx": "pixel", "dety": "pixel", "energy": "eV"}
NEEDED = ("x", "y", "detx", "dety", "chipx", "chipy")


def resolve_events(events: Table, given: Setup) -> Table:
    """Event list with the columns tg_r … tg_smap, as the archive's evt1a; rows and their order stay.

    Parameters
    ----------
    events
        Level-1 events with x, y, detx, dety, chipx, chipy [pixel] and ccd_id, energy [eV] (ACIS) or chip_id (HRC).

    Raises
    ------
    BadData
        If a column is missing, or an event with a place on the sky is on a chip that the instrument does not have.
    """
    chip = "ccd_id" if given.detector == "ACIS" else "chip_id"
    needed = NEEDED if given.limits is None else (*NEEDED, "energy")
    needed = (*needed, "chipy_adj") if given.clocked else needed
    missing = [name for name in (*needed, chip) if name not in events]
    if missing:
        raise BadData(f"event list {events.name} has no columns {', '.join(missing)}: expected level-1 events")
    for column in events.schema.columns if events.schema else ():
        if column.unit != UNITS.get(column.name, column.unit) and column.unit:
            raise BadData(
                f"event list {events.name}: column {column.name} is in {column.unit}, expected {UNITS[column.name]}: "
                "its header is wrong, or it was made by something else; make it again"
            )
    count = len(events)
    made = {**TG_COLUMNS, **(CLOCKED_COLUMNS if given.clocked else {})}
    found = {name: np.full(count, BLANK.get(name, 0), column.dtype) for name, column in made.items()}
    for first in range(0, count, BLOCK):
        rows = slice(first, min(first + BLOCK, count))
        block = {name: events[name][rows] for name in needed}
        # level 1 gives what is on no chip of the instrument no place on the sky: it is in no region, whatever its chip
        known = np.where(np.isfinite(block["x"]), events[chip][rows], np.flatnonzero(given.seen.known)[0])
        block["chip"] = frames.check_chips(known, given.seen)
        out = {name: column[rows] for name, column in found.items()}
        for number, region in enumerate(given.regions):
            alone = {name: np.full_like(values, BLANK.get(name, 0)) for name, values in out.items()} if number else out
            (_resolve_clocked if given.clocked else _resolve)(block, region, given, alone)
            if number:
                _nearer(out, alone)
        found["tg_lam"][rows] = _wavelength(found["tg_mlam"][rows], found["tg_m"][rows])
        if given.clocked:
            found["chipy_zo"][rows] = block["chipy_adj"]
    return _table(events, found, given)


def resolve(blocks: Iterable[Table], given: Setup) -> Iterator[Table]:
    """The same for a long event list that comes in blocks: a block at a time, in constant memory."""
    for events in blocks:
        yield resolve_events(events, given)


def _resolve(block: dict[str, Array], region: SourceRegion, given: Setup, out: dict[str, Array]) -> None:
    """Columns of the events in the regions of one source, written over those of sources that count less."""
    right, up = block["x"] - block["x"].dtype.type(region.x), block["y"] - block["y"].dtype.type(region.y)
    zero = right * right + up * up <= region.radius**2
    inside = {box.part: _in_box(right, up, region, box) & ~zero for box in region.boxes}
    crossing = np.logical_and.reduce(list(inside.values())) if len(inside) == 2 else np.zeros_like(zero)
    groups = [np.flatnonzero(mask) for mask in (zero, *(mask & ~crossing for mask in inside.values()))]
    certain = sum(map(len, groups))
    groups += [np.flatnonzero(crossing)] * len(inside)
    rows, counts = np.concatenate(groups), [len(group) for group in groups]
    parts = [ZERO_ORDER, *inside, *inside]
    tg_r, tg_d, wavelength, order = _measure(block, rows, parts, counts, region, given)
    wavelength[: counts[0]], order[: counts[0]] = 0.0, 0
    out["tg_smap"][rows] |= np.int16(1 << (region.source - 1) if region.source <= MAX_SOURCES else 0)
    part = np.repeat(np.array(parts, np.int16), counts)
    if len(rows) > certain:
        # where HEG and MEG cross: events that fit an order of one arm only are of that arm
        fits = order[certain:].reshape(2, -1) != NO_ORDER
        kept = np.concatenate([np.arange(certain), certain + np.flatnonzero(fits & ~fits[::-1])])
        rows, part, tg_r, tg_d = (rows.take(kept), part.take(kept), tg_r.take(kept), tg_d.take(kept))
        wavelength, order = wavelength.take(kept), order.take(kept)
    for name, values in (("tg_r", tg_r), ("tg_d", tg_d), ("tg_mlam", wavelength), ("tg_m", order), ("tg_part", part)):
        out[name][rows] = values.astype(out[name].dtype, copy=False)  # twice as fast as a cast on the way
    out["tg_srcid"][rows] = region.source


def _resolve_clocked(block: dict[str, Array], region: SourceRegion, given: Setup, out: dict[str, Array]) -> None:
    """The same in continuous clocking."""
    assert given.limits is not None
    right, up = block["x"].astype(np.float64) - region.x, block["y"].astype(np.float64) - region.y
    det = block["detx"].astype(np.float64), block["dety"].astype(np.float64)
    focus = frames.undispersed(given.detector, *det, right, up, (region.x, region.y), given.roll)
    zero = right * right + up * up <= region.radius**2
    made = clocked.resolve(block, zero, focus, given.arms, given.reach, given.seen, given.limits)
    rows = np.flatnonzero(made["tg_part"] != NO_PART)
    for name in ("tg_r", "tg_d", "tg_mlam", "tg_m", "tg_part", "chipy_tg"):
        out[name][rows] = made[name][rows]
    out["tg_srcid"][rows] = region.source
    out["tg_smap"][made["inside"]] |= np.int16(1 << (region.source - 1) if region.source <= MAX_SOURCES else 0)


def _nearer(out: dict[str, Array], other: dict[str, Array]) -> None:
    """Take what another source makes of events that fit it better into ``out``, the columns that are being made.

    Better is an order that fits the energy, then the smaller distance across the arm. In continuous clocking there is
    none across: the first source whose order fits has the event.
    """
    known = [columns["tg_part"] != NO_PART for columns in (out, other)]
    # without an order 1000 deg farther than any with one
    far = [np.abs(columns["tg_d"]) + 1000.0 * (columns["tg_m"] == NO_ORDER) for columns in (out, other)]
    for distance, columns in zip(far, (out, other), strict=True):
        zero = columns["tg_part"] == ZERO_ORDER
        distance[zero] = np.hypot(columns["tg_r"][zero], columns["tg_d"][zero])
    better = known[1] & (~known[0] | (far[1] < far[0]))
    out["tg_smap"] |= other["tg_smap"]
    for name in out.keys() - {"tg_smap"}:
        out[name][better] = other[name][better]


def _wavelength(order_wavelength: Array, order: Array) -> Array:
    """Wavelength [Å]: 0 of the zero order, NaN without an order."""
    number = np.abs(order).astype(np.float32)
    np.maximum(number, 1.0, out=number)
    alone = np.abs(order_wavelength)
    alone /= number
    np.copyto(alone, np.nan, where=order == NO_ORDER)
    return np.asarray(alone)


def _in_box(right: Array, up: Array, region: SourceRegion, box: Box) -> NDArray[np.bool_]:
    """Whether events lie in a box; ``right`` and ``up`` are counted from the zero order and keep their precision."""
    angle = np.radians(box.angle)
    cosine, sine = float(np.cos(angle)), float(np.sin(angle))
    x, y = box.x - region.x, box.y - region.y
    along = right * cosine + up * sine - (x * cosine + y * sine)
    across = up * cosine - right * sine - (y * cosine - x * sine)
    return np.asarray((np.abs(along) <= box.length / 2) & (np.abs(across) <= box.width / 2))


def _measure(
    block: dict[str, Array], rows: Array, parts: list[int], counts: list[int], region: SourceRegion, given: Setup
) -> tuple[Array, Array, Array, NDArray[np.int16]]:
    """tg_r, tg_d [deg], tg_mlam [Å] and order of rows, so many after each other as events of each part."""
    chip = block["chip"].take(rows)
    names = ("x", "y", "chipx", "chipy", "detx", "dety")
    x, y, chipx, chipy, detx, dety = (block[name].take(rows).astype(np.float64) for name in names)
    if given.position == "chip":
        point = frames.chip_points(chip, chipx, chipy, given.seen)
    else:
        point = frames.det_points(chip, detx, dety, given.seen)
    x -= region.x
    y -= region.y
    zero = frames.undispersed(given.detector, detx, dety, x, y, (region.x, region.y), given.roll)
    by_part = {arm.part: arm for arm in given.arms}
    by_part[ZERO_ORDER] = given.arms[-1]  # the archive's angles of the zero order are the MEG's
    angle = np.radians([by_part[part].angle for part in parts])
    turn = (np.repeat(np.cos(angle), counts), np.repeat(np.sin(angle), counts))
    along, across = frames.diffraction(*point, *zero, *turn, given.arms[0].rowland)
    tg_r = frames.small_arctan(along)
    wavelength = np.repeat([by_part[part].period for part in parts], counts)
    wavelength *= along / np.sqrt(1 + along * along)
    tg_r *= DEGREE
    tg_d = across * (1 - across * across / 3) * DEGREE
    if given.limits is None:
        return tg_r, tg_d, wavelength, np.sign(wavelength).astype(np.int16)
    energy = block["energy"].take(rows).astype(np.float64)
    return tg_r, tg_d, wavelength, sort_orders(energy, wavelength, chip, chipx, chipy, given.limits)


def _table(events: Table, found: dict[str, Array], given: Setup) -> Table:
    """Columns in the archive's order with the keywords that level 1.5 adds."""
    order = ACIS_ORDER if given.detector == "ACIS" else HRC_ORDER
    known = {column.name: column for column in events.schema.columns} if events.schema else {}
    names = [name for name in order if name in found or name in events]
    columns = {name: found[name] if name in found else events[name] for name in names}
    schema = Schema(
        events.name,
        tuple(
            TG_COLUMNS.get(name)
            or CLOCKED_COLUMNS.get(name)
            or known.get(name)
            or Column(name, array.dtype.str[1:], shape=array.shape[1:])
            for name, array in columns.items()
        ),
        "events with grating coordinates",
    )
    header: Header = {
        "CONTENT": ("TGEVT1", "events with grating coordinates"),
        "HDUSPEC": ("Grating Data Products: Level 1.5 ICD, V1.6", "document"),
        "HDUCLAS3": ("RESOLVED", "with grating coordinates"),
        f"ACSYS{6 if 'ACSYS5' in events.header else 5}": ("GDP:ASC-GDP-1.1", "grating coordinate system"),
        "RAND_TG": (0.0, "pixel randomization width"),
        "TG_POS": (given.position.upper(), "place of an event: middle of its pixel, or DET"),
    }
    return Table(events.name, columns, {**renumbered(events.header, list(events.columns), names), **header}, schema)
