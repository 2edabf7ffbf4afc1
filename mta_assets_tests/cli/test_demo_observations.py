"""When the demo takes the observations to be done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from mta_assets.cli import demo_observations
from mta_assets.cli.demo import _summary, pace
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


def test_a_stretch_without_a_complete_observation_is_said_to_have_no_level_2() -> None:
    text = pace(175.2, 3.0, complete=False)
    assert text.startswith("no observation was complete in the 3 h")
    assert "real time" not in text
    assert pace(175.2, 24.0, complete=True).endswith("last product of level 2: 175 × real time")


def test_the_summary_says_it_in_the_place_of_the_figure(capsys: pytest.CaptureFixture[str]) -> None:
    _summary({"playbacks": [], "latency": {"count": 0}}, [], pace(175.2, 3.0, complete=False))
    told = capsys.readouterr().out
    assert "no observation was complete" in told
    assert "real time" not in told
