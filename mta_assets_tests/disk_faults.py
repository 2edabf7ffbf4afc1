"""A disk that refuses: the n-th thing that Python asks of it fails as on a full or read-only disk."""

from __future__ import annotations

import builtins
import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

CHANGES = ("rename", "replace", "mkdir", "unlink", "remove", "rmdir", "fsync", "chmod", "link", "truncate")
TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass
class Disk:
    """What was asked of the disk.

    Attributes
    ----------
    asked
        Names of the calls that would change something, in order.
    refused
        Whether one was refused.
    """

    asked: list[str] = field(default_factory=list)
    refused: bool = False


@contextmanager
def refusing(at: int | None, number: int = errno.ENOSPC, lasting: bool = False) -> Iterator[Disk]:
    """Let the call ``at`` (from 0) fail with an errno; a write that fails leaves half of its bytes.

    Parameters
    ----------
    at
        None only counts.
    lasting
        Whether all later calls fail as well, as they do on a disk that stays full or read-only.
    """
    disk = Disk()

    def refuse(name: str) -> bool:
        disk.asked.append(name)
        now = at is not None and (len(disk.asked) - 1 == at or (lasting and len(disk.asked) > at))
        disk.refused |= now
        return now

    def guarded(name: str, genuine: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if refuse(name):
                raise OSError(number, os.strerror(number), args[0])
            return genuine(*args, **kwargs)

        return call

    genuine_open, genuine_os_open = io.open, os.open

    def os_open(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        if flags & TO_WRITE and refuse("os.open"):
            raise OSError(number, os.strerror(number), path)
        return genuine_os_open(path, flags, *args, **kwargs)

    def open_(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if not set(mode) & set("wax+"):
            return genuine_open(file, mode, *args, **kwargs)
        if refuse("open"):
            raise OSError(number, os.strerror(number), file)
        opened = genuine_open(file, mode, *args, **kwargs)
        whole = opened.write

        def write(data: Any) -> int:
            if refuse("write"):
                whole(data[: len(data) // 2])
                raise OSError(number, os.strerror(number), file)
            return int(whole(data))

        opened.write = write
        return opened

    stand_ins = {name: guarded(name, getattr(os, name)) for name in CHANGES}
    with (
        patch.multiple(os, open=os_open, **stand_ins),
        patch.object(io, "open", open_),
        patch.object(builtins, "open", open_),
    ):
        yield disk
