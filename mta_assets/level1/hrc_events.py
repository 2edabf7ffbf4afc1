"""HRC events from level 0 to level 1: one function puts a block of evt0 columns through the whole chain.

Taps and amplifiers to raw positions and flags (`hrc_taps`), raw to chip, tiled and DET coordinates
(`instruments.hrc_plane`), DET to sky with the aspect at each event's time (`hrc_sky`). Source: Chandra coordinate memos
of J. McDowell, paper I; CIAO ``hrc_process_events``. A long list is streamed: memory is that of one block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core import intervals
from mta_assets.core.errors import BadData
from mta_assets.core.gti import subspace
from mta_assets.core.spool import spooled
from mta_assets.core.tables import Header, Product, Table
from mta_assets.instruments import geometry, hrc_plane, hrc_status
from mta_assets.instruments.hrc import TICK
from mta_assets.level1 import hrc_sky, hrc_taps
from mta_assets.level1.hrc_calibration import Calibration
from mta_assets.level1.hrc_columns import CHIP_LIMITS, TELEMETERED, events_schema, world_coordinates
from mta_assets.level1.hrc_regions import BadRegions
from mta_assets.level1.observation import pairs

Array = NDArray[Any]
Columns = Mapping[str, Array]

ACSYS: Header = {  # of HRC-I lists (2886); no list of HRC-S is at hand
    "ACSYS1": ("RAW:AXAF-HRC-1.1", "raw coordinates"), "ACSYS2": ("CHIP:AXAF-HRC-1.1", "chip coordinates"),
    "ACSYS3": ("TDET:HRC-2.4I", "tiled detector"), "ACSYS4": ("DET:ASC-FP-2.1", "focal plane"),
    "ACSYS5": ("SKY:ASC-FP-2.1", "sky"),
}  # fmt: skip
BLOCK = 65536  # [events] few enough for a core's cache, enough that calls cost nothing


@dataclass(frozen=True, eq=False)
class Setup:
    """What is the same for all events of an observation.

    Parameters
    ----------
    plane
        Detector and SIM position.
    calibration
        Of this detector.
    ra_nom, dec_nom, roll_nom
        Nominal pointing [deg]: tangent point of the sky plane.
    aspect
        Attitude; None leaves the sky coordinates out (NaN).
    bad
        Bad regions, if known.
    """

    plane: hrc_plane.Plane
    calibration: Calibration
    ra_nom: float
    dec_nom: float
    roll_nom: float
    aspect: hrc_sky.Aspect | None = None
    bad: BadRegions | None = None

    def __post_init__(self) -> None:
        if self.plane.detector != self.calibration.detector:
            raise BadData(f"calibration of {self.calibration.detector} for events of {self.plane.detector}")


def calibrate(columns: Columns, setup: Setup, last_time: float = -np.inf) -> dict[str, Array]:
    """Level-1 columns of a block of events.

    Parameters
    ----------
    columns
        TIME, CRSV, CRSU, AMP_SF, AV1 … AU3, PHA, and the bit arrays VETOSTT (n, 8) and E_TRIG (n, 2) of evt0.
    setup
        The observation.
    last_time
        Time of the event before the block [s], to see whether the first one is out of sequence.

    Returns
    -------
    dict
        The columns of `hrc_columns.events_schema`. Sky coordinates are NaN where the aspect is not known.
    """
    calibration, plane = setup.calibration, setup.plane
    time = np.asarray(columns["TIME"], np.float64)
    flags = telemetered_flags(columns, time, last_time)
    pha = hrc_taps.pulse_heights(columns)
    taps = {axis: [np.asarray(columns[f"A{axis}{k}"], np.float64) for k in (1, 2, 3)] for axis in "VU"}
    first_sum = sum(taps["V"][1:], taps["V"][0]) + sum(taps["U"][1:], taps["U"][0])
    scale = hrc_taps.scales(pha, first_sum, calibration)
    signals = {
        axis: hrc_taps.axis_signals((taps[axis][0], taps[axis][1], taps[axis][2]), scale, axis, calibration, flags)
        for axis in "VU"
    }
    sumamps = np.rint(signals["V"].total + signals["U"].total)
    scaled = sumamps * np.array([0.0, 1.0, 2.0, 4.0])[scale]
    hrc_taps.sum_flags(signals["V"].total, signals["U"].total, pha, scaled, calibration, flags)
    out: dict[str, Array] = {"time": time, "crsv": columns["CRSV"], "crsu": columns["CRSU"], "amp_sf": scale}
    out |= {name.lower(): columns[name] for name in TELEMETERED[1:]}
    out |= {"pha": columns["PHA"], "sumamps": sumamps}
    out |= _places(columns, signals, setup, flags)
    out["pi"] = hrc_taps.pulse_invariant(scaled, out["rawx"], out["rawy"], calibration, flags)
    out |= _directions(time, out.pop("_x"), out.pop("_y"), out["chip_id"], plane, setup)
    out["status"] = hrc_status.as_bits(flags)
    return out


def telemetered_flags(columns: Columns, time: Array, last_time: float) -> NDArray[np.uint32]:
    """Status bits that the telemetry states: triggers, veto byte, order of time."""
    # rows of eight bits are bytes already when they are packed flat, which is much faster than row by row
    veto = np.packbits(np.ascontiguousarray(columns["VETOSTT"], bool)).astype(np.uint32)
    flags = veto << np.uint32(hrc_status.BITS - hrc_status.VETO - 7)
    trigger = np.asarray(columns["E_TRIG"], bool)
    for column, bit in ((0, hrc_status.NO_TRIGGER_V), (1, hrc_status.NO_TRIGGER_U)):
        missing = np.flatnonzero(~trigger[:, column])
        flags[missing] |= hrc_status.mask(bit)
    if len(time):
        early = np.concatenate([[time[0] < last_time], time[1:] < time[:-1]])
        if early.any():
            flags[early] |= hrc_status.mask(hrc_status.OUT_OF_SEQUENCE)
    return flags


def _places(
    columns: Columns, signals: Mapping[str, hrc_taps.Signals], setup: Setup, flags: NDArray[np.uint32]
) -> dict[str, Array]:
    """Raw, chip and tiled coordinates; the continuous chip coordinates as ``_x``, ``_y``."""
    plane, gaps = setup.plane, setup.calibration.degap
    coarse_v, coarse_u = columns["CRSV"], columns["CRSU"]
    u, v = hrc_taps.raw(coarse_u, signals["U"].fine), hrc_taps.raw(coarse_v, signals["V"].fine)
    out: dict[str, Array] = {"rawx": _whole(u), "rawy": _whole(v)}
    chip_id = plane.segments(v)
    if gaps["U"] is not None:
        u = hrc_taps.raw(coarse_u, hrc_taps.degap(signals["U"].fine, coarse_u, chip_id, gaps["U"]))
    if gaps["V"] is not None:
        v = hrc_taps.raw(coarse_v, hrc_taps.degap(signals["V"].fine, coarse_v, chip_id, gaps["V"]))
    x, y = u + hrc_plane.CHIP_X_OFFSET, plane.chip_y(v, chip_id)
    chipx, chipy = _whole(x), _whole(y)
    tile_x, tile_y = plane.tiles(chip_id)
    if setup.bad is not None:
        bad = setup.bad.hit(chip_id, chipx, chipy)
        flags |= bad.astype(np.uint32) << np.uint32(hrc_status.BITS - hrc_status.BAD_REGION)
    # between the segments of HRC-S and beside a chip there are no pixels: such an event gets the nearest one
    for pixels, most in zip((chipx, chipy), CHIP_LIMITS[plane.detector], strict=True):
        np.clip(pixels, 1, most, out=pixels)
    chips = np.full(len(x), chip_id, np.int16) if isinstance(chip_id, int) else chip_id
    out |= {"chip_id": chips, "chipx": chipx, "chipy": chipy, "_x": x, "_y": y}
    return out | {"tdetx": chipx + tile_x, "tdety": chipy + tile_y}


def _directions(
    time: Array, x: Array, y: Array, chip_id: Array, plane: hrc_plane.Plane, setup: Setup
) -> dict[str, Array]:
    """DET and sky coordinates of continuous chip coordinates."""
    frame = geometry.INSTRUMENTS[plane.detector]
    table = plane.focal_plane()
    # one chip: nine numbers; several: nine arrays
    m = list(table[0].ravel()) if plane.detector == "HRC-I" else [entry[chip_id] for entry in table.reshape(-1, 9).T]
    depth, across, up = (m[3 * k] + m[3 * k + 1] * x + m[3 * k + 2] * y for k in range(3))
    if setup.aspect is not None:
        values, known = hrc_sky.at(setup.aspect, time)
        across, up = hrc_sky.shift(across, up, values[3:])
    scale = 1 / (frame.det_pixel * (geometry.FOCAL_LENGTH - depth))
    detx, dety = frame.centre + across * scale, frame.centre - up * scale
    if setup.aspect is None:
        nothing = np.full(len(time), np.nan)
        return {"detx": detx, "dety": dety, "x": nothing, "y": nothing}
    sky_x, sky_y = hrc_sky.to_sky(detx, dety, values[:3], setup.roll_nom, frame)
    if known is not None:
        sky_x[~known] = sky_y[~known] = np.nan
    return {"detx": detx, "dety": dety, "x": sky_x, "y": sky_y}


def _whole(value: Array) -> NDArray[np.int32]:
    return np.floor(value + 0.5).astype(np.int32)


def stream(events: Iterable[Table], setup: Setup, block: int = BLOCK) -> Iterator[Table]:
    """Level-1 tables of level-0 tables, at most ``block`` events each.

    Raises
    ------
    BadData
        If an event is of the other detector.
    """
    schema = events_schema(setup.plane.detector)
    types = {column.name: column.dtype for column in schema.columns}
    last = -np.inf
    for table in events:
        _same_detector(table, setup.plane.detector)
        for low in range(0, len(table), block):
            part = {name: values[low : low + block] for name, values in table.columns.items()}
            made = calibrate(part, setup, last)
            last = max(last, float(part["TIME"].max()))
            yield Table("EVENTS", {name: made[name].astype(types[name], copy=False) for name in types}, {}, schema)


def _same_detector(table: Table, detector: str) -> None:
    if "DET_ID" not in table or not len(table):
        return
    other = int(np.count_nonzero(np.asarray(table["DET_ID"], bool).reshape(len(table)) != (detector == "HRC-S")))
    if other:
        raise BadData(
            f"HRC events: {other} of {len(table)} are not of {detector}; split the level-0 list at the change"
        )


def event_product(
    events: Iterable[Table], setup: Setup, gti: Table, tstart: float, tstop: float, header: Header
) -> Product:
    """The evt1 product of an observation; no events give a table without rows.

    ``header`` holds the keywords of the observation (OBS_ID, DETNAM, RA_NOM …); NOASPECT counts the events without sky.
    """
    detector = setup.plane.detector
    lost = 0

    def counted(block: Table) -> Table:
        nonlocal lost
        lost += int(np.count_nonzero(~np.isfinite(block["x"])))
        return block

    table = spooled(map(counted, stream(events, setup)), events_schema(detector).empty())
    good = intervals.normalise(np.column_stack([gti["START"], gti["STOP"]]))
    own: Header = {
        "HDUCLASS": ("OGIP", "format"),
        "HDUCLAS1": ("EVENTS", "kind of table"),
        "HDUCLAS2": ("ALL", "which ones"),
        "HDUVERS": ("1.0.0", "version of the format"),
        "TIMEDEL": (TICK, "[s] clock of the events"),
        "TIMEPIXR": (0.5, "time is of the middle of a tick"),
        "ONTIME": (intervals.total(good), "[s] sum of GTIs"),
        **(ACSYS if detector == "HRC-I" else {}),
        **pairs(("raw", "chip", "tdet", "det", "sky")),
        **subspace({None: good}),
        "NOASPECT": (lost, "events without sky coordinates: no aspect at their time"),
        **world_coordinates(detector, setup.ra_nom, setup.dec_nom),
    }
    return Product(
        "HRC_EVT1", (table.with_header(own), gti), tstart, tstop, {**header, "CONTENT": ("EVT1", "data product")}
    )
