"""Observations of the demo: waited for until nothing more is asked for."""

from __future__ import annotations

import sys
import time
from typing import Any

from mta_assets.cli.dagster_process import ENDED, DagsterProcess
from mta_assets.core.errors import ToolFailed
from mta_assets.pipelines.due import ObiMarks, due
from mta_assets.pipelines.platform import Platform

JOB = "observation"
RUN_KEY = "dagster/run_key"
LOOK = 1.0  # [s]


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
        if len(done) == len(runs) and not missing and not marks.waiting:
            return runs
        if len(done) != ended:
            ended, moment = len(done), time.monotonic()
        if time.monotonic() - moment > patience:
            raise ToolFailed(
                f"no observation was processed within {patience:.0f} s; not done: "
                f"{', '.join(sorted(missing)) or '; '.join(reasons)}; see {server.log}"
            )
        time.sleep(LOOK)
