"""Faults of packet telemetry as rows of core.records.FAULTS, and the test for times that can not be right."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.records import FAULTS
from mta_assets.core.tables import Table
from mta_assets.telemetry.ccsds import Flaw, Packets
from mta_assets.telemetry.ccsds_sequence import Breaks
from mta_assets.telemetry.packet_decom import Trouble

MOST = 1000  # rows of one kind and source; what is more is summed up in one further row
FAR = 10.0  # a time is wrong if it is farther from both neighbours than so many median steps …
FAR_SECONDS = 10.0  # … and than this [s], while the neighbours are near each other
DAY = 86400.0  # [s] the same for the first and last packet of a block, which have one neighbour only


def steady(time: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Times with single ones that lie far from both neighbours interpolated, and which were.

    One damaged bit in a time field must not stretch a playback over a century. Gaps and steps that last are real and
    stay as they are.
    """
    if len(time) < 3:
        return time, np.zeros(len(time), bool)
    step = np.abs(np.diff(time))
    far = max(FAR * float(np.median(step)), FAR_SECONDS)
    moved = np.zeros(len(time), bool)
    moved[1:-1] = (step[:-1] > far) & (step[1:] > far) & (np.abs(time[2:] - time[:-2]) <= far)
    moved[0] = step[0] > DAY and not moved[1] and step[1] <= far
    moved[-1] = step[-1] > DAY and not moved[-2] and step[-2] <= far
    if not moved.any():
        return time, moved
    place = np.arange(len(time))
    return np.where(moved, np.interp(place, place[~moved], time[~moved]), time), moved


@dataclass(frozen=True)
class Kinds:
    """The type of each packet of a block: ``names[number[index]]``, empty where none fits."""

    names: tuple[str, ...]
    number: NDArray[np.int64]

    def __getitem__(self, index: int) -> str:
        return self.names[int(self.number[index])]


class FaultBook:
    """Collects the faults of one playback."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.kept: Counter[tuple[str, str]] = Counter()
        self.more: dict[tuple[str, str], list[Any]] = {}

    def add(
        self, kind: str, source: str, tstart: float, tstop: float, first: int, last: int, count: int, detail: str
    ) -> None:
        key = (kind, source)
        self.kept[key] += 1
        if self.kept[key] <= MOST:
            self.rows.append((kind, source[:20], tstart, tstop, first, last, count, detail[:200]))
            return
        rest = self.more.setdefault(key, [tstart, tstop, first, last, 0])
        rest[0], rest[1] = float(np.fmin(rest[0], tstart)), float(np.fmax(rest[1], tstop))
        rest[2], rest[3], rest[4] = min(rest[2], first), max(rest[3], last), rest[4] + count

    def sequence(self, packets: Packets, breaks: Breaks, repeat: Any, time: Any, kinds: Kinds) -> None:
        """Gaps, repeats and steps back of the sequence counts."""
        rows = np.column_stack([breaks.index, breaks.before, breaks.step]).tolist()
        for index, before, step in rows:
            apid = int(packets.apid[index])
            source = kinds[index] or f"apid {apid}"
            tstart = float(time[before]) if before >= 0 else np.nan
            tstop = float(time[index])
            count = int(packets.seqcount[index])
            if step > 1:
                lost = (count - step + 1) % 16384
                detail = f"APID {apid}: {step - 1} packets missing, sequence counts {lost} to {(count - 1) % 16384}"
                self.add("sequence_gap", source, tstart, tstop, lost, (count - 1) % 16384, step - 1, detail)
            elif step == 0:
                what = "the packet before once more" if repeat[index] else "another packet of the same count"
                self.add("duplicate", source, tstart, tstop, count, count, 1, f"APID {apid}: {what}")
            else:
                detail = f"APID {apid}: the sequence count goes back by {-step} packets"
                self.add("out_of_order", source, tstart, tstop, count, count, -step, detail)

    def troubles(self, packets: Packets, troubles: list[Trouble], time: Any) -> None:
        """Packets that the dictionary does not explain: one row per kind, APID and length of each block."""
        for trouble in troubles:
            apid, length = packets.apid[trouble.index].astype(np.int64), packets.length[trouble.index]
            for pair in np.unique(apid << 32 | length).tolist():
                index = trouble.index[(apid << 32 | length) == pair]
                count = packets.seqcount[index]
                known = time[index][np.isfinite(time[index])]
                tstart, tstop = (float(known.min()), float(known.max())) if len(known) else (np.nan, np.nan)
                detail = f"APID {pair >> 32}, {pair & 0xFFFFFFFF} bytes: {trouble.detail}"
                self.add(trouble.kind, trouble.source, tstart, tstop, int(count[0]), int(count[-1]), len(index), detail)

    def odd(self, packets: Packets, index: NDArray[np.int64], detail: str, time: Any, kinds: Kinds) -> None:
        """Packets whose header flags contradict the other packets of their APID."""
        for one in index.tolist():
            count, apid = int(packets.seqcount[one]), int(packets.apid[one])
            at = float(time[one])
            self.add("bad_header", kinds[one] or f"apid {apid}", at, at, count, count, 1, f"APID {apid}: {detail}")

    def moved(self, packets: Packets, index: NDArray[np.int64], time: Any, kinds: Kinds) -> None:
        """Packets whose own time was not believed."""
        for one in index.tolist():
            count = int(packets.seqcount[one])
            detail = "the time in the packet is far from both its neighbours'; interpolated between them"
            self.add("time_step", kinds[one], float(time[one]), float(time[one]), count, count, 1, detail)

    def flaws(self, flaws: list[Flaw], place: NDArray[np.int64], time: NDArray[np.float64]) -> None:
        """Bytes that are no packets; ``place`` and ``time`` are of some packets of the file, for the times around."""
        for flaw in flaws:
            before = int(np.searchsorted(place, flaw.first)) - 1
            after = int(np.searchsorted(place, flaw.last))
            tstart = float(time[before]) if before >= 0 else np.nan
            tstop = float(time[after]) if after < len(time) else np.nan
            size = flaw.last - flaw.first + 1
            detail = f"bytes {flaw.first} to {flaw.last} of the file: {flaw.detail}"
            self.add(flaw.kind, "packets", tstart, tstop, flaw.first, flaw.last, size, detail)

    def table(self) -> Table:
        """All faults in order of time, those without a time last."""
        rows = list(self.rows)
        for (kind, source), (tstart, tstop, first, last, count) in self.more.items():
            detail = f"{self.kept[kind, source] - MOST} more of this kind, summed up"
            rows.append((kind, source[:20], tstart, tstop, first, last, count, detail))
        if not rows:
            return FAULTS.empty()
        columns = dict(zip(FAULTS.names, (np.array(column) for column in zip(*rows, strict=True)), strict=True))
        table = FAULTS.build(columns)
        return table.where(np.argsort(table["tstart"], kind="stable"))
