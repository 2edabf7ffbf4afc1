"""A run of the simulated spacecraft as playback files, their checksums and their truth."""

from __future__ import annotations

import hashlib
import json
import os
import time as wall_clock
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from mta_assets.core.errors import ConfigError
from mta_assets.core.times import from_utc, to_yday
from mta_assets.missions.load import Mission, load_mission
from mta_assets.simulate import acis_stream, truth
from mta_assets.simulate.assemble import Finished, Made, Plan, finish, make
from mta_assets.simulate.damage import damage
from mta_assets.simulate.faults import KINDS, Fault, Span
from mta_assets.simulate.obscat_file import write_obscat
from mta_assets.simulate.starcat import write_star_catalogues

START = "2024-03-01T00:00:00"  # UTC
DELIVERY, OBSCAT = "delivery", "obscat.csv"  # folder and file beside the playbacks


@dataclass(frozen=True)
class Written:
    """One playback that lies there complete."""

    path: Path
    number: int
    size: int
    sha256: str
    tstart: float
    tstop: float
    frames: int
    acis_events: int
    hrc_events: int


@dataclass(frozen=True)
class Summary:
    """What a run made.

    ``deliveries`` are finished products that come to the ground by another way than telemetry, ``obscat`` is the
    observing catalogue; ``seconds`` is the wall-clock time, ``rate`` how many times faster than the spacecraft it was.
    """

    files: tuple[Written, ...]
    deliveries: tuple[Path, ...]
    obscat: Path
    truth: Path
    seconds: float
    faults: int

    @property
    def rate(self) -> float:
        return sum(f.tstop - f.tstart for f in self.files) / self.seconds

    @property
    def size(self) -> int:
        """[byte]"""
        return sum(f.size for f in self.files)


Progress = Callable[[Written, int], None]


def simulate(
    mission: Mission,
    hours: float,
    to: Path,
    seed: int,
    start: str = START,
    playback_minutes: float = 60.0,
    faults: bool = True,
    progress: Progress | None = None,
    workers: int = 1,
    truth_to: Path | None = None,
) -> Summary:
    """Simulate a run and write its playbacks, and before them the star catalogues and the observations of its plan.

    Parameters
    ----------
    mission
        A mission of frames.
    hours, seed, start
        Length of the run, seed of everything random, and UTC start.
    to
        Folder of the playbacks. Each appears by a rename when it is complete, its checksum file before it. What is
        delivered besides lies in its folder ``delivery``, the observing catalogue is ``obscat.csv``.
    playback_minutes
        Length of a playback.
    faults
        Whether faults are injected.
    progress
        Called after each playback with it and the number of all.
    workers
        Processes that make playbacks; the files are the same whatever the number.
    truth_to
        Folder of the truth; ``to/truth`` if None.

    Raises
    ------
    ConfigError
        If the mission has no frames or the times are senseless.
    """
    if mission.kind != "vcdu":
        raise ConfigError(f"mission {mission.name} is of kind {mission.kind}: only vcdu missions are simulated")
    if not hours > 0 or not playback_minutes >= 1 or workers < 1:
        raise ConfigError(
            f"hours {hours}, playback_minutes {playback_minutes}, workers {workers}: "
            "expected hours > 0, minutes ≥ 1 and workers ≥ 1"
        )
    began = wall_clock.perf_counter()
    plan = Plan(mission, from_utc(start), hours, playback_minutes, seed, faults)
    folder = truth_to if truth_to is not None else to / "truth"
    for path in (to, folder):
        path.mkdir(parents=True, exist_ok=True)
    deliveries = write_star_catalogues(plan.schedule, to / DELIVERY, mission.file.mission.telescope)
    write_obscat(plan.schedule, to / OBSCAT)
    writer = _Writer(plan, to, folder, progress)
    for made in _all_made(plan, workers):
        writer.add(made)
    path = writer.write_truth()
    seconds = wall_clock.perf_counter() - began
    return Summary(tuple(writer.written), deliveries, to / OBSCAT, path, seconds, len(plan.faults))


def playback_name(plan: Plan, span: Span, first: int) -> str:
    """Name of a playback whose file begins with the frame ``first``: UTC to the minute, and a running number."""
    begin, stop = (to_yday(float(t)) for t in plan.clock.time(np.array([first, span.stop])))
    year, day, hour, minute = begin.split(":")[:4]
    return f"{year}_{day}_{hour}{minute}_{''.join(stop.split(':')[2:4])}_Dump_EM_{span.number + 1:05d}.vcdu"


