"""Delivered products: recognised, checked, entered once, winning, withdrawn; nothing half done whatever happens."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta_assets.archive.delivered_rows import covering
from mta_assets.archive.products import write_fits
from mta_assets.archive.store import sha256_of
from mta_assets.core.errors import BadData
from mta_assets.core.tables import Product, Table
from mta_assets.pipelines import delivery
from mta_assets.pipelines.delivery import deliver, events, withdraw
from mta_assets.pipelines.delivery_check import examine
from mta_assets.pipelines.delivery_folder import delivery_folder, look
from mta_assets.pipelines.direct import run_direct
from mta_assets.pipelines.incoming import Watch
from mta_assets.pipelines.platform import Platform
from mta_assets.pipelines.status import report
from mta_assets.settings import Settings
from mta_assets_tests.pipelines.toy_obi import LENGTH, MIDNIGHT, event_file, make_mission, orbit_file

NAME = "toyf01000_000N001_evt1.fits"


@pytest.fixture
def platform(tmp_path: Path, url: str) -> Platform:
    folder = make_mission(tmp_path / "mission")
    return Platform(Settings(mission=str(folder), data=tmp_path / "data", catalog_url=url))


def current(platform: Platform, file_id: str = "TOY_EVT1") -> list[str]:
    return [product.name for product in platform.catalog.products(file_id=file_id)]


def refused(platform: Platform, path: Path, words: str) -> None:
    with pytest.raises(BadData, match=words):
        deliver(platform, path)
    assert current(platform) == []


def test_a_delivery_is_a_product_of_its_observation_with_the_interval_of_its_header(
    platform: Platform, tmp_path: Path
) -> None:
    told = deliver(platform, event_file(tmp_path, NAME, INSTRUME="ACIS"))
    assert (told.state, told.file_id, told.partition, told.rows) == ("delivered", "TOY_EVT1", "01000_000", 7)
    (product,) = platform.catalog.products(file_id="TOY_EVT1")
    assert (product.origin, product.stream, product.version) == ("delivered", "sdp", 1)
    assert (product.tstart, product.tstop) == (MIDNIGHT, MIDNIGHT + LENGTH)
    assert sha256_of(Path(product.path)) == product.sha256 == sha256_of(tmp_path / NAME)
    entry = platform.catalog.obi("01000_000")
    assert entry is not None
    assert (entry.complete, entry.facts, entry.sources) == (True, {"instrument": "ACIS"}, [NAME])


@pytest.mark.parametrize(
    ("name", "version"),
    [("toyf01000N003_evt1.fits", 3), ("toyf01000_000N002_evt1.fits.gz", 2), ("toyf01000N001_evt1.fits.gz", 1)],
)
def test_names_without_interval_and_compressed_files_are_known(
    platform: Platform, tmp_path: Path, name: str, version: int
) -> None:
    deliver(platform, event_file(tmp_path, name))
    (product,) = platform.catalog.products(file_id="TOY_EVT1")
    assert (product.partition, product.version) == ("01000_000", version)


def test_the_same_file_again_changes_nothing(platform: Platform, tmp_path: Path) -> None:
    path = event_file(tmp_path, NAME)
    deliver(platform, path)
    assert deliver(platform, path).state == "unchanged"
    assert len(platform.catalog.runs(pipe_id=delivery.PIPE_ID)) == 1


def test_a_dry_run_says_what_would_come_of_it_and_leaves_nothing(platform: Platform, tmp_path: Path) -> None:
    assert deliver(platform, event_file(tmp_path, NAME), dry_run=True).state == "fits"
    assert current(platform) == []
    assert list(platform.settings.archive.rglob("*.fits")) == []


def test_a_higher_version_stands_whichever_comes_first(platform: Platform, tmp_path: Path) -> None:
    names = ["toyf01000_000N002_evt1.fits", "toyf01000N003_evt1.fits.gz", NAME]
    for rows, name in enumerate(names, start=5):
        told = deliver(platform, event_file(tmp_path, name, rows=rows))
    assert "a higher version of it stands" in told.text
    assert current(platform) == ["toyf01000N003_evt1.fits.gz"]
    assert withdraw(platform, names[1])[1] == [names[0]]
    assert withdraw(platform, names[0])[1] == [NAME]
    assert withdraw(platform, NAME)[1] == []
    entry = platform.catalog.obi("01000_000")
    assert entry is not None
    assert not entry.standing


def test_what_was_withdrawn_can_be_delivered_again(platform: Platform, tmp_path: Path) -> None:
    path = event_file(tmp_path, NAME)
    deliver(platform, path)
    withdraw(platform, NAME, "wrong calibration")
    assert current(platform) == []
    assert platform.catalog.runs(pipe_id=delivery.PIPE_ID)[-1]["message"] == f"withdrawn {NAME}: wrong calibration"
    with pytest.raises(BadData, match="was withdrawn before"):
        withdraw(platform, NAME)
    assert deliver(platform, path).state == "delivered"
    assert current(platform) == [NAME]


def test_what_was_never_delivered_can_not_be_withdrawn(platform: Platform) -> None:
    with pytest.raises(BadData, match="is none that was delivered"):
        withdraw(platform, "nothing.fits")


def test_other_bytes_under_a_name_that_stands_are_refused_until_it_is_withdrawn(
    platform: Platform, tmp_path: Path
) -> None:
    deliver(platform, event_file(tmp_path, NAME))
    other = event_file(tmp_path, NAME, rows=9)
    with pytest.raises(BadData, match=f"mta deliver --withdraw {NAME}"):
        deliver(platform, other)
    withdraw(platform, NAME)
    deliver(platform, other)
    (product,) = platform.catalog.products(file_id="TOY_EVT1")
    assert product.rows == 9
    assert product.name.endswith(f"_{NAME}")
    assert Path(product.path).name == NAME  # the file keeps its own name, which the fields are read from
    assert deliver(platform, other).state == "unchanged"


def test_a_lost_file_comes_back_with_the_next_delivery(platform: Platform, tmp_path: Path) -> None:
    path = event_file(tmp_path, NAME)
    deliver(platform, path)
    (product,) = platform.catalog.products(file_id="TOY_EVT1")
    Path(product.path).unlink()
    assert deliver(platform, path).state == "delivered"
    (again,) = platform.catalog.products(file_id="TOY_EVT1")
    assert (again.id, sha256_of(Path(again.path))) == (product.id, product.sha256)


def test_a_link_takes_no_room(platform: Platform, tmp_path: Path) -> None:
    path = event_file(tmp_path, NAME)
    deliver(platform, path, "link")
    (product,) = platform.catalog.products(file_id="TOY_EVT1")
    assert os.stat(product.path).st_ino == path.stat().st_ino


@pytest.mark.parametrize("name", ["../toyf01000_000N001_evt1.fits", "toyf01000.fits", "a;b.fits", "PIECE.fits"])
def test_a_name_that_is_hostile_or_fits_nothing_is_refused(platform: Platform, tmp_path: Path, name: str) -> None:
    path = tmp_path / "x" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(event_file(tmp_path, NAME).read_bytes())
    if path.name == NAME:
        assert deliver(platform, path).state == "delivered"  # only the name counts, not the way to it
    else:
        refused(platform, path, "fits no registered product|expected letters")


def test_what_is_made_here_alone_can_not_be_delivered(platform: Platform, tmp_path: Path) -> None:
    refused(platform, event_file(tmp_path, "toyf01000_000N001_evt2.fits"), "TOY_EVT2 is made here")


def test_an_empty_file_a_text_and_a_cut_off_gzip_are_refused(platform: Platform, tmp_path: Path) -> None:
    for content, words in ((b"", "is empty"), (b"hello" * 1000, "not a FITS file")):
        (tmp_path / NAME).write_bytes(content)
        refused(platform, tmp_path / NAME, words)
    path = event_file(tmp_path, f"{NAME}.gz")
    path.write_bytes(path.read_bytes()[:-40])
    refused(platform, path, "damaged or cut off gzip data|cut off")
    content = bytearray(event_file(tmp_path, f"{NAME}.gz").read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    refused(platform, path, "Fetch it again")


def test_a_file_that_is_cut_off_is_refused(platform: Platform, tmp_path: Path) -> None:
    path = event_file(tmp_path, NAME)
    path.write_bytes(path.read_bytes()[:-2880])
    refused(platform, path, "cut off|truncated")


def test_every_changed_byte_of_the_data_is_seen(platform: Platform, tmp_path: Path) -> None:
    path = event_file(tmp_path, NAME)
    content = path.read_bytes()
    for place in (len(content) - 2880, len(content) - 2880 + 55):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        refused(platform, path, r"\[EVENTS\]: DATASUM is \d+, its data have")


def test_a_changed_header_is_seen_and_a_file_without_sums_is_accepted_and_says_so(
    platform: Platform, tmp_path: Path
) -> None:
    path = event_file(tmp_path, NAME)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"'archive '", b"'ARCHIVE '"))
    refused(platform, path, "another CHECKSUM")
    for keyword in (b"CHECKSUM=", b"DATASUM ="):
        content = content.replace(keyword, b"X" + keyword[1:])
    path.write_bytes(content)
    assert "it states no CHECKSUM and no DATASUM" in deliver(platform, path).text


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"OBS_ID": "1001"}, "header says observation 1001"),
        ({"OBI_NUM": 1}, "header says interval 1"),
        ({"CONTENT": "EVT2"}, "CONTENT is 'EVT2', a TOY_EVT1 has 'EVT1'"),
        ({"TELESCOP": "HUBBLE"}, "TELESCOP is 'HUBBLE'"),
        ({"MJDREF": 51544.0}, "MJDREF is 51544.0, expected 50814.0"),
        ({"TIMEUNIT": "d"}, "TIMEUNIT is 'd', expected 's'"),
    ],
)
def test_a_name_that_lies_about_the_content_is_refused(
    platform: Platform, tmp_path: Path, header: dict[str, object], words: str
) -> None:
    refused(platform, event_file(tmp_path, NAME, **header), words)


def test_a_file_without_its_columns_or_beside_its_time_is_refused(platform: Platform, tmp_path: Path) -> None:
    bare = Product("X", (Table("EVENTS", {"PHA": np.arange(3)}),), MIDNIGHT, MIDNIGHT + 1, {"CONTENT": "EVT1"})
    write_fits(tmp_path / NAME, bare, MIDNIGHT)
    refused(platform, tmp_path / NAME, "has no columns TIME")
    orbit = orbit_file(tmp_path)
    late = orbit.rename(orbit.with_name(f"orbitf{int(MIDNIGHT) + 9000:09d}N001_eph1.fits"))
    with pytest.raises(BadData, match="its name says"):
        deliver(platform, late)


def test_the_name_of_a_column_may_be_written_in_small_letters(platform: Platform, tmp_path: Path) -> None:
    table = Table("EVENTS", {"time": np.array([MIDNIGHT])})
    write_fits(tmp_path / NAME, Product("X", (table,), MIDNIGHT, MIDNIGHT, {"CONTENT": "EVT1"}), MIDNIGHT)
    assert examine(platform.registry, tmp_path / NAME).tstop == MIDNIGHT


def test_a_file_that_changes_while_it_is_delivered_is_refused(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = event_file(tmp_path, NAME)
    real = delivery.shutil.copyfile

    def late_writer(source: Path, target: Path) -> None:
        real(source, target)
        target.write_bytes(target.read_bytes() + b"\0" * 2880)

    monkeypatch.setattr(delivery.shutil, "copyfile", late_writer)
    refused(platform, path, "was changed while it was delivered")
    assert list((platform.settings.archive / ".staging").iterdir()) == []


@pytest.mark.parametrize("moment", ["_stage", "write_journal", "rename", "commit", "after"])
def test_a_delivery_that_is_killed_leaves_all_or_nothing_and_can_be_repeated(
    platform: Platform, tmp_path: Path, moment: str
) -> None:
    path = event_file(tmp_path, NAME)
    assert platform.catalog
    killed = subprocess.run(
        [sys.executable, "-m", "mta_assets_tests.pipelines.delivery_crash", str(tmp_path), str(path), moment],
        capture_output=True, text=True, check=False,
        env={**os.environ, "MTA_CATALOG_URL": platform.settings.database_url},
    )  # fmt: skip
    assert killed.returncode == -9, killed.stderr
    fresh = Platform(platform.settings)
    done = moment == "after"
    assert current(fresh) == ([NAME] if done else [])
    assert len(list(fresh.settings.archive.rglob(NAME))) == done  # what was not committed is cleared away
    assert deliver(fresh, path).state == ("unchanged" if done else "delivered")
    assert current(fresh) == [NAME]
    assert path.is_file()


def test_the_command_says_what_was_refused_and_left_aside(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mta_assets_tests.cli.house import mta

    monkeypatch.setenv("MTA_MISSION", platform.settings.mission)
    monkeypatch.setenv("MTA_DATA", str(platform.settings.data))
    monkeypatch.setenv("MTA_CATALOG_URL", platform.settings.database_url)
    folder = tmp_path / "package"
    event_file(folder / "primary", NAME)
    event_file(folder, "toyf01002_000N001_evt1.fits", 1001)
    (folder / "readme.txt").write_text("hello")
    rows = mta("deliver", folder, "--json", code=1).json
    assert {row["name"]: row["state"] for row in rows} == {
        NAME: "delivered", "toyf01002_000N001_evt1.fits": "refused", "readme.txt": "left aside",
    }  # fmt: skip
    assert mta("deliver", folder / "readme.txt", "--json", code=1).json[0]["state"] == "refused"
    assert mta("deliver", folder / "primary", "--json").json[0]["state"] == "unchanged"
    (listed,) = mta("products", "--json").json
    assert (listed["name"], listed["origin"]) == (NAME, "delivered")
    (shown,) = mta("observations", "--json").json
    assert (shown["observation"], shown["state"]) == ("01000_000", "complete")
    assert mta("deliver", "--withdraw", NAME, "--json").json[0]["stands again"] == []
    assert mta("products", "--json").json == []
    assert "--withdraw" in mta("deliver", code=2).err
    assert json.loads(mta("observations", "--json").out) == []


class Piece:
    """A delivered product as the rule sees it."""

    def __init__(self, number: int, tstart: float, tstop: float) -> None:
        self.id, self.tstart, self.tstop = number, tstart, tstop


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=6), st.integers(0, 50), st.integers(1, 20))
def test_an_interval_is_covered_exactly_if_every_second_of_it_is(
    pieces: list[tuple[int, int]], start: int, length: int
) -> None:
    scale = 10.0  # [s] far above what counts as touching
    given_ = [Piece(k, scale * a, scale * (a + b)) for k, (a, b) in enumerate(sorted(pieces))]
    whole = all(any(a <= t and t + 1 <= a + b for a, b in pieces) for t in range(start, start + length))
    assert (covering(scale * start, scale * (start + length), given_) is not None) == whole


def test_compressed_and_plain_files_of_the_same_content_are_two_files(platform: Platform, tmp_path: Path) -> None:
    plain = event_file(tmp_path, NAME)
    packed = tmp_path / f"{NAME}.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
    deliver(platform, plain)
    deliver(platform, packed)
    assert current(platform) == [packed.name]  # of the same version the one that came last stands


def test_a_pipeline_run_by_hand_on_a_file_of_an_observation_knows_which_one_it_is(
    platform: Platform, tmp_path: Path
) -> None:
    path = event_file(tmp_path, "toyf01007_001N001_evt1.fits", 1007, OBI_NUM=1, INSTRUME="ACIS")
    result = run_direct(platform.registry, "LEVEL2", {"TOY_EVT1": path}, tmp_path / "out")
    assert (result.outcome, [w.name for w in result.products]) == ("done", ["toyf01007_001N001_evt2.fits"])
    text = result.log_path.read_text()
    assert "partition         01007_001" in text


def told(platform: Platform, after: float = 0.0, most: int = 200) -> tuple[list[tuple[str, bool]], float]:
    found, until = events(platform, after, most)
    return [(one.entry.name, one.withdrawn) for one in found], until


def test_what_was_delivered_and_withdrawn_is_told_in_order_and_once(platform: Platform, tmp_path: Path) -> None:
    assert told(platform) == ([], 0.0)
    first, second = (event_file(tmp_path, f"toyf0100{n}_000N001_evt1.fits", 1000 + n) for n in (0, 1))
    deliver(platform, first)
    deliver(platform, second)
    assert told(platform, most=1)[0] == [(first.name, False)]
    seen, until = told(platform)
    assert seen == [(first.name, False), (second.name, False)]
    assert told(platform, until) == ([], until)
    withdraw(platform, first.name, "wrong: all of it")
    assert told(platform, until)[0] == [(first.name, True)]
    assert told(platform)[0] == [(second.name, False), (first.name, True)]
    deliver(platform, first)
    assert told(platform, until)[0] == [(first.name, False)]  # it stands again


def test_status_lists_what_was_delivered_withdrawn_and_refused(platform: Platform, tmp_path: Path) -> None:
    assert report(platform)["deliveries"] == []
    deliver(platform, event_file(tmp_path, NAME))
    withdraw(platform, NAME, "wrong calibration")
    folder = delivery_folder(platform)
    folder.mkdir(parents=True)
    (folder / "toyf01009_000N001_evt1.fits").write_bytes(b"nothing of the kind")
    platform.settings.settle_seconds = 0.0
    watch = Watch()
    for _ in range(3):
        _, watch = look(platform, watch)
    rows = report(platform)["deliveries"]
    assert [row["what"] for row in rows] == ["delivered", "withdrawn", "refused"]
    assert rows[0]["delivery"].startswith(NAME)
    assert rows[1]["delivery"] == f"{NAME}: wrong calibration"
    assert "not a FITS file" in rows[2]["delivery"]
    assert [row["what"] for row in report(platform, last=1)["deliveries"]] == ["refused"]
