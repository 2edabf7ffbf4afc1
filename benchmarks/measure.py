"""One measured figure, and how it is measured: best of several, memory in a process of its own."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = 1024  # [byte] unit of ru_maxrss and VmHWM on Linux


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    what
        What was measured.
    value, unit
        Ours.
    beside, beside_value
        What it is measured against, and that one's figure in the same unit.
    ratio
        How many times better ours is than a peer or a requirement of speed, or how many times a plain copy it takes;
        ``beside`` says which.
    required
        In words, with ``reached`` whether it is.
    """

    what: str
    value: float
    unit: str
    beside: str = ""
    beside_value: float | None = None
    ratio: float | None = None
    required: str = ""
    reached: bool | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """How long a call takes [s], and its result."""
    began = time.perf_counter()
    result = function()
    return time.perf_counter() - began, result


def best(function: Callable[[], Any], times: int = 5) -> float:
    """Shortest of several runs [s]: what else the computer does only ever makes a run longer."""
    return min(timed(function)[0] for _ in range(times))


def peak_memory() -> int:
    """Greatest resident memory of this process so far [byte].

    VmHWM where there is one: ``ru_maxrss`` of a process on Linux starts at what its parent had (the value is kept
    over fork and exec), so that a small process started by a large one looks large.
    """
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * PAGE
    except OSError:
        pass
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * PAGE


def fresh(module: str, *arguments: object) -> Any:
    """Run ``python -m module arguments`` in a new process; it prints JSON."""
    command = [sys.executable, "-m", module, *(str(argument) for argument in arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def machine() -> dict[str, Any]:
    """What it was measured on."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    except OSError:
        pass
    return {
        "processor": name,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }
