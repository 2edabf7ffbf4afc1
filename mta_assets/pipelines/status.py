"""How far each playback is, and how long it took from the file to the last product."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from mta_assets.archive.overview import overview
from mta_assets.pipelines.delivery import PIPE_ID
from mta_assets.pipelines.delivery_folder import REFUSED
from mta_assets.pipelines.incoming import CHECKSUM, shown
from mta_assets.pipelines.platform import Platform

BAD = ("bad data", "failed")


def report(platform: Platform, last: int = 30) -> dict[str, Any]:
    """Playbacks with the times of their stages, what waits, what is in quarantine, and the latencies.

    Parameters
    ----------
    platform
        Mission and catalog.
    last
        Only so many of the newest playbacks; 0 for all. The latencies are over those shown.

    Returns
    -------
    ``mission``, ``playbacks``, ``stages`` (one row per event), ``incoming``, ``quarantine``, ``deliveries`` (with those
    that are in quarantine) and ``latency``. Only runs
    of pipelines that the registry has count for state and latency; the stages show all.
    """
    found = overview(platform.catalog, platform.mission.name, last)
    expected = {
        (pipeline.id, stream) for pipeline in platform.registry.pipelines_of("playback") for stream in pipeline.streams
    }
    runs: dict[str, list[Any]] = {playback.partition: [] for playback in found.playbacks}
    for run in found.runs:
        runs[run.partition].append(run)
    rows, latencies = [], []
    arrived = _utc([playback.arrived for playback in found.playbacks], 0)
    for playback, when in zip(found.playbacks, arrived, strict=True):
        state, latency = _progress(playback, runs[playback.partition], expected)
        if latency is not None:
            latencies.append(latency)
        rows.append(
            {
                "playback": playback.partition,
                "file": playback.file_name,
                "arrived": when,
                "state": state,
                "products": found.products.get(playback.partition, 0),
                "faults": found.faults.get(playback.partition, 0),
                "findings": found.findings.get(playback.partition, 0),
                "latency [s]": None if latency is None else round(latency, 1),
            }
        )
    refused = platform.catalog.quarantined(platform.mission.name)
    return {
        "mission": platform.mission.name,
        "playbacks": rows,
        "stages": _stages(found.playbacks, runs),
        "incoming": _waiting(platform),
        "quarantine": _quarantine(refused),
        "deliveries": _deliveries(platform, refused, last),
        "latency": _quantiles(latencies),
    }


def _progress(playback: Any, runs: Sequence[Any], expected: Collection[tuple[str, str]]) -> tuple[str, float | None]:
    """State in words, and the latency [s] once everything has run.

    The first run of each pipeline and stream counts for the latency, since a reprocessing years later is none; the
    last one for the state, since it mends what failed before.
    """
    first: dict[tuple[str, str], Any] = {}
    newest: dict[tuple[str, str], Any] = {}
    for run in runs:
        key = (run.pipe_id, run.stream)
        if key in expected:
            first.setdefault(key, run)
            newest[key] = run
    done = len(first) == len(expected)
    latency = max(run.finished for run in first.values()) - playback.arrived if done and first else None
    bad = sorted({run.pipe_id for run in newest.values() if run.outcome in BAD})
    if bad:
        return f"failed: {', '.join(bad)}", latency
    if done:
        return "done", latency
    return "in process" if first else playback.state, None


def _stages(playbacks: Sequence[Any], runs: dict[str, list[Any]]) -> list[dict[str, Any]]:
    events = []
    for playback in playbacks:
        events.append((playback, "arrived", playback.arrived))
        if playback.accepted is not None:
            events.append((playback, "accepted", playback.accepted))
        events += [
            (playback, f"{run.pipe_id} {run.stream}: {run.outcome}", run.finished) for run in runs[playback.partition]
        ]
    moments = _utc([moment for _, _, moment in events])
    return [
        {"playback": p.partition, "stage": stage, "at": at, "after [s]": round(moment - p.arrived, 2)}
        for (p, stage, moment), at in zip(events, moments, strict=True)
    ]


def _waiting(platform: Platform) -> list[dict[str, Any]]:
    """What lies in the incoming folder; the sensor's log says why."""
    folder = platform.settings.incoming
    rows = []
    for entry in sorted(os.scandir(folder), key=lambda e: e.name) if folder.is_dir() else []:
        if entry.name.startswith(".") or entry.name.endswith(CHECKSUM):
            continue
        try:
            rows.append({"file": shown(entry.name), "bytes": entry.stat(follow_symlinks=False).st_size})
        except FileNotFoundError:
            continue  # taken in at this moment
    return rows


def _quarantine(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    when = _utc([row["quarantined"] for row in found], 0)
    return [
        {"file": shown(row["name"]), "when": at, "times": row["times"], "reason": shown(row["reason"])}
        for row, at in zip(found, when, strict=True)
    ]


def _deliveries(platform: Platform, refused: Sequence[Mapping[str, Any]], last: int) -> list[dict[str, Any]]:
    """What was delivered, withdrawn or refused by the delivery folder, the newest at the end."""
    runs = platform.catalog.runs(pipe_id=PIPE_ID, newest=last or None)
    rows = [(run["finished"], *run["message"].partition(" ")[::2]) for run in runs]
    rows += [
        (row["quarantined"], "refused", f"{row['name']}: {row['reason'].removeprefix(REFUSED)}")
        for row in refused
        if row["reason"].startswith(REFUSED)
    ]
    rows = sorted(rows)[-last:]
    when = _utc([moment for moment, _, _ in rows], 0)
    return [{"when": at, "what": what, "delivery": shown(text)} for at, (_, what, text) in zip(when, rows, strict=True)]


def _utc(moments: Sequence[float], precision: int = 3) -> list[str]:
    """UTC calendar texts of many times at once: one by one they would cost more than all the queries."""
    from astropy.time import Time

    if not moments:
        return []
    return np.asarray(Time(np.array(moments), format="cxcsec", scale="tt", precision=precision).utc.isot).tolist()


def _quantiles(latencies: list[float]) -> dict[str, Any]:
    if not latencies:
        return {"count": 0, "p50": None, "p95": None, "max": None}
    p50, p95, longest = np.percentile(latencies, [50, 95, 100])
    return {"count": len(latencies), "p50": float(p50), "p95": float(p95), "max": float(longest)}
