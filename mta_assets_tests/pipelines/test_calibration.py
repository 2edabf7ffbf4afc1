"""Which calibration file holds for an observation, where it comes from, what it asks for, and that lineage names it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mta_assets.archive.fits_read import read_fits
from mta_assets.archive.store import sha256_of
from mta_assets.core.errors import BadData
from mta_assets.core.times import from_utc
from mta_assets.missions.load import BUILT_IN, load_mission
from mta_assets.pipelines.calibration import holding, next_since
from mta_assets.pipelines.delivery import deliver, withdraw
from mta_assets.pipelines.direct import run_direct
from mta_assets.pipelines.due import ObiMarks, due
from mta_assets.pipelines.platform import Platform
from mta_assets.pipelines.registry import load_registry
from mta_assets.pipelines.registry_check import check
from mta_assets.settings import Settings
from mta_assets_tests.pipelines.tiny_week import BASELINE, asol, enter, evt0, gain_file, key_of, obspar, span_of, write

GAIN = "ACIS_CAL_GAIN_CTI"
N0002 = "acisD2000-01-29gain_ctiN0002.fits"


@pytest.fixture
def platform(tmp_path: Path, url: str) -> Platform:
    return Platform(Settings(mission="chandra", data=tmp_path / "data", catalog_url=url))


def held(platform: Platform, date: str) -> str | None:
    found = holding(platform.registry, platform.catalog, GAIN, from_utc(date))
    return found.file.name if found else None


def test_the_newest_that_holds_and_of_that_the_highest_version_is_taken(platform: Platform, tmp_path: Path) -> None:
    assert held(platform, "2024-03-01") == BASELINE.name
    for name in ("D2010-01-01gain_ctiN0001", "D2010-01-01gain_ctiN0002", "D2026-01-01gain_ctiN0001"):
        assert deliver(platform, gain_file(tmp_path, f"acis{name}.fits")).state == "delivered"
    assert held(platform, "2009-12-31T23:59:59") == BASELINE.name
    assert held(platform, "2010-01-01T00:00:00") == "acisD2010-01-01gain_ctiN0002.fits"
    assert held(platform, "2024-03-01") == "acisD2010-01-01gain_ctiN0002.fits"
    assert held(platform, "1999-01-01") is None
    assert next_since(platform.registry, platform.catalog, GAIN, from_utc("2024-03-01")) == from_utc("2026-01-01")
    withdraw(platform, "acisD2010-01-01gain_ctiN0002.fits")
    assert held(platform, "2024-03-01") == "acisD2010-01-01gain_ctiN0001.fits"


def test_of_the_same_date_and_version_the_delivered_one_stands_before_the_baseline(
    platform: Platform, tmp_path: Path
) -> None:
    path = gain_file(tmp_path, BASELINE.name)
    deliver(platform, path)
    found = holding(platform.registry, platform.catalog, GAIN, from_utc("2024-03-01"))
    assert found is not None
    assert (found.file.name, found.file.sha256) == (BASELINE.name, sha256_of(path))


def test_the_hour_of_the_header_says_when_a_file_begins_to_hold(platform: Platform, tmp_path: Path) -> None:
    head = {"CVSD0001": "2010-01-01T00:00:00", "CVST0001": "20:00:00"}
    deliver(platform, gain_file(tmp_path, "acisD2010-01-01gain_ctiN0001.fits", **head))
    assert held(platform, "2010-01-01T19:59:59") == BASELINE.name
    assert held(platform, "2010-01-01T20:00:00") == "acisD2010-01-01gain_ctiN0001.fits"


@pytest.mark.parametrize(
    ("name", "header", "words"),
    [
        ("acisD2010-01-01gain_ctiN0001.fits", {"CVSD0001": "2010-01-02"}, "holds from 2010-01-02 on .CVSD0001., its"),
        ("acisD2010-13-01gain_ctiN0001.fits", {}, "is no date and time from which it could hold"),
        ("acisD2010-01-01t_gainN0001.fits", {}, "AXAF_TGAIN.: has no columns CCD_ID"),
        ("acisD2010-01-01gain_ctiN0001.fits", {"INSTRUME": "HRC"}, "INSTRUME is 'HRC'"),
        ("acisD2010-01-01gainN0001.fits", {}, "fits no registered product"),
    ],
)
def test_a_calibration_file_whose_name_lies_is_refused(
    platform: Platform, tmp_path: Path, name: str, header: dict[str, str], words: str
) -> None:
    with pytest.raises(BadData, match=words):
        deliver(platform, gain_file(tmp_path, name, **header))
    assert platform.catalog.products(current=None) == []


def test_a_gain_in_another_unit_is_refused(platform: Platform, tmp_path: Path) -> None:
    with pytest.raises(BadData, match="ENERGY: is in 'keV', expected 'eV'"):
        deliver(platform, gain_file(tmp_path, unit="keV"))


def test_a_changed_file_of_the_baseline_is_another_input(tmp_path: Path) -> None:
    folder = tmp_path / "mission"
    shutil.copytree(BUILT_IN / "chandra", folder)
    registry = load_registry(load_mission(str(folder)))
    before = holding(registry, None, GAIN, from_utc("2024-03-01"))
    gain_file(folder / "calibration", BASELINE.name)
    after = holding(registry, None, GAIN, from_utc("2024-03-01"))
    assert before is not None
    assert after is not None
    assert (before.file.name, before.file.path) == (after.file.name, after.file.path)
    assert before.file.sha256 == sha256_of(BASELINE) != after.file.sha256


def test_events_are_made_from_the_files_that_hold_and_the_catalog_names_them(
    platform: Platform, tmp_path: Path
) -> None:
    (key,) = enter(platform, 1, tmp_path / "in")
    (first,) = platform.execute("ACIS_L1", "sdp", key).products
    (entry,) = platform.catalog.products(file_id="ACIS_EVT1")
    inputs = {given.name: given for given in platform.catalog.inputs_of(entry.id)}
    assert inputs[BASELINE.name].sha256 == sha256_of(BASELINE)
    assert {name for name in inputs if name.startswith("acisD")} == {
        path.name for path in BASELINE.parent.glob("acisD*.fits") if "badpix" not in path.name
    }
    deliver(platform, gain_file(tmp_path))
    (second,) = platform.execute("ACIS_L1", "sdp", key).products
    (entry,) = platform.catalog.products(file_id="ACIS_EVT1")
    (delivered,) = platform.catalog.products(file_id=GAIN)
    inputs = {given.name: given for given in platform.catalog.inputs_of(entry.id)}
    assert (inputs[N0002].product_id, inputs[N0002].sha256) == (delivered.id, delivered.sha256)
    assert BASELINE.name not in inputs
    old, new = (read_fits(written.path, "X").tables[0] for written in (first, second))
    assert (old.header["GAINFILE"][0], new.header["GAINFILE"][0]) == (BASELINE.name, N0002)
    assert new["energy"] == pytest.approx(1.1 * old["energy"], rel=1e-5)


def without_baseline(tmp_path: Path) -> Platform:
    """The reference mission without its gain file."""
    folder = tmp_path / "mission"
    shutil.copytree(BUILT_IN / "chandra", folder)
    (folder / "calibration" / BASELINE.name).unlink()
    return Platform(Settings(mission=str(folder), data=tmp_path / "data"))


def test_without_a_gain_the_events_are_bad_data_and_the_message_says_what_to_do(tmp_path: Path) -> None:
    platform = without_baseline(tmp_path)
    (key,) = enter(platform, 1, tmp_path / "in")
    result = platform.execute("ACIS_L1", "sdp", key)
    assert (result.outcome, result.products) == ("bad data", ())
    assert "no file of kind gain_cti holds" in result.message
    asked, _, marks = due(platform, ObiMarks(), 9)
    path = gain_file(tmp_path, BASELINE.name)
    deliver(platform, path)  # the first of its kind: the observation had none, so it is asked for again
    again, _, _ = due(platform, marks, 9)
    assert [one.entry.partition for one in again] == [key]
    assert again[0].run_key != asked[0].run_key


def test_of_files_without_a_predecessor_only_the_first_asks_whether_they_come_one_by_one_or_together(
    tmp_path: Path,
) -> None:
    platform = without_baseline(tmp_path)
    keys = enter(platform, 3, tmp_path / "in")
    _, _, marks = due(platform, ObiMarks(), 9)

    def asked(marks: ObiMarks) -> tuple[list[str], ObiMarks]:
        ready, _, after = due(platform, marks, 9)
        return [one.entry.partition for one in ready], after

    deliver(platform, gain_file(tmp_path, "acisD2000-01-29gain_ctiN0001.fits"))
    first, after = asked(marks)
    assert first == keys  # none of them had one
    deliver(platform, gain_file(tmp_path, "acisD2000-01-29gain_ctiN0002.fits"))
    second, after = asked(after)
    assert second == []  # they had N0001, which N0002 has superseded
    deliver(platform, gain_file(tmp_path, "acisD2024-03-05gain_ctiN0001.fits"))
    assert asked(after)[0] == []
    assert asked(marks)[0] == keys  # a look that comes after all three


def test_an_observation_that_began_before_a_file_holds_is_not_asked_for(tmp_path: Path) -> None:
    platform = without_baseline(tmp_path)
    keys = enter(platform, 2, tmp_path / "in")
    _, _, marks = due(platform, ObiMarks(), 9)
    head = {"CVSD0001": "2024-03-04", "CVST0001": "06:10:00"}  # ten minutes into the first
    deliver(platform, gain_file(tmp_path, "acisD2024-03-04gain_ctiN0001.fits", **head))
    assert [one.entry.partition for one in due(platform, marks, 9)[0]] == keys[1:]


@pytest.mark.parametrize(("reruns", "expected"), [("", []), ("reruns = true\n", ["28000_000", "28001_000"])])
def test_a_new_file_asks_for_no_run_by_itself_unless_the_registry_says_so(
    tmp_path: Path, reruns: str, expected: list[str]
) -> None:
    folder = tmp_path / "mission"
    shutil.copytree(BUILT_IN / "chandra", folder)
    path = folder / "registry" / "calibration.toml"
    text = path.read_text()
    head, tail = text.split(f"[product.{GAIN}]\n")
    path.write_text(f"{head}[product.{GAIN}]\n{reruns}{tail}")
    platform = Platform(Settings(mission=str(folder), data=tmp_path / "data"))
    enter(platform, 2, tmp_path / "in")
    first, _, marks = due(platform, ObiMarks(), 9)
    deliver(platform, gain_file(tmp_path))
    again, _, later = due(platform, marks, 9)
    assert [one.entry.partition for one in again] == expected
    assert not {one.run_key for one in again} & {one.run_key for one in first}
    withdraw(platform, N0002)
    deliver(platform, gain_file(tmp_path))  # what stands again, or no more, asks for as little
    assert [one.entry.partition for one in due(platform, later, 9)[0]] == expected
    if not reruns:
        assert [one.run_key for one in due(platform, ObiMarks(), 9)[0]] == [one.run_key for one in first]


def test_a_pipeline_run_by_hand_takes_the_baseline_or_the_file_that_is_given(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mta_assets_tests.cli.house import mta

    monkeypatch.setenv("MTA_DATA", str(tmp_path / "data"))
    events, parameters = (write(tmp_path, product, 0) for product in (evt0(0), obspar(0)))
    given = {"ACIS_EVT0": events, "OBSPAR": parameters}
    plain = run_direct(platform.registry, "ACIS_L1", given, tmp_path / "plain")
    assert (plain.outcome, [w.name for w in plain.products]) == ("done", [f"acisf{key_of(0)}N001_evt1.fits"])
    assert str(BASELINE) in plain.log_path.read_text()
    options = [word for name, path in given.items() for word in ("--input", f"{name}={path}")]
    path = gain_file(tmp_path)
    mta("pipeline", "run", "ACIS_L1", *options, "--calibration", path, "--to", tmp_path / "ours")
    tables = [read_fits(next((tmp_path / name).glob("*evt1.fits")), "X").tables[0] for name in ("plain", "ours")]
    assert tables[1]["energy"] == pytest.approx(1.1 * tables[0]["energy"], rel=1e-5)
    assert tables[1].header["GAINFILE"][0] == N0002
    assert tables[0].header["TSTART"][0] == span_of(0)[0]  # no calibration file says when the observation was


def test_the_registry_check_names_a_calibration_file_without_date_or_that_is_made_here(tmp_path: Path) -> None:
    folder = tmp_path / "mission"
    shutil.copytree(BUILT_IN / "chandra", folder)
    path = folder / "registry" / "calibration.toml"
    path.write_text(path.read_text().replace("(?P<since>", "(?P<date>", 1))
    acis = folder / "registry" / "acis.toml"
    acis.write_text(acis.read_text().replace('outputs   = ["ACIS_BPIX1"]', f'outputs = ["ACIS_BPIX1", "{GAIN}"]'))
    problems = "\n".join(check(load_registry(load_mission(str(folder)))))
    assert "has no named group since" in problems
    assert "it holds from its date on, so no pipeline makes it, and ACIS_BPIX does" in problems


def test_what_has_changed_goes_before_what_has_waited(platform: Platform, tmp_path: Path) -> None:
    keys = enter(platform, 4, tmp_path / "in")

    def look(marks: ObiMarks) -> tuple[list[tuple[str, bool]], ObiMarks]:
        ready, _, after = due(platform, marks, 1)
        return [(one.entry.partition, one.backlog) for one in ready], ObiMarks.from_json(after.to_json())

    first, marks = look(ObiMarks())
    assert (first, marks.waiting) == ([(keys[0], False)], tuple(keys[1:]))
    again = asol(3, tmp_path)
    deliver(platform, again.rename(again.with_name(again.name.replace("N001", "N002"))))
    found = []
    for _ in range(4):
        one, marks = look(marks)
        found += one
    assert found == [(keys[3], False), (keys[1], True), (keys[2], True)]
    assert marks.waiting == ()
