"""Where a file of the incoming folder goes: among the playbacks, or into quarantine; interrupted moves are finished."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mta_assets.archive.entries import PlaybackEntry, QuarantineEntry
from mta_assets.archive.quarantine import quarantine
from mta_assets.archive.store import move, sha256_of
from mta_assets.core import times
from mta_assets.core.errors import TransientError
from mta_assets.pipelines.incoming import CHECKSUM, orphaned_checksums, shown, stated_checksum
from mta_assets.pipelines.platform import Platform

ORPHANED = 86_400.0  # [s] a checksum file whose file has not come for so long is told of

State = Literal["waiting", "accepted", "duplicate", "quarantined", "lost"]


@dataclass(frozen=True)
class Arrival:
    """What happened to one file of the incoming folder; name and reason are safe to show."""

    name: str
    state: State
    reason: str
    partition: str | None = None


def postponed(path: Path, error: BaseException) -> Arrival:
    """A file that stays where it is because of something outside."""
    text = f"could not be taken in and is tried again: {error or type(error).__name__}"
    return Arrival(shown(path.name), "waiting", shown(text))


def kept_path(platform: Platform, sha256: str, name: str) -> Path:
    """Where an accepted playback is kept: other content of the same name gets another place."""
    return platform.settings.playbacks / f"{sha256[:8]}_{name}"


def move_and_mark(platform: Platform, partition: str, source: Path, target: Path, sha256: str) -> None:
    """Put an entered playback into its place and say so; whatever interrupts this, `finish_interrupted` goes on."""
    move(source, target)
    drop_sidecar(source, sha256)
    platform.catalog.mark_accepted(partition, times.now())


def drop_sidecar(path: Path, sha256: str) -> None:
    """Remove the checksum file of a file that is gone, unless it is already that of the next file of this name.

    If the disk refuses, it stays: it harms nobody, and `finish_interrupted` comes back to it.
    """
    with suppress(OSError):
        if stated_checksum(path, now=0.0) == sha256:
            path.with_name(path.name + CHECKSUM).unlink(missing_ok=True)


def finish_interrupted(platform: Platform) -> list[Arrival]:
    """What a crash or a full disk left between its entry in the catalog and its place among the playbacks."""
    arrivals = _put_orphans_away(platform)
    for playback in platform.catalog.arriving(platform.mission.name):
        try:
            state, reason = _finish(platform, playback)
        except (TransientError, OSError) as error:
            state, reason = "waiting", shown(f"its arrival could not be finished and is tried again: {error}")
        arrivals.append(Arrival(playback.file_name, state, reason, playback.partition))
    return arrivals


def _put_orphans_away(platform: Platform) -> list[Arrival]:
    """Checksum files without their file: what they were for is known, or never came and is told of after a day."""
    catalog, mission = platform.catalog, platform.mission.name
    arrivals = []
    for sidecar, stated, age in orphaned_checksums(platform.settings.incoming, time.time()):
        name = sidecar.name.removesuffix(CHECKSUM)
        if catalog.playback_by_sha256(mission, stated) or catalog.quarantined(mission, stated):
            drop_sidecar(sidecar.with_name(name), stated)
        elif age > ORPHANED:
            reason = f"the checksum of {shown(name)} came, the file did not within a day; send both again"
            try:
                set_apart(platform, sidecar, reason)
                arrivals.append(Arrival(shown(sidecar.name), "quarantined", reason))
            except (TransientError, OSError) as error:
                arrivals.append(postponed(sidecar, error))
    return arrivals


def _finish(platform: Platform, playback: PlaybackEntry) -> tuple[State, str]:
    source, target = Path(playback.source), Path(playback.path)
    if holds(source, playback):
        move_and_mark(platform, playback.partition, source, target, playback.sha256)
    elif holds(target, playback):
        drop_sidecar(source, playback.sha256)
        platform.catalog.mark_accepted(playback.partition, times.now())
    else:
        reason = f"entered as {playback.partition}, but its file is neither at {source} nor at {target}; send it again"
        path = platform.settings.quarantine / target.name
        platform.catalog.add_quarantine(
            QuarantineEntry(
                playback.mission, playback.file_name, playback.sha256, playback.size, reason, times.now(), str(path)
            )
        )
        platform.catalog.withdraw(playback.partition)
        return "lost", reason
    return "accepted", "an interrupted arrival was finished"


def holds(path: Path, playback: PlaybackEntry) -> bool:
    """Whether a file is that of an entry, and not another one that has got its name since."""
    return path.is_file() and path.stat().st_size == playback.size and sha256_of(path) == playback.sha256


def set_apart(platform: Platform, path: Path, reason: str) -> None:
    """Into quarantine; done when the file has left the folder, whatever the disk says afterwards."""
    try:
        quarantine(path, platform.settings.quarantine, reason, platform.catalog, platform.mission.name)
    except TransientError:
        if os.path.lexists(path):
            raise
