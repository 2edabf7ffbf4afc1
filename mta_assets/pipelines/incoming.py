"""Whether a file of the incoming folder has all its bytes: by its checksum file, or by lying at rest.

Nothing here changes a file. Names are taken as they come; what is shown of them is made harmless first.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import signal
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mta_assets.archive.store import sha256_of
from mta_assets.core.errors import BadData, ConfigError

NOT_YET = (".part", ".tmp", ".filepart", ".crdownload")  # names that programs give to files they still write
CHECKSUM = ".sha256"
CHECKSUM_BYTES = 4096  # [byte] of a checksum file that are read: one line
AT_REST = 60.0  # [s] a file untouched for so long needs no second look, and a wrong checksum gets no further patience

Mark = tuple[int, int, float]  # size [byte], time of the last change [ns], since when it is seen like this [s]


@dataclass(frozen=True)
class Watch:
    """What one look at the incoming folder leaves for the next.

    Attributes
    ----------
    sequence, partition
        High-water mark in the catalog's order of acceptance, and the playback that it is of.
    seen
        Files that were not taken in, as they were.
    stuck
        Those of them that were whole but could not be taken in, the longest untried first: they come last at the
        next look, so that they keep nobody waiting.
    """

    sequence: int = 0
    partition: str = ""
    seen: Mapping[str, Mark] = field(default_factory=dict)
    stuck: Sequence[str] = ()

    @staticmethod
    def from_json(text: str | None) -> Watch:
        try:
            content = json.loads(text) if text else {}
            marks = {name: tuple(mark) for name, mark in content.get("seen", {}).items() if len(mark) == 3}
            partition = str(content.get("partition", ""))
            return Watch(int(content.get("sequence", 0)), partition, marks, tuple(content.get("stuck", ())))
        except (ValueError, TypeError, AttributeError) as error:
            raise ConfigError(f"the sensor's cursor {text!r} is none that it wrote: reset it ({error})") from error

    def to_json(self) -> str:
        content = {"sequence": self.sequence, "partition": self.partition, "seen": self.seen, "stuck": self.stuck}
        return json.dumps(content)

    def advanced(self, sequence: int, partition: str) -> Watch:
        """The same with another high-water mark."""
        return replace(self, sequence=sequence, partition=partition)

    def mark(self, name: str, status: os.stat_result, now: float) -> Mark:
        """The mark of a file now; its age is kept as long as size and time stay as they were."""
        before = self.seen.get(name)
        if before is not None and before[:2] == (status.st_size, status.st_mtime_ns):
            return before
        return status.st_size, status.st_mtime_ns, now


def listed(folder: Path, watch: Watch) -> list[Path]:
    """Files to look at, by name, those that are stuck last; not those that are still written or belong to others."""
    turn = {name: place for place, name in enumerate(watch.stuck)}
    names = [
        name for name in os.listdir(folder) if not name.startswith(".") and not name.endswith((CHECKSUM, *NOT_YET))
    ]
    return [folder / name for name in sorted(names, key=lambda name: (turn.get(name, -1), name))]


def why_not_whole(path: Path, status: os.stat_result, before: Mark | None, settle: float, now: float) -> str | None:
    """Why a file may not be whole yet, in words; None if it is.

    Parameters
    ----------
    path, status, before
        The file, its ``lstat``, and how the look before saw it.
    settle
        How long a file without checksum must not have changed [s].
    now
        The present [s], as ``time.time`` gives it.

    Raises
    ------
    BadData
        If it is no regular file, or lies at rest and is not what its checksum file says.
    """
    if not stat.S_ISREG(status.st_mode):
        raise BadData(f"{shown(path.name)}: expected a regular file, came a {_kind(status.st_mode)}")
    size = f"{status.st_size} bytes so far"
    same = before is not None and before[:2] == (status.st_size, status.st_mtime_ns)
    if before is not None and not same:
        return f"still growing: {size}"
    # Untouched for so long [s]; a time of change in the future says nothing, then only our own looks count.
    rest = max(now - status.st_mtime, now - before[2] if before is not None else 0.0)
    expected = stated_checksum(path, now)
    if expected is None:
        if rest < AT_REST and not (same and rest >= settle):
            return f"still growing: {size}"
        return f"still growing: a program has it open, {size}" if _being_written(path) else None
    found = sha256_of(path)
    if found == expected:
        return None
    if rest < AT_REST or _being_written(path):
        return f"still growing: {size}, and not yet those of its checksum file"
    raise BadData(
        f"{shown(path.name)}: sha256 expected {expected} (from its {CHECKSUM} file), came {found} of "
        f"{status.st_size} bytes: cut off or damaged on its way; send it again"
    )


def stated_checksum(path: Path, now: float) -> str | None:
    """The sha256 that stands in the checksum file beside a file, in any of the forms of sha256sum; None without one.

    A checksum file that is still being written gives an empty text, which is no file's checksum.

    Raises
    ------
    BadData
        If there is something of that name that is no checksum and has not changed for long.
    """
    sidecar = path.with_name(path.name + CHECKSUM)
    try:
        status = sidecar.lstat()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENAMETOOLONG):
            return None
        raise
    text = ""
    if stat.S_ISREG(status.st_mode):  # a pipe would keep us waiting, a link may lead anywhere
        with sidecar.open("rb") as file:
            text = file.read(CHECKSUM_BYTES).decode("ascii", "replace")
    found = re.search(r"(?<![0-9a-fA-F])[0-9a-fA-F]{64}(?![0-9a-fA-F])", text)
    if found is not None:
        return found[0].lower()
    if now - status.st_mtime < AT_REST:
        return ""
    raise BadData(
        f"{shown(sidecar.name)}: expected a sha256 in hexadecimal digits, came "
        f"{shown(text[:40])!r} ({_kind(status.st_mode)} of {status.st_size} bytes); send both files again"
    )


def orphaned_checksums(folder: Path, now: float) -> list[tuple[Path, str, float]]:
    """Checksum files that have lain there for some time without their file: path, what they state, and age [s]."""
    found = []
    for name in os.listdir(folder):
        path = folder / name.removesuffix(CHECKSUM)
        if not name.endswith(CHECKSUM) or os.path.lexists(path):
            continue
        with suppress(OSError):
            stated = stated_checksum(path, now=0.0)
            age = now - (folder / name).lstat().st_mtime
            if stated and age > AT_REST:
                found.append((folder / name, stated, age))
    return found


def _being_written(path: Path) -> bool:
    """Whether a program of this machine has the file open for writing; False where the system can not say.

    Linux grants a read lease only on a file that nobody writes (fcntl(2), "Leases").
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        # Should a writer come in this very moment, the kernel tells us so by a signal; by this one it is harmless.
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(handle)
    return False


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFREG: "file",
        stat.S_IFLNK: "symbolic link",
        stat.S_IFDIR: "folder",
        stat.S_IFIFO: "pipe",
        stat.S_IFSOCK: "socket",
        stat.S_IFBLK: "device",
        stat.S_IFCHR: "device",
    }
    return kinds.get(stat.S_IFMT(mode), "file of an unknown kind")


def shown(text: Any) -> str:
    """Text for people, logs and the catalog: what is not printable (control characters, broken UTF-8) is escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))
