"""What comes into the incoming folder, however it comes: accepted, waiting, or in quarantine with the reason."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from pathlib import Path

import pytest

from mta_assets.core.errors import BadData, ConfigError
from mta_assets.pipelines import ingest
from mta_assets.pipelines.incoming import AT_REST, Watch, shown
from mta_assets.pipelines.status import report
from mta_assets_tests.playback_files import LENGTH, House, first_frames, long_ago, simulated
from mta_assets_tests.realdata import realdata

NAME = "2024_061_0000_0010_Dump_EM_00001.vcdu"
OTHER = NAME.replace("00001", "00077")
JPSS = "J01_G011_LZ_2021-04-09T00-00-00Z_V01.DAT1"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def content() -> bytes:
    """256 frames: a whole playback, made when the first test wants it."""
    return first_frames(256)[1]


def quarantined(house: House) -> list[dict]:
    return house.catalog.quarantined("chandra")


def goes_through(house: House, number: int = 1) -> bool:
    """Whether the next playback is taken in at the next look."""
    name, frames = first_frames(128, number)
    house.drop(name, frames)
    return {a.name: a.state for a in house.look()}[name] == "accepted"


# ---- whole or not


def test_a_file_with_its_checksum_is_taken_in_at_the_first_look(house: House) -> None:
    arrival = house.arrive(NAME, content())
    digest = hashlib.sha256(content()).hexdigest()
    assert (arrival.state, arrival.partition) == ("accepted", f"20240301T000016-{digest[:8]}")
    assert f"{len(content())} bytes, 2024-03-01T00:00:16" in arrival.reason
    (entry,) = house.catalog.playbacks("chandra", "accepted")
    assert (entry.sha256, entry.size, entry.sequence) == (digest, len(content()), 1)
    assert entry.arrived <= entry.accepted < entry.arrived + 60
    assert Path(entry.path).read_bytes() == content()
    assert list(house.incoming.iterdir()) == []


@pytest.mark.parametrize("form", ["{d}", "{d} *{n}\n", "SHA256 ({n}) = {d}\n", "{D}  {n}\r\n"])
def test_every_usual_form_of_a_checksum_file_is_read(house: House, form: str) -> None:
    path = house.drop(NAME, content(), checksum=False)
    digest = hashlib.sha256(content()).hexdigest()
    path.with_name(NAME + ".sha256").write_text(form.format(d=digest, D=digest.upper(), n=NAME))
    assert [a.state for a in house.look()] == ["accepted"]


def test_a_file_without_checksum_is_taken_in_when_a_second_look_finds_it_unchanged(house: House) -> None:
    house.drop(NAME, content(), checksum=False)
    assert [(a.state, a.reason) for a in house.look()] == [("waiting", f"still growing: {len(content())} bytes so far")]
    assert [a.state for a in house.look()] == ["accepted"]


def test_a_file_that_has_not_settled_waits_however_many_looks_there_are(tmp_path: Path) -> None:
    house = House(tmp_path, settle=30.0)
    path = house.drop(NAME, content(), checksum=False)
    assert [a.state for _ in range(3) for a in house.look()] == ["waiting"] * 3
    long_ago(path, 31.0)
    assert [a.state for a in house.look()] == ["waiting"]  # changed, as far as this look knows
    assert [a.state for a in house.look()] == ["accepted"]


def test_a_file_that_was_dropped_long_ago_needs_no_second_look(house: House) -> None:
    long_ago(house.drop(NAME, content(), checksum=False), AT_REST + 1)
    assert [a.state for a in house.look()] == ["accepted"]


def test_a_time_in_the_future_does_not_keep_a_file_out(house: House) -> None:
    long_ago(house.drop(NAME, content(), checksum=False), -86400.0)
    assert [a.state for _ in range(2) for a in house.look()] == ["waiting", "accepted"]


def test_a_growing_file_waits_and_is_taken_in_whole(house: House) -> None:
    states = []
    for size in (0, 1000, 100_000, len(content())):
        house.drop(NAME, content()[:size], checksum=False)
        states += [a.reason.partition(":")[0] for a in house.look()]
        assert house.catalog.playbacks() == []
    assert set(states) == {"still growing"}
    assert [a.state for _ in range(2) for a in house.look()][-1] == "accepted"
    assert list(house.everything().values()) == [hashlib.sha256(content()).hexdigest()]


def test_a_file_that_a_program_has_open_waits_however_long_it_stalls(house: House) -> None:
    path = house.drop(NAME, content()[:5000], checksum=False)
    with path.open("ab") as upload:
        long_ago(path)
        arrivals = house.look()
        if arrivals[0].state == "accepted":
            pytest.skip("this system does not say which files are open for writing")
        assert "a program has it open" in arrivals[0].reason
        upload.write(content()[5000:])
    assert [a.state for _ in range(2) for a in house.look()][-1] == "accepted"
    assert list(house.everything().values()) == [hashlib.sha256(content()).hexdigest()]


def test_a_file_whose_checksum_came_first_waits_for_its_last_byte(house: House) -> None:
    digest = hashlib.sha256(content()).hexdigest()
    path = house.drop(NAME, content()[:5000], checksum=False)
    path.with_name(NAME + ".sha256").write_text(digest)
    reasons = [a.reason for _ in range(3) for a in house.look()]
    assert all("not yet those of its checksum file" in reason for reason in reasons)
    path.write_bytes(content())
    assert [a.state for _ in range(2) for a in house.look()] == ["waiting", "accepted"]


def test_a_file_at_rest_with_another_checksum_is_refused_with_both(house: House) -> None:
    path = house.drop(NAME, content())
    path.write_bytes(content()[:-1])
    long_ago(path)
    (arrival,) = house.look()
    assert arrival.state == "quarantined"
    assert hashlib.sha256(content()).hexdigest() in arrival.reason
    assert hashlib.sha256(content()[:-1]).hexdigest() in arrival.reason
    assert "send it again" in arrival.reason
    assert list(house.incoming.iterdir()) == []
    assert house.arrive(NAME, content()).state == "accepted"


def test_a_checksum_file_still_empty_makes_the_file_wait(house: House) -> None:
    path = house.drop(NAME, content(), checksum=False)
    long_ago(path, 20.0)
    sidecar = path.with_name(NAME + ".sha256")
    sidecar.touch()
    assert [a.state for _ in range(2) for a in house.look()] == ["waiting", "waiting"]
    sidecar.write_text(hashlib.sha256(content()).hexdigest())
    assert [a.state for a in house.look()] == ["accepted"]


@pytest.mark.parametrize("kind", ["words", "link", "pipe", "folder", "binary"])
def test_something_that_is_no_checksum_is_refused_and_kept_with_the_file(house: House, kind: str) -> None:
    path = house.drop(NAME, content(), checksum=False)
    sidecar = path.with_name(NAME + ".sha256")
    if kind == "link":
        sidecar.symlink_to("/etc/hostname")
    elif kind == "pipe":
        os.mkfifo(sidecar)
    elif kind == "folder":
        sidecar.mkdir()
    else:
        sidecar.write_bytes(b"see the web page" if kind == "words" else bytes(range(256)) * 1000)
    long_ago(sidecar)
    (arrival,) = house.look()
    assert arrival.state == "quarantined"
    assert "expected a sha256" in arrival.reason
    assert list(house.incoming.iterdir()) == []
    assert len(quarantined(house)) == 2
    assert goes_through(house)


def test_a_checksum_whose_file_never_comes_is_told_after_a_day(house: House) -> None:
    path = house.drop(NAME, content())
    path.unlink()
    sidecar = path.with_name(NAME + ".sha256")
    long_ago(sidecar, 3600.0)
    assert house.look() == []
    assert sidecar.exists()
    long_ago(sidecar, 90_000.0)
    (arrival,) = house.look()
    assert (arrival.name, arrival.state) == (sidecar.name, "quarantined")
    assert f"the checksum of {NAME} came, the file did not within a day" in arrival.reason
    assert list(house.incoming.iterdir()) == []


def test_a_checksum_file_left_over_from_an_accepted_playback_is_removed(house: House) -> None:
    house.arrive(NAME, content())
    path = house.drop(NAME, content())
    path.unlink()
    long_ago(path.with_name(NAME + ".sha256"))
    assert house.look() == []
    assert list(house.incoming.iterdir()) == []


# ---- content and names


def test_an_empty_file_is_refused(house: House) -> None:
    assert house.arrive(NAME, b"").state == "quarantined"
    (row,) = quarantined(house)
    assert f"{NAME} is empty: expected a playback, came 0 bytes" in row["reason"]
    assert goes_through(house)


HOSTILE = [
    "readme.txt",
    "2024_061_0000_0010_Dump_EM_00001.vcdu.gz",
    "2024_061_0000_0010_Dump_EM_00001.vcdu ",
    "2024_061_0000_0010_Dump_EM_00001.vcdu\n",
    "2024_061_0000_0010_Dump_EM_00001.vcdu\x1b[31m",
    "2024_061_0000_0010_Dump_EM_00001.vcdu..",
    "-rf",
    "--to=x",
    "$(reboot)",
    "%2e%2e%2fpasswd",
    "[bold]x[-]",
    "\u202egnp.udcv",
    "２０２４_061_0000_0010_Dump_EM_00001.vcdu",
    "a" * 255,
    os.fsdecode(b"\xff\xfe.vcdu"),
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_fits_no_playback_is_refused_and_kept_under_a_harmless_one(house: House, name: str) -> None:
    long_ago(house.drop(name, content(), checksum=False))
    (arrival,) = house.look()
    assert arrival.state == "quarantined"
    assert "file name" in arrival.reason or "the name fits no playback of mission chandra" in arrival.reason
    (arrival.name + arrival.reason).encode("utf-8")  # a log can hold it
    assert (arrival.name + arrival.reason).isprintable()
    (row,) = quarantined(house)
    kept = Path(row["path"])
    assert kept.parent == house.settings.quarantine
    assert kept.read_bytes() == content()
    assert set(kept.name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-")
    json.dumps(report(house.platform)).encode("utf-8")
    assert goes_through(house)


def test_hidden_files_and_those_still_written_by_name_are_left_alone(house: House) -> None:
    for name in (f".{NAME}.Xy12Z", f"{NAME}.part", f"{NAME}.filepart", f"{NAME}.tmp"):
        long_ago(house.drop(name, content(), checksum=False))
    assert house.look() == []
    assert len(list(house.incoming.iterdir())) == 4


@pytest.mark.parametrize("kind", ["symbolic link", "pipe", "folder", "socket"])
def test_what_is_no_regular_file_is_set_apart_without_being_opened(house: House, tmp_path: Path, kind: str) -> None:
    target = tmp_path / "elsewhere"
    target.write_bytes(content())
    for _ in range(2):  # the second of the same name gets a place of its own
        path = house.incoming / NAME
        if kind == "symbolic link":
            path.symlink_to(target)
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
            (path / "inside").write_text("kept")
        else:
            here = os.getcwd()
            os.chdir(house.incoming)  # a socket's path must be short
            try:
                with socket.socket(socket.AF_UNIX) as server:
                    server.bind(NAME)
            finally:
                os.chdir(here)
        (arrival,) = house.look()
        assert arrival.state == "quarantined"
        assert f"expected a regular file, came a {kind}" in arrival.reason
    assert target.read_bytes() == content()
    paths = {row["path"] for row in quarantined(house)}
    assert len(paths) == 2
    assert all(os.path.lexists(path) for path in paths)
    assert goes_through(house)


def test_random_bytes_are_refused(house: House) -> None:
    noise = hashlib.shake_256(b"seed").digest(50_000)
    assert house.arrive(NAME, noise).state == "quarantined"
    assert "no frame found in 50000 bytes" in quarantined(house)[0]["reason"]
    assert goes_through(house)


def test_packets_under_the_name_of_frames_are_refused(house: House) -> None:
    packets = realdata("packets", "jpss", JPSS).read_bytes()
    assert house.arrive(NAME, packets).state == "quarantined"
    reason = quarantined(house)[0]["reason"]
    assert "expected the sync pattern 4180000000002cab" in reason
    assert "of another mission?" in reason
    assert goes_through(house)


def test_frames_under_the_name_of_packets_are_refused(tmp_path: Path) -> None:
    house = House(tmp_path, "jpss")
    assert house.arrive(JPSS, content()).state == "quarantined"
    (row,) = house.catalog.quarantined("jpss")
    assert "is it a file of this mission?" in row["reason"]
    packets = realdata("packets", "jpss", JPSS).read_bytes()
    assert house.arrive(JPSS, packets).state == "accepted"


def test_frames_under_the_name_of_another_day_are_refused(house: House) -> None:
    wrong = NAME.replace("2024_061", "2024_071")
    assert house.arrive(wrong, content()).state == "quarantined"
    assert "check the name of the file and the clock table" in quarantined(house)[0]["reason"]


def test_a_bug_met_while_looking_through_a_file_keeps_nobody_waiting(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = type(house.platform).open_playback

    def fragile(self, path: Path):  # type: ignore[no-untyped-def]
        if path.name == NAME:
            raise IndexError("index 7 is out of bounds")
        return genuine(self, path)

    monkeypatch.setattr(type(house.platform), "open_playback", fragile)
    house.drop(NAME, content())
    assert goes_through(house)
    (row,) = quarantined(house)
    assert "report this bug: IndexError: index 7 is out of bounds" in row["reason"]
    assert Path(row["path"]).read_bytes() == content()


# ---- the same again, and others of the same time


def test_the_same_file_twice_is_counted_once_for_each_time(house: House) -> None:
    first = house.arrive(NAME, content())
    for _ in range(3):
        again = house.arrive(NAME, content())
        assert (again.state, again.partition) == ("duplicate", first.partition)
        assert f"same content as {NAME}, taken in before as {first.partition}" in again.reason
    assert len(house.catalog.playbacks()) == 1
    (row,) = report(house.platform)["quarantine"]
    assert (row["file"], row["times"]) == (NAME, 3)
    assert len(house.everything()) == 2


def test_the_same_content_under_another_name_is_a_duplicate(house: House) -> None:
    house.arrive(NAME, content())
    again = house.arrive(OTHER, content())
    assert again.state == "duplicate"
    assert NAME in again.reason
    assert [row["file"] for row in report(house.platform)["quarantine"]] == [OTHER]


def test_both_at_once_are_one_playback_and_one_duplicate(house: House) -> None:
    house.drop(OTHER, content())
    house.drop(NAME, content())
    assert sorted(a.state for a in house.look()) == ["accepted", "duplicate"]


def test_other_content_under_the_same_name_is_a_playback_of_its_own(house: House) -> None:
    house.arrive(NAME, content())
    other = content()[: 200 * LENGTH]
    arrival = house.arrive(NAME, other)
    assert arrival.state == "accepted"
    assert f"overlaps {NAME}" in arrival.reason
    contents = {Path(p.path).read_bytes() for p in house.catalog.playbacks()}
    assert contents == {content(), other}


def test_playbacks_that_overlap_are_both_kept_and_the_overlap_is_recorded(house: House) -> None:
    whole = simulated().files[NAME]
    early, late = whole[: 1000 * LENGTH], whole[900 * LENGTH : 1500 * LENGTH]
    house.arrive(OTHER, late)
    arrival = house.arrive(NAME, early)
    assert f"overlaps {OTHER}" in arrival.reason
    (overlap,) = house.catalog.overlaps()
    assert overlap.tstop - overlap.tstart == pytest.approx(100 * 0.25625, abs=1e-3)


def test_a_later_playback_before_an_earlier_one_changes_neither(house: House) -> None:
    names = simulated().names
    for number in (2, 0, 1):
        house.arrive(*first_frames(128, number))
    playbacks = house.catalog.playbacks()
    assert [p.file_name for p in playbacks] == names
    assert [p.sequence for p in playbacks] == [2, 3, 1]
    assert house.catalog.overlaps() == []


def test_a_playback_whose_file_was_lost_is_made_whole_by_sending_it_again(house: House) -> None:
    house.arrive(NAME, content())
    (entry,) = house.catalog.playbacks()
    Path(entry.path).unlink()
    arrival = house.arrive(OTHER, content())
    assert (arrival.state, arrival.partition) == ("accepted", entry.partition)
    assert "replaces the lost or damaged file" in arrival.reason
    assert Path(house.catalog.playback(entry.partition).path).read_bytes() == content()
    assert quarantined(house) == []


# ---- many files


def test_a_look_takes_in_so_many_files_and_leaves_the_rest_to_the_next(house: House) -> None:
    pieces = [content()[i * 20 * LENGTH : (i + 1) * 20 * LENGTH] for i in range(5)]
    for number, piece in enumerate(pieces):
        house.drop(NAME.replace("00001", f"0000{number}"), piece)
    assert [len(house.look(limit=2)) for _ in range(4)] == [2, 2, 1, 0]
    assert len(house.catalog.playbacks(state="accepted")) == 5


def test_files_that_can_not_be_taken_in_now_keep_the_others_from_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = type(house.platform).open_playback

    def unreadable(self, path: Path):  # type: ignore[no-untyped-def]
        if "_060_" in path.name:
            raise OSError(5, "Input/output error")
        return genuine(self, path)

    monkeypatch.setattr(type(house.platform), "open_playback", unreadable)
    for number in range(4):
        house.drop(f"2024_060_0000_0010_Dump_EM_0000{number}.vcdu", content() + bytes(number))
    house.drop(NAME, content())
    first = house.look(limit=2)
    assert [a.state for a in first] == ["waiting"] * 2
    assert "Input/output error" in first[0].reason
    assert "is tried again" in first[0].reason
    states = [a.state for _ in range(2) for a in house.look(limit=2)]
    assert states == ["waiting", "waiting", "accepted", "waiting"]
    assert quarantined(house) == []


def test_a_file_that_is_taken_away_in_the_middle_is_forgotten(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    path = house.drop(NAME, content(), checksum=False)
    monkeypatch.setattr(ingest, "listed", lambda folder, watch: [path, path.with_name("gone")])
    house.look()
    assert set(house.watch.seen) == {NAME}


# ---- the sensor's cursor


def test_the_cursor_survives_being_text() -> None:
    name = os.fsdecode(b"\xff\n.vcdu")
    watch = Watch(7, "20240301T000000-12345678", {name: (1, 2, 3.5)}, (name,))
    watch.to_json().encode("ascii")
    assert Watch.from_json(watch.to_json()) == watch
    assert Watch.from_json(None) == Watch.from_json("") == Watch()
    assert Watch.from_json(watch.advanced(9, "p").to_json()).sequence == 9


@pytest.mark.parametrize("text", ["{", "[1]", '{"sequence": "x"}', '{"seen": 3}'])
def test_a_cursor_that_somebody_has_edited_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(ConfigError, match="reset it"):
        Watch.from_json(text)


def test_text_is_shown_without_anything_that_acts() -> None:
    assert shown("a\nb\x1b[31m\u202e" + os.fsdecode(b"\xff")) == "a\\nb\\x1b[31m\\u202e\\udcff"
    assert shown("2024 März §") == "2024 März §"


# ---- mta ingest


def test_putting_a_file_in_copies_it_with_its_checksum(house: House, tmp_path: Path) -> None:
    source = tmp_path / NAME
    source.write_bytes(content())
    assert ingest.put(house.platform, source) == house.incoming / NAME
    assert sorted(p.name for p in house.incoming.iterdir()) == [NAME, NAME + ".sha256"]
    assert [a.state for a in house.look()] == ["accepted"]
    assert source.read_bytes() == content()


def test_a_file_that_waits_is_not_overwritten_by_another_of_its_name(house: House, tmp_path: Path) -> None:
    source = tmp_path / NAME
    source.write_bytes(content())
    ingest.put(house.platform, source)
    ingest.put(house.platform, source)
    source.write_bytes(content()[:LENGTH])
    with pytest.raises(BadData, match="another file of this name waits"):
        ingest.put(house.platform, source)
    assert (house.incoming / NAME).read_bytes() == content()


@pytest.mark.parametrize("name", ["missing.vcdu", "readme.txt", "-x.vcdu"])
def test_only_a_file_with_the_name_of_a_playback_can_be_put_in(house: House, tmp_path: Path, name: str) -> None:
    if name != "missing.vcdu":
        (tmp_path / name).write_bytes(content())
    with pytest.raises(BadData, match=r"no such file|the name fits no playback|expected letters"):
        ingest.put(house.platform, tmp_path / name)
    assert list(house.incoming.iterdir()) == []


def test_arrival_is_when_the_file_came_and_not_when_it_was_made(house: House) -> None:
    long_ago(house.drop(NAME, content()), 10 * 86400.0)
    before = time.time()
    house.look()
    (entry,) = house.catalog.playbacks()
    assert abs((entry.accepted - entry.arrived) - (time.time() - before)) < 30
