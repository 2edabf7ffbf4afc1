"""Random access to the bytes of a telemetry file, in memory or on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData

Bytes = NDArray[np.uint8]


class ByteSource(Protocol):
    """Random access to bytes, whether they are in memory or in a file."""

    @property
    def size(self) -> int: ...

    def read(self, start: int, stop: int) -> Bytes: ...


@dataclass(frozen=True)
class MemoryBytes:
    """Bytes in memory (or a memory map)."""

    data: Bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, start: int, stop: int) -> Bytes:
        return np.asarray(self.data[start:stop])


@dataclass(frozen=True)
class FileBytes:
    """Bytes of a file, read block by block.

    A memory map would count every page that was touched as memory of the process, and kill it if the file shrinks.
    """

    path: Path
    size: int

    def read(self, start: int, stop: int) -> Bytes:
        data = np.fromfile(self.path, dtype=np.uint8, count=stop - start, offset=start)
        if len(data) < min(stop, self.size) - start:
            raise BadData(f"{self.path}: became shorter while it was read: expected {self.size} bytes; copy it again")
        return data
