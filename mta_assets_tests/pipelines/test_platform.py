"""The platform when disk, catalog or process fail at any moment: nothing lost, nothing half-written, and it goes on."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mta_assets.core.errors import BadData, ConfigError, TransientError
from mta_assets.pipelines import arrivals
from mta_assets.pipelines.incoming import Watch
from mta_assets.pipelines.platform import Unusable
from mta_assets_tests.disk_faults import Disk, refusing
from mta_assets_tests.playback_files import LENGTH, House, first_frames, long_ago

NAME = "2024_061_0000_0010_Dump_EM_00001.vcdu"
FRAMES = 256


def content() -> bytes:
    return first_frames(FRAMES)[1]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    assert made.catalog
    return made


def nothing_half_written(house: House, *whole: bytes) -> None:
    """Every file is one of the whole ones, each is there, and the catalog points at what exists."""
    found = house.everything()
    assert {sha256(data) for data in whole} == set(found.values())
    for entry in house.catalog.playbacks(state="accepted"):
        assert sha256(Path(entry.path).read_bytes()) == entry.sha256


def no_leftovers(house: House) -> bool:
    """After a restart and a look, long enough afterwards, no temporary file is there and nothing waits."""
    house.restart()
    for path in house.incoming.iterdir():
        long_ago(path, 90_000.0)
    house.look()
    return not list(house.settings.root.rglob(".*.tmp-*")) and list(house.incoming.iterdir()) == []


def the_next_goes_through(house: House) -> None:
    name, frames = first_frames(128, 1)
    house.drop(name, frames)
    assert "accepted" in [a.state for _ in range(2) for a in house.look() if a.name == name]


# ---- a disk that is full or read-only


def refusals(scene: Callable[[House], None], folder: Path) -> int:
    """How many times a look at a scene asks the disk for a change."""
    house = House(folder / "count")
    assert house.catalog
    scene(house)
    with refusing(None) as disk:
        house.look()
    return len(disk.asked)


def good_file(house: House) -> None:
    house.drop(NAME, content())


def noise(house: House) -> None:
    house.drop(NAME, b"noise" * 1000)


def wrong_checksum(house: House) -> None:
    path = house.drop(NAME, content())
    path.write_bytes(content()[:-1])
    long_ago(path)


def known_before(house: House) -> None:
    house.arrive(NAME, content())
    house.drop(NAME.replace("00001", "00002"), content())


SCENES = {
    good_file: ("accepted", lambda: [content()]),
    noise: ("quarantined", lambda: [b"noise" * 1000]),
    wrong_checksum: ("quarantined", lambda: [content()[:-1]]),
    known_before: ("duplicate", lambda: [content()]),
}


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("scene", SCENES)
def test_whichever_change_the_disk_refuses_the_next_look_finishes_the_work(
    tmp_path: Path, scene: Callable[[House], None], lasting: bool
) -> None:
    outcome, whole = SCENES[scene]
    total = refusals(scene, tmp_path)
    assert total >= 5
    for at in range(0, total, 2 if lasting else 1):
        number = (errno.ENOSPC, errno.EROFS)[at % 2]
        house = House(tmp_path / f"{at}")
        assert house.catalog
        scene(house)
        with refusing(at, number, lasting) as disk:
            refused = house.look()
        assert disk.refused
        nothing_half_written(house, *whole())
        waiting = [a for a in refused if a.state == "waiting"]
        assert all(os.strerror(number) in a.reason and "tried again" in a.reason for a in waiting)
        told = [a.state for a in [*refused, *house.look()] if a.state != "waiting"]
        assert told in ([outcome], ["accepted"]), disk
        nothing_half_written(house, *whole())
        assert no_leftovers(house), (at, disk.asked)
        assert len(house.catalog.playbacks(state="accepted")) == (outcome != "quarantined")
        refused_files = [row["name"] for row in house.catalog.quarantined() if not row["name"].endswith(".sha256")]
        assert len(refused_files) == (outcome != "accepted")
        assert all(row["times"] == 1 for row in house.catalog.quarantined())


def test_while_the_disk_is_full_every_file_waits_and_says_why(house: House) -> None:
    house.drop(NAME, content())
    house.drop("readme.txt", b"hello")
    with refusing(0, lasting=True):
        arrivals = [a for _ in range(3) for a in house.look()]
    assert {a.state for a in arrivals} == {"waiting"}
    assert all("No space left on device" in a.reason for a in arrivals)
    assert sorted(a.state for a in house.look()) == ["accepted", "quarantined"]


@pytest.mark.parametrize("pragma", ["query_only = ON", "max_page_count = 1"])
def test_a_catalog_that_can_not_be_written_loses_no_file(house: House, pragma: str) -> None:
    house.drop(NAME, content())
    house.drop("readme.txt", b"hello")
    with house.catalog.engine.connect() as connection:  # the pool has this one connection
        connection.exec_driver_sql(f"PRAGMA {pragma}")
    arrivals = house.look()
    refused = [a for a in arrivals if a.state == "waiting"]
    assert len(refused) == 2 or pragma.startswith("max")  # a small row still fits into a page that is there
    for arrival in refused:
        assert "catalog sqlite:///" in arrival.reason
        assert "database or disk is full" in arrival.reason or "readonly database" in arrival.reason
    nothing_half_written(house, content(), b"hello")
    house.restart()
    states = {a.name: a.state for a in [*arrivals, *house.look()]}
    assert states == {NAME: "accepted", "readme.txt": "quarantined"}
    nothing_half_written(house, content(), b"hello")


def test_a_full_disk_while_a_product_is_written_leaves_nothing_and_the_run_is_made_again(tmp_path: Path) -> None:
    def fresh(name: str) -> tuple[House, str]:
        house = House(tmp_path / name)
        partition = house.arrive(NAME, content()).partition
        assert partition
        return house, partition

    def products(house: House) -> dict[str, str]:
        return {p.name: sha256(Path(p.path).read_bytes()) for p in house.catalog.products()}

    house, partition = fresh("whole")
    with refusing(None) as disk:
        house.run(partition, "PLAYBACK_RECORD")
    (expected,) = products(house)
    for at in range(3, len(disk.asked), 9):
        house, partition = fresh(f"{at}")
        with refusing(at, (errno.ENOSPC, errno.EROFS)[at % 2]) as refused:
            outcome = _one_run(house, partition)
        assert refused.refused
        assert outcome in ("done", "transient"), refused.asked[at]
        files = {p.name for p in house.settings.archive.rglob("*.fits") if ".staging" not in p.parts}
        assert files == set(products(house)) == ({expected} if outcome == "done" else set())
        assert len(house.catalog.runs()) == (outcome == "done")
        assert _one_run(house, partition) == "done"
        assert list(products(house)) == [expected]
        assert not list((house.settings.archive / ".staging").glob("*"))
        assert list(house.everything().values()) == [sha256(content())]


def _one_run(house: House, partition: str) -> str:
    try:
        return house.platform.execute("PLAYBACK_RECORD", "sdp", partition).outcome
    except TransientError as error:
        return "transient" if "No space left" in str(error) or "Read-only" in str(error) else str(error)


# ---- a process that dies


def test_a_crash_between_the_entry_and_the_move_is_finished_by_the_next_look(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.drop(NAME, content())
    with monkeypatch.context() as patched:
        patched.setattr(arrivals, "move", lambda source, target: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            house.look()
    assert [p.state for p in house.catalog.playbacks()] == ["arriving"]
    house.restart()
    (arrival,) = house.look()
    assert (arrival.state, arrival.reason) == ("accepted", "an interrupted arrival was finished")
    assert no_leftovers(house)
    nothing_half_written(house, content())
    the_next_goes_through(house)


def _dies_before_it_is_marked(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.drop(NAME, content())
    with monkeypatch.context() as patched:
        patched.setattr(type(house.catalog), "mark_accepted", lambda self, partition, when: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            house.look()
    house.restart()


def test_a_crash_after_the_move_is_finished_and_leaves_a_new_file_of_the_same_name_alone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _dies_before_it_is_marked(house, monkeypatch)
    other = content()[: 100 * LENGTH]
    house.drop(NAME, other)
    assert [a.state for a in house.look()] == ["accepted", "accepted"]
    nothing_half_written(house, content(), other)
    assert len(house.catalog.playbacks(state="accepted")) == 2
    assert no_leftovers(house)


def test_an_entry_whose_file_is_gone_is_told_and_taken_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    _dies_before_it_is_marked(house, monkeypatch)
    (entry,) = house.catalog.playbacks()
    Path(entry.path).unlink()
    (arrival,) = house.look()
    assert arrival.state == "lost"
    assert "send it again" in arrival.reason
    assert house.catalog.playbacks() == []
    assert house.catalog.quarantined()[0]["reason"] == arrival.reason
    assert house.look() == []
    assert house.arrive(NAME, content()).state == "accepted"
    assert house.arrive(NAME, content()).state == "duplicate"
    assert no_leftovers(house)


def test_other_bytes_in_the_place_of_an_interrupted_arrival_are_not_taken_for_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.drop(NAME, content())
    with monkeypatch.context() as patched:
        patched.setattr(arrivals, "move", lambda source, target: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            house.look()
    other = content()[: 100 * LENGTH]
    house.drop(NAME, other)  # the sender wrote over it
    assert [a.state for a in house.look()] == ["lost", "accepted"]
    nothing_half_written(house, other)


@pytest.mark.slow
def test_killed_at_any_moment_a_look_is_finished_by_the_next(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mta_assets_tests.pipelines.ingest_crashes", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    runs = json.loads(done.stdout)
    assert len(runs) >= 10
    for run in runs:
        assert run["signal"] == 9, run
        assert run["after"] == run["whole"], run
        assert sorted(run["states"].values()) == ["accepted", "duplicate", "quarantined"], run


# ---- a playback that is no longer what it was


@pytest.mark.parametrize("change", ["longer", "noise", "other"])
def test_a_file_that_changed_after_it_was_accepted_is_bad_data_and_set_apart(house: House, change: str) -> None:
    partition = house.arrive(NAME, content()).partition
    (entry,) = house.catalog.playbacks()
    changed = {"longer": content() + content()[:LENGTH], "noise": bytes(5000), "other": first_frames(64)[1]}[change]
    Path(entry.path).write_bytes(changed)
    result = house.platform.execute("PLAYBACK_RECORD", "sdp", partition)
    assert result.outcome == "bad data"
    assert partition in result.message
    (row,) = house.catalog.quarantined()
    assert row["reason"] == f"PLAYBACK_RECORD: {result.message}"
    assert Path(row["path"]).read_bytes() == changed
    assert house.platform.execute("OBC_ASPECT", "sap", partition).outcome == "bad data"
    assert len(house.catalog.quarantined()) == 1
    assert house.arrive(NAME, content()).state == "accepted"
    assert house.platform.execute("PLAYBACK_RECORD", "sdp", partition).outcome == "done"
    assert [r["outcome"] for r in house.catalog.runs(pipe_id="PLAYBACK_RECORD")] == ["bad data", "done"]


def test_a_file_that_can_not_be_read_now_is_a_transient_fault_that_names_it(house: House) -> None:
    partition = house.arrive(NAME, content()).partition
    (entry,) = house.catalog.playbacks()
    hidden = Path(entry.path).rename(house.settings.root / "elsewhere")
    with pytest.raises(TransientError, match=r"Dump_EM_00001\.vcdu can not be read \(No such file"):
        house.platform.execute("PLAYBACK_RECORD", "sdp", partition)
    assert house.catalog.runs() == []
    hidden.rename(entry.path)
    assert house.platform.execute("PLAYBACK_RECORD", "sdp", partition).outcome == "done"


def test_bad_data_met_by_a_tool_sets_the_playback_apart_and_the_others_still_find_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bad(*args: object, **kwargs: object) -> None:
        raise BadData("packet 7 makes no sense")

    partition = house.arrive(NAME, content()).partition
    monkeypatch.setattr("mta_assets.level0.aspect.extract_osol", bad)
    assert house.run(partition, "OBC_ASPECT", "PLAYBACK_RECORD") == {
        "PLAYBACK_RECORD sdp": "done", "OBC_ASPECT sdp": "bad data", "OBC_ASPECT sap": "bad data",
    }  # fmt: skip
    (row,) = house.catalog.quarantined()
    assert row["reason"] == "OBC_ASPECT: packet 7 makes no sense"
    (entry,) = house.catalog.playbacks()
    assert (entry.state, entry.path) == ("quarantined", row["path"])
    assert house.run(partition, "PLAYBACK_RECORD") == {"PLAYBACK_RECORD sdp": "done"}  # from where it is now
    again = house.arrive(NAME, content())
    assert again.state == "duplicate"
    assert "turned out to be bad data" in again.reason
    monkeypatch.undo()
    assert set(house.run(partition, "OBC_ASPECT").values()) == {"done"}


def test_a_playback_is_opened_once_for_the_pipelines_that_follow_each_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    partition = house.arrive(NAME, content()).partition
    opened: list[Path] = []
    genuine = type(house.platform).open_playback

    def counted(self, path: Path):  # type: ignore[no-untyped-def]
        opened.append(path)
        return genuine(self, path)

    monkeypatch.setattr(type(house.platform), "open_playback", counted)
    house.run(partition, "PLAYBACK_RECORD", "OBC_ASPECT")
    assert len(opened) == 1


def test_an_unusable_playback_gives_its_reason_to_whoever_asks() -> None:
    with pytest.raises(BadData, match="gone wrong"):
        Unusable("gone wrong").blocks(3600.0)


def test_a_partition_that_nobody_knows_is_told(house: House) -> None:
    with pytest.raises(BadData, match="no playback '20200101T000000-00000000' in the catalog"):
        house.platform.execute("PLAYBACK_RECORD", "sdp", "20200101T000000-00000000")


def test_a_wrong_cursor_stops_the_look_before_it_touches_anything(house: House) -> None:
    house.drop(NAME, content())
    with pytest.raises(ConfigError):
        Watch.from_json("no json")
    assert (house.incoming / NAME).exists()


def test_the_disk_of_these_tests_refuses_what_it_should(tmp_path: Path) -> None:
    with refusing(1, errno.ENOSPC) as disk, pytest.raises(OSError, match="No space"):
        (tmp_path / "a").write_bytes(b"0123456789")
    assert isinstance(disk, Disk)
    assert disk.asked == ["open", "write"]
    assert (tmp_path / "a").read_bytes() == b"01234"
