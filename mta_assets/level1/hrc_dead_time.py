"""HRC dead time: the share of the time in which the electronics could take an event (dtf1, dtfstat1, DTCOR).

An event holds the electronics for 19.5 µs while the vetoes are checked, and for another 49 µs if it is processed; of
the valid events only the processed ones come down. With the counts of total (T), valid (V) and processed (P) events of
an interval dt:

    DTF = 1 - (g1 T P/V + g2 P) / dt              telemetry not full
    DTF = that - (1 - P/V)                        more valid events than the telemetry takes (V >= 368 in 2 s)

Errors by propagation of Gehrels' upper errors 1 + sqrt(N + 3/4) of the three counts; 1 % of the dead share where the
telemetry is full.

Sources: M. Juda & A. Dobrzycki (1999), "HRC dead time and telemetry saturation", as written down in PINTofALE
``hrc_deadtime`` (gates, saturation); N. Gehrels, ApJ 303 (1986) 336, equation 7; CIAO caveat ``hrc_dtcor``
(DTCOR is the plain mean). Odd counts, the limit 368 itself and the errors are as in two real dtf1 files: see `factors`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.core import intervals
from mta_assets.core.errors import BadData
from mta_assets.core.tables import Column, Header, Schema, Table
from mta_assets.instruments.hrc import GATE_CHECK, GATE_PROCESS, ROW

Array = NDArray[np.float64]

FULL_TELEMETRY = 368  # [events a row] valid events from which on the telemetry is taken to be full
FULL_ERROR = 0.01  # share of the dead time that is its error then
STEP = 2.0  # [s] TIMEDEL of the archive's dtf1 (the rows are 2.05 s apart)
NO_ERROR = 1000.0  # DTF_ERR where there is no factor
CHISQ_LIMIT = 7.0  # reduced chi-square from which the factor counts as variable (RED_CHISQ_LIMIT)
IMPOSSIBLE, UNLIKELY, ADJUSTED = 5, 6, 7  # STATUS bits, from 0: P > T; P > V + 1; P = V + 1

DTF = Schema(
    "DTF",
    (
        Column("TIME", "f8", "s", "time"),
        Column("DTF", "f8", "", "dead-time factor", limits=(0, 1)),
        Column("DTF_ERR", "f8", "", "its error"),
        Column("PROC_EVT_COUNT", "i4", "count", "events that came down (primary science)"),
        Column("TOTAL_EVT_COUNT", "i4", "count", "events that triggered (secondary science)"),
        Column("VALID_EVT_COUNT", "i4", "count", "events that passed the vetoes (secondary science)"),
        Column("STATUS", "bool", "", "6: P > T, 7: P > V + 1, 8: P = V + 1", (8,), bits=True),
    ),
    "HRC dead-time factors",
)
DTFSTATS = Schema(
    "DTFSTATS",
    (
        Column("DTCOR", "f8", "", "dead-time correction: mean factor in the good times", limits=(0, 1)),
        Column("DTF_CHISQ", "f8", "", "chi-square of the factors about it"),
        Column("DTF_RCHISQ", "f8", "", "reduced chi-square"),
        Column("DTF_MIN", "f8", "", "smallest factor", limits=(0, 1)),
        Column("DTF_MAX", "f8", "", "largest factor", limits=(0, 1)),
        Column("DTF_DEGFREE", "i4", "", "degrees of freedom"),
        Column("RED_CHISQ_LIMIT", "f8", "", "reduced chi-square from which the factor is variable"),
        Column("DTF_VAR", "bool", "", "whether it is variable"),
    ),
    "HRC dead-time correction of the observation",
)


def factors(
    total: ArrayLike, valid: ArrayLike, processed: ArrayLike, step: float = STEP
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Dead-time factors, their errors, and the (n, 8) status bits.

    Parameters
    ----------
    total, valid, processed
        (n,) counts of an interval.
    step
        Length of the interval [s].

    Notes
    -----
    Counters are read at slightly different moments, so P may exceed V by one: then P/V is 1 (bit 8). If it exceeds V by
    more, or T at all, nothing can be said: factor 0, error 1000 (bits 7 and 6). Without valid events only the checks of
    the others count.
    """
    t, v, p = (np.asarray(counts, dtype=np.float64) for counts in (total, valid, processed))
    if np.any(t < 0) or np.any(v < 0) or np.any(p < 0):
        raise BadData("HRC event counters: a count is negative; the secondary science of these rows is damaged")
    status = np.zeros((len(t), 8), np.bool_)
    status[:, IMPOSSIBLE] = p > t
    status[:, UNLIKELY] = (p > v + 1) & ~status[:, IMPOSSIBLE]
    status[:, ADJUSTED] = (p == v + 1) & ~status[:, IMPOSSIBLE]
    none = v == 0
    divisor = np.where(none, 1.0, v)
    share = np.where(none, 1.0, np.minimum(p / divisor, 1.0))
    taken = np.where(none, 0.0, p)
    full = v >= FULL_TELEMETRY
    dead = (GATE_CHECK * t * share + GATE_PROCESS * taken) / step
    factor = 1 - dead - np.where(full, 1 - share, 0.0)
    error = np.where(full, FULL_ERROR * (1 - factor), _errors(t, v, taken, share) / step)
    unknown = status[:, IMPOSSIBLE] | status[:, UNLIKELY]
    return np.where(unknown, 0.0, np.clip(factor, 0, 1)), np.where(unknown, NO_ERROR, error), status


