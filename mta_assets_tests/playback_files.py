"""Short playbacks of the simulated spacecraft, made once per process, and a platform in a folder of its own."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mta_assets.missions.load import load_mission
from mta_assets.pipelines.ingest import Arrival, Watch, take_in
from mta_assets.pipelines.platform import Platform
from mta_assets.settings import Settings

LENGTH = 1025  # [byte] of a frame
MINUTES = 10.0  # of a playback; half an hour is the shortest run that the simulator makes


@dataclass(frozen=True)
class Simulated:
    """Three playbacks that follow each other: name → bytes, and what was put in."""

    files: dict[str, bytes]
    truth: dict[str, Any]

    @property
    def names(self) -> list[str]:
        return list(self.files)


@cache
def simulated(faults: bool = False, seed: int = 3) -> Simulated:
    """Half an hour of telemetry: ACIS events in the first playback, an observation with the HRC in the last."""
    from mta_assets.simulate.playbacks import simulate

    with tempfile.TemporaryDirectory() as folder:
        made = simulate(
            load_mission("chandra"), hours=0.5, to=Path(folder), seed=seed, playback_minutes=MINUTES, faults=faults
        )
        files = {written.path.name: written.path.read_bytes() for written in made.files}
        return Simulated(files, json.loads(made.truth.read_text(encoding="utf-8")))


def first_frames(count: int, number: int = 0) -> tuple[str, bytes]:
    """Name and content of a playback of so many frames: the beginning of a clean one."""
    name = simulated().names[number]
    return name, simulated().files[name][: count * LENGTH]


class House:
    """A platform in a folder: files are dropped, the sensor's look is called by hand.

    Parameters
    ----------
    folder
        Empty.
    mission, settle
        Which mission, and how long a file without checksum must be at rest [s].
    """

    def __init__(self, folder: Path, mission: str = "chandra", settle: float = 0.0) -> None:
        self.settings = Settings(mission=mission, data=folder / "data", settle_seconds=settle)
        self.platform = Platform(self.settings)
        self.watch = Watch()
        self.incoming.mkdir(parents=True, exist_ok=True)

    @property
    def incoming(self) -> Path:
        return self.settings.incoming

    @property
    def catalog(self) -> Any:
        return self.platform.catalog

    def drop(self, name: str, content: bytes, checksum: bool = True) -> Path:
        """Put a file into the incoming folder, with its checksum file first."""
        path = self.incoming / name
        if checksum:
            digest = hashlib.sha256(content).hexdigest()
            path.with_name(name + ".sha256").write_text(f"{digest}  {name}\n", encoding="utf-8")
        path.write_bytes(content)
        return path

    def look(self, limit: int = 8) -> list[Arrival]:
        """One look of the sensor."""
        arrivals, self.watch = take_in(self.platform, Watch.from_json(self.watch.to_json()), limit)
        return arrivals

    def arrive(self, name: str, content: bytes) -> Arrival:
        """Drop a whole file and look."""
        self.drop(name, content)
        (arrival,) = self.look()
        return arrival

    def restart(self) -> None:
        """A new process on the same folders, as far as the platform can tell; the sensor's cursor is kept."""
        self.platform.catalog.close()
        self.platform = Platform(self.settings)

    def run(self, partition: str, *pipelines: str) -> dict[str, str]:
        """Run pipelines, all of them if none is named; the outcome of each by pipeline and stream."""
        chosen = [p for p in self.platform.registry.pipelines_of("playback") if not pipelines or p.id in pipelines]
        return {
            f"{pipeline.id} {stream}": self.platform.execute(pipeline.id, stream, partition).outcome
            for pipeline in chosen
            for stream in pipeline.streams
        }

    def everything(self) -> dict[str, str]:
        """sha256 of every file that came in, by where it is now; hidden and accompanying files left out."""
        return {
            f"{folder.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
            for folder in (self.incoming, self.settings.playbacks, self.settings.quarantine)
            if folder.is_dir()
            for path in sorted(folder.iterdir())
            if path.is_file() and not path.name.endswith((".sha256", ".reason.json")) and path.name[0] != "."
        }


def long_ago(path: Path, seconds: float = 300.0) -> None:
    """Let a file look as if nobody had touched it for so long."""
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)