class _Writer:
    """Takes the pieces in their order and writes the files."""

    def __init__(self, plan: Plan, to: Path, folder: Path, progress: Progress | None) -> None:
        self.plan, self.to, self.folder, self.progress = plan, to, folder, progress
        self.left, self.sequence = acis_stream.empty(), 0
        self.written: list[Written] = []
        self.entries: list[dict[str, Any]] = []
        self.previous: Finished | None = None
        self.file: _File | None = None

    def add(self, made: Made) -> None:
        """Finish a piece and write it."""
        piece = finish(self.plan, made, self.left, self.sequence)
        self.left, self.sequence = piece.acis.left, piece.acis.sequence
        span = self.plan.spans[made.span.number]
        faults = [f for f in self.plan.faults if f.playback == span.number]
        if self.file is None:
            self.file = self._open(span, faults)
        here = [f for f in faults if made.span.first <= f.first < made.span.stop]
        self.file.write(damage(piece.frames, piece.span.first, here))
        self.file.add(piece)
        self.previous = piece
        if made.span.stop == span.stop:
            self._close(span, faults)

    def _open(self, span: Span, faults: list[Fault]) -> _File:
        overlap = next((f for f in faults if f.kind == "overlap"), None)
        first = span.first if overlap is None else overlap.first
        file = _File(self.to / playback_name(self.plan, span, first), self.folder)
        if overlap is not None and self.previous is not None:
            again = overlap.first - self.previous.span.first
            file.write(self.previous.frames[again:].tobytes())
            file.events.add(self.previous, overlap.first)
        return file

    def _close(self, span: Span, faults: list[Fault]) -> None:
        file = self.file
        assert file is not None
        self.file = None
        size, sha256 = file.commit()
        overlap = next((f for f in faults if f.kind == "overlap"), None)
        first = span.first if overlap is None else overlap.first
        lost = truth.lost_frames(faults, span)
        stop = min([span.stop, *(a for a, b in lost if b == span.stop - 1)])
        tstart, tstop = (float(t) for t in self.plan.clock.time(np.array([first, stop])))
        events = file.events.close()
        name = file.path.name
        self.entries.append(
            {
                "name": name, "number": span.number, "size": size, "sha256": sha256, "tstart": tstart, "tstop": tstop,
                "first": first, "last": stop - 1, "lost": lost, "suspect": truth.suspect_frames(faults, span),
                "overlap": [overlap.first, overlap.last] if overlap else None, "events": events,
                "acis_exposures_lost_on_board": file.lost, "hrc_events_lost_on_board": file.hrc_lost,
                "faults": [truth.describe(self.plan, fault, name, size) for fault in faults],
            }
        )  # fmt: skip
        frames = size // self.plan.mission.frame.length
        counts = (events["acis"]["count"], events["hrc"]["count"])
        self.written.append(Written(file.path, span.number, size, sha256, tstart, tstop, frames, *counts))
        if self.progress is not None:
            self.progress(self.written[-1], len(self.plan.spans))

    def write_truth(self) -> Path:
        """Write ``truth.json``."""
        faults = [fault for entry in self.entries for fault in entry.pop("faults")]
        dwells = [
            {"kind": d.kind, "obsid": d.obsid, "obi": d.obi, "instrument": d.instrument, "grating": d.grating,
             "datamode": d.datamode, "tstart": float(d.tstart), "tstop": float(d.tstop)}
            for d in self.plan.schedule.dwells
        ]  # fmt: skip
        content = {
            "version": truth.VERSION, "run": truth.run_section(self.plan), "playbacks": self.entries, "faults": faults,
            "left_out": sorted(set(KINDS) - {f.kind for f in self.plan.faults}) if self.plan.with_faults else [],
            "dwells": dwells,
        }  # fmt: skip
        path = self.folder / truth.NAME
        part = path.with_suffix(".part")
        part.write_text(json.dumps(content, indent=1, default=_plain), encoding="utf-8")
        part.replace(path)
        return path


class _File:
    """A playback on its way to the disk."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path, self.part = path, path.with_name(path.name + ".part")
        self.events = truth.EventWriter(folder, path.stem)
        self.lost = self.hrc_lost = self.size = 0
        self._digest = hashlib.sha256()
        self._stream = self.part.open("wb")

    def write(self, data: bytes) -> None:
        self._stream.write(data)
        self._digest.update(data)
        self.size += len(data)

    def add(self, piece: Finished) -> None:
        """Events of a piece, and what was lost on board in it."""
        self.events.add(piece)
        self.lost += piece.acis.lost
        self.hrc_lost += piece.hrc_lost

    def commit(self) -> tuple[int, str]:
        """Make the file appear, the checksum file first, so that it is never there without one."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        sha256 = self._digest.hexdigest()
        checksum = self.path.with_name(self.path.name + ".sha256")
        part = checksum.with_name(checksum.name + ".part")
        part.write_text(f"{sha256}  {self.path.name}\n", encoding="ascii")
        part.replace(checksum)
        self.part.replace(self.path)
        return self.size, sha256


def _plain(value: Any) -> Any:
    """NumPy numbers as JSON writes them."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} does not go into truth.json")


def _all_made(plan: Plan, workers: int) -> Iterator[Made]:
    """All pieces in order; no more of them at once than there are workers and one."""
    pieces = iter([piece for span in plan.spans for piece in plan.pieces(span)])
    if workers == 1:
        yield from (make(plan, piece) for piece in pieces)
        return
    arguments = (str(plan.mission.folder), plan.tstart, plan.hours, plan.minutes, plan.seed, plan.with_faults)
    # spawn: a forked child would inherit the locks of threads that it does not have
    with ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, arguments) as pool:
        waiting: list[Future[Made]] = [pool.submit(_work, piece) for piece in islice(pieces, workers + 1)]
        while waiting:
            made = waiting.pop(0).result()
            waiting += [pool.submit(_work, piece) for piece in islice(pieces, 1)]
            yield made


_PLAN: list[Plan] = []  # of a worker process: made once, used for all its pieces


def _start_worker(folder: str, *arguments: Any) -> None:
    _PLAN[:] = [Plan(load_mission(folder), *arguments)]


def _work(piece: Span) -> Made:
    return make(_PLAN[0], piece)
