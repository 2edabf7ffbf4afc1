"""Delivered products: a finished file from outside becomes a product of the archive, or is refused with the reason.

A delivery is staged beside the archive, renamed into ``archive/delivered/`` and committed in one transaction, as
the products of a run are (`archive.reconcile` takes back what a crash leaves). It is never changed: other bytes under a
name that is taken get a folder of their own.
"""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mta_assets.archive.entries import NewProduct, ProductEntry, RunEntry
from mta_assets.archive.names import check_name
from mta_assets.archive.products import package_version
from mta_assets.archive.reconcile import ALIVE, ROOT_LOCK, STAGING, recover_locked, write_journal
from mta_assets.archive.store import fsync_file, fsync_folder, lock, make_folder, sha256_of
from mta_assets.core import times
from mta_assets.core.errors import BadData
from mta_assets.core.faults import outside_faults
from mta_assets.core.request import Stream
from mta_assets.pipelines.archive_sink import ArchiveSink
from mta_assets.pipelines.delivery_check import Delivery, examine
from mta_assets.pipelines.platform import Platform

PIPE_ID = "DELIVERY"  # stands for the pipeline in the catalog
STREAM: Stream = "sdp"
FOLDER = "delivered"
ONE = ("instrument", "grating", "detnam")  # facts in which all products of an observation agree
WITHDRAWN = "withdrawn "  # begins the message of a withdrawal
State = Literal["delivered", "unchanged", "fits", "withdrawn"]
How = Literal["copy", "link", "take"]  # take: out of the delivery folder, where the file goes afterwards


@dataclass(frozen=True)
class Delivered:
    """What came of one file."""

    name: str
    state: State
    file_id: str
    partition: str
    tstart: float
    tstop: float
    rows: int
    text: str


def deliver(platform: Platform, path: Path, how: How = "copy", dry_run: bool = False) -> Delivered:
    """Enter one file.

    The same bytes again change nothing, and stand again if they had been withdrawn or their file is lost.

    Raises
    ------
    BadData
        If it can not be entered: see `delivery_check.examine`; or other bytes were delivered under the same name, or
        another delivered product of the observation contradicts it.
    TransientError
        If disk or catalog do not allow it now: nothing is left, try again.
    """
    found = examine(platform.registry, path)
    known = _known(platform, found)
    _agrees(platform, found)
    if dry_run or _whole(known):
        return _told(
            found, "unchanged" if _whole(known) else "fits", "is there already" if known else "can be delivered"
        )
    return _told(found, "delivered", _enter(platform, found, how))


def withdraw(platform: Platform, name: str, reason: str = "") -> tuple[ProductEntry, list[str]]:
    """Take a delivered product back; the file stays. Returns its entry and the names of what stands again in its place.

    Raises
    ------
    BadData
        If there is no delivered product of this name that stands.
    """
    found = platform.catalog.products(name=name, stream=STREAM, current=None, origin="delivered")
    standing = [p for p in found if not p.withdrawn]
    if not standing:
        what = "was withdrawn before" if found else "is none that was delivered"
        raise BadData(f"{name!r} {what}; `mta products` lists what is there with its origin")
    root = ArchiveSink(platform.catalog, platform.roots[STREAM], STREAM).root
    with lock(root / ROOT_LOCK):
        run = _run(platform, standing[0].partition, f"{WITHDRAWN}{name}" + (f": {reason}" if reason else ""))
        spec = platform.registry.products.get(standing[0].file_id)  # the registry may have changed since
        return standing[0], platform.catalog.withdraw_delivery(run, standing[0], spec is None or spec.asks)


@dataclass(frozen=True)
class Event:
    """Something that was delivered or withdrawn: the product and the run that stands for it in the catalog."""

    entry: ProductEntry
    withdrawn: bool
    message: str
    when: float


