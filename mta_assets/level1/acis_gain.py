"""Pulse heights to energies: charge-transfer correction, time-dependent gain, gain, PI.

All of it is in tables: of the CALDB's form where that is public (DET_GAIN: NPOINTS, PHA, ENERGY per region), else of
our own that follows the public memos; docs of each class say which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Table, plain
from mta_assets.level1.acis_pulses import LARGEST, Planes
from mta_assets.level1.acis_tables import CHIPS, Curves, Index, Regions

PI_WIDTH = 14.6  # [eV] of a PI channel
PI_LARGEST = 1024
CONVERGED = 0.1  # [adu] to which the charge-transfer correction has to come to rest (cti_converge of the memo)
MOST_STEPS = 8


class Gain:
    """Energy [eV] of pulse heights by region of the chip: an AXAF_DETGAIN table of the CALDB.

    Columns CCD_ID, CHIPX_LO, CHIPX_HI, CHIPY_LO, CHIPY_HI, NPOINTS, PHA [adu] and ENERGY [eV] (vectors).
    Format: CALDB acisD…gain_ctiN….fits as the MARX source describes it; straight between the points.
    """

    def __init__(self, table: Table) -> None:
        self.regions = Regions(table)
        self._curves = Curves(table["NPOINTS"], table["PHA"], table["ENERGY"], table.name)

    def energy(self, region: Index, pha: NDArray[np.float32]) -> NDArray[np.float32]:
        """Energies [eV], not below 0; NaN where there is no region."""
        return np.maximum(self._curves(region, pha), np.float32(0))


class TimeGain:
    """How far [adu] pulse heights have drifted: subtracted from them.

    Columns as of `Gain` with DELTPHA1 and DELTPHA2 [adu] in place of ENERGY, the drifts at the times EPOCH1 and EPOCH2
    of the header [s, TT since 1998.0]; at the time of an observation it is linear between (and beyond) them ("ACIS
    Time-dependent Gain", CXC). Names of columns and keywords: our own.
    """

    def __init__(self, table: Table, time: float) -> None:
        first, second = (_number(table, f"EPOCH{n}") for n in (1, 2))
        if not second > first:
            raise BadData(f"calibration table {table.name}: EPOCH2 is not after EPOCH1")
        share = (time - first) / (second - first)
        delta = table["DELTPHA1"] + (table["DELTPHA2"] - table["DELTPHA1"]) * share
        self.regions = Regions(table)
        self._curves = Curves(table["NPOINTS"], table["PHA"], delta, table.name)

    def drift(self, region: Index, pha: NDArray[np.float32]) -> NDArray[np.float32]:
        """Drift [adu]; 0 where there is no region."""
        found = self._curves(region, pha)
        found[region == self.regions.none] = 0
        return found


def _number(table: Table, keyword: str) -> float:
    value = table.header.get(keyword)
    if value is None:
        raise BadData(f"calibration table {table.name} has no keyword {keyword}")
    return float(plain(value))


class ChargeTransfer:
    """What pixels have lost to traps on their way to the readout, by table.

    A pixel with pulse height p loses ``d V(p)``: d is the trap density between its place and the readout (TRAPDENS of
    its region), V the volume of its charge cloud in adu (VOLUME_Y at PHA, per CCD). A part FRCTRLY of what a pixel
    loses comes out of the traps in the row that follows it. The true p solves ``p - d V(p) = p_read``, row by row.
    Ingredients: G. Allen, "CTI correction" memo (MIT/CXC, versions 4.7 and 5.4); simplified: along columns only,
    and charge ahead of an event does not shield it. Files: TRAPDENS by region in the table AXAF_CTI, V in CTI_VOLUME,
    our own layout.

    Raises
    ------
    BadData
        If a table is not of that form, or losses are so great that there is no single solution or none is found.
    """

    def __init__(self, density: Table, volume: Table) -> None:
        self.regions = Regions(density)
        self._density = np.append(np.asarray(density["TRAPDENS"], np.float32), np.float32(0))
        self.trailing = float(np.max(volume["FRCTRLY"], initial=0))
        pha = np.arange(LARGEST + 2, dtype=float)
        loss = np.zeros((CHIPS + 1, LARGEST + 2))
        for row, ccd in enumerate(volume["CCD_ID"].tolist()):
            count = int(volume["NPOINTS"][row])
            loss[ccd] = np.interp(pha, volume["PHA"][row][:count], volume["VOLUME_Y"][row][:count])
        slope = np.diff(loss, axis=1, append=2 * loss[:, -1:] - loss[:, -2:-1])
        most = float(np.max(self._density, initial=0))
        if float(np.max(slope, initial=0)) * most >= 1:
            raise BadData(f"calibration table {density.name}: pixels would lose all of their charge")
        self._volume, self._slope = loss.astype(np.float32).ravel(), slope.astype(np.float32).ravel()
        self._steps, self._gained = self._rehearse(most, density.name)

    def _rehearse(self, most: float, name: str) -> tuple[int, NDArray[np.float32]]:
        """Newton steps that bring every pulse height to rest at the highest density, and the most that one gains."""
        read = np.tile(np.arange(LARGEST + 1, dtype=np.float32), CHIPS)
        place = np.repeat(np.arange(CHIPS), LARGEST + 1) * (LARGEST + 2)
        dense = np.full(len(read), most, np.float32)
        for steps in range(1, MOST_STEPS):
            pha = self._solve(read, dense, place, steps)
            volume, _ = self._at(pha, place)
            if np.max(np.abs(pha - dense * volume - read)[pha < LARGEST]) < CONVERGED:
                return steps, np.max((pha - read).reshape(CHIPS, -1), axis=0)
        raise BadData(f"calibration table {name}: the correction does not come to rest in {MOST_STEPS} steps")

    def correct(self, pulses: Planes, ccd: Index, x: Index, y: Index, split: float) -> NDArray[np.float32] | None:
        """Corrected planes (9, n) of whole pulse heights [adu]; None where nothing is lost.

        Pixels that stay below the split threshold whatever they have lost are left as they are: they count nowhere.
        """
        density = np.take(self._density, self.regions(ccd, x, y))
        if not density.any():
            return None
        out = pulses.astype(np.float32)
        lowest = int(np.argmax(np.arange(LARGEST + 1) + self._gained >= split))
        one = len(ccd) > 0 and bool((ccd == ccd[0]).all())
        for plane in range(9):
            rows = np.flatnonzero(pulses[plane] >= lowest)
            dense = density[rows]
            base = int(ccd[0]) * (LARGEST + 2) if one else ccd[rows] * (LARGEST + 2)
            if self.trailing and plane > 2:
                read = out[plane][rows] - np.float32(self.trailing) * dense * self._at(out[plane - 3][rows], base)[0]
                out[plane][rows] = self._solve(read, dense, base, self._steps)
                continue
            # the first step of `_solve`, for whole numbers: straight from the table
            whole = pulses[plane][rows]
            place = np.minimum(whole, LARGEST).astype(np.intp)
            place += base
            pha = np.take(self._volume, place) * dense / (1 - np.take(self._slope, place) * dense) + whole
            out[plane][rows] = self._solve(whole, dense, base, self._steps - 1, pha)
        return out

    def correct_sum(self, total: NDArray[np.integer], ccd: Index, x: Index, y: Index) -> NDArray[np.float32]:
        """Corrected sums [adu] of events that were graded on board, taken as one pixel's charge."""
        density = np.take(self._density, self.regions(ccd, x, y))
        return self._solve(total.astype(np.float32), density, ccd * (LARGEST + 2), self._steps)

    def _at(self, pha: NDArray[np.float32], base: Index | int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Volume and its slope at pulse heights; straight on beyond the table."""
        place = np.minimum(np.maximum(pha, 0), LARGEST).astype(np.intp)
        rest = pha - place
        place += base
        slope = np.take(self._slope, place)
        rest *= slope
        rest += np.take(self._volume, place)
        return rest, slope

    def _solve(
        self,
        read: NDArray[Any],
        density: NDArray[np.float32],
        base: Index | int,
        steps: int,
        guess: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Pulse heights p with p - d V(p) = read, by Newton's method: V is nearly straight, a step or two do."""
        pha = read if guess is None else guess
        for _ in range(steps):
            volume, slope = self._at(pha, base)
            pha = pha + (read - pha + density * volume) / (1 - density * slope)
        return pha


@dataclass(frozen=True)
class EnergyScale:
    """The three together: what an observation's pulse heights are made energies with."""

    gain: Gain
    time_gain: TimeGain | None = None
    charge_transfer: ChargeTransfer | None = None

    def pulse_heights(self, total: NDArray[Any], ccd: Index, x: Index, y: Index) -> NDArray[np.float32]:
        """Summed pulse heights [adu] without the drift of the gain."""
        pha = total.astype(np.float32)
        if self.time_gain is not None:
            pha -= self.time_gain.drift(self.time_gain.regions(ccd, x, y), pha)
        return pha

    def energies(self, pha: NDArray[np.float32], ccd: Index, x: Index, y: Index) -> NDArray[np.float32]:
        """Energies [eV] of pulse heights without drift."""
        return self.gain.energy(self.gain.regions(ccd, x, y), pha)


def pi_of(energy: NDArray[np.floating[Any]]) -> NDArray[np.int32]:
    """PI = int(E / 14.6 eV) + 1, at most 1024, of energies [eV]; 0 (the null value) where there is none."""
    known = np.nan_to_num(energy, nan=-1.0)
    channel = (known / known.dtype.type(PI_WIDTH)).astype(np.int32) + 1
    return np.where(known < 0, 0, np.minimum(channel, PI_LARGEST)).astype(np.int32)
