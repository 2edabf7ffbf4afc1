"""When the demo takes the observations to be done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from mta_assets.cli import demo_observations
from mta_assets.cli.demo_observations import wait_for_observations
from mta_assets.pipelines.due import Due, ObiMarks


class Server:
    """Runs of the job, look by look; the last one stays."""

    log = "the log"

    def __init__(self, *looks: Sequence[dict[str, Any]]) -> None:
        self.looks = list(looks)

    def runs(self, job: str) -> Sequence[dict[str, Any]]:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


def run(key: str, status: str) -> dict[str, Any]:
    return {"status": status, "tags": {"dagster/run_key": key}}


def asked(monkeypatch: pytest.MonkeyPatch, *looks: tuple[list[Due], ObiMarks]) -> list[int]:
    """What `due` says, look by look; the last one stays. Returns how often it was asked."""
    count = [0]

    def due(*_: Any) -> tuple[list[Due], list[str], ObiMarks]:
        count[0] += 1
        ready, marks = looks[min(count[0], len(looks)) - 1]
        return ready, [], marks

    monkeypatch.setattr(demo_observations, "due", due)
    monkeypatch.setattr(demo_observations, "LOOK", 0.0)
    return count


def test_an_observation_that_waits_for_its_playbacks_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    count = asked(monkeypatch, ([], ObiMarks(busy=("7_000",))), ([], ObiMarks()))
    assert wait_for_observations(Server([]), None, 60.0) == []  # type: ignore[arg-type]
    assert count == [2]


def test_every_run_that_is_asked_for_has_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    count = asked(monkeypatch, ([Due(None, "a")], ObiMarks()))  # type: ignore[arg-type]
    server = Server([], [run("a", "STARTED")], [run("a", "SUCCESS"), run("b", "STARTED")], [run("a", "SUCCESS")])
    assert wait_for_observations(server, None, 60.0) == [run("a", "SUCCESS")]  # type: ignore[arg-type]
    assert count == [4]
