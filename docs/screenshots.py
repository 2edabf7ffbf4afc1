"""Takes the pictures of the documentation: pages of a Dagster that stands on the folder of a finished demo.

    .venv/bin/python docs/screenshots.py data/demo

Needs Chromium (`make debian-packages`). The server listens on 127.0.0.1 and is ended afterwards.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mta_assets.cli.dagster_process import DagsterProcess

IMAGES = Path(__file__).parent / "images"
PAGES = {
    "lineage.png": ("/asset-groups", 1800, 1100),
    "runs.png": ("/runs", 1500, 700),
    "static-monitor.png": ("/assets/chandra/sdp/STATIC_EPS?view=overview", 1500, 1300),
    "engineering.png": ("/assets/chandra/sdp/PCAD_ENG0?view=partitions", 1500, 900),
}
# Without these Chromium looks for its makers' servers at every start.
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"]


def shoot(url: str, to: Path, width: int, height: int) -> None:
    """One page as a person would see it, after its scripts have come to rest."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        sys.exit("chromium is not installed: `make debian-packages`")
    with tempfile.TemporaryDirectory() as profile:
        command = [
            program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars", *QUIET,
            f"--user-data-dir={profile}", f"--window-size={width},{height}", "--virtual-time-budget=25000",
            f"--screenshot={to}", url,
        ]  # fmt: skip
        subprocess.run(command, check=True, timeout=180, capture_output=True)  # noqa: S603


def main(data: Path) -> None:
    IMAGES.mkdir(exist_ok=True)
    with DagsterProcess("chandra", data) as server:
        server.wait_until_ready()
        for name, (page, width, height) in PAGES.items():
            shoot(server.url + page, IMAGES / name, width, height)
            print(IMAGES / name)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "data/demo"))
