"""A stretch of frames: engineering, aspect camera and science data in their places.

`make` does what depends on (seed, interval) alone and can run in any process and order; `finish` puts in the ACIS
packets, which carry on from one playback to the next, and seals the frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.instruments.hrc import ROW
from mta_assets.missions.load import Mission
from mta_assets.simulate import aca_stream, acis_send, acis_stream, attitude, hrc_detector
from mta_assets.simulate.acis_detector import HotPixel
from mta_assets.simulate.engineering import Bench, Engineering
from mta_assets.simulate.engineering_encode import Encoder
from mta_assets.simulate.faults import FRAME_KINDS, Fault, Span, overrides, plan_faults
from mta_assets.simulate.frames import encode_frames
from mta_assets.simulate.healthy import read_limits
from mta_assets.simulate.hrc_events import encode as encode_hrc
from mta_assets.simulate.hrc_rates import row_counts
from mta_assets.simulate.pcad import Pointing
from mta_assets.simulate.power import Power
from mta_assets.simulate.schedule import Schedule, make_schedule
from mta_assets.simulate.states import Environment
from mta_assets.telemetry.aca_packets import FRAMES
from mta_assets.telemetry.clock import Clock, mission_clock
from mta_assets.telemetry.odb import Dictionary, dictionary_of
from mta_assets.telemetry.science import format_of

Array = NDArray[Any]
PIECE = 3600.0  # [s] of frames that are held in memory at once
HRC_NAMES = {
    "time": "TIME", "crsv": "CRSV", "av1": "AV1", "av2": "AV2", "av3": "AV3", "crsu": "CRSU", "au1": "AU1",
    "au2": "AU2", "au3": "AU3", "amp_sf": "AMP_SF", "pha": "PHA", "e_trig": "E_TRIG", "vetostt": "VETOSTT",
}  # fmt: skip
HRC_TRUTH = ("source_id", "energy", "tg_part", "tg_m")


@dataclass(frozen=True)
class Plan:
    """Everything that a run is a function of.

    Parameters
    ----------
    mission
        Its dictionary, clock and limits.
    tstart
        Nominal start [s], TT since 1998.0.
    hours, minutes
        Length of the run and of a playback.
    seed
        Of everything random.
    with_faults
        Whether faults are injected.
    """

    mission: Mission
    tstart: float
    hours: float
    minutes: float
    seed: int
    with_faults: bool = True

    @cached_property
    def clock(self) -> Clock:
        return mission_clock(self.mission)

    @cached_property
    def dictionary(self) -> Dictionary:
        return dictionary_of(self.mission)

    @cached_property
    def schedule(self) -> Schedule:
        return make_schedule(self.tstart, self.hours, self.seed)

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """Playbacks: whole major frames, each from the first one that starts after its nominal start."""
        major = self.mission.frame.minor_frames
        count = max(1, int(np.ceil(self.hours * 60.0 / self.minutes - 1e-9)))
        edges = self.tstart + 60.0 * np.minimum(self.minutes * np.arange(count + 1), self.hours * 60.0)
        first = np.ceil(self.clock.counter(edges) / major - 1e-6).astype(np.int64) * major
        return tuple(Span(i, int(first[i]), int(first[i + 1])) for i in range(count) if first[i + 1] > first[i])

    def pieces(self, span: Span) -> tuple[Span, ...]:
        """A playback in pieces of about an hour, so that a day in one file needs no more memory; no fault is cut."""
        major = self.mission.frame.minor_frames
        step = round(PIECE / self.mission.frame.period / major) * major
        edges = [span.first]
        while span.stop - edges[-1] > 1.5 * step:
            edge = edges[-1] + step
            for fault in self.faults:
                if fault.first < edge <= fault.last and fault.kind in FRAME_KINDS:
                    edge = -(-(fault.last + 1) // major) * major
            edges.append(edge)
        return tuple(Span(span.number, a, b) for a, b in pairwise([*edges, span.stop]))

    @cached_property
    def healthy(self) -> Engineering:
        """The engineering of the spacecraft without injected faults."""
        tstop = self.tstart + 3600.0 * self.hours + 60.0
        env = Environment(self.schedule, self.tstart, tstop)
        pointing = Pointing(
            env,
            lambda times: attitude.quaternion(self.schedule, times),
            self.seed,
            lambda times: attitude.body_angle(self.schedule, times),
        )
        bench = Bench(env, Power(env), pointing, self.clock, self.seed)
        section = self.mission.file.monitor
        limits = read_limits(self.mission.folder / section.limits, self.tstart, tstop) if section else {}
        return Engineering(self.dictionary, bench, limits)

    @cached_property
    def faults(self) -> tuple[Fault, ...]:
        if not self.with_faults:
            return ()
        return plan_faults(self.spans, self.healthy, self.seed, self._imaging())

    @cached_property
    def engineering(self) -> Engineering:
        """The engineering with the injected faults."""
        healthy = self.healthy
        return Engineering(self.dictionary, healthy.bench, healthy.limits, overrides(self.faults, healthy))

    @cached_property
    def hot_pixels(self) -> tuple[HotPixel, ...]:
        """Injected hot pixels."""
        return tuple(
            HotPixel(
                f.params["ccd_id"],
                f.params["chipx"],
                f.params["chipy"],
                tstart=float(self.clock.time(f.first)),
                tstop=float(self.clock.time(f.last + 1)),
                chance=f.params["fraction"],
            )
            for f in self.faults
            if f.kind == "hot_pixel"
        )

    def _imaging(self) -> dict[int, tuple[int, ...]]:
        """CCDs that take timed exposures over at least four fifths of a playback."""
        able: dict[int, tuple[int, ...]] = {}
        for span in self.spans:
            start, stop = self.clock.time(np.array([span.first, span.stop]))
            for dwell in self.schedule.dwells:
                shared = min(stop, dwell.tstop) - max(start, dwell.tstart)
                timed = dwell.instrument.startswith("ACIS") and dwell.datamode and not dwell.datamode.startswith("CC")
                if timed and shared >= 0.8 * (stop - start):
                    able[span.number] = dwell.ccds
        return able


@dataclass(frozen=True)
class Made:
    """A piece of a playback before the ACIS packets are in: frames not sealed, HRC events with their frames.

    ``hrc_rates`` are the rows of secondary science of HRC observations with their true dead time.
    """

    span: Span
    format: Array
    payload: NDArray[np.uint8]
    acis: acis_stream.Stream
    hrc: dict[str, Array] = field(default_factory=dict)
    hrc_lost: int = 0
    hrc_rates: dict[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Finished:
    """A piece of a playback as the spacecraft recorded it, sealed and undamaged, with what is in it."""

    span: Span
    frames: NDArray[np.uint8]
    acis: acis_send.Sent
    hrc: dict[str, Array]
    hrc_lost: int
    hrc_rates: dict[str, Array]


def make(plan: Plan, span: Span) -> Made:
    """Everything of a piece of a playback that does not depend on the one before."""
    frame = plan.mission.frame
    counter = np.arange(span.first, span.stop)
    times = plan.clock.time(counter)
    form = plan.schedule.telemetry_format(times)
    payload = np.zeros((span.count, frame.length), np.uint8)
    encoder = Encoder(plan.dictionary, counter, form, times, payload)
    for msid, source in plan.engineering.sources().items():
        encoder.put(msid, source)
    _put_aca(plan, counter, payload)
    hrc, hrc_lost = _put_hrc(plan, counter, times, form, payload)
    start, stop = plan.clock.time(np.array([span.first, span.stop]))
    stream = acis_stream.packets_between(
        plan.schedule, plan.clock, float(start), float(stop), plan.seed, plan.hot_pixels
    )
    return Made(span, form, payload, stream, hrc, hrc_lost, _hrc_rates(plan, counter, times))


def finish(plan: Plan, made: Made, left: acis_stream.Stream, sequence: int) -> Finished:
    """Put the ACIS packets into a playback and seal its frames.

    Parameters
    ----------
    left, sequence
        What the playback before left: packets that wait, and the sequence number of the next one.
    """
    counter = np.arange(made.span.first, made.span.stop)
    in_format = made.format == format_of(plan.mission, "ACIS")
    sent = acis_send.send(
        acis_stream.chain(left, made.acis), counter, in_format, sequence, overlap_start(plan.faults, made.span)
    )
    payload = made.payload
    if len(sent.rows):
        payload = payload.copy()
        put_bytes(payload, sent.rows, sent.data, plan.mission.frame.science)
    frames = encode_frames(counter, made.format, payload, plan.mission.frame)
    return Finished(made.span, frames, sent, made.hrc, made.hrc_lost, made.hrc_rates)


def overlap_start(faults: Sequence[Fault], span: Span) -> int | None:
    """Counter from which the frames of a playback come down again in the next one, if they do."""
    return next((f.first for f in faults if f.kind == "overlap" and f.last == span.stop - 1), None)


def put_bytes(
    frames: NDArray[np.uint8], rows: Array, data: NDArray[np.uint8], ranges: Sequence[tuple[int, int]]
) -> None:
    """Write science bytes into some frames, in place."""
    whole = len(rows) == rows[-1] - rows[0] + 1
    where: Any = slice(int(rows[0]), int(rows[-1]) + 1) if whole else rows
    at = 0
    for start, stop in ranges:
        frames[where, start:stop] = data[:, at : at + stop - start]
        at += stop - start


def _put_aca(plan: Plan, counter: Array, payload: NDArray[np.uint8]) -> None:
    found = aca_stream.images(plan.schedule, plan.clock, counter)
    times = plan.clock.time(counter[::FRAMES])
    cold, warm = aca_stream.CCD_TEMPERATURE
    shape = plan.healthy.bench.env.smooth("sun", 14400.0, times)
    packets = aca_stream.packets(found, counter, cold + (warm - cold) * (shape + 1) / 2)
    quarters = packets.reshape(len(counter), -1)  # a frame carries a quarter of a packet, in order
    put_bytes(payload, np.arange(len(counter)), quarters, plan.mission.frame.aca)


def _hrc_rates(plan: Plan, counter: Array, times: Array) -> dict[str, Array]:
    """Rows of secondary science in which the HRC observes, with the counter of the frame that each begins with."""
    first = counter % round(ROW / plan.mission.frame.period) == 0
    rows = row_counts(plan.schedule, times[first], plan.seed)
    rows |= {"counter": counter[first], "time": times[first]}
    return {name: column[rows["obsid"] > 0] for name, column in rows.items()}


def _put_hrc(
    plan: Plan, counter: Array, times: Array, form: Array, payload: NDArray[np.uint8]
) -> tuple[dict[str, Array], int]:
    """HRC events into the frames of their format; returns the events sent, and how many found no room."""
    rows = np.flatnonzero(form == format_of(plan.mission, "HRC"))
    sent: list[dict[str, Array]] = []
    lost = 0
    for stretch in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
        if not len(stretch):
            continue
        start, stop = float(times[stretch[0]]), float(times[stretch[-1]]) + plan.mission.frame.period
        for dwell in plan.schedule.dwells:
            if not dwell.instrument.startswith("HRC") or dwell.tstop <= start or dwell.tstart >= stop:
                continue
            events = hrc_detector.events(plan.schedule, dwell, start, stop, plan.seed)
            if not len(events["time"]):
                continue
            inside = stretch[(times[stretch] < dwell.tstop + 2.0) & (times[stretch] > dwell.tstart - 1.0)]
            words = {name: events[column] for column, name in HRC_NAMES.items()}
            words["DET_ID"] = np.full(len(events["time"]), int(dwell.instrument == "HRC-S"))
            encoded = encode_hrc(words, counter[inside], times[inside], plan.mission.frame.period)
            put_bytes(payload, inside, encoded.data, plan.mission.frame.science)
            kept = encoded.frame >= 0
            lost += int(np.count_nonzero(~kept))
            row = {name: column[kept] for name, column in {**words, **{n: events[n] for n in HRC_TRUTH}}.items()}
            row |= {"stated_time": encoded.time[kept], "counter": counter[inside][encoded.frame[kept]]}
            sent.append({**row, "obsid": np.full(int(kept.sum()), dwell.obsid)})
    if not sent:
        return {}, lost
    return {name: np.concatenate([block[name] for block in sent]) for name in sent[0]}, lost
