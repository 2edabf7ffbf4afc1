"""Group lists: which parameters stand together on a page, in which order, and the range of their plots."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mta_assets.monitors.csv_table import number, read_content, read_lines, whole
from mta_assets.monitors.limits import NONE

COLUMNS = ("msid", "group", "subsystem", "order", "plot_low", "plot_high")


@dataclass(frozen=True)
class Member:
    """One parameter of one group; ``order`` is its place on the page, the plot range NaN where it is automatic."""

    msid: str
    group: str
    subsystem: str
    order: int = 0
    plot_low: float = NONE
    plot_high: float = NONE


class GroupList:
    """All groups of a mission."""

    def __init__(self, members: Iterable[Member]) -> None:
        self.members = tuple(members)

    def groups(self, subsystem: str) -> dict[str, tuple[str, ...]]:
        """Groups of a subsystem in the order of the file, with their parameters in page order."""
        found: dict[str, list[Member]] = {}
        for member in self.members:
            if member.subsystem == subsystem:
                found.setdefault(member.group, []).append(member)
        return {name: tuple(m.msid for m in sorted(members, key=lambda m: m.order)) for name, members in found.items()}

    def msids(self, subsystem: str) -> tuple[str, ...]:
        """Parameters of a subsystem, each once, by group and page order."""
        return tuple(dict.fromkeys(msid for members in self.groups(subsystem).values() for msid in members))

    def plot_range(self, msid: str) -> tuple[float, float]:
        """Given plot range of a parameter, (NaN, NaN) where it is automatic."""
        return next(((m.plot_low, m.plot_high) for m in self.members if m.msid == msid), (NONE, NONE))


def load_groups(path: Path) -> GroupList:
    """Read and check a group list.

    Raises
    ------
    ConfigError
        With file and line: unknown or missing columns, a value that is not one, a parameter twice in a group,
        a plot range that is empty.
    """
    return _parsed(read_content(path), str(path))


@lru_cache(maxsize=8)
def _parsed(content: bytes, source: str) -> GroupList:
    members: list[Member] = []
    seen: dict[tuple[str, str], int] = {}
    for line in read_lines(content, source, COLUMNS, ("msid", "group", "subsystem")):
        member = Member(
            msid=line.text("msid"),
            group=line.text("group"),
            subsystem=line.text("subsystem"),
            order=line.value("order", whole, 0),
            plot_low=line.value("plot_low", number, NONE),
            plot_high=line.value("plot_high", number, NONE),
        )
        key = (member.group, member.msid)
        if key in seen:
            raise line.error(f"{member.msid} stands in group {member.group} already, line {seen[key]}")
        if member.plot_low >= member.plot_high:
            raise line.error(f"plot_low {member.plot_low:g} must lie below plot_high {member.plot_high:g}")
        seen[key] = line.number
        members.append(member)
    return GroupList(members)
