"""The truth of a run: what was put in, what was damaged, and what has to be found.

``truth.json`` holds the plan of the run, each playback with the frames that it lost, and each fault with the records
that the catalog should have afterwards. Events stand in Parquet files beside it. Engineering counts need no file:
`expected_counts` computes them again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.times import from_utc, to_utc_iso
from mta_assets.missions.load import Mission
from mta_assets.simulate.assemble import Finished, Plan
from mta_assets.simulate.engineering_encode import Encoder, counts_of
from mta_assets.simulate.faults import FRAME_KINDS, SENSOR_KINDS, STRETCH_FRAMES, Fault, Span

Array = NDArray[Any]
VERSION = 1  # of truth.json
NAME = "truth.json"
AROUND = 32.8  # [s] before and after lost or damaged frames in which science packets may be missed too
FRAME_RECORDS = {  # injected fault → kinds of FAULTS records
    "gap": ("gap",),
    "repeated_frame": ("duplicate",),
    "repeated_stretch": ("duplicate",),
    "out_of_order": ("out_of_order",),
    "bit_engineering": ("bad_checksum",),
    "bit_sync": ("bad_sync", "bad_checksum"),
    "bit_counter": ("bad_checksum",),
    "bit_science": ("bad_checksum",),
}


@dataclass(frozen=True)
class Truth:
    """A truth file, read.

    Attributes
    ----------
    folder
        Where it and the event files lie.
    content
        The JSON.
    """

    folder: Path
    content: Mapping[str, Any]

    @property
    def playbacks(self) -> list[dict[str, Any]]:
        return list(self.content["playbacks"])

    @property
    def faults(self) -> list[dict[str, Any]]:
        return list(self.content["faults"])

    def plan(self, mission: Mission) -> Plan:
        """The plan of the run, from which everything can be computed again."""
        run = self.content["run"]
        return Plan(mission, from_utc(run["start"]), run["hours"], run["minutes"], run["seed"], run["faults"])

    def events(self, instrument: str, number: int) -> dict[str, Array]:
        """Events put into one playback, ``acis`` or ``hrc``: columns as they were written, lists as object arrays.

        For ACIS ``first`` and ``last`` are the counters of the frames that the packet touches (``last`` may be one too
        many), for HRC ``counter`` that of the frame. Frames of an overlap are included. ``hrc_rates`` are the rows of
        secondary science of HRC observations, by the ``counter`` of their first frames: ``total`` and ``valid`` counts,
        and the ``dead`` time [s] of the electronics.
        """
        import pyarrow.parquet as pq

        playback = next(p for p in self.playbacks if p["number"] == number)
        table = pq.read_table(self.folder / playback["events"][instrument]["file"])
        return {name: table[name].to_numpy() for name in table.column_names}

    def records(self, table: str) -> list[dict[str, Any]]:
        """Records of a table (``FAULTS`` or ``FINDINGS``) that should be found, with ``playback`` and ``fault``."""
        return [
            {"playback": fault["playback"], "fault": fault["kind"], **record}
            for fault in self.faults
            for record in fault["expected"]
            if record["table"] == table
        ]


def load(folder: Path) -> Truth:
    """Read ``truth.json`` of a folder."""
    return Truth(folder, json.loads((folder / NAME).read_text(encoding="utf-8")))


def expected_counts(
    plan: Plan, number: int, msids: Iterable[str] | None = None
) -> dict[str, tuple[NDArray[np.int64], Array]]:
    """Raw counts of parameters as they were put into one playback, before frames were lost or damaged.

    Returns
    -------
    dict
        By MSID the unwrapped counters of the frames that carry its samples, and the counts.
    """
    span = plan.spans[number]
    names = list(plan.dictionary.msids) if msids is None else list(msids)
    found: dict[str, tuple[list[Array], list[Array]]] = {name: ([], []) for name in names}
    for piece in plan.pieces(span):
        counter = np.arange(piece.first, piece.stop)
        times = plan.clock.time(counter)
        form = plan.schedule.telemetry_format(times)
        encoder = Encoder(plan.dictionary, counter, form, times, np.zeros((0, 0), np.uint8))
        for name in names:
            values = plan.engineering.values(name, encoder.sample_times(name))
            found[name][0].append(counter[encoder.samples(name)])
            found[name][1].append(np.asarray(counts_of(plan.dictionary[name], values)))
    return {name: (np.concatenate(at), np.concatenate(counts)) for name, (at, counts) in found.items()}


def lost_frames(faults: Iterable[Fault], span: Span) -> list[tuple[int, int]]:
    """First and last counters of frames that a playback lacks."""
    return [(f.first, f.last) for f in faults if f.playback == span.number and f.kind in ("gap", "truncated")]


def suspect_frames(faults: Iterable[Fault], span: Span) -> list[int]:
    """Counters of frames in which a bit is wrong."""
    return [f.first for f in faults if f.playback == span.number and f.kind.startswith("bit_")]


def describe(plan: Plan, fault: Fault, file: str, size: int) -> dict[str, Any]:
    """A fault for ``truth.json`` with the records that are expected of it.

    ``may`` are records that it can cause besides: science packets in lost or damaged frames.
    """
    start, stop = plan.clock.time(np.array([fault.first, fault.last]))
    expected = _expected(plan, fault, size)
    entry = {**asdict(fault), "params": dict(fault.params), "file": file, "tstart": float(start), "tstop": float(stop)}
    may = []
    if fault.kind in ("gap", "truncated") or fault.kind.startswith("bit_"):
        window = {"tstart": float(start) - AROUND, "tstop": float(stop) + AROUND}
        may = [{"table": "FAULTS", "source": source, **window} for source in ("acis", "hrc", "aca")]
    return {**entry, "expected": expected, "may": may}


def _expected(plan: Plan, fault: Fault, size: int) -> list[dict[str, Any]]:
    if fault.kind in SENSOR_KINDS:
        return _findings(plan, fault)
    if fault.kind == "hot_pixel":
        p = fault.params
        name = f"ccd {p['ccd_id']} pixel {p['chipx']},{p['chipy']}"
        return [{"table": "FINDINGS", "kind": "hot_pixel", "name": name, "subsystem": "ACIS", "severity": "yellow"}]
    if fault.kind == "truncated":
        left = fault.params["bytes_left"]
        record = {"table": "FAULTS", "kind": "truncated", "source": "frames"}
        return [{**record, "first": size - left, "last": size - 1, "count": left}]
    first, last = fault.first, fault.last
    if fault.kind == "out_of_order":
        last = first + STRETCH_FRAMES - 1  # the first half came after the second
    kinds = FRAME_RECORDS[fault.kind] if fault.kind in FRAME_KINDS else (fault.kind,)
    place = {"first": first, "last": last, "count": last - first + 1}
    return [{"table": "FAULTS", "kind": kind, "source": "frames", **place} for kind in kinds]


def _findings(plan: Plan, fault: Fault) -> list[dict[str, Any]]:
    """What the monitor should say of a sensor fault: computed from the counts that were put in."""
    msid = fault.params["msid"]
    parameter, limits = plan.dictionary[msid], plan.engineering.limits[msid]
    step = parameter.step
    span = next(span for span in plan.spans if span.number == fault.playback)
    begin = max(span.first, (fault.first - 40 * step) // step * step)
    start = np.arange(begin, min(span.stop, fault.last + 40 * step), step)
    times = plan.clock.time(start)
    counts = np.asarray(counts_of(parameter, plan.engineering.values(msid, times)))
    values = np.asarray(parameter.convert(counts)[0], np.float64)
    common = {"table": "FINDINGS", "name": msid, "subsystem": parameter.subsystem}
    if fault.kind == "short":
        return []
    if fault.kind == "stuck":
        at = int(np.searchsorted(start, fault.first))
        change = np.flatnonzero(np.diff(counts)) + 1
        first = int(max((c for c in change if c <= at), default=0))
        last = int(min((c for c in change if c > at), default=len(counts))) - 1
        extent = _extent(times, values, first, last, first)
        return [{**common, "kind": "stuck", "severity": "yellow", "side": "", **extent}]
    severity, side = fault.kind.split("_")
    records = []
    for colour in ("yellow", "red") if severity == "red" else ("yellow",):
        bound = getattr(limits, f"{colour}_{side}")
        if np.isnan(bound):
            continue
        beyond = np.flatnonzero(values > bound if side == "high" else values < bound)
        worst = int(beyond[np.argmax(np.abs(values[beyond] - bound))])
        extent = _extent(times, values, int(beyond[0]), int(beyond[-1]), worst)
        records.append({**common, "kind": "limit", "severity": colour, "side": side, "bound": float(bound), **extent})
    return records


def _extent(times: Array, values: Array, first: int, last: int, worst: int) -> dict[str, Any]:
    return {
        "tstart": float(times[first]),
        "tstop": float(times[last]),
        "first": float(values[first]),
        "last": float(values[last]),
        "worst": float(values[worst]),
        "count": last - first + 1,
    }


def run_section(plan: Plan) -> dict[str, Any]:
    """The plan for ``truth.json``."""
    return {
        "mission": plan.mission.name,
        "start": to_utc_iso(plan.tstart),
        "hours": plan.hours,
        "minutes": plan.minutes,
        "seed": plan.seed,
        "faults": plan.with_faults,
    }


class EventWriter:
    """Writes the events of one playback, piece by piece."""

    def __init__(self, folder: Path, stem: str) -> None:
        self.folder, self.stem = folder, stem
        self.rows = {"acis": 0, "hrc": 0, "hrc_rates": 0}
        self._writers: dict[str, Any] = {}

    def add(self, piece: Finished, since: int | None = None) -> None:
        """Events of a piece, or only those in frames from a counter on (an overlap)."""
        self._write("acis", acis_rows(piece, since))
        self._write("hrc", since_frame(piece.hrc, since))
        self._write("hrc_rates", since_frame(piece.hrc_rates, since))

    def close(self) -> dict[str, Any]:
        """Finish the files; returns their names and numbers of events."""
        for name in self.rows:
            if name not in self._writers:  # a playback without events has an empty file: nothing is missing
                self._write(name, {"counter": np.zeros(0, np.int64)}, force=True)
            self._writers[name].close()
        return {name: {"file": self._name(name), "count": count} for name, count in self.rows.items()}

    def _name(self, instrument: str) -> str:
        return f"{self.stem}_{instrument}.parquet"

    def _write(self, instrument: str, rows: Mapping[str, Array], force: bool = False) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        count = len(next(iter(rows.values()))) if rows else 0
        if not count and not force:
            return
        table = pa.table({name: _arrow(column) for name, column in rows.items()})
        if instrument not in self._writers:
            path = self.folder / self._name(instrument)
            self._writers[instrument] = pq.ParquetWriter(path, table.schema, compression="zstd")
        self._writers[instrument].write_table(table)
        self.rows[instrument] += count


def _arrow(column: Array) -> Any:
    """A column as Arrow: islands of pixels become lists, without the padding of smaller islands."""
    import pyarrow as pa

    if column.ndim == 1:
        return pa.array(column)
    flat = column.reshape(len(column), -1)
    padded = flat[:, 0] == -1
    if not padded.any():
        offsets = np.arange(len(flat) + 1, dtype=np.int32) * flat.shape[1]
        return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat.ravel()))
    kept = flat != -1
    offsets = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat[kept]))


def acis_rows(piece: Finished, since: int | None = None) -> dict[str, Array]:
    """ACIS events of a piece with the frames of their packets."""
    events = piece.acis.stream.events
    if not events:
        return {}
    packet = events["packet"]
    rows = {name: column for name, column in events.items() if name != "packet"}
    rows |= {"first": piece.acis.first[packet], "last": piece.acis.last[packet]}
    return rows if since is None else {n: c[rows["first"] >= since] for n, c in rows.items()}


def since_frame(rows: Mapping[str, Array], since: int | None) -> Mapping[str, Array]:
    """Rows of a frame each, all or those from a counter on."""
    return rows if since is None or not rows else {n: c[rows["counter"] >= since] for n, c in rows.items()}
