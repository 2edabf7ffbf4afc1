"""The nightly upkeep of the telemetry archive: compaction, collection, verification of what is new."""

from __future__ import annotations

from dataclasses import dataclass, field

from mta_assets.archive.telemetry import TelemetryArchive

CYCLE = 30  # nights in which every file has been read again once, whether it is new or not


@dataclass(frozen=True)
class Upkeep:
    """What one night did.

    Attributes
    ----------
    transaction
        All segments up to this transaction have been verified.
    compactions, segments
        Compactions, and the segments that they put together.
    files, bytes
        Files that were removed because nobody needs them, and what they took.
    problems
        What is wrong with the files, a sentence each.
    """

    transaction: int
    compactions: int = 0
    segments: int = 0
    files: int = 0
    bytes: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def did_something(self) -> bool:
        return bool(self.compactions or self.files or self.problems)


def keep_up(archive: TelemetryArchive, verified: int, night: int) -> Upkeep:
    """Compact, collect, verify.

    Parameters
    ----------
    verified
        Up to which transaction segments have been verified before.
    night
        Number of the night: chooses which part of the old files is read again.

    Raises
    ------
    TransientError
        If disk or catalog fail; it may be done again.
    """
    from mta_assets.archive.database import reading
    from mta_assets.archive.telemetry_collect import collect
    from mta_assets.archive.telemetry_compact import compact
    from mta_assets.archive.telemetry_sql import head
    from mta_assets.archive.telemetry_verify import verify

    problems: list[str] = []
    made = compact(archive, problems=problems)
    gone = collect(archive)
    with reading(archive.engine) as read:
        newest = head(read)
    found = verify(archive, since=min(verified, newest), part=(night % CYCLE, CYCLE))
    return Upkeep(
        newest, len(made), sum(one.segments for one in made), gone.replaced + gone.orphans, gone.bytes,
        problems + [f"{problem.path}: {problem.kind}: {problem.detail}" for problem in found],
    )  # fmt: skip
