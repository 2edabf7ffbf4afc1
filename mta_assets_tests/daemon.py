"""A mission's ``dagster dev`` as tests have it: with its catalog, and with patience."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mta_assets.cli.dagster_process import ENDED, DagsterProcess
from mta_assets.pipelines.platform import Platform
from mta_assets.pipelines.status import report
from mta_assets.settings import Settings

Found = TypeVar("Found")
PATIENCE = 180.0  # [s] for anything: the machine may be busy with other things, how long it takes is told, not tested
EVENTS = """query Events($run: ID!) { runOrError(runId: $run) { ... on Run { eventConnection { events {
  ... on EngineEvent { metadataEntries { label ... on TextMetadataEntry { text } } } } } } } }"""


@dataclass(frozen=True)
class Deployment:
    """A mission's Dagster process, and a platform of our own that looks at the same catalog."""

    process: DagsterProcess

    @cached_property
    def platform(self) -> Platform:
        return Platform(Settings(mission=self.process.mission, data=self.process.data))

    def until(
        self,
        condition: Callable[[], Found | None],
        what: str,
        seconds: float = PATIENCE,
        instead: Callable[[], object] | None = None,
    ) -> Found:
        """Poll until a condition gives something; if it does not, ``instead`` says what is there."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            time.sleep(0.2)
        if instead is not None:
            pytest.fail(f"{what}: not within {seconds:.0f} s\n{instead()}")
        log = self.process.log.read_text(encoding="utf-8", errors="replace")
        pytest.fail(f"{what}: not within {seconds:.0f} s\n{report(self.platform, 0)['playbacks']}\n{log[-3000:]}")

    def runs(self, job: str = "playback") -> list[dict[str, Any]]:
        return self.process.runs(job)

    def at_rest(self) -> bool:
        """Whether no playback is in process."""
        return all(run["status"] in ENDED for run in self.runs())

    def done(self, name: str) -> dict[str, Any] | None:
        """The line of ``mta status`` of a playback when it is done; fails at once if it has failed."""
        row = next((r for r in report(self.platform, 0)["playbacks"] if r["file"] == name), None)
        assert row is None or not row["state"].startswith("failed"), row
        return row if row and row["state"] == "done" else None

    def in_the_middle(self, name: str) -> str | None:
        """The run that works on a playback, after some of its pipelines have ended and before the others."""
        entry = next((p for p in self.platform.catalog.playbacks() if p.file_name == name), None)
        if entry is None or len(self.platform.catalog.runs(partition=entry.partition)) < 3:
            return None
        return next((run["runId"] for run in self.runs() if run["status"] == "STARTED"), None)

    def worker(self, run: str) -> int:
        """Process that executes a run, from the run's own events."""
        events = self.process.query(EVENTS, run=run)["runOrError"]["eventConnection"]["events"]
        entries = [entry for event in events for entry in event.get("metadataEntries", [])]
        return int(next(entry["text"] for entry in entries if entry["label"] == "pid"))


def deployment(mission: str, folder: Path) -> Iterator[Deployment]:
    with DagsterProcess(mission, folder) as process:
        print(f"{mission}: the web server answers after {process.wait_until_ready(PATIENCE):.1f} s")
        yield Deployment(process)
