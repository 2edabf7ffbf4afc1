"""The delivery folder: what appears there, at any depth, is delivered, or goes to quarantine with the reason.

Whether a file is whole is told as in the incoming folder (`incoming`). A file leaves the folder after it was
committed; one that a crash leaves there is found to be delivered already by the next look, and goes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mta_assets.archive.store import make_folder
from mta_assets.core.errors import BadData, TransientError
from mta_assets.pipelines.arrivals import Arrival, State, drop_sidecar, postponed, set_apart
from mta_assets.pipelines.delivery import deliver
from mta_assets.pipelines.delivery_check import recognised
from mta_assets.pipelines.incoming import CHECKSUM, NOT_YET, Watch, shown, stated_checksum
from mta_assets.pipelines.looking import look_over
from mta_assets.pipelines.platform import Platform

REFUSED = "delivery: "  # begins the reason in quarantine


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
    files = [(name, folder / name) for name in names]
    take, refuse = partial(_take, platform), partial(_refuse, platform)
    return look_over(files, watch, limit, platform.settings.settle_seconds, take, refuse)


def found_below(folder: Path) -> Iterator[str]:
    """Files to look at, relative to the folder: not those that are still written, nor checksum files; no link is
    followed."""
    for place, folders, files in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in links)
        for name in (*files, *links):
            if not name.startswith(".") and not name.endswith((CHECKSUM, *NOT_YET)):
                yield os.path.relpath(os.path.join(place, name), folder)


def _take(platform: Platform, path: Path) -> Arrival:
    """Deliver a whole file; it leaves the folder once it is committed."""
    recognised(platform.registry, path.name)
    done = deliver(platform, path, how="take")
    stated = stated_checksum(path, now=0.0)
    path.unlink(missing_ok=True)
    if stated:
        drop_sidecar(path, stated)
    state: State = "duplicate" if done.state == "unchanged" else "accepted"
    return Arrival(done.name, state, f"{done.file_id} of {done.partition}: {done.text}", done.partition)


def _refuse(platform: Platform, path: Path, reason: str) -> Arrival:
    """Into quarantine, with what was said of it and its checksum file."""
    try:
        set_apart(platform, path, f"{REFUSED}{shown(reason)}")
        sidecar = path.with_name(path.name + CHECKSUM)
        if os.path.lexists(sidecar):
            set_apart(platform, sidecar, f"beside a refused file: {shown(reason)}")
    except (TransientError, OSError, BadData) as error:
        return postponed(path, error)
    return Arrival(shown(path.name), "quarantined", shown(reason))
