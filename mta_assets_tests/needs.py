"""What a test needs besides Python: without it the test is skipped with a plain message, in CI it fails."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest


def program(name: str, package: str, folders: Iterable[Path] = ()) -> str:
    """Path of a program of a Debian package, on the path or in one of the folders."""
    beside = next((str(folder / name) for folder in folders if (folder / name).exists()), None)
    found = shutil.which(name) or beside
    if found is None:
        message = f"{name} is not installed: `make debian-packages` installs {package}"
        assert not os.environ.get("MTA_REQUIRE_ALL"), message
        pytest.skip(message)
    return found
