"""Aspect extractors: ACA image telemetry of each slot, and the aspect solution of the on-board computer.

Sources: times, pixel scale and temperatures of the images as in the documentation of sot/chandra_aca (ACA User Manual
section 6, EQ7-278 F section 3.2.1.7) and checked against archive files; the solution has the columns and keywords of
the archive's ``osol1`` files (ASPSOL ICD) as far as level 0 knows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.flags import Quality
from mta_assets.core.request import Request
from mta_assets.core.tables import Column, Header, Product, Schema
from mta_assets.instruments.geometry import angles_from_quaternion
from mta_assets.level0.aca_columns import image_schema
from mta_assets.missions.load import Mission
from mta_assets.telemetry import aca_packets as aca
from mta_assets.telemetry.decom import values
from mta_assets.telemetry.odb import Dictionary, dictionary_of

if TYPE_CHECKING:
    from mta_assets.telemetry.frames import FrameBlock
    from mta_assets.telemetry.playback import Playback

Array = NDArray[Any]
BLOCK_SECONDS = 3600.0
DAMAGED = np.uint8(Quality.BAD_SYNC | Quality.BAD_CHECKSUM)
UNUSABLE = DAMAGED | np.uint8(Quality.MISSING | Quality.OUT_OF_RANGE | Quality.OTHER_FORMAT)
UPDATE = 1.025  # [s] ACA update period: an integration is in telemetry one period after its end
INTEG_UNIT = 0.016  # [s] per count of the integration time
TEMP_UNIT, TEMP_ZERO = 0.4, 273.15  # [K] per count, at zero counts
SCALE, OFFSET = 32.0, 50.0  # IMGRAW = raw * IMGSCALE / 32 - 50 [DN]
CARRY = 3  # packets of an image that may have come in the block before
QUATERNION = ("AOATTQT1", "AOATTQT2", "AOATTQT3", "AOATTQT4")  # estimated attitude, scalar last, every 1.025 s
BIAS = ("AOGBIAS1", "AOGBIAS2", "AOGBIAS3")  # gyro drift rate about roll, pitch, yaw [rad/s]
OBSID = "COBSRQID"  # last commanded observation identifier
NORM = 1e-4  # a quaternion whose length is farther from one than this was damaged

SOLUTION = (
    Column("time", "f8", "s", "Time field"),
    Column("ra", "f8", "deg", "RA of the body X axis"),
    Column("dec", "f8", "deg", "DEC of the body X axis"),
    Column("roll", "f8", "deg", "ROLL about the body X axis"),
    Column("dy", "f4", "mm", "dY of STF frame - FC frame: not measured on board"),
    Column("dz", "f4", "mm", "dZ of STF frame - FC frame: not measured on board"),
    Column("dtheta", "f4", "deg", "dTHETA of STF frame - FC frame: not measured on board"),
    Column("q_att", "f8", "", "S/C attitude quaternion, scalar last", (4,)),
)
BIAS_COLUMNS = tuple(Column(f"{axis}_bias", "f4", "deg/s", f"{axis} bias rate") for axis in ("roll", "pitch", "yaw"))


def extract_aca(playback: Playback, mission: Mission, request: Request) -> Iterator[Product]:
    """ACA image telemetry, one product per slot, image size and about an hour.

    Parameters
    ----------
    playback
        Frames that came down.
    mission
        Says where the ACA telemetry lies in a frame.
    request
        What is asked for (all of the playback).

    Yields
    ------
    Product
        File id ``ACA_IMG0`` with the field ``slot``; one table ``ACA_IMG{slot}``.
    """
    rest: aca.AcaTelemetry | None = None
    clock = getattr(playback, "clock", None)
    for block in playback.blocks(BLOCK_SECONDS):
        fresh = aca.decode(aca.collect_packets(block, mission.frame.aca))
        telemetry = fresh if rest is None else aca.joined(rest, fresh)
        seen = 0 if rest is None else len(rest)
        keywords: Header = clock.keywords(int(block.counter[0])) if clock is not None else {}
        for slot in range(aca.SLOTS):
            for size in aca.PARTS:
                rows = aca.find_images(telemetry, slot, size)
                rows = rows[rows[:, -1] >= seen]  # the others were complete in the block before
                if len(rows):
                    yield _image_product(telemetry, rows, slot, size, keywords)
        rest = telemetry.where(slice(-CARRY, None))


def extract_osol(playback: Playback, mission: Mission, request: Request) -> Iterator[Product]:
    """Attitude of the on-board computer (OBC) over the playback.

    The attitude is the commanded-frame one of the telemetry: the alignment to the instruments is a matter of level 1.
    Samples of which a part is missing or damaged are left out and counted in NUMLOST. The error columns of the
    archive's files are not written: the on-board covariances are not in the telemetry that is decoded here.

    Yields
    ------
    Product
        At most one, file id ``OSOL``, table ``ASPSOL``.
    """
    dictionary = dictionary_of(mission)
    parts: list[dict[str, Array]] = []
    lost, obsids = 0, set[int]()
    for block in playback.blocks(BLOCK_SECONDS):
        columns, unusable = _solution(block, dictionary)
        lost += unusable
        obsids |= _obsids(block, dictionary)
        if len(columns["time"]):
            parts.append(columns)
    if not parts:
        return
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    header: Header = {
        "CONTENT": ("OBCSOL", "what data product"),
        "HDUCLASS": ("ASC", ""),
        "HDUCLAS1": ("TEMPORALDATA", ""),
        "HDUCLAS2": ("ASPSOL", ""),
        "DTASPSOL": (UPDATE, "[s] nominal record delta-time"),
        "ASPTYPE": ("OBC", "solution method"),
        "BIASTYPE": ("OBC" if BIAS_COLUMNS[0].name in columns else "NONE", "gyro bias type"),
        "NUMFID": (0, "number of fids used in aspect solution"),
        "NUMLOST": (lost, "samples incomplete or damaged in telemetry"),
        "RADESYS": ("ICRS", "default"),
        "TIMEDEL": (UPDATE, "[s] period of the rows"),
        "TIMEPIXR": (0.0, "TIME is the start of the period"),
    }
    declared = tuple(column for column in (*SOLUTION, *BIAS_COLUMNS) if column.name in columns)
    table = Schema("ASPSOL", declared, "On-board aspect solution").build(columns, header)
    common: Header = {"INSTRUME": ("PCAD", "aspect camera")}
    if len(obsids) == 1:
        common["OBS_ID"] = (str(*obsids), "observation identifier from telemetry")
    tstart, tstop = float(columns["time"][0]), float(columns["time"][-1]) + UPDATE
    yield Product("OSOL", (table,), tstart, tstop, common)


def _image_product(
    telemetry: aca.AcaTelemetry, rows: NDArray[np.int64], slot: int, size: int, keywords: Header
) -> Product:
    schema = image_schema(slot, size)
    first = rows[:, 0]
    counter = telemetry.counter[first]
    start, last = int(counter[0]), int(telemetry.counter[rows[-1, -1]])
    header: Header = {
        "CONTENT": ("ACAIMG", "what data product"),
        "HDUNAME": ("ACADATA", ""),
        "HDUCLASS": ("ASC", ""),
        "HDUCLAS1": ("TEMPORALDATA", ""),
        "HDUCLAS2": ("ACADATA", ""),
        "TIMEDEL": (UPDATE * rows.shape[1], "[s] time resolution of data"),
        "TIMEPIXR": (0.0, "time stamp reference as bin fraction"),
        **keywords,
        "STARTMJF": (_major(start), "major frame ctr value at start of data"),
        "STARTMNF": (start % 128, "start minor frame ctr at start of data"),
        "STOPMJF": (_major(last), "major frame ctr value at stop of data"),
        "STOPMNF": (last % 128 + aca.FRAMES - 1, "stop minor frame ctr at end of data"),
    }
    table = schema.build(_image_columns(telemetry, rows, slot, size), header)
    common: Header = {"INSTRUME": ("PCAD", "aspect camera")}
    # The image of a packet was integrated before it was sent.
    tstart = min(float(telemetry.time[first[0]]), float(table["TIME"].min()))
    tstop = float(telemetry.time[rows[-1, -1]]) + UPDATE
    return Product("ACA_IMG0", (table,), tstart, tstop, common, {"slot": slot})


def _image_columns(telemetry: aca.AcaTelemetry, rows: NDArray[np.int64], slot: int, size: int) -> dict[str, Array]:
    """Columns of `image_schema` for the images of one slot."""
    first, counter = rows[:, 0], telemetry.counter[rows[:, 0]]
    front = {name: array[first] for name, array in telemetry.front.items()}
    head = aca.header_fields(telemetry.header[first, slot], aca.PARTS[size][0])
    integration = front["INTEG"] * INTEG_UNIT
    end = telemetry.time[first] - UPDATE
    border = {4: 2, 6: 1, 8: 0}[size]
    raw = aca.assemble(telemetry, rows, slot, size)
    scaled = raw * (head["IMGSCALE"][:, None, None] / SCALE) - OFFSET
    inside = slice(border, 8 - border)
    columns: dict[str, Array] = {
        "TIME": end - integration / 2,
        "QUALITY": (np.bitwise_or.reduce(telemetry.quality[rows], axis=1) & DAMAGED != 0).astype(np.int32),
        "MJF": _major(counter),
        "MNF": counter % 128,
        "END_INTEG_TIME": end,
        "INTEG": integration,
        **{name: front[name] for name in ("PIXTLM", "BGDTYP", "GLBSTAT", "COMMCNT", "COMMPROG")},
        **{name: head[name] for name in ("IMGSTAT", "IMGSCALE", "BGDAVG")},
        # A1 is the telemetered corner; a 6x6 image reaches one pixel farther
        "IMGROW0": head["IMGROW0"] - (size == 6),
        "IMGCOL0": head["IMGCOL0"] - (size == 6),
        "IMGRAW": np.where(aca.covered(size), scaled, 0.0)[:, inside, inside],
    }
    for part, imgtype in enumerate(aca.PARTS[size]):
        fields = aca.header_fields(telemetry.header[rows[:, part], slot], imgtype)
        columns.update({f"{name}{part + 1}": fields[name] for name in ("IMGFID", "IMGNUM", "IMGFUNC")})
        if imgtype in (2, 5):
            columns.update({name: fields[name] for name in ("BGDRMS", "BGDSTAT")})
            for name in ("TEMPCCD", "TEMPHOUS", "TEMPPRIM", "TEMPSEC"):
                columns[name] = TEMP_UNIT * fields[name] + TEMP_ZERO
        if imgtype in (6, 7):
            columns.update({f"HD3TLM{imgtype}{word}": fields[f"WORD{word}"] for word in range(2, 8)})
    return columns


def _solution(block: FrameBlock, dictionary: Dictionary) -> tuple[dict[str, Array], int]:
    """Columns of the solution from one block, and how many samples were not usable."""
    time, parts, flags = _together(block, dictionary, QUATERNION)
    quaternion = np.stack(parts, axis=-1).astype(np.float64)
    length = np.linalg.norm(quaternion, axis=-1)
    usable = (flags & UNUSABLE == 0) & (np.abs(length - 1) < NORM)
    attitude = quaternion[usable] / length[usable, None]
    ra, dec, roll = angles_from_quaternion(attitude)
    zero = np.zeros(len(ra), dtype=np.float32)
    columns: dict[str, Array] = {
        "time": time[usable], "ra": ra, "dec": dec, "roll": roll, "dy": zero, "dz": zero, "dtheta": zero,
        "q_att": attitude,
    }  # fmt: skip
    if all(name in dictionary for name in BIAS):
        at, rates, bad = _together(block, dictionary, BIAS)
        known = bad & UNUSABLE == 0
        at, rates = at[known], [np.degrees(rate[known]) for rate in rates]
        row = np.searchsorted(at, time[usable], side="right") - 1  # the last one telemetered, or the first to come
        for column, rate in zip(BIAS_COLUMNS, rates, strict=True):
            columns[column.name] = rate[np.maximum(row, 0)] if len(rate) else np.full(len(ra), np.nan)
    return columns, int(np.count_nonzero(~usable))


def _together(block: FrameBlock, dictionary: Dictionary, names: tuple[str, ...]) -> tuple[Array, list[Array], Array]:
    """Time of the first of several parameters of one group, their values, and their flags together."""
    samples = [values(block, dictionary, name) for name in names]
    flags = np.bitwise_or.reduce([quality for _, _, quality in samples], axis=0)
    return samples[0][0], [value for _, value, _ in samples], flags


def _obsids(block: FrameBlock, dictionary: Dictionary) -> set[int]:
    if OBSID not in dictionary:
        return set()
    _, value, quality = values(block, dictionary, OBSID)
    return {int(number) for number in np.unique(value[quality & UNUSABLE == 0])}


def _major(counter: Any) -> Any:
    """Major frame counter as the frames carry it: 17 bits of the 24-bit counter."""
    return counter % (1 << 24) // 128
