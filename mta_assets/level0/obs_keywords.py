"""Keywords that the event files take from engineering telemetry: observation, gratings, SIM position.

A parameter that the mission's dictionary does not have leaves its keyword out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.flags import Quality
from mta_assets.core.tables import Header
from mta_assets.instruments import sim
from mta_assets.telemetry.decom import values
from mta_assets.telemetry.odb import Dictionary

if TYPE_CHECKING:
    from mta_assets.telemetry.frames import FrameBlock

OBSID, HETG, LETG, TSC, FA = "COBSRQID", "4HPOSARO", "4LPOSARO", "3TSCPOS", "3FAPOS"


class Engineering:
    """The engineering of one block that describes the observation."""

    def __init__(self, block: FrameBlock, dictionary: Dictionary) -> None:
        self._units = {name: dictionary.msids[name].unit for name in dictionary.msids if name in (TSC, FA)}
        self._samples: dict[str, tuple[NDArray[np.float64], NDArray[Any]]] = {}
        for msid in (OBSID, HETG, LETG, TSC, FA):
            if msid not in dictionary.msids:
                continue
            time, value, quality = values(block, dictionary, msid)
            good = quality == Quality.GOOD
            if good.any():
                self._samples[msid] = (time[good], value[good])

    def keywords(self, tstart: float, tstop: float) -> Header:
        """OBS_ID, GRATING, SIM_X and SIM_Z that hold in an interval."""
        header: Header = {}
        obsid = self._during(OBSID, tstart, tstop)
        if obsid is not None:
            found, times = np.unique(obsid, return_counts=True)
            header["OBS_ID"] = (str(int(found[np.argmax(times)])), "observation identifier from telemetry")
        hetg, letg = self._during(HETG, tstart, tstop), self._during(LETG, tstart, tstop)
        if hetg is not None and letg is not None:
            grating = sim.grating_in_beam(float(np.median(hetg)), float(np.median(letg)))
            header["GRATING"] = (grating, "grating in the beam, from its position")
        focus = self._during(FA, tstart, tstop)
        if focus is not None:
            header["SIM_X"] = (self._millimetres(FA, float(np.median(focus))), "[mm] SIM focus position")
        shift = self._during(TSC, tstart, tstop)
        if shift is not None:
            header["SIM_Z"] = (self._millimetres(TSC, float(np.median(shift))), "[mm] SIM translation stage position")
        return header

    def obsids(self, times: NDArray[np.float64]) -> NDArray[np.int64]:
        """Observation identifier at given times, from the last sample before (or the first one); −1 unknown."""
        if OBSID not in self._samples:
            return np.full(len(times), -1, np.int64)
        at, value = self._samples[OBSID]
        return value[np.maximum(np.searchsorted(at, times, side="right") - 1, 0)].astype(np.int64)

    def _during(self, msid: str, tstart: float, tstop: float) -> NDArray[Any] | None:
        if msid not in self._samples:
            return None
        time, value = self._samples[msid]
        low, high = np.searchsorted(time, [tstart, tstop])
        if low == high:  # no sample in the interval: the last one before it, or the first at all
            low = max(int(low) - 1, 0)
        return value[low : max(int(high), int(low) + 1)]

    def _millimetres(self, msid: str, value: float) -> float:
        if self._units.get(msid, "").lower() == "mm":
            return value
        return float(sim.translation(value) if msid == TSC else sim.focus(value))