def events(platform: Platform, after: float = 0.0, most: int = 200) -> tuple[list[Event], float]:
    """Deliveries and withdrawals later than a moment [TT s since 1998.0], in their order.

    Of deliveries those that stand, of withdrawals those of what was not delivered again.

    Parameters
    ----------
    most
        How many to look at.

    Returns
    -------
    What happened, and up to when was looked.
    """
    runs = platform.catalog.runs(pipe_id=PIPE_ID, after=after)
    runs = sorted(runs, key=lambda run: (run["finished"], run["run_id"]))[:most]
    found: dict[int, Event] = {}
    for run in runs:
        name = run["message"].removeprefix(WITHDRAWN).partition(":")[0]
        gone = run["message"].startswith(WITHDRAWN)
        products = platform.catalog.products(
            stream=STREAM, origin="delivered", current=not gone, name=name if gone else None,
            confirmed_by=None if gone else run["run_id"],
        )  # fmt: skip
        for entry in products:
            if entry.withdrawn == gone:
                found[entry.id] = Event(entry, gone, run["message"], run["finished"])
    return list(found.values()), runs[-1]["finished"] if runs else after


def _told(found: Delivery, state: State, text: str) -> Delivered:
    return Delivered(
        found.name, state, found.spec.id, found.partition, found.tstart, found.tstop, found.rows,
        f"{text}; {found.sums}",
    )  # fmt: skip


def _names(found: Delivery) -> tuple[str, str]:
    """Name in the catalog, and the one for a file whose name is taken by other bytes."""
    return found.name, f"{found.sha256[:8]}_{found.name}"


def _agrees(platform: Platform, found: Delivery) -> None:
    """Products of one observation were taken with one instrument, detector and grating.

    Those of the aspect do not say which (their INSTRUME is PCAD); another version of the same product may correct it.

    Raises
    ------
    BadData
        If another one that was delivered says otherwise.
    """
    mine = found.observation.facts if found.observation is not None else {}
    if not mine.get("instrument"):
        return
    for name, facts in platform.catalog.delivered_facts(found.partition).items():
        if not facts.get("instrument") or found.spec.regex.fullmatch(name):
            continue
        for fact in ONE:
            if fact in facts and fact in mine and facts[fact] != mine[fact]:
                raise BadData(
                    f"{found.name}: its header says {fact} {mine[fact]}, that of {name}, which was delivered for the "
                    f"same observation, {facts[fact]}: one of them lies; if it is the other: "
                    f"mta deliver --withdraw {name}"
                )


def _known(platform: Platform, found: Delivery) -> ProductEntry | None:
    """The entry of the same bytes, whether it stands or not.

    Raises
    ------
    BadData
        If other bytes stand under the name.
    """
    entries = [
        entry
        for name in _names(found)
        for entry in platform.catalog.products(name=name, stream=STREAM, current=None, origin="delivered")
    ]
    same = next((entry for entry in entries if entry.sha256 == found.sha256), None)
    other = next((entry for entry in entries if entry.sha256 != found.sha256 and not entry.withdrawn), None)
    if other is not None and (same is None or same.withdrawn):
        raise BadData(
            f"{found.name}: other bytes were delivered under this name (sha256 {other.sha256[:12]}, now "
            f"{found.sha256[:12]}); if the new ones are right: mta deliver --withdraw {other.name}, then deliver again"
        )
    return same


def _whole(known: ProductEntry | None) -> bool:
    return known is not None and not known.withdrawn and Path(known.path).is_file()


def _enter(platform: Platform, found: Delivery, how: How) -> str:
    root = ArchiveSink(platform.catalog, platform.roots[STREAM], STREAM).root
    around = (found.tstart - 1.0, found.tstop + 1.0)
    before = {e.id for e in platform.catalog.products(file_id=found.spec.id, stream=STREAM, within=around)}
    number = _publish(platform, root, found, how)
    after = platform.catalog.products(file_id=found.spec.id, stream=STREAM, within=around, current=None)
    if not any(entry.current for entry in after if entry.id == number):
        return "delivered, and a higher version of it stands"
    beaten = sorted(entry.name for entry in after if entry.id in before and entry.superseded_by == number)
    return f"delivered; wins over {', '.join(beaten)}" if beaten else "delivered"


def _publish(platform: Platform, root: Path, found: Delivery, how: How) -> int:
    """Stage, rename, commit; whatever this dies at, the next run in the root clears it away."""
    staging = root / STAGING / f"{os.getpid()}-{secrets.token_hex(4)}"
    with ExitStack() as alive:
        make_folder(staging)
        alive.enter_context(lock(staging / ALIVE))
        try:
            staged = staging / found.name
            _stage(found, staged, how)
            with lock(root / ROOT_LOCK):
                known = _known(platform, found)
                if known is not None and _whole(known):  # somebody else was faster
                    number = known.id
                else:
                    number = _commit(platform, root, found, staged, known)
                with suppress(OSError):  # committed: what is left here is swept by the next run
                    shutil.rmtree(staging)
                return number
        except BaseException:
            alive.close()
            with suppress(Exception), lock(root / ROOT_LOCK):
                recover_locked(platform.catalog, root)
            raise


def _commit(platform: Platform, root: Path, found: Delivery, staged: Path, known: ProductEntry | None) -> int:
    taken = platform.catalog.products(name=found.name, stream=STREAM, current=None)
    name = known.name if known else _names(found)[bool(taken)]
    target = Path(known.path) if known else _free(root, found)
    run = _run(platform, found.partition, f"delivered {found.name} ({found.sums})")
    if not target.is_file():
        make_folder(target.parent)
        write_journal(staged.parent, run.run_id, [str(target.relative_to(root))])
        with outside_faults(target, "move the delivery there"):
            fsync_folder(staged.parent)
            staged.rename(target)
            fsync_folder(target.parent)
    product = NewProduct(
        found.spec.id, name, str(target), found.spec.level, found.series, found.version, found.tstart, found.tstop,
        found.rows, found.size, found.sha256, found.created, known.id if known else None, "delivered", found.label,
    )  # fmt: skip
    return platform.catalog.commit_delivery(run, product, found.observation, found.spec.asks)


def _stage(found: Delivery, staged: Path, how: How) -> None:
    """Bring the bytes beside the archive, and make sure that they still are those that were looked at."""
    with outside_faults(staged, "bring the delivery there"):
        if how == "copy" or not _linked(found.path, staged, must=how == "link"):
            shutil.copyfile(found.path, staged)
            staged.chmod(0o444)
        fsync_file(staged)
        if sha256_of(staged) != found.sha256:
            raise BadData(f"{found.name}: was changed while it was delivered; deliver it again when it is whole")


def _linked(source: Path, target: Path, must: bool) -> bool:
    try:
        os.link(source, target, follow_symlinks=True)
    except OSError as error:
        if must:
            raise BadData(
                f"{source}: can not be linked into the archive ({error.strerror}): only within one file system"
            ) from error
        return False
    return True


def _free(root: Path, found: Delivery) -> Path:
    year, day = times.to_yday(found.tstart).split(":")[:2]
    folder = root / FOLDER / check_name(found.spec.level or "other") / year / day
    path = folder / found.name
    if not path.exists() or sha256_of(path) == found.sha256:
        return path
    return folder / found.sha256[:8] / found.name


def _run(platform: Platform, partition: str, message: str) -> RunEntry:
    """What stands for a run in the catalog: who asked what and when is in its message and times."""
    number = platform.catalog.next_run_number(PIPE_ID, partition, STREAM)
    now = times.now()
    return RunEntry(
        f"{PIPE_ID} {STREAM} {partition} {number:03d}", PIPE_ID, partition, STREAM, number, "done", now, now,
        package_version(), platform.registry.version, "", "", message,
    )  # fmt: skip
