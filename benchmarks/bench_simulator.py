"""How fast the simulated spacecraft lives."""

from __future__ import annotations

from benchmarks.inputs import Inputs
from benchmarks.measure import Row

REQUIRED = 100.0  # times real time


def run(inputs: Inputs) -> list[Row]:
    """Simulation of a day in one process, files and truth written."""
    made = inputs.day_run
    what = f"simulation of {inputs.day_hours:g} hours, {made.size / 1e6:.0f} MB of frames, 1 process"
    hours = made.rate / 3600.0
    return [Row(what, hours, "h/s", "real time", 1 / 3600.0, made.rate, "≥ 100 ×", made.rate >= REQUIRED)]
