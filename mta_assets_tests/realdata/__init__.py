"""Public files that nobody here wrote: found beside the project or where MTA_REALDATA says, never committed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def realdata(*parts: str) -> Path:
    """Path of a real file; the test is skipped with a plain message where it is absent."""
    folder = Path(os.environ.get("MTA_REALDATA", PROJECT.parent / "shared" / "realdata"))
    path = folder.joinpath(*parts)
    if not path.exists():
        # Where the folder is there at all, a file that is not is a mistake of the test, not of the machine.
        assert not (os.environ.get("MTA_REQUIRE_ALL") and folder.exists()), f"{path} is not there"
        pytest.skip(f"real data {'/'.join(parts)} is not there: set MTA_REALDATA to the folder that holds it")
    return path
