"""One look at a folder in which files appear: what is whole is taken, what is wrong goes apart, the rest waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from mta_assets.core.errors import BadData, TransientError
from mta_assets.pipelines.arrivals import Arrival, postponed
from mta_assets.pipelines.incoming import Mark, Watch, shown, why_not_whole

Take = Callable[[Path], Arrival]
Refuse = Callable[[Path, str], Arrival]


def look_over(
    files: Iterable[tuple[str, Path]], watch: Watch, limit: int, settle: float, take: Take, refuse: Refuse
) -> tuple[list[Arrival], Watch]:
    """Look at files once.

    Parameters
    ----------
    files
        What each is known by in the watch, and its path; in the order in which they are tried.
    watch
        What the look before left.
    limit
        How many whole files to take at most; the rest is left for the next look.
    settle
        How long a file without checksum must not have changed [s].
    take, refuse
        What is done with a whole file; with one of which it is known, and given, why it can not be used.

    Returns
    -------
    What happened to each file that was looked at, and what the next look needs.
    """
    arrivals: list[Arrival] = []
    seen: dict[str, Mark] = {}
    again: list[str] = []
    tries = 0
    for name, path in files:
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue  # taken away again
        now = time.time()
        seen[name] = watch.mark(name, status, now)
        if tries >= limit:
            continue
        why_not = partial(why_not_whole, path, status, watch.seen.get(name), settle, now)
        arrival, tried = _look_at(path, why_not, take, refuse)
        arrivals.append(arrival)
        tries += tried
        if arrival.state != "waiting":
            seen.pop(name)
        elif tried:
            again.append(name)
    untried = [name for name in watch.stuck if name in seen and name not in again]
    return arrivals, replace(watch, seen=seen, stuck=[*untried, *again])


def _look_at(path: Path, why_not: Callable[[], str | None], take: Take, refuse: Refuse) -> tuple[Arrival, bool]:
    """What comes of one file, and whether it was whole; whatever is wrong with it ends here."""
    try:
        reason = why_not()
        if reason is not None:
            return Arrival(shown(path.name), "waiting", reason), False
        return take(path), True
    except BadData as error:
        return refuse(path, str(error)), True
    except (TransientError, OSError, MemoryError) as error:
        return postponed(path, error), True
