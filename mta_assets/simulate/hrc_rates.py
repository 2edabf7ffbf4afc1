"""Secondary science of the HRC: how much triggered in each row of 2.05 s, how much of it was valid; the dead time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.instruments.hrc import GATE_CHECK, GATE_PROCESS, PLATES, ROW
from mta_assets.simulate import hrc_detector
from mta_assets.simulate.schedule import Schedule

Array = NDArray[Any]


def row_counts(schedule: Schedule, rows: Array, seed: int) -> dict[str, Array]:
    """Counts of rows of secondary science.

    Parameters
    ----------
    schedule
        The plan.
    rows
        (n,) starts of the rows [s], ascending.
    seed
        Of the run.

    Returns
    -------
    dict
        ``total`` and ``valid`` counts, ``dead`` time [s] (of a row in which the electronics begin to be held), and
        ``obsid``: 0 where the HRC does not observe, and nothing is counted here.
    """
    found: dict[str, Array] = {"total": np.zeros(len(rows), np.int64), "valid": np.zeros(len(rows), np.int64)}
    found |= {"dead": np.zeros(len(rows)), "obsid": np.zeros(len(rows), np.int64)}
    for dwell in schedule.dwells:
        if dwell.instrument not in PLATES or dwell.kind != "observation":
            continue
        here = slice(*np.searchsorted(rows, (dwell.tstart, dwell.tstop)))
        starts = rows[here]
        if not len(starts):
            continue
        times, valid = hrc_detector.triggers(schedule, dwell, starts[0], starts[-1] + ROW, seed)
        edges = np.searchsorted(times, np.stack([starts, starts + ROW]))
        for name, running in (("total", np.arange(len(times) + 1)), ("valid", np.append(0, np.cumsum(valid)))):
            found[name][here] = running[edges[1]] - running[edges[0]]
        found["dead"][here] = GATE_CHECK * found["total"][here] + GATE_PROCESS * found["valid"][here]
        found["obsid"][here] = dwell.obsid
    return found
