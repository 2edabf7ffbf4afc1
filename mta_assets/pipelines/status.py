"""How far each playback is, and how long it took from the file to the last product."""

from __future__ import annotations

from typing import Any

import numpy as np

from mta_assets.core import times
from mta_assets.pipelines.platform import Platform


def report(platform: Platform, last: int = 30) -> dict[str, Any]:
    """Playbacks with the times of their stages, what is in quarantine, and the latencies.

    Parameters
    ----------
    platform
        Mission and catalog.
    last
        Only so many of the newest playbacks; 0 for all. The latencies are over those shown.
    """
    catalog = platform.catalog
    playbacks = catalog.playbacks(mission=platform.mission.name)
    playbacks = playbacks[-last:] if last else playbacks
    rows, stages, latencies = [], [], []
    for playback in playbacks:
        runs = catalog.runs(partition=playback.partition)
        first = _first_runs(runs)
        done = len(first) == platform.runs_per_playback
        latency = max(run["finished"] for run in first) - playback.arrived if done else None
        if latency is not None:
            latencies.append(latency)
        rows.append(
            {
                "playback": playback.partition,
                "file": playback.file_name,
                "arrived": times.to_utc_iso(playback.arrived, 0),
                "state": _state(playback.state, runs, done),
                "products": len(catalog.products(partition=playback.partition)),
                "faults": len(catalog.faults(partition=playback.partition)),
                "findings": len(catalog.findings(partition=playback.partition)),
                "latency [s]": None if latency is None else round(latency, 1),
            }
        )
        stages += [
            {
                "playback": playback.partition,
                "stage": "arrived",
                "at": times.to_utc_iso(playback.arrived),
                "after [s]": 0.0,
            },
            *_accepted(playback),
            *(
                {
                    "playback": playback.partition,
                    "stage": f"{run['pipe_id']} {run['stream']}: {run['outcome']}",
                    "at": times.to_utc_iso(run["finished"]),
                    "after [s]": round(run["finished"] - playback.arrived, 2),
                }
                for run in sorted(runs, key=lambda r: r["finished"])
            ),
        ]
    return {
        "mission": platform.mission.name,
        "playbacks": rows,
        "stages": stages,
        "quarantine": [
            {"file": q["name"], "when": times.to_utc_iso(q["quarantined"], 0), "reason": q["reason"]}
            for q in catalog.quarantined()
        ],
        "latency": _quantiles(latencies),
    }


def _first_runs(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first run of each pipeline and stream: a reprocessing years later is no latency."""
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for run in sorted(runs, key=lambda r: r["finished"]):
        first.setdefault((run["pipe_id"], run["stream"]), run)
    return list(first.values())


def _state(state: str, runs: list[dict[str, Any]], done: bool) -> str:
    bad = sorted({run["pipe_id"] for run in runs if run["outcome"] in ("bad data", "failed")})
    if bad:
        return f"failed: {', '.join(bad)}"
    if done:
        return "done"
    return "in process" if runs else state


def _accepted(playback: Any) -> list[dict[str, Any]]:
    if playback.accepted is None:
        return []
    return [
        {
            "playback": playback.partition,
            "stage": "accepted",
            "at": times.to_utc_iso(playback.accepted),
            "after [s]": round(playback.accepted - playback.arrived, 2),
        }
    ]


def _quantiles(latencies: list[float]) -> dict[str, Any]:
    if not latencies:
        return {"count": 0, "p50": None, "p95": None, "max": None}
    p50, p95, longest = np.percentile(latencies, [50, 95, 100])
    return {"count": len(latencies), "p50": float(p50), "p95": float(p95), "max": float(longest)}
