"""A batch of encoded ACIS packets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.telemetry.bitfields import expand


@dataclass(frozen=True)
class PacketBatch:
    """Packets without sequence numbers: those are given when they are put into frames.

    ``words`` holds them one after the other, ``length`` the words of each, ``exposure`` the index of the exposure
    that each belongs to (−1 for others).
    """

    words: NDArray[np.uint32]
    length: NDArray[np.int64]
    exposure: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.length)

    @property
    def start(self) -> NDArray[np.int64]:
        return np.cumsum(self.length) - self.length

    def select(self, rows: NDArray[Any]) -> PacketBatch:
        """Some packets, or all in another order."""
        length = self.length[rows]
        return PacketBatch(self.words[expand(self.start[rows], length)], length, self.exposure[rows])


def merge(batches: Sequence[PacketBatch], keys: Sequence[ArrayLike] | None = None) -> PacketBatch:
    """Batches after each other, or sorted by one key per packet (stable)."""
    joined = PacketBatch(
        np.concatenate([b.words for b in batches]),
        np.concatenate([b.length for b in batches]),
        np.concatenate([b.exposure for b in batches]),
    )
    if keys is None:
        return joined
    order = np.argsort(np.concatenate([np.asarray(k) for k in keys]), kind="stable")
    return joined.select(order)
