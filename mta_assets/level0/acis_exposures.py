"""Which exposure the events of each data packet belong to, and when it was.

Data packets do not name their exposure: those of one front-end processor that come before an exposure record belong to
it (IP&CL, eventsSent: "preceding set of data records"). Their packet numbers count up within an exposure; where the
count starts again without a record in between, the record was lost, and exposure and time are estimated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.level0.acis_columns import ESTIMATED, INCOMPLETE, SUSPECT_FRAME
from mta_assets.telemetry.acis_clock import BepClock
from mta_assets.telemetry.acis_layouts import BY_TAG, EXPOSURE_TE, MODES, TICK
from mta_assets.telemetry.acis_packets import Packets
from mta_assets.telemetry.bitfields import fixed_fields
from mta_assets.telemetry.science import SUSPECT

STANDARD_PERIOD = 3.24104  # [s] standard exposure and frame transfer (CIAO caveat "ACIS exposure time keywords")
MODE_NAMES = tuple(MODES)
UNKNOWN_RUN = -1

_DATA_MODE = np.full(64, -1)
_RECORD_MODE = np.full(64, -1)
for _number, _mode in enumerate(MODES.values()):
    _DATA_MODE[_mode.data_tag] = _number
    _RECORD_MODE[_mode.exposure_tag] = _number


@dataclass(frozen=True)
class Assigned:
    """Packets of a block with what is known of them.

    ``record`` are the exposure records: arrays of the IP&CL fields and ``mode``, ``time``, ``count`` (unwrapped clock),
    ``received``, ``status``. ``data`` are the data packets that have their exposure: ``index`` (in the packets),
    ``mode``, ``fep``, ``ccd``, ``run``, ``expno``, ``time``, ``status``, ``events``. ``waiting`` are the indices of
    data packets whose record has not come.
    """

    record: dict[str, NDArray[Any]]
    data: dict[str, NDArray[Any]]
    waiting: NDArray[np.int64]
    period: dict[int, float]  # run → [s] between exposures


@dataclass
class LastExposure:
    """The last exposure record of each front-end processor, for what comes after it."""

    run: dict[int, int] = field(default_factory=dict)
    expno: dict[int, int] = field(default_factory=dict)
    time: dict[int, float] = field(default_factory=dict)
    period: dict[int, float] = field(default_factory=dict)  # by run


def assign(packets: Packets, clock: BepClock, last: LastExposure, final: bool) -> Assigned:
    """Give the data packets of a block their exposures; ``last`` is brought up to date.

    Parameters
    ----------
    packets
        In the order in which they came: those that waited, then the new ones.
    final
        True if nothing follows: packets without a record then get an estimate instead of waiting.
    """
    record = _records(packets, clock)
    rows = np.flatnonzero(_DATA_MODE[packets.tag] >= 0)
    layout = BY_TAG[MODES["FAINT"].data_tag]
    head = fixed_fields(packets.words, packets.start[rows], layout.fields[4:])
    number = head["dataPacketNumber"]
    data: dict[str, NDArray[Any]] = {
        "index": rows,
        "mode": _DATA_MODE[packets.tag[rows]],
        "fep": head["fepId"],
        "ccd": head["ccdId"],
        "run": np.full(len(rows), UNKNOWN_RUN, np.int64),
        "expno": np.zeros(len(rows), np.int64),
        "time": packets.time[rows].copy(),
        "status": np.where(packets.quality[rows] & SUSPECT, SUSPECT_FRAME, 0).astype(np.uint8),
        "events": _events_of(packets, rows),
    }
    suspect_data = (packets.quality[rows] & SUSPECT) != 0
    suspect_record = (packets.quality[record["index"]] & SUSPECT) != 0
    _mend_feps(record, suspect_record, data, suspect_data)
    period = _periods({name: array[~suspect_record] for name, array in record.items()})
    last.period.update(period)
    _mend_records(record, suspect_record, last)
    waits = np.zeros(len(rows), bool)
    for fep in np.unique(np.concatenate([data["fep"], record["fepId"]])).tolist():
        mine = np.flatnonzero(data["fep"] == fep)
        theirs = np.flatnonzero(record["fepId"] == fep)
        owner = np.searchsorted(record["index"][theirs], rows[mine])
        again = np.append(False, (np.diff(number[mine]) <= 0) & ~suspect_data[mine][1:] & ~suspect_data[mine][:-1])
        _assign_fep(data, record, last, mine, theirs, owner, again[: len(mine)], waits, final, fep)
    keep = ~waits
    return Assigned(record, {name: array[keep] for name, array in data.items()}, rows[waits], period)


def _assign_fep(
    data: dict[str, NDArray[Any]],
    record: dict[str, NDArray[Any]],
    last: LastExposure,
    mine: NDArray[np.int64],
    theirs: NDArray[np.int64],
    owner: NDArray[np.int64],
    again: NDArray[np.bool_],
    waits: NDArray[np.bool_],
    final: bool,
    fep: int,
) -> None:
    """The same for one front-end processor.

    ``owner`` is the index of the next record in ``theirs``, ``again`` where the packet number starts again.
    """
    new = np.ones(len(mine), bool)
    new[1:] = (np.diff(owner) != 0) | again[1:] | (np.diff(data["mode"][mine]) != 0)
    group = np.cumsum(new)
    back = np.searchsorted(owner, owner, side="right") - 1  # last packet with the same owner
    behind = group[back] - group if len(mine) else group  # exposures before the owner's
    known = owner < len(theirs)
    of = theirs[np.minimum(owner, max(len(theirs) - 1, 0))] if len(theirs) else np.zeros(len(mine), np.int64)
    if len(theirs):
        rows, row_of = mine[known], of[known]
        run = record["runStartTime"][row_of]
        period = np.array([last.period.get(int(r), STANDARD_PERIOD) for r in run.tolist()])
        shift = behind[known]
        fits = data["mode"][rows] == record["mode"][row_of]
        data["run"][rows] = run
        data["expno"][rows] = np.maximum(record["exposureNumber"][row_of] - shift, 0)
        data["time"][rows] = record["time"][row_of] - shift * period
        lost = (shift > 0) | ~fits
        data["status"][rows[lost]] |= ESTIMATED
        own = ~lost
        received = np.bincount(row_of[own], data["events"][rows[own]], minlength=len(record["index"]))
        record["received"][theirs] = received[theirs].astype(np.int64)
        short = record["received"] != record["eventsSent"]
        record["status"][theirs] |= np.where(short[theirs], INCOMPLETE, 0).astype(np.uint8)
        data["status"][rows[own & short[row_of]]] |= INCOMPLETE
        data["status"][rows] |= record["status"][row_of] & ESTIMATED
        end = theirs[-1]
        last.run[fep] = int(record["runStartTime"][end])
        last.expno[fep] = int(record["exposureNumber"][end])
        last.time[fep] = float(record["time"][end])
    open_rows = mine[~known]
    if not final:
        waits[open_rows] = True
    elif len(open_rows):
        data["status"][open_rows] |= ESTIMATED
        if fep in last.run:
            ahead = group[~known] - group[~known][0] + 1
            period_of_run = last.period.get(last.run[fep], STANDARD_PERIOD)
            data["run"][open_rows] = last.run[fep]
            data["expno"][open_rows] = last.expno[fep] + ahead
            data["time"][open_rows] = last.time[fep] + ahead * period_of_run


def _records(packets: Packets, clock: BepClock) -> dict[str, NDArray[Any]]:
    rows = np.flatnonzero(_RECORD_MODE[packets.tag] >= 0)
    record = fixed_fields(packets.words, packets.start[rows], EXPOSURE_TE.fields[4:])
    record["index"] = rows
    record["mode"] = _RECORD_MODE[packets.tag[rows]]
    record["received"] = np.zeros(len(rows), np.int64)
    record["status"] = np.where(packets.quality[rows] & SUSPECT, SUSPECT_FRAME, 0).astype(np.uint8)
    if clock:
        record["count"] = clock.count_before(record["fepTimestamp"], packets.counter[rows])
        record["time"] = clock.times(record["count"])
    else:  # not one science frame began in the data: the frame's own time is all there is
        record["count"] = record["fepTimestamp"].copy()
        record["time"] = packets.time[rows].copy()
        record["status"] |= ESTIMATED
    return record


def _mend_feps(
    record: dict[str, NDArray[Any]],
    suspect_record: NDArray[np.bool_],
    data: dict[str, NDArray[Any]],
    suspect_data: NDArray[np.bool_],
) -> None:
    """Processor or CCD of packets from damaged frames, where the pair is not one of the good packets."""
    if not (suspect_record.any() or suspect_data.any()):
        return
    pairs = np.unique(
        np.concatenate(
            [
                np.column_stack([record["fepId"], record["ccdId"]])[~suspect_record],
                np.column_stack([data["fep"], data["ccd"]])[~suspect_data],
            ]
        ),
        axis=0,
    )
    for table, names, rows in ((record, ("fepId", "ccdId"), suspect_record), (data, ("fep", "ccd"), suspect_data)):
        for i in np.flatnonzero(rows).tolist():
            fep, ccd = int(table[names[0]][i]), int(table[names[1]][i])
            if np.any((pairs[:, 0] == fep) & (pairs[:, 1] == ccd)):
                continue
            # one bit is wrong, so one of the two is right
            near = pairs[(pairs[:, 0] == fep) ^ (pairs[:, 1] == ccd)]
            if len(near) > 1 and table is record:  # the processor that has not told of this exposure
                others = record["exposureNumber"] == record["exposureNumber"][i]
                others[i] = False
                near = near[~np.isin(near[:, 0], record["fepId"][others])]
            if len(near) == 1:
                table[names[0]][i], table[names[1]][i] = near[0]
                table["status"][i] |= ESTIMATED


def _mend_records(record: dict[str, NDArray[Any]], suspect: NDArray[np.bool_], last: LastExposure) -> None:
    """Run, exposure number and time of records from damaged frames, where they do not fit the good ones around."""
    for i in np.flatnonzero(suspect).tolist():
        fep = record["fepId"][i]
        good = np.flatnonzero((record["fepId"] == fep) & ~suspect)
        if not len(good):
            continue
        near = good[np.argmin(np.abs(good - i))]
        run = int(record["runStartTime"][near])
        period = last.period.get(run, STANDARD_PERIOD)
        among = np.flatnonzero(record["fepId"] == fep)
        steps = int(np.searchsorted(among, i) - np.searchsorted(among, near))
        ahead = int(record["exposureNumber"][i] - record["exposureNumber"][near])
        fits = abs(record["time"][i] - record["time"][near] - ahead * period) < period / 2 and abs(ahead) < 1000
        if not fits or record["runStartTime"][i] != run:
            record["runStartTime"][i] = run
            record["exposureNumber"][i] = max(int(record["exposureNumber"][near]) + steps, 0)
            record["time"][i] = record["time"][near] + steps * period
            record["count"][i] = record["count"][near] + round(steps * period / TICK)
            record["status"][i] |= ESTIMATED


def _events_of(packets: Packets, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    counts = np.zeros(len(rows), np.int64)
    for mode in MODES.values():
        mine = packets.tag[rows] == mode.data_tag
        counts[mine] = (32 * packets.length[rows[mine]] - mode.layout.record_offset) // mode.layout.record_bits
    return counts


def _periods(record: dict[str, NDArray[Any]]) -> dict[int, float]:
    """Median time between consecutive exposures of each run [s]."""
    periods = {}
    for run in np.unique(record["runStartTime"]).tolist():
        rows = np.flatnonzero(record["runStartTime"] == run)
        order = rows[np.lexsort((record["index"][rows], record["fepId"][rows]))]
        step = np.diff(record["exposureNumber"][order])
        same = (np.diff(record["fepId"][order]) == 0) & (step > 0) & (step < 10)
        if same.any():
            periods[run] = float(np.median((np.diff(record["time"][order])[same]) / step[same]))
    return periods