def _errors(t: Array, v: Array, p: Array, share: Array) -> Array:
    """Error [s] of the dead time from those of the counts, telemetry not full."""
    error_t, error_v, error_p = (1 + np.sqrt(n + 0.75) for n in (t, v, p))
    divisor = np.where(v > 0, v, 1.0)
    some = v > 0
    by_t = GATE_CHECK * share * error_t
    by_p = np.where(some, (GATE_CHECK * t / divisor + GATE_PROCESS) * error_p, 0.0)
    by_v = np.where(some, GATE_CHECK * t * share / divisor * error_v, 0.0)
    return np.sqrt(by_t**2 + by_p**2 + by_v**2)


def dead_time(times: ArrayLike, total: ArrayLike, valid: ArrayLike, processed: ArrayLike, step: float = STEP) -> Table:
    """The DTF table of an observation; times are those of the rows of secondary science [s]."""
    factor, error, status = factors(total, valid, processed, step)
    header: Header = {
        "HDUCLASS": ("ASC", "format"),
        "HDUCLAS1": ("TEMPORALDATA", "kind of table"),
        "HDUCLAS2": ("DTCOR", "which one"),
        "TIMEDEL": (step, "[s] length of a row"),
    }
    counts = {"PROC_EVT_COUNT": processed, "TOTAL_EVT_COUNT": total, "VALID_EVT_COUNT": valid}
    columns = {"TIME": times, "DTF": factor, "DTF_ERR": error, **counts, "STATUS": status}
    return DTF.build(columns, header)


def processed_counts(event_times: Array, row_times: Array, row: float = ROW) -> NDArray[np.int64]:
    """How many of the (sorted) events lie in each row of secondary science, which begins at its time."""
    low, high = (np.searchsorted(event_times, np.asarray(row_times) + late) for late in (0.0, row))
    return np.asarray(high - low, dtype=np.int64)


def statistics(dtf: Table, gti: intervals.Intervals, step: float = STEP) -> Table:
    """DTFSTATS: the mean factor over the rows that lie wholly in a good interval.

    A row lies in it if ``[TIME, TIME + step]`` does, as two real observations show to 1e-12: the plain mean, rows
    without a factor (0) included, N - 2 degrees of freedom.

    Raises
    ------
    BadData
        If no row lies in the good times, or one of them holds no number.
    """
    factor, inside = np.asarray(dtf["DTF"], float), _inside(dtf, gti, step)
    if not inside.any():
        raise BadData("dead time: no row of the dtf1 file lies in the good times; is it that of another observation?")
    error = np.asarray(dtf["DTF_ERR"], float)
    wrong = int(np.count_nonzero(~(np.isfinite(factor[inside]) & (error[inside] > 0))))
    if wrong:
        raise BadData(f"dead time: {wrong} rows of the dtf1 file hold no factor with its error; make it again")
    mean = float(np.mean(factor[inside]))
    squares = float(np.sum(((factor[inside] - mean) / error[inside]) ** 2))
    freedom = max(int(inside.sum()) - 2, 1)
    return DTFSTATS.build(
        {
            "DTCOR": [mean],
            "DTF_CHISQ": [squares],
            "DTF_RCHISQ": [squares / freedom],
            "DTF_MIN": [factor[inside].min()],
            "DTF_MAX": [factor[inside].max()],
            "DTF_DEGFREE": [freedom],
            "RED_CHISQ_LIMIT": [CHISQ_LIMIT],
            "DTF_VAR": [squares / freedom > CHISQ_LIMIT],
        },
        {"HDUCLASS": ("ASC", "format"), "HDUCLAS1": ("DTFSTATS", "kind of table")},
    )


def silent(dtf: Table, gti: intervals.Intervals, step: float = STEP) -> NDArray[np.float64]:
    """Times of the rows in the good times in which nothing triggered: particles always do while the voltage is up.

    A real observation (62650) has 154 of them, in the first 822 s of its good times; 22772 has none.
    """
    rows = _inside(dtf, gti, step) & (np.asarray(dtf["TOTAL_EVT_COUNT"]) == 0)
    return np.asarray(dtf["TIME"], float)[rows]


def _inside(dtf: Table, gti: intervals.Intervals, step: float) -> NDArray[np.bool_]:
    """Rows that lie wholly in a good interval."""
    at, good = np.asarray(dtf["TIME"], float), intervals.normalise(gti)
    if not len(good):
        return np.zeros(len(at), bool)
    index = np.searchsorted(good[:, 0], at, side="right") - 1
    return np.asarray((index >= 0) & (at + step <= good[np.maximum(index, 0), 1]))


def live_time(gti: intervals.Intervals, stats: Table) -> Header:
    """ONTIME, DTCOR, LIVETIME and EXPOSURE, as event files carry them."""
    ontime, correction = intervals.total(gti), float(stats["DTCOR"][0])
    return {
        "ONTIME": (ontime, "[s] sum of the good times"),
        "DTCOR": (correction, "dead-time correction"),
        "LIVETIME": (ontime * correction, "[s] on time multiplied by DTCOR"),
        "EXPOSURE": (ontime * correction, "[s] exposure with all known corrections"),
    }
