"""Observations and building blocks as parameters that hold for intervals: ``OBS.TARGET``, ``OBSID``, ``BBID`` …

``OBS.*`` are the columns of the observing catalogue and whatever else it says (facts), ``BLOCK.*`` those of the
building blocks. ``OBSID``, ``AOT``, ``BBID`` and ``BBTYPE`` stand without a prefix too. A row without a value (no RA,
no AOT) is no sample of that parameter. Observations of different obsids may overlap; each is given as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mta_assets.archive.observing import Observing
from mta_assets.archive.observing_read import Intervals as Rows
from mta_assets.archive.observing_read import NameSummary
from mta_assets.core.intervals import Intervals
from mta_assets.core.samples import Array, ParameterInfo, Samples, to_seconds
from mta_assets.query.interval_read import CatalogueState, bounds, in_portions, meeting, span_of, value_bytes

OBS, BLOCK = "OBS", "BLOCK"
COLUMNS: dict[str, dict[str, tuple[str, str, str]]] = {  # name: dtype, unit, meaning
    OBS: {
        "OBSID": ("i8", "", "identifier of the observation"),
        "OBI": ("i8", "", "number of its uninterrupted interval"),
        "TARGET": ("U", "", "what is observed"),
        "RA": ("f8", "deg", "right ascension of the target"),
        "DEC": ("f8", "deg", "declination of the target"),
        "ROLL": ("f8", "deg", "roll angle"),
        "INSTRUMENT": ("U", "", "instrument"),
        "DETECTOR": ("U", "", "detector of the instrument"),
        "GRATING": ("U", "", "grating in the beam"),
        "MODE": ("U", "", "data mode"),
        "AOT": ("U", "", "observing template"),
        "SEQNUM": ("U", "", "sequence number of the proposal"),
        "TSTART": ("f8", "s", "start, TT since 1998.0"),
        "TSTOP": ("f8", "s", "stop, TT since 1998.0"),
        "DURATION": ("f8", "s", "from start to stop"),
    },
    BLOCK: {
        "BBID": ("i8", "", "identifier of the building block"),
        "BBTYPE": ("U", "", "type of the building block"),
        "OBSID": ("i8", "", "observation that it belongs to"),
        "TSTART": ("f8", "s", "start, TT since 1998.0"),
        "TSTOP": ("f8", "s", "stop, TT since 1998.0"),
        "DURATION": ("f8", "s", "from start to stop"),
    },
}
BARE = {"OBSID": (OBS, "OBSID"), "AOT": (OBS, "AOT"), "BBID": (BLOCK, "BBID"), "BBTYPE": (BLOCK, "BBTYPE")}
KINDS = {OBS: "observation", BLOCK: "block"}


class ObservationSource:
    """The observing catalogue as it stands when the source is first asked. Made for one query."""

    label = "observations"

    def __init__(self, observing: Observing) -> None:
        self.state = CatalogueState(observing)

    def names(self) -> Sequence[str]:
        """Names of the kinds that there are rows of."""
        out = []
        for prefix, columns in COLUMNS.items():
            if self.state.names(KINDS[prefix]):
                out += [f"{prefix}.{column}" for column in columns]
                out += [bare for bare, (table, _) in BARE.items() if table == prefix]
        return out + [f"{OBS}.{name}" for name in self.state.names("fact")]

    def info(self, name: str) -> ParameterInfo | None:
        """What is known of a column; of the catalogue's own ones even before anything is imported."""
        found = self._place(name)
        if found is None:
            return None
        prefix, column = found
        if column in COLUMNS[prefix]:
            dtype, unit, meaning = COLUMNS[prefix][column]
        else:
            fact = self.state.summary("fact", column) if prefix == OBS else None
            if fact is None:
                return None
            dtype, unit, meaning = ("U" if fact.dtype == "U" else "f8"), fact.unit, fact.description
        return ParameterInfo(name.upper(), prefix, dtype, unit, meaning, origin="observation")

    def _place(self, name: str) -> tuple[str, str] | None:
        upper = name.upper()
        if upper in BARE:
            return BARE[upper]
        prefix, point, column = upper.partition(".")
        return (prefix, column) if point and prefix in COLUMNS else None

    def read(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Mapping[str, Samples]:
        """Rows that overlap the intervals; None is everything. There is no raw form of them."""
        start, stop = bounds(intervals)
        moment = self.state.at(as_of)
        rows: dict[str, Rows] = {}
        out = {}
        for name in dict.fromkeys(names):
            info, place = self.info(name), self._place(name)
            if info is None or place is None:
                continue
            prefix, column = place
            if prefix not in rows:
                take = self.state.observing.observations if prefix == OBS else self.state.observing.blocks
                rows[prefix] = take(start, stop, moment)
            out[name] = _samples(info, rows[prefix], column, intervals)
        return out

    def blocks(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Iterator[Mapping[str, Samples]]:
        """The same in order of time, some at once."""
        yield from in_portions(self.read(names, intervals, raw, as_of))

    def span(self, names: Sequence[str]) -> tuple[float, float] | None:
        """Start of the first and stop of the last row."""
        entries = [self._entry(name) for name in names]
        return span_of([entry for entry in entries if entry is not None])

    def estimate(self, names: Sequence[str], intervals: Intervals | None) -> tuple[int, int]:
        """Upper bounds: all rows of the catalogue."""
        rows, size = 0, 0
        for name in names:
            entry, info = self._entry(name), self.info(name)
            if entry is not None and info is not None and (intervals is None or len(intervals)):
                rows = max(rows, entry.rows)
                size += entry.rows * value_bytes(info, max(entry.width, 40))
        return rows, size

    def _entry(self, name: str) -> NameSummary | None:
        place = self._place(name)
        if place is None:
            return None
        prefix, column = place
        if column in COLUMNS[prefix]:
            return self.state.summary(KINDS[prefix], prefix)
        return self.state.summary("fact", column) if prefix == OBS else None


def _samples(info: ParameterInfo, rows: Rows, column: str, intervals: Intervals | None) -> Samples:
    values = _values(info, rows, column)
    has = np.isfinite(values) if values.dtype.kind == "f" else values != "" if values.dtype.kind == "U" else None
    kept = meeting(rows.time, rows.until, intervals)
    kept = kept if has is None else kept & has
    return Samples(info, rows.time[kept], values[kept], until=rows.until[kept])


def _values(info: ParameterInfo, rows: Rows, column: str) -> Array:
    if column == "DURATION":
        return to_seconds(rows.until - rows.time)
    found = rows.columns.get(column.lower())
    if found is None:  # a fact that no row in this time has
        return np.full(len(rows), "" if info.dtype == "U" else np.nan, dtype="U1" if info.dtype == "U" else "f8")
    if info.dtype == "U" and found.dtype.kind != "U":
        texts = ["" if np.isnan(value) else f"{value:.17g}" for value in found]
        return np.array(texts or [""], dtype=np.str_)[: len(found)]
    return found
