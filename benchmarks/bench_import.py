"""How long the code location takes to load: every run of Dagster begins with it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from benchmarks.measure import ROOT, Row, best

SECONDS = 5.0  # [s] required, import to ready


def run(repeats: int = 3) -> list[Row]:
    """Import of ``mta_assets.definitions`` in a new process, beside that of Dagster alone."""
    with tempfile.TemporaryDirectory() as data:
        ours = best(lambda: _imported("mta_assets.definitions", data), repeats)
        dagster = best(lambda: _imported("dagster", data), repeats)
    what = "import of mta_assets.definitions in a new process"
    return [Row(what, ours, "s", "import of dagster", dagster, ours / dagster, "< 5 s", ours < SECONDS)]


def _imported(module: str, data: str) -> None:
    environment = {**os.environ, "MTA_DATA": data, "DAGSTER_HOME": data}
    subprocess.run([sys.executable, "-c", f"import {module}"], cwd=ROOT, env=environment, check=True)
