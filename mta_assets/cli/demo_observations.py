"""Observations of the demo: waited for until nothing more is asked for, and compared with what was flown."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from mta_assets.cli.dagster_process import ENDED, DagsterProcess
from mta_assets.core.errors import ToolFailed
from mta_assets.core.intervals import Intervals, normalise
from mta_assets.core.tables import Table
from mta_assets.pipelines.due import ObiMarks, due
from mta_assets.pipelines.inputs import read_product
from mta_assets.pipelines.platform import Platform

JOB = "observation"
RUN_KEY = "dagster/run_key"
LOOK = 3.0  # [s] between two looks, which cost the processor that the runs want


def wait_for_observations(server: DagsterProcess, platform: Platform, patience: float) -> list[dict[str, Any]]:
    """Wait until every observation that is complete has been run on what there is of it; returns the runs.

    Parameters
    ----------
    patience
        [s] A run that takes longer has failed, and so has a sensor that asks for none.

    Raises
    ------
    ToolFailed
        If none ends for so long and yet some are missing.
    """
    ended, moment = -1, time.monotonic()
    while True:
        runs = server.runs(JOB)
        ready, reasons, marks = due(platform, ObiMarks(), sys.maxsize)
        done = [run for run in runs if run["status"] in ENDED]
        missing = {one.run_key for one in ready} - {run["tags"].get(RUN_KEY) for run in done}
        if len(done) == len(runs) and not missing and not marks.busy:
            return runs
        if len(done) != ended:
            ended, moment = len(done), time.monotonic()
        if time.monotonic() - moment > patience:
            raise ToolFailed(
                f"no observation was processed within {patience:.0f} s; not done: "
                f"{', '.join(sorted(missing)) or '; '.join(reasons)}; see {server.log}"
            )
        time.sleep(LOOK)


def check_observations(platform: Platform, truth: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """A line for each observation that was flown, and what is not as it should be.

    Parameters
    ----------
    truth
        Folder that the simulator wrote its truth to.
    """
    from mta_assets.simulate.compare_observations import Made, compare_observations
    from mta_assets.simulate.truth import load

    known = load(truth)
    plan = known.plan(platform.mission)
    made = []
    for entry in platform.catalog.obis():
        products: dict[str, list[str]] = {}
        for product in platform.catalog.products(partition=entry.partition):
            if product.level == "2" and product.file_id not in products.setdefault(product.stream, []):
                products[product.stream].append(product.file_id)
        instrument = str(entry.facts.get("instrument", ""))
        lists = {stream: _table(platform, f"{instrument}_SRC2", entry.partition, stream) for stream in products}
        made.append(
            Made(
                entry.partition, entry.tstart, entry.tstop, entry.complete, products,
                _table(platform, "ASOL", entry.partition, "sdp"),
                {stream: table for stream, table in lists.items() if table is not None},
            )
        )  # fmt: skip
    failed = [
        f"{run['pipe_id']} {run['stream']} of {run['partition']}: {run['outcome']}: {run['message']}"
        for entry in made
        for run in platform.catalog.runs(partition=entry.key)
        if run["outcome"] in ("bad data", "failed")
    ]
    rows, problems = compare_observations(plan.schedule, _lost(known.playbacks, plan), made)
    return rows, [*failed, *problems]


def _table(platform: Platform, file_id: str, partition: str, stream: str) -> Table | None:
    """The main table of a current product."""
    found = platform.catalog.products(file_id=file_id, partition=partition, stream=stream)
    if not found:
        return None
    return read_product(platform.registry.product(file_id), Path(found[0].path)).tables[0]


def _lost(playbacks: list[dict[str, Any]], plan: Any) -> Intervals:
    """Times of the frames that did not come down, or damaged."""
    lost = [(first, last + 1) for playback in playbacks for first, last in playback["lost"]]
    lost += [(frame, frame + 1) for playback in playbacks for frame in playback["suspect"]]
    return normalise(plan.clock.time(np.array(lost).reshape(-1, 2)))
