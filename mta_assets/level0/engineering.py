"""Engineering extractor: playback to level-0 engineering products, one per rate group and about an hour.

The tables follow the archive's engineering files: EXTNAME ``AXAF_PCAD``, CONTENT ``PCAD3ENG``, the columns TIME, MJF,
MNF, TLM_FMT and QUALITY, then the MSIDs. QUALITY holds one bit for each column of the table, TIME first, set where the
sample is not good: so the readers of the archive's files (cheta) take it. The raw counts stand in a second table of the
same rows, which is our own addition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.flags import Quality
from mta_assets.core.request import Request
from mta_assets.core.tables import Column, Header, Product, Schema, Table
from mta_assets.missions.load import Mission
from mta_assets.telemetry.decom import decommutate
from mta_assets.telemetry.odb import Dictionary, Parameter, RateGroup, dictionary_of

if TYPE_CHECKING:
    from mta_assets.telemetry.frames import FrameBlock
    from mta_assets.telemetry.playback import Playback

Array = NDArray[Any]
BLOCK_SECONDS = 3600.0
OBSID_MSID = "COBSRQID"  # last commanded observation identifier

# Units of the dictionary in the FITS standard's own spelling (FITS 4.0, section 4.3). Fahrenheit, Celsius, psi and
# their like have none there: the unit then stands in the comment of the column instead of TUNIT.
FITS_UNITS = {
    "": "", "A": "A", "AMP": "A", "ASEC": "arcsec", "DEG": "deg", "DEGPS": "deg/s", "HZ": "Hz", "KHZ": "kHz",
    "KM": "km", "KMPS": "km/s", "MAG": "mag", "MAMP": "mA", "MIN": "min", "MSEC": "ms", "RAD": "rad",
    "RADPS": "rad/s", "RADSS": "rad/s**2", "SEC": "s", "UAMP": "uA", "V": "V", "VDC": "V", "W": "W", "mm": "mm",
    "s": "s",
}  # fmt: skip
FITS_INTEGERS = {"u2": "i4", "u4": "i8", "i1": "i2"}  # FITS has only unsigned bytes and signed integers


def extract(playback: Playback, mission: Mission, request: Request) -> Iterator[Product]:
    """Engineering products of a playback, group by group, block by block: memory stays that of one block.

    Parameters
    ----------
    playback
        Frames that came down.
    mission
        Gives the dictionary.
    request
        What is asked for (all of the playback).

    Yields
    ------
    Product
        File id ``PCAD_ENG0`` with the field ``group``; tables ``AXAF_PCAD`` (values) and ``AXAF_PCAD_RAW`` (counts).
    """
    dictionary = dictionary_of(mission)
    for block in playback.blocks(BLOCK_SECONDS):
        yield from extract_block(block, dictionary)


def extract_block(block: FrameBlock, dictionary: Dictionary) -> Iterator[Product]:
    """Engineering products of one block of frames."""
    tables = decommutate(block, dictionary)
    obsid = _only_obsid(tables, dictionary)
    for key, table in tables.items():
        if len(table):
            yield _product(block, table, dictionary.groups[key], dictionary, obsid)


def quality_bits(table: Table, names: Sequence[str]) -> NDArray[np.bool_]:
    """One bit for each of the named columns and each row of a decommutated table: whether the sample is not good."""
    bits = np.zeros((len(table), len(names)), dtype=bool)
    for index, name in enumerate(names):
        if f"{name}__q" in table:
            bits[:, index] = table[f"{name}__q"] != Quality.GOOD
    return bits


def _product(block: FrameBlock, table: Table, group: RateGroup, dictionary: Dictionary, obsid: int | None) -> Product:
    layout = dictionary.layout
    parameters = [dictionary.msids[name] for name in group.msids]
    names = list(group.msids)
    place = _place(block, table, dictionary)
    fixed = {**place, "QUALITY": quality_bits(table, [*place, "QUALITY", *names])}
    values = {name: _fits_array(table[name]) for name in names}
    counts = {name: _fits_array(table[f"{name}__r"]) for name in names if f"{name}__r" in table}
    first, last = int(table["counter"][0]), int(table["counter"][-1])
    header: Header = {
        "CONTENT": (group.content, "what the data are"),
        "HDUCLASS": ("OGIP", "format conforms to OGIP standard"),
        "HDUCLAS1": ("TEMPORALDATA", "time-ordered data"),
        "TIMEDEL": (group.step * layout.period, "[s] period of the rows"),
        "TIMEPIXR": (0.0, "TIME is the start of the period"),
    }
    raw_header = {**header, "HDUCLAS2": ("RAW", "counts as telemetered")}
    name = f"AXAF_{group.subsystem}"
    tables = [_table(name, {**fixed, **values}, _declared(parameters, values), header)]
    if counts:
        columns = {"TIME": place["TIME"], **counts}
        tables.append(_table(f"{name}_RAW", columns, _declared(parameters, counts, raw=True), raw_header))
    common: Header = {
        "INSTRUME": (group.subsystem, "subsystem"),
        "STARTMJF": (_major(first, dictionary), "major frame counter of the first row"),
        "STARTMNF": (first % layout.minor_frames, "minor frame counter of the first row"),
        "STOPMJF": (_major(last, dictionary), "major frame counter of the last row"),
        "STOPMNF": (last % layout.minor_frames + group.step - 1, "last minor frame of the last row"),
    }
    if obsid is not None:
        common["OBS_ID"] = (str(obsid), "observation identifier from telemetry")
    return Product(
        f"{group.subsystem}_ENG0",
        tuple(tables),
        tstart=float(table["time"][0]),
        tstop=float(table["time"][-1] + group.step * layout.period),
        header=common,
        fields={"group": group.number},
    )


FIXED = (
    Column("TIME", "f8", "s", "start of the sampling period"),
    Column("MJF", "i4", "", "major frame counter"),
    Column("MNF", "i2", "", "minor frame counter"),
    Column("TLM_FMT", "U4", "", "telemetry format"),
)


def _place(block: FrameBlock, table: Table, dictionary: Dictionary) -> dict[str, Array]:
    """The columns that say where a row comes from; the format is that of its first frame that came down."""
    counter = table["counter"]
    frame = np.minimum(np.searchsorted(block.counter, counter), len(block.counter) - 1)
    names = np.array([f"FMT{number}" for number in range(10)] + ["NONE"])
    return {
        "TIME": table["time"],
        "MJF": _major(counter, dictionary).astype(np.int32),
        "MNF": (counter % dictionary.layout.minor_frames).astype(np.int16),
        "TLM_FMT": names[np.minimum(block.format[frame], 10)],
    }


def _major(counter: Any, dictionary: Dictionary) -> Any:
    """Major frame counter as the frames carry it, 17 bits of the 24-bit counter."""
    return counter % (1 << 24) // dictionary.layout.minor_frames


def _declared(parameters: list[Parameter], arrays: dict[str, Array], raw: bool = False) -> list[Column]:
    columns = []
    for parameter in parameters:
        if parameter.msid not in arrays:
            continue
        unit = "count" if raw else FITS_UNITS.get(parameter.unit, "")
        stated = "" if raw or unit or not parameter.unit else f"[{parameter.unit}] "
        dtype = arrays[parameter.msid].dtype
        text = "bool" if dtype.kind == "b" else dtype.str[1:]
        columns.append(Column(parameter.msid, text, unit, stated + parameter.description))
    return columns


def _table(name: str, columns: dict[str, Array], declared: list[Column], header: Header) -> Table:
    known = list(FIXED if "MJF" in columns else FIXED[:1])
    if "QUALITY" in columns:
        shape = columns["QUALITY"].shape[1:]
        known.append(Column("QUALITY", "bool", "", "not good: a bit for each column of the table", shape, bits=True))
    return Table(name, columns, header, Schema(name, (*known, *declared)))


def _fits_array(array: Array) -> Array:
    wider = FITS_INTEGERS.get(array.dtype.str[1:])
    return array.astype(wider) if wider else array


def _only_obsid(tables: dict[tuple[str, int], Table], dictionary: Dictionary) -> int | None:
    """The observation that the block belongs to, if it is one."""
    if OBSID_MSID not in dictionary:
        return None
    parameter = dictionary.msids[OBSID_MSID]
    table = tables[parameter.subsystem, parameter.group]
    quality = table.columns.get(f"{OBSID_MSID}__q")
    seen = table[OBSID_MSID] if quality is None else table[OBSID_MSID][quality == Quality.GOOD]
    found = np.unique(seen)
    return int(found[0]) if len(found) == 1 else None
