"""The delivery folder: what appears there, at any depth, is delivered, or goes to quarantine with the reason.

Whether a file is whole is told as in the incoming folder (`incoming`). A file leaves the folder after it was
committed; one that a crash leaves there is found to be delivered already by the next look, and goes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mta_assets.archive.store import make_folder
from mta_assets.core.errors import BadData, TransientError
from mta_assets.pipelines.arrivals import Arrival, State, drop_sidecar, postponed, set_apart
from mta_assets.pipelines.delivery import deliver
from mta_assets.pipelines.delivery_check import recognised
from mta_assets.pipelines.incoming import CHECKSUM, NOT_YET, Mark, Watch, shown, stated_checksum, why_not_whole
from mta_assets.pipelines.platform import Platform


def delivery_folder(platform: Platform) -> Path:
    """``DATA/MISSION/delivery``."""
    return platform.settings.root / "delivery"


def look(platform: Platform, watch: Watch, limit: int = 16) -> tuple[list[Arrival], Watch]:
    """Look at the delivery folder once.

    Parameters
    ----------
    watch
        What the look before left.
    limit
        How many whole files to deliver at most; the rest is left for the next look.

    Returns
    -------
    What happened to each file that was looked at, and what the next look needs.
    """
    folder = delivery_folder(platform)
    make_folder(folder)
    turn = {name: place for place, name in enumerate(watch.stuck)}
    names = sorted(found_below(folder), key=lambda name: (turn.get(name, -1), name))
    arrivals: list[Arrival] = []
    seen: dict[str, Mark] = {}
    again: list[str] = []
    tries = 0
    for name in names:
        path = folder / name
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue  # taken away again
        now = time.time()
        seen[name] = watch.mark(name, status, now)
        if tries >= limit:
            continue
        arrival, tried = _look_at(platform, path, status, watch.seen.get(name), now)
        arrivals.append(arrival)
        tries += tried
        if arrival.state != "waiting":
            seen.pop(name)
        elif tried:
            again.append(name)
    untried = [name for name in watch.stuck if name in seen and name not in again]
    return arrivals, replace(watch, seen=seen, stuck=[*untried, *again])


def found_below(folder: Path) -> Iterator[str]:
    """Files to look at, relative to the folder: not those that are still written, nor checksum files; no link is
    followed."""
    for place, folders, files in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in links)
        for name in (*files, *links):
            if not name.startswith(".") and not name.endswith((CHECKSUM, *NOT_YET)):
                yield os.path.relpath(os.path.join(place, name), folder)


def _look_at(
    platform: Platform, path: Path, status: os.stat_result, before: Mark | None, now: float
) -> tuple[Arrival, bool]:
    """What comes of one file, and whether it was whole; whatever is wrong with it ends here."""
    try:
        reason = why_not_whole(path, status, before, platform.settings.settle_seconds, now)
        if reason is not None:
            return Arrival(shown(path.name), "waiting", reason), False
        recognised(platform.registry, path.name)
        done = deliver(platform, path, how="take")
        stated = stated_checksum(path, now=0.0)
        path.unlink(missing_ok=True)
        if stated:
            drop_sidecar(path, stated)
        state: State = "duplicate" if done.state == "unchanged" else "accepted"
        return Arrival(done.name, state, f"{done.file_id} of {done.partition}: {done.text}", done.partition), True
    except BadData as error:
        return _refuse(platform, path, str(error)), True
    except (TransientError, OSError, MemoryError) as error:
        return postponed(path, error), True


def _refuse(platform: Platform, path: Path, reason: str) -> Arrival:
    """Into quarantine, with what was said of it and its checksum file."""
    try:
        set_apart(platform, path, shown(reason))
        sidecar = path.with_name(path.name + CHECKSUM)
        if os.path.lexists(sidecar):
            set_apart(platform, sidecar, f"beside a refused file: {shown(reason)}")
    except (TransientError, OSError, BadData) as error:
        return postponed(path, error)
    return Arrival(shown(path.name), "quarantined", shown(reason))
