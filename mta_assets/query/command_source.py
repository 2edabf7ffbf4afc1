"""The command history as samples at the times of the commands.

``CMD.<MNEMONIC>`` is the text of its parameters (``HEX=8032000, MSID=AOACRSTD, …``) whenever that command was sent,
``CMD.<MNEMONIC>.<KEY>`` one of them: a number if every text of it that was imported is one. ``CMD.NAME``,
``CMD.TYPE`` and ``CMD.COUNTER`` are of all commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mta_assets.archive.observing import Observing
from mta_assets.archive.observing_commands import Sent
from mta_assets.archive.observing_read import NameSummary
from mta_assets.archive.observing_rows import NUMBER
from mta_assets.core.flags import Quality
from mta_assets.core.intervals import Intervals
from mta_assets.core.samples import Array, ParameterInfo, Samples
from mta_assets.query.interval_read import BLOCK, CatalogueState, bounds, inside, span_of, value_bytes

PREFIX = "CMD."
OF_ALL = {"NAME": "mnemonic of the command", "TYPE": "type of the command", "COUNTER": "frame counter of the command"}
WIDTH = 64  # [character] of a mnemonic or type at most


class CommandSource:
    """The command history as it stands when the source is first asked. Made for one query."""

    label = "commands"

    def __init__(self, observing: Observing) -> None:
        self.state = CatalogueState(observing)

    def names(self) -> Sequence[str]:
        """``CMD.NAME`` …, all mnemonics and their parameters; none before a load is imported."""
        sent = self.state.names("command")
        own = [f"{PREFIX}{name}" for name in OF_ALL] if sent else []
        parts = [f"{PREFIX}{name}.{field}" for name, entry in sent.items() for field in entry.fields]
        return [*own, *(f"{PREFIX}{name}" for name in sent), *parts]

    def info(self, name: str) -> ParameterInfo | None:
        """What is known of a command or a parameter of it."""
        upper = name.upper()
        mnemonic, field = _parts(upper)
        if mnemonic is None:
            return None
        if mnemonic in OF_ALL and not field:
            return ParameterInfo(upper, PREFIX.rstrip("."), "U", "", OF_ALL[mnemonic], origin="command")
        entry = self.state.summary("command", mnemonic)
        if entry is None or (field and field not in entry.fields):
            return None
        meaning = f"{field} of the command {mnemonic}" if field else f"parameters of the command {mnemonic}"
        dtype = entry.fields[field] if field else "U"
        return ParameterInfo(upper, f"{PREFIX}{mnemonic}", dtype, "", meaning, origin="command")

    def read(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Mapping[str, Samples]:
        """Commands whose time lies in the intervals, half open; None is everything. There is no raw form of them."""
        return self._read(names, intervals, *bounds(intervals), self.state.at(as_of))

    def _read(
        self, names: Sequence[str], intervals: Intervals | None, start: float | None, stop: float | None, moment: float
    ) -> dict[str, Samples]:
        wanted = {name: info for name in names if (info := self.info(name)) is not None}
        if not wanted:
            return {}
        sent = self.state.observing.commands(_mnemonics(wanted), start, stop, moment)
        within = np.flatnonzero(inside(sent.time, intervals))
        return {name: _samples(info, sent, within) for name, info in wanted.items()}

    def blocks(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Iterator[Mapping[str, Samples]]:
        """The same in order of time, about as many rows at once as fit: years of loads are more than memory holds."""
        moment = self.state.at(as_of)
        start, stop = bounds(intervals)
        mnemonics = _mnemonics([name for name in names if self.info(name) is not None])
        while True:
            edge = self.state.observing.command_edge(mnemonics, start, stop, BLOCK, moment)
            yield self._read(names, intervals, start, stop if edge is None else edge, moment)
            if edge is None:
                return
            start = edge

    def span(self, names: Sequence[str]) -> tuple[float, float] | None:
        """Times of the first and the last command."""
        return span_of(self._entries(names))

    def estimate(self, names: Sequence[str], intervals: Intervals | None) -> tuple[int, int]:
        """Upper bounds: all commands of these mnemonics."""
        if intervals is not None and not len(intervals):
            return 0, 0
        rows, size = 0, 0
        for name in names:
            info, entries = self.info(name), self._entries([name])
            count = sum(entry.rows for entry in entries)
            width = WIDTH if _parts(name.upper())[0] in OF_ALL else max((entry.width for entry in entries), default=1)
            rows += count
            size += count * value_bytes(info, width) if info is not None else 0
        return rows, size

    def _entries(self, names: Sequence[str]) -> list[NameSummary]:
        known = _mnemonics(names)
        if known is None:
            return list(self.state.names("command").values())
        found = [self.state.summary("command", mnemonic) for mnemonic in known]
        return [entry for entry in found if entry is not None]


def _parts(upper: str) -> tuple[str | None, str]:
    """Mnemonic and parameter of ``CMD.MNEMONIC.KEY``; None for another name."""
    if not upper.startswith(PREFIX):
        return None, ""
    mnemonic, _, field = upper.removeprefix(PREFIX).partition(".")
    return mnemonic, field


def _mnemonics(names: Sequence[str] | Mapping[str, ParameterInfo]) -> list[str] | None:
    """Mnemonics that names are of; None if one is of all commands."""
    found = [_parts(name.upper()) for name in names]
    if any(mnemonic in OF_ALL and not field for mnemonic, field in found):
        return None
    return list(dict.fromkeys(mnemonic for mnemonic, _ in found if mnemonic is not None))


def _samples(info: ParameterInfo, sent: Sent, within: Array) -> Samples:
    mnemonic, field = _parts(info.name)
    if mnemonic in OF_ALL and not field:
        column = {"NAME": sent.mnemonic, "TYPE": sent.type, "COUNTER": sent.counter}[mnemonic]
        return Samples(info, sent.time[within], _texts([column[row] for row in within]))
    rows = [row for row in within if sent.mnemonic[row] == mnemonic]
    if field:
        rows = [row for row in rows if field in sent.parameters[row]]
        found = [sent.parameters[row][field] for row in rows]
        return (
            _numbers(info, sent, rows, found) if info.dtype == "f8" else Samples(info, sent.time[rows], _texts(found))
        )
    texts = [", ".join(f"{key}={value}" for key, value in sent.parameters[row].items()) for row in rows]
    return Samples(info, sent.time[rows], _texts(texts))


def _numbers(info: ParameterInfo, sent: Sent, rows: Sequence[int], texts: Sequence[str]) -> Samples:
    """Numbers of texts; in an older state of the catalogue one may not be a number: it is flagged, not left out."""
    values = np.array([float(text) if NUMBER.fullmatch(text) else np.nan for text in texts], dtype=np.float64)
    wrong = np.isnan(values)
    quality = np.where(wrong, np.uint8(Quality.OUT_OF_RANGE), np.uint8(0)) if wrong.any() else None
    return Samples(info, sent.time[list(rows)], values, quality)


def _texts(values: Sequence[str]) -> Array:
    return np.array(values or [""], dtype=np.str_)[: len(values)]
