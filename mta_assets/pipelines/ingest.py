"""Taking playbacks in: from a file that appears to a catalog entry, or to the quarantine with a reason.

Nothing is lost: a file is in the incoming folder, among the accepted playbacks, or in quarantine. A file is first
entered as ``arriving``, then moved, then marked ``accepted``; what a crash leaves at ``arriving`` is finished by
the next look. Whatever is wrong with one file, the others go through.
"""

from __future__ import annotations

import os
import re
import shutil
from functools import partial
from pathlib import Path

from mta_assets.archive.entries import PlaybackEntry
from mta_assets.archive.names import check_name
from mta_assets.archive.store import atomic_write, fsync_file, make_folder, move, sha256_of, write_bytes
from mta_assets.core import times
from mta_assets.core.errors import BadData, MtaError, TransientError
from mta_assets.core.faults import outside_faults
from mta_assets.pipelines.arrivals import (
    Arrival,
    drop_sidecar,
    finish_interrupted,
    holds,
    kept_path,
    move_and_mark,
    postponed,
    set_apart,
)
from mta_assets.pipelines.incoming import CHECKSUM, Watch, listed, shown, stated_checksum
from mta_assets.pipelines.looking import look_over
from mta_assets.pipelines.platform import Platform
from mta_assets.telemetry.playback import Playback, partition_key


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

    Raises
    ------
    TransientError
        If the catalog can not be reached.
    ConfigError
        If the mission is not set up right. Neither touches a file.
    """
    make_folder(platform.settings.incoming)
    arrivals = finish_interrupted(platform)
    files = [(path.name, path) for path in listed(platform.settings.incoming, watch)]
    take, refuse = partial(accept, platform), partial(_refuse, platform)
    found, left = look_over(files, watch, limit, platform.settings.settle_seconds, take, refuse)
    return [*arrivals, *found], left


def _cxc_seconds(unix: float) -> float:
    from datetime import UTC, datetime

    return times.from_datetime(datetime.fromtimestamp(unix, UTC))


def accept(platform: Platform, path: Path) -> Arrival:
    """Take one whole file in.

    Raises
    ------
    BadData
        If its name fits no playback of the mission or its content is not usable.
    TransientError
        If disk or catalog do not allow it now: the file stays, and the next look goes on from there.
    """
    name = check_name(path.name)
    _check_fits(platform, name)
    status = path.stat()
    if status.st_size == 0:
        raise BadData(f"{name} is empty: expected a playback, came 0 bytes; send it again")
    playback = _looked_through(platform, path)
    known = platform.catalog.playback_by_sha256(platform.mission.name, playback.sha256)
    if known is not None:
        return _accept_again(platform, path, known)
    partition = partition_key(playback)
    target = kept_path(platform, playback.sha256, name)
    with outside_faults(path, "bring it to the disk"):
        fsync_file(path)
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
        arrived=_cxc_seconds(status.st_ctime),
        facts=dict(playback.facts),
    )
    move_and_mark(platform, partition, path, target, playback.sha256)
    text = f"{playback.size} bytes, {times.to_utc_iso(playback.tstart)} to {times.to_utc_iso(playback.tstop)}"
    if overlaps:
        text += f"; overlaps {', '.join(overlaps)}"
    return Arrival(name, "accepted", text, partition)


def _looked_through(platform: Platform, path: Path) -> Playback:
    try:
        return platform.open_playback(path)
    except (MtaError, OSError, MemoryError):
        raise
    except Exception as error:  # no file, however strange, may keep the others waiting
        kind = type(error).__name__
        raise BadData(f"{path.name}: looking through it failed, report this bug: {kind}: {error}") from error


def _check_fits(platform: Platform, name: str) -> None:
    if not re.fullmatch(platform.raw_product.pattern, name):
        raise BadData(
            f"{name}: the name fits no playback of mission {platform.mission.name}; "
            f"expected {platform.raw_product.pattern}"
        )


def _accept_again(platform: Platform, path: Path, known: PlaybackEntry) -> Arrival:
    """A file whose bytes the catalog knows: set apart and counted, or put where its first copy is missing."""
    if known.state == "arriving":
        raise TransientError(f"{path.name}: the same content is just being taken in as {known.partition}")
    if not holds(Path(known.path), known):
        target = kept_path(platform, known.sha256, known.file_name)
        move(path, target)
        drop_sidecar(path, known.sha256)
        platform.catalog.set_playback(known.partition, state="accepted", path=str(target))
        reason = f"replaces the lost or damaged file of {known.partition}; process it again in the Dagster UI"
        return Arrival(path.name, "accepted", reason, known.partition)
    reason = f"same content as {known.file_name}, taken in before as {known.partition}"
    if known.state == "quarantined":
        reason += ", which turned out to be bad data and is in quarantine"
    set_apart(platform, path, f"duplicate: {reason}")
    drop_sidecar(path, known.sha256)
    return Arrival(path.name, "duplicate", reason, known.partition)


def _refuse(platform: Platform, path: Path, reason: str) -> Arrival:
    """Into quarantine, with what was said of it."""
    sidecar = path.with_name(path.name + CHECKSUM)
    try:
        stated = stated_checksum(path, now=0.0)
        set_apart(platform, path, shown(reason))
        if stated:
            drop_sidecar(path, stated)
        elif os.path.lexists(sidecar):
            set_apart(platform, sidecar, f"beside a refused file: {shown(reason)}")
    except (TransientError, OSError, BadData) as error:
        return postponed(path, error)
    return Arrival(shown(path.name), "quarantined", shown(reason))


def put(platform: Platform, path: Path) -> Path:
    """Copy a file into the incoming folder so that the sensor only ever sees it whole, with its checksum beside it.

    Raises
    ------
    BadData
        If it is no file, its name is not that of a playback of the mission, or another file of the same name waits.
    """
    if not path.is_file():
        raise BadData(f"{path}: expected a playback, there is no such file")
    _check_fits(platform, check_name(path.name))
    target = platform.settings.incoming / path.name
    if target.exists() and sha256_of(target) != sha256_of(path):
        raise BadData(f"{target}: another file of this name waits there to be taken in; try again when it is gone")

    def write(temporary: Path) -> None:
        shutil.copyfile(path, temporary)
        line = f"{sha256_of(temporary)}  {path.name}\n".encode("ascii")
        write_bytes(target.with_name(target.name + CHECKSUM), line)

    atomic_write(target, write)
    return target
