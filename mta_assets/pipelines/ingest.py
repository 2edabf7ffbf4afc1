"""Taking playbacks in: from a file that appears to a catalog entry, or to the quarantine with a reason.

Nothing is lost: a file is in the incoming folder, among the accepted playbacks, or in quarantine. A file is first
entered as ``arriving``, then moved, then marked ``accepted``; what a crash leaves at ``arriving`` is finished by
the next look.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from mta_assets.archive.names import check_name
from mta_assets.archive.quarantine import quarantine
from mta_assets.archive.store import atomic_write, make_folder, move, sha256_of
from mta_assets.core import times
from mta_assets.core.errors import BadData, TransientError
from mta_assets.pipelines.platform import Platform
from mta_assets.telemetry.playback import partition_key

NOT_YET = (".part", ".tmp", ".filepart", ".crdownload")  # names that programs give to files they still write
CHECKSUM = ".sha256"
AT_REST = 60.0  # [s] a file untouched for so long needs no second look

State = Literal["waiting", "accepted", "duplicate", "quarantined"]


@dataclass(frozen=True)
class Arrival:
    """What happened to one file of the incoming folder."""

    name: str
    state: State
    reason: str
    partition: str | None = None


@dataclass(frozen=True)
class Watch:
    """What one look at the incoming folder leaves for the next: sizes and times seen, and the high-water mark."""

    sequence: int = 0
    seen: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @staticmethod
    def from_json(text: str | None) -> Watch:
        content = json.loads(text) if text else {}
        return Watch(content.get("sequence", 0), {n: tuple(v) for n, v in content.get("seen", {}).items()})

    def to_json(self) -> str:
        return json.dumps({"sequence": self.sequence, "seen": self.seen})

    def advanced(self, sequence: int) -> Watch:
        return replace(self, sequence=sequence)


def take_in(platform: Platform, watch: Watch, limit: int = 8) -> tuple[list[Arrival], Watch]:
    """Look at the incoming folder once.

    Parameters
    ----------
    platform
        Mission, folders and catalog.
    watch
        What the look before left.
    limit
        How many whole files to take in at most; the rest is left for the next look.

    Returns
    -------
    What happened to each file that was looked at, and what the next look needs.
    """
    make_folder(platform.settings.incoming)
    _finish_interrupted(platform)
    arrivals: list[Arrival] = []
    seen: dict[str, tuple[int, int]] = {}
    taken = 0
    for path in sorted(platform.settings.incoming.iterdir(), key=lambda p: p.name):
        if path.name.startswith(".") or path.name.endswith((CHECKSUM, *NOT_YET)):
            continue
        status = path.lstat()
        mark = (status.st_size, status.st_mtime_ns)
        seen[path.name] = mark
        if taken >= limit:
            continue
        try:
            if not _is_whole(platform, path, status, watch.seen.get(path.name)):
                arrivals.append(Arrival(path.name, "waiting", f"still growing: {status.st_size} bytes so far"))
                continue
            taken += 1
            arrivals.append(accept(platform, path))
        except BadData as error:
            arrivals.append(_refuse(platform, path, str(error)))
        except TransientError as error:
            arrivals.append(Arrival(path.name, "waiting", str(error)))
            continue
        seen.pop(path.name, None)
    return arrivals, Watch(watch.sequence, seen)


def _is_whole(platform: Platform, path: Path, status: os.stat_result, before: tuple[int, int] | None) -> bool:
    """Whether the file has all its bytes: by its checksum file, or by being at rest."""
    if not stat.S_ISREG(status.st_mode):
        raise BadData(f"{path.name} is not a regular file: expected a file, not a link, pipe or folder")
    unchanged = before == (status.st_size, status.st_mtime_ns)
    age = times.now() - _cxc_seconds(status.st_mtime)
    at_rest = age >= platform.settings.settle_seconds and (unchanged or age >= AT_REST)
    expected = _stated_checksum(path)
    if expected is None:
        return at_rest
    if sha256_of(path) == expected:
        return True
    if at_rest:
        raise BadData(f"{path.name}: its bytes have not the sha256 {expected} of {path.name}{CHECKSUM}; send it again")
    return False


def _cxc_seconds(unix: float) -> float:
    from datetime import UTC, datetime

    return times.from_datetime(datetime.fromtimestamp(unix, UTC))


def _stated_checksum(path: Path) -> str | None:
    sidecar = path.with_name(path.name + CHECKSUM)
    try:
        words = sidecar.read_text(encoding="ascii", errors="replace").split()
    except FileNotFoundError:
        return None
    if not words or not re.fullmatch(r"[0-9a-fA-F]{64}", words[0]):
        return None  # the checksum file itself is still being written, or is none
    return words[0].lower()


def accept(platform: Platform, path: Path) -> Arrival:
    """Take one whole file in.

    Raises
    ------
    BadData
        If its name fits no playback of the mission or its content is not usable.
    """
    name = check_name(path.name)
    if not re.fullmatch(platform.raw_product.pattern, name):
        raise BadData(
            f"{name}: the name fits no playback of mission {platform.mission.name}; "
            f"expected {platform.raw_product.pattern}"
        )
    if path.stat().st_size == 0:
        raise BadData(f"{name} is empty (0 bytes): send it again")
    arrived = _cxc_seconds(path.stat().st_ctime)
    playback = platform.open_playback(path)
    known = platform.catalog.playback_by_sha256(platform.mission.name, playback.sha256)
    if known is not None:
        reason = f"same content as {known.file_name}, taken in before as {known.partition}"
        quarantine(path, platform.settings.quarantine, f"duplicate: {reason}", platform.catalog, platform.mission.name)
        _drop_sidecar(path)
        return Arrival(name, "duplicate", reason, known.partition)
    partition = partition_key(playback)
    target = platform.settings.playbacks / f"{playback.sha256[:8]}_{name}"
    overlaps = platform.catalog.enter_playback(
        mission=platform.mission.name,
        partition=partition,
        file_name=name,
        path=str(target),
        source=str(path),
        sha256=playback.sha256,
        size=playback.size,
        tstart=playback.tstart,
        tstop=playback.tstop,
        arrived=arrived,
        facts=dict(playback.facts),
    )
    _move_and_mark(platform, partition, path, target)
    text = f"{playback.size} bytes, {times.to_utc_iso(playback.tstart)} to {times.to_utc_iso(playback.tstop)}"
    if overlaps:
        text += f"; overlaps {', '.join(overlaps)}"
    return Arrival(name, "accepted", text, partition)


def _move_and_mark(platform: Platform, partition: str, source: Path, target: Path) -> None:
    if source.exists():
        move(source, target)
    _drop_sidecar(source)
    platform.catalog.mark_accepted(partition, times.now())


def _drop_sidecar(path: Path) -> None:
    path.with_name(path.name + CHECKSUM).unlink(missing_ok=True)


def _finish_interrupted(platform: Platform) -> None:
    """What a crash left between its entry in the catalog and its place among the playbacks."""
    for playback in platform.catalog.arriving(platform.mission.name):
        source, target = Path(playback.source), Path(playback.path)
        if target.exists() or source.exists():
            _move_and_mark(platform, playback.partition, source, target)
        else:
            platform.catalog.withdraw(playback.partition)


def _refuse(platform: Platform, path: Path, reason: str) -> Arrival:
    quarantine(path, platform.settings.quarantine, reason, platform.catalog, platform.mission.name)
    _drop_sidecar(path)
    return Arrival(path.name, "quarantined", reason)


def put(platform: Platform, path: Path) -> Path:
    """Copy a file into the incoming folder so that the sensor only ever sees it whole, with its checksum beside it.

    Raises
    ------
    BadData
        If the name is not one of the mission's playbacks.
    """
    if not path.is_file():
        raise BadData(f"{path} is not a file")
    if not re.fullmatch(platform.raw_product.pattern, path.name):
        raise BadData(f"{path.name}: not a playback of mission {platform.mission.name}: {platform.raw_product.pattern}")
    target = platform.settings.incoming / path.name
    digest = sha256_of(path)

    def write_checksum(temporary: Path) -> None:
        temporary.write_text(f"{digest}  {path.name}\n", encoding="ascii")

    atomic_write(target.with_name(target.name + CHECKSUM), write_checksum)
    atomic_write(target, lambda temporary: _copy(path, temporary))
    return target


def _copy(source: Path, target: Path) -> Any:
    import shutil

    return shutil.copyfile(source, target)
