"""How far each playback is: right for many playbacks, and cheap enough to be asked for several times a second."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mta_assets.archive.entries import NewProduct, QuarantineEntry, RunEntry
from mta_assets.pipelines.status import report
from mta_assets_tests.pipelines.toy import finding, gap
from mta_assets_tests.playback_files import House

START = 8.2e8  # [s] TT since 1998.0


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, "jpss")


def pipelines(house: House) -> list[tuple[str, str]]:
    return [(p.id, s) for p in house.platform.registry.pipelines_of("playback") for s in p.streams]


def enter(house: House, number: int, accepted: bool = True) -> str:
    partition = f"2024-{number:06d}"
    house.catalog.enter_playback(
        mission="jpss", partition=partition, file_name=f"file{number}", path=f"/kept/{number}", source=f"/in/{number}",
        sha256=f"{number:064d}", size=1000, tstart=START + 3600.0 * number, tstop=START + 3600.0 * (number + 1),
        arrived=START + 10_000.0 + number, facts={},
    )  # fmt: skip
    if accepted:
        house.catalog.mark_accepted(partition, START + 10_000.5 + number)
    return partition


def run(
    house: House, partition: str, pipe_id: str, stream: str, after: float, outcome: str = "done", **left: Any
) -> None:
    """A run that ended so many seconds after the arrival of its playback."""
    catalog = house.catalog
    number = catalog.next_run_number(pipe_id, partition, stream)
    arrived = catalog.playback(partition).arrived
    catalog.commit_run(
        RunEntry(
            f"{pipe_id} {stream} {partition} {number:03d}", pipe_id, partition, stream, number, outcome,
            arrived + after - 0.5, arrived + after, "c", "r", "l", "/log", "",
        ),
        **left,
    )  # fmt: skip


def product(name: str) -> NewProduct:
    return NewProduct("X_ENG0", f"{name}N001", f"/a/{name}", "0", name, 1, START, START + 1, 1, 1, "0" * 64, START)


def row_of(house: House, partition: str) -> dict[str, Any]:
    return next(row for row in report(house.platform)["playbacks"] if row["playback"] == partition)


@contextmanager
def counted(house: House) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    engine = house.catalog.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def test_a_playback_is_in_process_until_every_pipeline_has_run(house: House) -> None:
    partition = enter(house, 1, accepted=False)
    assert row_of(house, partition)["state"] == "arriving"
    house.catalog.mark_accepted(partition, START + 10_002.0)
    assert row_of(house, partition)["state"] == "accepted"
    *first, last = pipelines(house)
    for pipe_id, stream in first:
        run(house, partition, pipe_id, stream, 3.0)
    assert row_of(house, partition)["state"] == "in process"
    assert row_of(house, partition)["latency [s]"] is None
    run(house, partition, *last, 7.25)
    assert (row_of(house, partition)["state"], row_of(house, partition)["latency [s]"]) == ("done", 7.2)


def test_a_run_of_a_pipeline_that_the_registry_no_longer_has_does_not_count(house: House) -> None:
    partition = enter(house, 1)
    for pipe_id, stream in pipelines(house)[1:]:
        run(house, partition, pipe_id, stream, 3.0)
    run(house, partition, "RETIRED", "sdp", 99.0, "failed")
    assert row_of(house, partition)["state"] == "in process"
    run(house, partition, *pipelines(house)[0], 4.0)
    assert row_of(house, partition)["state"] == "done"
    assert row_of(house, partition)["latency [s]"] == 4.0
    assert "RETIRED sdp: failed" in [s["stage"] for s in report(house.platform)["stages"]]


def test_a_failure_is_told_until_a_later_run_has_mended_it(house: House) -> None:
    partition = enter(house, 1)
    for pipe_id, stream in pipelines(house):
        run(house, partition, pipe_id, stream, 3.0, "failed" if pipe_id == "ENGINEERING" else "done")
    assert row_of(house, partition)["state"] == "failed: ENGINEERING"
    run(house, partition, "ENGINEERING", "sdp", 9000.0)
    assert row_of(house, partition)["state"] == "done"
    assert row_of(house, partition)["latency [s]"] == 3.0  # a reprocessing is no latency


def test_what_was_made_and_found_is_counted_for_each_playback_alone(house: House) -> None:
    one, two = enter(house, 1), enter(house, 2)
    pipe_id, stream = pipelines(house)[0]
    run(house, one, pipe_id, stream, 1.0, products=[product("a"), product("b")], faults=gap(), findings=finding())
    run(house, one, pipe_id, stream, 2.0, products=[product("c")], faults=gap())  # replaces the first
    run(house, two, pipe_id, stream, 1.0, findings=finding())
    counts = [tuple(row_of(house, p)[key] for key in ("products", "faults", "findings")) for p in (one, two)]
    assert counts == [(1, 1, 0), (0, 0, 1)]


def test_stages_stand_in_the_order_of_time_with_their_distance_from_the_arrival(house: House) -> None:
    partition = enter(house, 1)
    (pipe_a, stream_a), (pipe_b, stream_b) = pipelines(house)[:2]
    run(house, partition, pipe_b, stream_b, 2.0, "nothing to do")
    run(house, partition, pipe_a, stream_a, 1.25)
    stages = report(house.platform)["stages"]
    assert [(s["stage"], s["after [s]"]) for s in stages] == [
        ("arrived", 0.0), ("accepted", 0.5), (f"{pipe_a} {stream_a}: done", 1.25),
        (f"{pipe_b} {stream_b}: nothing to do", 2.0),
    ]  # fmt: skip
    assert stages[0]["at"] == "2023-12-26T20:32:11.816"
    assert stages[2]["at"] == "2023-12-26T20:32:13.066"


def test_only_the_newest_are_shown_and_the_latencies_are_theirs(house: House) -> None:
    for number in range(6):
        partition = enter(house, number)
        for pipe_id, stream in pipelines(house):
            run(house, partition, pipe_id, stream, 10.0 * (number + 1))
    content = report(house.platform, last=2)
    assert [row["file"] for row in content["playbacks"]] == ["file4", "file5"]
    assert content["latency"] == {"count": 2, "p50": 55.0, "p95": pytest.approx(59.5), "max": 60.0}
    assert len(report(house.platform, last=0)["playbacks"]) == 6


def test_a_fresh_platform_has_nothing_to_show(house: House) -> None:
    content = report(house.platform)
    assert content == {
        "mission": "jpss", "playbacks": [], "stages": [], "incoming": [], "quarantine": [], "deliveries": [],
        "latency": {"count": 0, "p50": None, "p95": None, "max": None},
    }  # fmt: skip


def test_other_missions_in_the_same_catalog_are_not_shown(house: House) -> None:
    enter(house, 1)
    house.catalog.add_quarantine(QuarantineEntry("other", "x", "0" * 64, 1, "bad", START, "/q/x"))
    content = report(house.platform)
    assert len(content["playbacks"]) == 1
    assert content["quarantine"] == []


def test_what_waits_in_the_incoming_folder_is_shown_with_its_name_made_harmless(house: House) -> None:
    house.drop("grow\x1b[2Jing", b"12345", checksum=True)
    (house.incoming / ".hidden").touch()
    content = report(house.platform)
    json.dumps(content).encode("utf-8")
    assert content["incoming"] == [{"file": "grow\\x1b[2Jing", "bytes": 5}]


def test_the_number_of_queries_does_not_grow_with_the_playbacks(house: House) -> None:
    def queries() -> int:
        with counted(house) as statements:
            report(house.platform, last=0)
        return len([s for s in statements if s.startswith("SELECT")])

    for number in range(3):
        run(house, enter(house, number), *pipelines(house)[0], 1.0)
    few = queries()
    for number in range(3, 30):
        run(house, enter(house, number), *pipelines(house)[0], 1.0)
    assert queries() == few <= 8
