"""ACIS extractor: playback to level-0 events and exposure records, one product per front-end processor and run.

Blocks of about an hour keep the memory constant. An event waits for the exposure record that follows it in
the telemetry, which gives it exposure number and time; at the end of the playback, events whose record has not
come are written with an estimate and a STATUS bit. None is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core import intervals
from mta_assets.core.gti import GTI
from mta_assets.core.records import FINDINGS
from mta_assets.core.request import Request
from mta_assets.core.tables import Header, Product, Table
from mta_assets.instruments.acis import FRAME_TRANSFER
from mta_assets.level0.acis_columns import EVENTS, EXPOSURES, FIELDS, hdu_class
from mta_assets.level0.acis_exposures import (
    MODE_NAMES,
    STANDARD_PERIOD,
    UNKNOWN_RUN,
    Assigned,
    LastExposure,
    assign,
)
from mta_assets.level0.acis_parameters import parameter_blocks
from mta_assets.level0.hot_pixels import find_hot_pixels
from mta_assets.level0.obs_keywords import Engineering
from mta_assets.missions.load import Mission
from mta_assets.telemetry.acis_clock import BepClock
from mta_assets.telemetry.acis_layouts import BEP_MODULO, MODES
from mta_assets.telemetry.acis_packets import PacketReader, Packets, chain, no_packets
from mta_assets.telemetry.bitfields import record_fields
from mta_assets.telemetry.odb import dictionary_of
from mta_assets.telemetry.science import format_of, science_stream

if TYPE_CHECKING:
    from mta_assets.telemetry.playback import Playback

BLOCK_SECONDS = 3600.0
LARGEST = (1 << 31) - 1  # what an event count or number can be in the products
Group = dict[str, NDArray[Any]]


def extract_events(playback: Playback, mission: Mission, request: Request) -> Iterator[Product | Table]:
    """Level-0 products of the ACIS packets of a playback.

    Yields
    ------
    Product
        ``ACIS_EVT0`` (tables EVENTS and GTI0) and ``ACIS_EXR0`` (EXPREC, GTI0) with the field ``fep_id``; ``ACIS_PBK0``
        for each parameter block that was dumped.
    Table
        At the end ``FAULTS`` (damaged or missing packets) and ``FINDINGS`` (hot pixels), if there are any.
    """
    extractor = Extractor()
    dictionary = dictionary_of(mission)
    for packets, engineering, final in _blocks(playback, mission, extractor, dictionary):
        yield from parameter_blocks(packets)
        yield from extractor.products(packets, engineering, final)
    faults, findings = extractor.reader.table(), extractor.findings()
    if len(faults):
        yield faults
    if len(findings):
        yield findings


def check_packets(playback: Playback, mission: Mission, request: Request) -> Table:
    """Faults of the ACIS packets of a playback (core.records.FAULTS), without decoding their events.

    The same faults come out of `extract_events`: use one or the other.
    """
    reader = PacketReader()
    number, ranges = format_of(mission, "ACIS"), mission.frame.science
    for block in playback.blocks(BLOCK_SECONDS):
        reader.read(science_stream(block, number, ranges))
    reader.finish()
    return reader.table()


def _blocks(
    playback: Playback, mission: Mission, extractor: Extractor, dictionary: Any
) -> Iterator[tuple[Packets, Engineering | None, bool]]:
    """Packets and engineering of each block, one behind, so that the last one is known to be the last."""
    number, ranges = format_of(mission, "ACIS"), mission.frame.science
    packets, engineering = None, None
    for block in playback.blocks(BLOCK_SECONDS):
        if packets is not None:
            yield packets, engineering, False
        stream = science_stream(block, number, ranges)
        packets, clock = extractor.reader.read(stream)
        extractor.clock.add(clock)
        engineering = Engineering(block, dictionary) if len(packets) else engineering
    rest = extractor.reader.finish()
    yield chain(packets if packets is not None else no_packets(), rest), engineering, True


class Extractor:
    """What must be remembered from block to block."""

    def __init__(self) -> None:
        self.reader = PacketReader()
        self.clock = BepClock()
        self._waiting = no_packets()
        self._last = LastExposure()
        self._runs: dict[int, int] = {}
        self._hot: dict[tuple[int, int, int], list[float]] = {}

    def products(self, packets: Packets, engineering: Engineering | None, final: bool) -> Iterator[Product]:
        """Products of the packets of one block."""
        every = chain(self._waiting, packets)
        assigned = assign(every, self.clock, self._last, final)
        self._waiting = every.select(assigned.waiting).compact()
        record, data = assigned.record, assigned.data
        runs = np.unique(np.concatenate([record["runStartTime"], data["run"]]))
        for run in sorted(runs.tolist(), key=lambda r: _first_time(record, data, r)):
            yield from self._run(every, assigned, run, engineering)

    def _run(
        self, packets: Packets, assigned: Assigned, run: int, engineering: Engineering | None
    ) -> Iterator[Product]:
        record, data = assigned.record, assigned.data
        index = self._runs.setdefault(run, len(self._runs) + 1)
        ccds = np.unique(
            np.concatenate([record["ccdId"][record["runStartTime"] == run], data["ccd"][data["run"] == run]])
        )
        common: Header = {
            "INSTRUME": ("ACIS", "instrument"),
            "DETNAM": ("ACIS-" + "".join(str(c) for c in ccds.tolist()), "CCDs of the run"),
            "RUN_ID": (index, "science run index in the playback"),
        }
        if run != UNKNOWN_RUN:
            common["RUNSTART"] = (run, "BEP timer value at the start of the run")
        period = self._last.period.get(run)
        hot: list[tuple[Table, int, int]] = []
        feps = np.unique(
            np.concatenate([record["fepId"][record["runStartTime"] == run], data["fep"][data["run"] == run]])
        )
        for fep in feps.tolist():
            for mode in range(len(MODE_NAMES)):
                rows = np.flatnonzero((data["run"] == run) & (data["fep"] == fep) & (data["mode"] == mode))
                recs = np.flatnonzero(
                    (record["runStartTime"] == run) & (record["fepId"] == fep) & (record["mode"] == mode)
                )
                if not len(rows) and not len(recs):
                    continue
                exposures = {name: array[recs] for name, array in record.items()}
                events = _events(packets, {name: array[rows] for name, array in data.items()}, mode)
                ccd = int(exposures["ccdId"][0] if len(recs) else data["ccd"][rows[0]])
                yield from _products(events, exposures, common, fep, ccd, mode, period, engineering)
                if MODES[MODE_NAMES[mode]].readmode == "TIMED":
                    hot.append((events, ccd, len(recs)))
        for events, ccd, n_exposures in hot:
            self._note_hot_pixels(events, ccd, n_exposures)

    def _note_hot_pixels(self, events: Table, ccd: int, n_exposures: int) -> None:
        found = find_hot_pixels(events["CCDX"], events["CCDY"], events["EXPNO"], n_exposures)
        for x, y, count, bound in zip(
            found.x.tolist(), found.y.tolist(), found.count.tolist(), found.bound.tolist(), strict=True
        ):
            time = events["TIME"][(events["CCDX"] == x) & (events["CCDY"] == y)]
            row = self._hot.setdefault((ccd, x, y), [float(time[0]), 0.0, float(count), 0.0, 0.0, 0.0, bound])
            row[1] = float(time[-1])
            row[3] = float(count)
            row[4] = max(row[4], float(count))
            row[5] += count

    def findings(self) -> Table:
        """Hot pixels found so far (core.records.FINDINGS), one row each."""
        rows = sorted(self._hot.items())
        return FINDINGS.build(
            {
                "name": np.array([f"ccd {ccd} pixel {x + 1},{y + 1}" for (ccd, x, y), _ in rows], "U24"),
                "subsystem": np.full(len(rows), "ACIS", "U16"),
                "kind": np.full(len(rows), "hot_pixel", "U16"),
                "severity": np.full(len(rows), "yellow", "U8"),
                "side": np.full(len(rows), "high", "U8"),
                "bound": np.array([row[6] for _, row in rows], float),
                "tstart": np.array([row[0] for _, row in rows], float),
                "tstop": np.array([row[1] for _, row in rows], float),
                "first": np.array([row[2] for _, row in rows], float),
                "last": np.array([row[3] for _, row in rows], float),
                "worst": np.array([row[4] for _, row in rows], float),
                "count": np.array([int(row[5]) for _, row in rows], np.int64),
                "unit": np.full(len(rows), "count", "U16"),
                "detail": np.array(
                    [f"{int(row[5])} events in a pixel whose neighbours allow {row[6]:.0f} a block" for _, row in rows],
                    "U200",
                ),
            }
        )


def _first_time(record: Group, data: Group, run: int) -> float:
    times = np.concatenate([record["time"][record["runStartTime"] == run], data["time"][data["run"] == run]])
    return float(times.min())


def _events(packets: Packets, data: Group, mode: int) -> Table:
    """Event table of some data packets of one mode."""
    name = MODE_NAMES[mode]
    schema, layout = EVENTS[name], MODES[name].layout
    index = data["index"]
    fields, counts = record_fields(packets.words, packets.start[index], packets.length[index], layout)
    columns: dict[str, NDArray[Any]] = {
        "TIME": np.repeat(data["time"], counts),
        "EXPNO": np.repeat(np.minimum(data["expno"], LARGEST).astype(np.int32), counts),
        "CCD_ID": np.repeat(data["ccd"].astype(np.int16), counts),
        "STATUS": np.repeat(data["status"], counts),
    }
    for column in schema.columns:
        if column.name in FIELDS:
            source = next(field for field in FIELDS[column.name] if field in fields)
            columns[column.name] = fields[source].reshape(-1, *column.shape)
    return schema.build(columns)


def _products(
    events: Table,
    record: Group,
    common: Header,
    fep: int,
    ccd: int,
    mode: int,
    period: float | None,
    engineering: Engineering | None,
) -> Iterator[Product]:
    """Event and exposure product of one front-end processor in one run and block."""
    step = period or STANDARD_PERIOD
    times = np.sort(np.concatenate([record["time"], events["TIME"]]))
    tstart, tstop = float(times[0]), float(times[-1]) + step
    kind = MODES[MODE_NAMES[mode]]
    header: Header = {
        **common,
        "DATAMODE": (kind.datamode, "event mode"),
        "READMODE": (kind.readmode, "read mode"),
        **(engineering.keywords(tstart, tstop) if engineering else {}),
        "FEP_ID": (fep, "front-end processor"),
        "CCD_ID": (ccd, "CCD"),
    }
    if period is not None:
        header["TIMEDEL"] = (period, "[s] time between exposures")
        if kind.readmode == "TIMED":
            header["EXPTIME"] = (round(period - FRAME_TRANSFER, 1), "[s] exposure time")
    if len(record["time"]):
        first, last = int(np.argmin(record["time"])), int(np.argmax(record["time"]))
        header["STARTBEP"] = (int(record["count"][first]) % BEP_MODULO, "BEP timer value at the first exposure")
        header["STOPBEP"] = (int(record["count"][last]) % BEP_MODULO, "BEP timer value at the last exposure")
        header["PBLOCK"] = (int(record["parameterBlockId"][0]), "parameter block identifier")
        header["WIND_ID"] = (int(record["windowBlockId"][0]), "window block identifier")
    gti = _gti(record["time"], step)
    fields = {"fep_id": fep}
    if len(events):
        event_header = {"CONTENT": ("EVT0", "level-0 events"), **hdu_class("EVENTS", "ALL")}
        yield Product(
            "ACIS_EVT0", (events.with_header(event_header), gti), tstart, tstop, {**header, "CONTENT": "EVT0"}, fields
        )
    if len(record["time"]):
        exposures = _exposure_table(record)
        yield Product("ACIS_EXR0", (exposures, gti), tstart, tstop, {**header, "CONTENT": "EXR0"}, fields)


def _exposure_table(record: Group) -> Table:
    return EXPOSURES.build(
        {
            "TIME": record["time"],
            "EXPNO": np.minimum(record["exposureNumber"], LARGEST),
            "FEPTIME": record["fepTimestamp"],
            "EVTSENT": np.minimum(record["eventsSent"], LARGEST),
            "EVTRECV": record["received"],
            "THR_PIX": np.minimum(record["thresholdPixels"], LARGEST),
            "DROP_AMP": np.minimum(record["discardEventAmplitude"], LARGEST),
            "DROP_POS": np.minimum(record["discardWindow"], LARGEST),
            "DROP_GRD": np.minimum(record["discardGrade"], LARGEST),
            "DELTOCL": record["deltaOverclocks"],
            "BERR_SUM": np.minimum(record["biasParityErrors"], LARGEST),
            "STATUS": record["status"],
        },
        {"CONTENT": ("EXR0", "level-0 exposure records"), **hdu_class("EXPREC", "", "ASC")},
    )


def _gti(times: NDArray[np.float64], period: float) -> Table:
    good = intervals.from_samples(np.sort(times), period)
    return replace(GTI.build({"START": good[:, 0], "STOP": good[:, 1]}, hdu_class("GTI", "ALL")), name="GTI0")
