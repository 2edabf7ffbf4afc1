"""What a query asks for, once it is understood: plain data that the language makes and the runner takes.

Every node keeps where it stood in the text (``at``, offset of its first character), so that what is found out
later (an unknown name, a unit that does not fit) can still point at the word.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["raw", "converted", "processed"]
Statistic = Literal[
    "first", "last", "mean", "tmean", "min", "max", "std", "sum", "count", "mode", "median", "p1", "p5", "p16", "p84",
    "p95", "p99", "all",
]  # fmt: skip


# ---- expressions: numbers, names, arithmetic, comparisons, logic


@dataclass(frozen=True)
class Number:
    """A number, in the unit of what it stands beside."""

    value: float
    at: int = 0


@dataclass(frozen=True)
class Text:
    """Quoted text: a state, a target, a file id."""

    value: str
    at: int = 0


@dataclass(frozen=True)
class Name:
    """A parameter, ``1DPAMZT``, ``OBS.TARGET``, ``ACIS_EVT0.EVENTS.PHA``; ``*`` and ``?`` where several may stand."""

    value: str
    at: int = 0

    @property
    def is_pattern(self) -> bool:
        return "*" in self.value or "?" in self.value


@dataclass(frozen=True)
class Position:
    """A value without a name: a bit field of a frame or of a packet type, in the playbacks of the period.

    Parameters
    ----------
    packet
        Packet type, or empty for the frame.
    byte, bit, length
        Offset of the first byte, first bit in it (0 is the most significant), length in bits (at most 64).
    """

    packet: str
    byte: int
    bit: int
    length: int
    at: int = 0


@dataclass(frozen=True)
class Arithmetic:
    """``+ - * / % ^`` of two operands, ``neg`` of one."""

    operator: str
    operands: tuple[Expression, ...]
    at: int = 0


@dataclass(frozen=True)
class Call:
    """A function of the language, by its lower-case name in `query.language_functions.FUNCTIONS`.

    Arguments of min, max, mean, sum and count may be patterns: they stand for all parameters that match.
    """

    function: str
    arguments: tuple[Expression, ...]
    at: int = 0


@dataclass(frozen=True)
class Compare:
    """A comparison: true, false or, without data, unknown.

    Parameters
    ----------
    operator
        ``= != < <= > >=`` of two operands; ``between`` (value, low, high; both included); ``in`` (value, then the
        numbers and texts of the list); ``like`` (value, pattern with ``*`` and ``?``). Only as the whole condition of
        a `Window`: ``reaches`` (value, level: touches or crosses it from either side), ``rises`` (from below) and
        ``falls`` (from above).
    """

    operator: str
    operands: tuple[Expression, ...]
    at: int = 0


@dataclass(frozen=True)
class Logic:
    """``and``, ``or`` of any number of conditions, ``not`` of one."""

    operator: str
    operands: tuple[Expression, ...]
    at: int = 0


Expression = Number | Text | Name | Position | Arithmetic | Call | Compare | Logic


# ---- what is asked for


@dataclass(frozen=True)
class Item:
    """One column of the answer: a parameter (or pattern of them) or an expression of parameters.

    ``kind`` is None where the query does not say it (converted); ``alias`` names the column.
    """

    expression: Expression
    kind: Kind | None = None
    alias: str = ""
    at: int = 0


@dataclass(frozen=True)
class Products:
    """Complete products instead of a table of parameters: file ids (patterns allowed)."""

    file_ids: tuple[Name, ...]
    at: int = 0


@dataclass(frozen=True)
class Period:
    """A stretch of time, TT seconds since 1998.0 TT; None is open: the whole mission has both None."""

    start: float | None = None
    stop: float | None = None


@dataclass(frozen=True)
class Window:
    """Time around events. An event lasts from the first to the last sample of a run for which the condition is true;
    one of ``reaches``, ``rises`` and ``falls`` is the moment of the crossing.

    Parameters
    ----------
    condition
        Each time that it is true is an event.
    before, after
        Seconds; the window begins ``before`` before its anchor and ends ``after`` after it. Negative ones are on the
        other side: 5 to 6 hours after an event is anchor ``end``, before −18000, after 21600.
    during
        False leaves the event itself out.
    anchor
        ``event``: from ``before`` before its start to ``after`` after its end, so the event is within. ``start``,
        ``end``: both are counted from that edge of the event.
    """

    condition: Expression
    before: float = 0.0
    after: float = 0.0
    during: bool = True
    anchor: Literal["event", "start", "end"] = "event"
    at: int = 0

    @property
    def is_moment(self) -> bool:
        """Whether it has no length (``AT 5 h AFTER EACH TIME …``): the last sample at or before it is meant."""
        return self.anchor != "event" and self.before == -self.after


@dataclass(frozen=True)
class Sampling:
    """How many rows: all of them (every None), one each ``every`` seconds, or one for each interval of a kind.

    Parameters
    ----------
    every
        Seconds, or ``observation`` or ``block``; None is as fast as there is data.
    statistic
        What of the samples of an interval is returned; ``all`` gives a column for each statistic.
    """

    every: float | Literal["observation", "block"] | None = None
    statistic: tuple[Statistic, ...] = ("first",)
    at: int = 0


@dataclass(frozen=True)
class Alignment:
    """The timeline that all columns are brought to: that of a parameter, and how."""

    on: Name
    method: Literal["previous", "nearest", "linear"] = "previous"
    at: int = 0


@dataclass(frozen=True)
class Query:
    """A whole query.

    Parameters
    ----------
    text
        As it was written; errors quote it.
    what
        Columns, or complete products.
    periods
        Any of them; none is the whole mission.
    obsids
        Only while one of these observations lasted; empty is not restricted.
    where
        Rows that are kept.
    windows
        Only the time around these events, any of them; empty is not restricted.
    observations
        ``inside`` or ``outside`` restricts to times within or without observations.
    good_only
        Samples that are not good are left out (default); ``INCLUDING BAD`` keeps them, with their quality.
    limit
        At most so many rows.
    as_of
        As the archive stood then, TT seconds since 1998.0 TT.
    explain
        Show the plan instead of running it.
    """

    text: str
    what: tuple[Item, ...] | Products
    periods: tuple[Period, ...] = ()
    obsids: tuple[int, ...] = ()
    where: Expression | None = None
    windows: tuple[Window, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    alignment: Alignment | None = None
    observations: Literal["any", "inside", "outside"] = "any"
    good_only: bool = True
    limit: int | None = None
    as_of: float | None = None
    explain: bool = False
