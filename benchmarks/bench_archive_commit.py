"""W8: a one-hour playback that replaces 15 minutes, with roll-ups; W9: reading while playbacks come in."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.archive_data import Group, playback, spacecraft
from benchmarks.archive_stores import Size, at
from benchmarks.cheta_layout import ChetaLayout
from benchmarks.measure import ROOT, Row
from mta_assets.archive.telemetry import TelemetryArchive

HOUR, STEP = 3600.0, 2700.0  # [s] length of a playback, and from the start of one to that of the next: 15 min overlap
BEFORE = 3  # playbacks that are there when it is measured
READERS = 4
WAIT = 600.0  # [s] for a process of W9


def commits(folder: Path, size: Size) -> list[Row]:
    """W8: median of several playbacks in turn, ours with raw counts, quality, fsync and all roll-ups."""
    groups = spacecraft(size.msids)
    archive = TelemetryArchive(f"sqlite:///{folder / 'commits.db'}", folder / "segments")
    peer = Peer(folder / "cheta", groups, size.peer_msids)
    ours, theirs, samples, files = [], [], 0, 0
    for number in range(BEFORE + max(3, size.rounds // 2)):
        start = number * STEP
        rows = playback(groups, start, start + HOUR)
        samples = sum(len(part) * len(part.values) for part in rows)
        began = time.perf_counter()
        files = archive.commit(f"playback-{number:04d}", rows, at(start), at(start + HOUR)).files
        seconds = time.perf_counter() - began
        other = peer.append(start, start + HOUR)
        if number >= BEFORE:
            ours.append(seconds)
            theirs.append(other)
    archive.close()
    mine, other = statistics.median(ours), statistics.median(theirs)
    what = f"W8 commit of an hour, {peer.total:,} MSIDs, {samples:,} samples, 15 min replaced, {files} files"
    beside = f"cheta's layout, {peer.measured} MSIDs scaled," if peer.measured < peer.total else "cheta's layout"
    return [
        Row(what, mine, "s", "", None, None, "≤ 1 s", mine <= 1.0),
        Row("… beside the append of the peer", mine, "s", beside, other, other / mine, "≥ 50 ×", other / mine >= 50),
    ]


class Peer:
    """Every n-th MSID of each group in cheta's layout; its times are scaled to all of them."""

    def __init__(self, root: Path, groups: tuple[Group, ...], measured: int) -> None:
        self.layout = ChetaLayout(root)
        self.total = sum(len(group.signals) for group in groups)
        every = max(1, self.total // measured)
        self.groups = [Group(group.name, group.period, group.signals[::every]) for group in groups]
        self.measured = sum(len(group.signals) for group in self.groups)

    def append(self, start: float, stop: float) -> float:
        """Append an hour and bring the statistics up to date; what that takes for all MSIDs [s]."""
        appending = statistic = 0.0
        for part in playback(self.groups, start, stop):
            bad = {name: flags != 0 for name, flags in part.quality.items()}
            began = time.perf_counter()
            self.layout.append(part.group, part.time, part.values, bad, part.period)
            between = time.perf_counter()
            for name in part.values:
                self.layout.update_statistics(part.group, name, float(part.time[-1] / 1e9))
            appending += between - began
            statistic += time.perf_counter() - between
        times = len(self.groups)  # a file TIME for each, however many MSIDs there are
        scaled = appending * (self.total + times) / (self.measured + times)
        return scaled + statistic * self.total / self.measured


def consistency(folder: Path, size: Size) -> Row:
    """W9: a process writes hours of playbacks into two tables, and again; four others read both in one snapshot."""
    url, root, done = f"sqlite:///{folder / 'consistency.db'}", folder / "consistency", folder / "written"
    TelemetryArchive(url, root).close()
    command = [sys.executable, "-m", "benchmarks.archive_processes"]
    common = [url, str(root), str(done), str(size.hours)]
    readers = [
        subprocess.Popen([*command, "read", *common], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(READERS)
    ]
    try:
        subprocess.run([*command, "write", *common], cwd=ROOT, check=True, timeout=WAIT, capture_output=True)
        found = [json.loads(reader.communicate(timeout=WAIT)[0].splitlines()[-1]) for reader in readers]
    finally:
        done.touch()
        for reader in readers:
            if reader.poll() is None:
                reader.kill()
                reader.wait()
    reads = sum(one["reads"] for one in found)
    wrong = sum(one["wrong"] for one in found)
    states = max(one["states"] for one in found)
    what = (
        f"W9 inconsistent reads of {reads:,} by {READERS} readers, {states} states seen, {size.hours} h written twice"
    )
    return Row(what, wrong, "reads", "", None, None, "0", wrong == 0 and reads > 0)
