"""HRC: from raw pixels over chip and tiled coordinates to the DET plane.

Raw to chip: CHIPX = u + 1; CHIPY = v for HRC-I, ``v - raw_offset`` of each segment of HRC-S (MARX hrc_s_geom table,
after J. McDowell's coordinate memo, paper I table 5). Tiled: HRC-I TDETX = CHIPX - 1, TDETY = CHIPY (exact in a real
event list); HRC-S system AXAF-HRC-2.7S, TDETX = CHIPX, TDETY = CHIPY - 12, + 16444, + 32900 (as MARX has them; no real
event list of HRC-S was at hand). DET as in `geometry`, written as one ratio of two affine functions of CHIPX and CHIPY.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mta_assets.instruments import geometry
from mta_assets.instruments.hrc import PLATES

Array = NDArray[np.float64]

CHIP_X_OFFSET = 1.0  # [pixel] CHIPX - u
SEGMENT_EDGES = (16452.0, 32922.5)  # [raw pixel] half way between the ends of the chips of HRC-S
TILES = {"HRC-I": {0: (-1, 0)}, "HRC-S": {1: (0, -12), 2: (0, 16444), 3: (0, 32900)}}  # added to CHIPX, CHIPY


@dataclass(frozen=True, eq=False)
class Plane:
    """All chips of a detector at one SIM position.

    Parameters
    ----------
    detector
        ``HRC-I`` or ``HRC-S``.
    sim_x, sim_z
        SIM offset [mm].
    """

    detector: str
    sim_x: float
    sim_z: float

    def segments(self, raw_v: Array) -> NDArray[np.int16] | int:
        """Chip of each raw v coordinate; one number where the detector has one chip."""
        if self.detector == "HRC-I":
            return 0
        return (1 + (raw_v >= SEGMENT_EDGES[0]).view(np.int8) + (raw_v >= SEGMENT_EDGES[1])).astype(np.int16)

    def chip_y(self, raw_v: Array, chip_id: NDArray[np.int16] | int) -> Array:
        """CHIPY [pixel, continuous] of raw v on its chip."""
        offset = PLATES[self.detector].raw_offset
        if isinstance(chip_id, int):
            return raw_v - offset[chip_id]
        return raw_v - _by_chip({chip: (value,) for chip, value in offset.items()})[chip_id, 0]

    def tiles(self, chip_id: NDArray[np.int16] | int) -> tuple[NDArray[np.int32] | int, NDArray[np.int32] | int]:
        """What added to CHIPX and CHIPY gives TDETX and TDETY."""
        if isinstance(chip_id, int):
            return TILES[self.detector][chip_id]
        table = _by_chip(TILES[self.detector]).astype(np.int32)
        return table[chip_id, 0], table[chip_id, 1]

    def focal_plane(self) -> Array:
        """Table (chips from 0, 3, 3): ``fc = m[chip] @ (1, chipx, chipy)`` [mm]."""
        maps = {}
        for chip in geometry.chips(self.detector):
            at = [
                geometry.chip_to_fc(self.detector, chip, x, y, self.sim_x, self.sim_z)
                for x, y in ((0, 0), (1, 0), (0, 1))
            ]
            maps[chip] = np.stack([at[0], at[1] - at[0], at[2] - at[0]], axis=-1)
        table = np.zeros((max(maps) + 1, 3, 3))
        table[list(maps)] = list(maps.values())
        return table


def _by_chip(values: Mapping[int, tuple[float, ...]]) -> Array:
    table = np.zeros((max(values) + 1, len(next(iter(values.values())))))
    table[list(values)] = list(values.values())
    return table
