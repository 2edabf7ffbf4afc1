"""A playback: one file that came down, opened once, read block by block.

`open_playback` looks at every frame or packet and says what is there and what is wrong; the content is read
afterwards in blocks, so that a day of telemetry needs no more memory than an hour.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData, ToolFailed
from mta_assets.core.flags import Quality
from mta_assets.core.tables import Table
from mta_assets.core.times import compact_utc, from_datetime
from mta_assets.missions.load import Mission
from mta_assets.telemetry.byte_source import FileBytes
from mta_assets.telemetry.clock import Clock, mission_clock
from mta_assets.telemetry.frame_faults import frame_faults
from mta_assets.telemetry.frames import DAMAGED, FrameBlock, FrameIndex, index_frames, read_frames

NAME = re.compile(r"(?<!\d)(\d{4})_(\d{3})_(\d{2})(\d{2})_(\d{2})(\d{2})_Dump")
NAME_EXAMPLE = "2024_061_0000_0100_Dump_EM_00001.vcdu (year, day of year, start and stop as hhmm UTC)"
HASH_BLOCK = 1 << 22  # [byte]


@dataclass(frozen=True)
class Playback:
    """What is known of a playback after it was opened.

    Attributes
    ----------
    path, mission
        The file, and the mission it is of.
    kind
        ``vcdu`` or ``ccsds``.
    sha256, size
        Of the whole file [byte].
    tstart, tstop
        Start of the first frame or packet, end of the last one [s], TT since 1998.0.
    faults
        What is wrong with it (`core.records.FAULTS`).
    facts
        What kickoff criteria are judged by, and the counts of the record.
    """

    path: Path
    mission: Mission
    kind: str
    sha256: str
    size: int
    tstart: float
    tstop: float
    faults: Table
    facts: dict[str, Any] = field(default_factory=dict)

    def blocks(self, seconds: float = 3600.0) -> Iterator[FrameBlock]:
        """Frames in stretches of about so many seconds; only of playbacks of kind ``vcdu``."""
        raise ToolFailed(f"{self.path.name}: a playback of kind {self.kind} has no frames; ask for its packets")

    def packets(self, *args: Any, **kwargs: Any) -> Any:
        """Packets; only of playbacks of kind ``ccsds``."""
        raise ToolFailed(f"{self.path.name}: a playback of kind {self.kind} has no packets; ask for its blocks")


@dataclass(frozen=True)
class FramePlayback(Playback):
    """A playback of fixed-length frames."""

    index: FrameIndex = field(kw_only=True)
    clock: Clock = field(kw_only=True)

    def blocks(self, seconds: float = 3600.0) -> Iterator[FrameBlock]:
        """Frames sorted by counter, without duplicates, in stretches of whole major frames.

        Parameters
        ----------
        seconds
            Length of a stretch [s], about: a playback is cut into equal stretches, so that none is a short rest.
        """
        frame = self.mission.frame
        source = FileBytes(self.path, self.size)
        index = self.index
        major = index.counter // frame.minor_frames
        count = int(major[-1] - major[0]) + 1
        pieces = max(1, round(count * frame.minor_frames * frame.period / seconds))
        stretch = (major - major[0]) * pieces // count
        cut = np.flatnonzero(np.diff(stretch)) + 1
        for first, last in zip([0, *cut.tolist()], [*cut.tolist(), len(index)], strict=True):
            part = slice(first, last)
            counter = index.counter[part]
            data = _read_in_file_order(source, index.offset[part], frame.length)
            yield FrameBlock(data, counter, self.clock.time(counter), index.format[part], index.quality[part])


def open_playback(path: Path | str, mission: Mission, near: float | None = None) -> Playback:
    """Open a playback of the mission and account for all of it.

    Parameters
    ----------
    path
        The file. For frames its name says the start and stop time, which decide the roll-over of the counter.
    mission
        Says which kind of file it is.
    near
        A time near the first frame [s], TT since 1998.0, for a file whose name does not say it.

    Raises
    ------
    BadData
        If the name does not fit, or there is nothing usable in the file.
    """
    path = Path(path)
    if mission.kind == "ccsds":
        from mta_assets.telemetry.ccsds_playback import open_packets

        return open_packets(path, mission)
    frame = mission.frame
    size = path.stat().st_size
    try:
        start, stop = name_interval(path.name) if near is None else (near, near)
    except BadData as error:
        with path.open("rb") as file:
            first = file.read(len(frame.sync) // 2).hex() or "nothing"
        raise BadData(f"{error}; the file begins with {first}, frames of {mission.name} with {frame.sync}") from error
    clock = mission_clock(mission)
    reference = round(float(clock.counter((start + stop) / 2)))
    try:
        index = index_frames(FileBytes(path, size), frame, reference, span=(stop - start) / 2)
    except BadData as error:
        raise BadData(f"{path.name} (mission {mission.name}): {error}") from error
    first, last = clock.time(index.counter[[0, -1]])
    return FramePlayback(
        path=path,
        mission=mission,
        kind=mission.kind,
        sha256=file_sha256(path),
        size=size,
        tstart=float(first),
        tstop=float(last) + frame.period,
        faults=frame_faults(index, clock.time, frame.length),
        facts=_facts(index, mission),
        index=index,
        clock=clock,
    )


def name_interval(name: str) -> tuple[float, float]:
    """Start and stop [s], TT since 1998.0, that the name of a frame file states.

    Raises
    ------
    BadData
        If the name is not of that form, or is no date.
    """
    match = NAME.search(name)
    if match is None:
        raise BadData(f"{name}: the name does not say which time it is of; expected a name like {NAME_EXAMPLE}")
    year, day, h1, m1, h2, m2 = (int(text) for text in match.groups())
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if (
        not 1998 <= year <= 2099
        or not 1 <= day <= 365 + leap
        or max(h1, h2) * 60 + max(m1, m2) > 1440
        or max(m1, m2) > 59
    ):
        raise BadData(f"{name}: {match.group(0)!r} is no date and time; expected a name like {NAME_EXAMPLE}")
    begin = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day - 1, hours=h1, minutes=m1)
    minutes = (h2 - h1) * 60 + m2 - m1
    if minutes <= 0:  # over midnight; the same minute is a whole day
        minutes += 1440
    start = from_datetime(begin)
    return start, start + 60.0 * minutes


def partition_key(playback: Playback) -> str:
    """Partition of a playback, sortable by time: ``20240301T000000-1a2b3c4d``."""
    return f"{compact_utc(playback.tstart)}-{playback.sha256[:8]}"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASH_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _read_in_file_order(source: FileBytes, offset: NDArray[np.int64], length: int) -> NDArray[np.uint8]:
    """Frames at the places; read in file order, so that frames out of order do not break up the reading."""
    if len(offset) < 2 or np.all(np.diff(offset) > 0):
        return read_frames(source, offset, length)
    order = np.argsort(offset)
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return read_frames(source, offset[order], length)[back]


def _facts(index: FrameIndex, mission: Mission) -> dict[str, Any]:
    """What kickoff and the record need, in plain Python types."""
    good = (index.quality & DAMAGED) == 0
    formats = np.unique(index.format[good] if good.any() else index.format).tolist()
    carried = mission.frame.science_formats

    def flagged(flag: Quality) -> int:
        everything = np.concatenate([index.quality, index.again_quality])
        return int(np.count_nonzero(everything & np.uint8(flag)))

    return {
        "instruments": sorted({carried[number] for number in formats if number in carried}),
        "formats": formats,
        "frames": len(index),
        "good": int(good.sum()),
        "missing": int(index.counter[-1] - index.counter[0] + 1 - len(index)),
        "gaps": int(np.count_nonzero(np.diff(index.counter) > 1)),
        "duplicates": len(index.again_counter),
        "bad_sync": flagged(Quality.BAD_SYNC),
        "bad_checksum": flagged(Quality.BAD_CHECKSUM),
        "out_of_order": flagged(Quality.OUT_OF_ORDER),
        "unplaced": len(index.lost_offset),
        "skipped_bytes": int(np.diff(index.positions.skipped, axis=1).sum()) + index.positions.tail,
        "checksums": index.checksums,
    }
