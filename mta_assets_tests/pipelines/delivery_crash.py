"""Delivers a file in a process that kills itself at a given moment: ``python -m … FOLDER FILE MOMENT``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from mta_assets.archive.catalog import Catalog
from mta_assets.pipelines import delivery
from mta_assets.pipelines.platform import Platform
from mta_assets.settings import Settings


def die(*args: Any, **kwargs: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path, path: Path, moment: str) -> None:
    platform = Platform(Settings(mission=str(folder / "mission"), data=folder / "data"))
    assert platform.catalog
    if moment == "rename":
        real = Path.rename

        def renamed(self: Path, target: Path) -> Path:
            found = real(self, target)
            if "delivered" in Path(target).parts:
                die()
            return found

        Path.rename = renamed  # type: ignore[method-assign]
    elif moment == "commit":
        Catalog.commit_delivery = die  # type: ignore[method-assign,assignment]
    elif moment == "after":
        delivery.shutil.rmtree = die  # type: ignore[assignment]
    else:
        setattr(delivery, moment, die)
    delivery.deliver(platform, path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
