"""Files that are either whole or absent (temporary name, fsync, rename), and locks that die with their process."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mta_assets.core.errors import TransientError
from mta_assets.core.faults import outside_faults

TEMPORARY = re.compile(r"\..+\.tmp-(?P<pid>\d+)")


def fsync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Create a folder and make its existence durable in its parents."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    with outside_faults(missing[0] if missing else folder, "make the folder"):
        for path in reversed(missing):
            path.mkdir(exist_ok=True)
            fsync_folder(path.parent)


def fsync_file(path: Path) -> None:
    """Bring a written file to the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def atomic_write(path: Path, writer: Callable[[Path], None]) -> None:
    """Write a file so that it is either the old one, absent, or whole.

    Parameters
    ----------
    path
        The file; its folder is made if it is not there.
    writer
        Called with the temporary path ``.name.tmp-<pid>`` in the same folder; writes the content there.

    Raises
    ------
    TransientError
        If the disk is full, read-only or broken; nothing of the new content is left.
    """
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    with outside_faults(path, "write the file"):
        try:
            writer(temporary)
            fsync_file(temporary)
            temporary.rename(path)
            fsync_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def write_bytes(path: Path, content: bytes) -> None:
    """`atomic_write` of bytes in memory."""
    atomic_write(path, lambda temporary: _write(temporary, content))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def sweep(folder: Path) -> list[Path]:
    """Remove temporary files whose writer is gone; returns what was removed.

    Called at the start of a process, never while a writer of the same process is at work in the folder.
    """
    removed = []
    for path in folder.glob(".*.tmp-*"):
        found = TEMPORARY.fullmatch(path.name)
        if found and not _at_work(int(found["pid"])):
            with outside_faults(path, "remove the leftover"):
                path.unlink(missing_ok=True)
            removed.append(path)
    return removed


def _at_work(pid: int) -> bool:
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def move(source: Path, target: Path) -> None:
    """Move a file, also to another file system; at every moment at least one whole copy exists."""
    make_folder(target.parent)
    with outside_faults(target, f"move {source} there"):
        try:
            source.rename(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            atomic_write(target, lambda temporary: _copy(source, temporary))
            source.unlink()
        fsync_folder(target.parent)
        if source.parent != target.parent and source.parent.is_dir():
            fsync_folder(source.parent)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


@contextmanager
def lock(path: Path, timeout: float = 600.0) -> Iterator[None]:
    """Hold an exclusive lock on a file; the operating system lets go of it when the process dies.

    Raises
    ------
    TransientError
        If another process holds it for longer than ``timeout`` seconds.
    """
    make_folder(path.parent)
    with outside_faults(path, "open the lock file"):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        deadline = time.monotonic() + timeout
        while not try_lock(handle):
            if time.monotonic() > deadline:
                raise TransientError(f"{path}: another process holds this lock for more than {timeout:g} s")
            time.sleep(0.01)
        yield
    finally:
        os.close(handle)


def try_lock(handle: int) -> bool:
    """Take the lock on an open file if nobody holds it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def held(path: Path) -> bool:
    """Whether a living process holds the lock on the file."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(handle)
    finally:
        os.close(handle)
