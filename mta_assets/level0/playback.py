"""The playback record: every frame of a playback accounted for, major frame by major frame."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import ToolFailed
from mta_assets.core.flags import Quality
from mta_assets.core.request import Request
from mta_assets.core.tables import Column, Header, Product, Schema, Table
from mta_assets.missions.load import Mission
from mta_assets.telemetry.playback import FramePlayback, Playback

RECORD = Schema(
    "PLAYBACK",
    (
        Column("TIME", "f8", "s", "start of the major frame"),
        Column("MJF", "i4", "", "major frame counter"),
        Column("TLM_FMT", "i2", "", "telemetry format of its first frame that came down, 0 if none did", null=0),
        Column("GOOD", "i2", "", "frames without a fault"),
        Column("MISSING", "i2", "", "frames that are not in the playback"),
        Column("DUPLICATE", "i4", "", "further copies of frames"),
        Column("BAD_CHECKSUM", "i2", "", "frames that fail their error control word"),
        Column("BAD_SYNC", "i2", "", "frames whose sync pattern is damaged"),
        Column("OUT_OF_ORDER", "i2", "", "frames that came later than frames with higher counters"),
    ),
    "Frames of each major frame of a playback by what became of them",
)
COLOURS = {
    "GOOD": "#4c8c5a", "OUT_OF_ORDER": "#5b8db8", "BAD_CHECKSUM": "#d98c2b", "BAD_SYNC": "#8a63a8",
    "MISSING": "#c0392b",
}  # fmt: skip


def record(
    playback: Playback, mission: Mission, request: Request
) -> tuple[Product, Table, dict[str, Any], dict[str, bytes]]:
    """Account for a playback.

    Parameters
    ----------
    playback
        Frames that came down.
    mission
        Says how many frames make a major frame.
    request
        What is asked for.

    Returns
    -------
    product, faults, facts, plots
        File id ``PLAYBACK_RECORD`` with the tables ``PLAYBACK`` and ``FAULTS``; the faults; the facts that kickoff
        is judged by; a plot of the frames by quality.
    """
    if not isinstance(playback, FramePlayback):
        raise ToolFailed(f"{playback.path.name}: a playback of kind {playback.kind} has no frames to account for")
    columns = _count(playback, mission.frame.minor_frames)
    header: Header = {
        "CONTENT": ("PLAYBACK", "frames accounted for"),
        "HDUCLASS": ("OGIP", "format conforms to OGIP standard"),
        "HDUCLAS1": ("TEMPORALDATA", "time-ordered data"),
        "TIMEDEL": (mission.frame.minor_frames * mission.frame.period, "[s] length of a major frame"),
        **playback.clock.keywords(int(playback.index.counter[0])),
        "PBNAME": (playback.path.name, "file that came down"),
        "PBSIZE": (playback.size, "[byte] its size"),
        "PBSHA256": playback.sha256,
        "PBFRAMES": (len(playback.index), "frames placed"),
        "PBUNPLCD": (playback.facts["unplaced"], "frames that could not be placed"),
        "PBSKIPPD": (playback.facts["skipped_bytes"], "[byte] that belong to no whole frame"),
    }
    table = RECORD.build(columns, header)
    product = Product(
        "PLAYBACK_RECORD", (table, playback.faults.with_header({"CONTENT": ("FAULTS", "")})),
        playback.tstart, playback.tstop,
    )  # fmt: skip
    return product, playback.faults, dict(playback.facts), {"frames": _plot(table)}


def _count(playback: FramePlayback, minor_frames: int) -> dict[str, NDArray[Any]]:
    index = playback.index
    first, last = int(index.counter[0]), int(index.counter[-1])
    major = np.arange(first // minor_frames, last // minor_frames + 1)
    place = index.counter // minor_frames - major[0]

    def counted(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(place[mask], minlength=len(major))

    def flagged(flag: Quality) -> NDArray[np.int64]:
        return counted((index.quality & np.uint8(flag)) != 0)

    expected = np.minimum((major + 1) * minor_frames, last + 1) - np.maximum(major * minor_frames, first)
    again = index.again_counter // minor_frames - major[0]
    formats = np.zeros(len(major), dtype=np.int16)
    formats[place[::-1]] = index.format[::-1]
    return {
        "TIME": playback.clock.time(major * minor_frames),
        "MJF": major * minor_frames % (1 << playback.clock.bits) // minor_frames,
        "TLM_FMT": formats,
        "GOOD": counted(index.quality == Quality.GOOD),
        "MISSING": expected - np.bincount(place, minlength=len(major)),
        "DUPLICATE": np.bincount(again, minlength=len(major)),
        "BAD_CHECKSUM": flagged(Quality.BAD_CHECKSUM),
        "BAD_SYNC": flagged(Quality.BAD_SYNC),
        "OUT_OF_ORDER": flagged(Quality.OUT_OF_ORDER),
    }


def _plot(table: Table) -> bytes:
    """PNG: frames per major frame by quality over the pass."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    hours = (table["TIME"] - table["TIME"][0]) / 3600
    figure = Figure(figsize=(8, 2.6), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    frames = {name: table[name].astype(int) for name in COLOURS}
    frames["BAD_CHECKSUM"] = np.maximum(frames["BAD_CHECKSUM"] - frames["BAD_SYNC"], 0)  # a bad sync spoils both
    axes.stackplot(
        hours, list(frames.values()), labels=[name.lower().replace("_", " ") for name in COLOURS],
        colors=list(COLOURS.values()), step="post",
    )  # fmt: skip
    axes.set(xlabel="hours since the first frame", ylabel="frames per major frame", ylim=(0, None))
    axes.margins(x=0)
    axes.legend(loc="lower right", ncols=5, fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
