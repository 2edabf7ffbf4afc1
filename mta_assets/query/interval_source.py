"""What held for intervals: commanded states (``STATE.PCAD_MODE``), limits (``LIMIT.1DPAMZT.YELLOW_HIGH``) …

Where several imports say something about the same time, the newest one counts; see `archive.observing_overlap`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mta_assets.archive.observing import Observing
from mta_assets.archive.observing_read import NameSummary
from mta_assets.core.intervals import Intervals
from mta_assets.core.samples import ParameterInfo, Samples
from mta_assets.query.interval_read import CatalogueState, bounds, in_portions, meeting, span_of, value_bytes

KIND = "value"
DEFINITIONS = ("LIMIT.",)  # prefixes of what was defined, where the others were commanded


class IntervalSource:
    """Values that hold for intervals, as the catalogue stands when the source is first asked. Made for one query."""

    label = "intervals"

    def __init__(self, observing: Observing) -> None:
        self.state = CatalogueState(observing)

    def names(self) -> Sequence[str]:
        """All names that an import gave."""
        return list(self.state.names(KIND))

    def info(self, name: str) -> ParameterInfo | None:
        """What is known of a name; None if no import gave it."""
        upper = name.upper()
        entry = self._entry(upper)
        if entry is None:
            return None
        origin = "definition" if upper.startswith(DEFINITIONS) else "command"
        about = (entry.dtype, entry.unit, entry.description, entry.states)
        return ParameterInfo(upper, "", *about, origin=origin)

    def read(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Mapping[str, Samples]:
        """Values that hold at some moment of the intervals; None is everything. There is no raw form of them."""
        infos = {name: info for name in names if (info := self.info(name)) is not None}
        wanted = list(dict.fromkeys(info.name for info in infos.values()))
        found = self.state.observing.values(wanted, *bounds(intervals), self.state.at(as_of)) if wanted else {}
        out = {}
        for name, info in infos.items():
            rows = found[info.name]
            kept = meeting(rows.time, rows.until, intervals)
            out[name] = Samples(info, rows.time[kept], rows.columns["value"][kept], until=rows.until[kept])
        return out

    def blocks(
        self, names: Sequence[str], intervals: Intervals | None, raw: bool = False, as_of: float | None = None
    ) -> Iterator[Mapping[str, Samples]]:
        """The same in order of time, some at once."""
        yield from in_portions(self.read(names, intervals, raw, as_of))

    def span(self, names: Sequence[str]) -> tuple[float, float] | None:
        """Start of the first and end of the last interval."""
        entries = [self._entry(name.upper()) for name in names]
        return span_of([entry for entry in entries if entry is not None])

    def estimate(self, names: Sequence[str], intervals: Intervals | None) -> tuple[int, int]:
        """Upper bounds: all intervals of these names, each cut by all the others at most."""
        rows, size = 0, 0
        for name in names:
            info, entry = self.info(name), self._entry(name.upper())
            if info is not None and entry is not None and (intervals is None or len(intervals)):
                pieces = 2 * entry.rows - 1
                rows += pieces
                size += pieces * value_bytes(info, entry.width)
        return rows, size

    def _entry(self, upper: str) -> NameSummary | None:
        return self.state.summary(KIND, upper) if "." in upper else None
