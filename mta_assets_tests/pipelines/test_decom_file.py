"""``mta decom``: any telemetry file to Parquet tables, all of them whole or none."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from mta_assets.archive.parquet import read_parquet
from mta_assets.archive.parquet_stream import TableFolder
from mta_assets.cli import app
from mta_assets.core.errors import BadData, ConfigError, TransientError
from mta_assets.core.tables import Column, Schema, Table
from mta_assets.core.times import from_utc
from mta_assets.missions.load import load_mission
from mta_assets.pipelines import decom
from mta_assets.pipelines.decom import decommutate_file
from mta_assets.telemetry.odb import dictionary_of
from mta_assets_tests.disk_faults import refusing
from mta_assets_tests.playback_files import LENGTH, first_frames, simulated
from mta_assets_tests.realdata import realdata

JPSS = "J01_G011_LZ_2021-04-09T00-00-00Z_V01.DAT1"
NAME = "2024_061_0000_0010_Dump_EM_00001.vcdu"
PREFIX = "SWE_SCIENCE."
SWE = """
[mission]
name = "swe"
title = "IMAP SWE"
telescope = "IMAP"
[telemetry]
kind = "ccsds"
dictionary = "swe.xml"
[packet_time]
epoch = "2010-01-01T00:00:00"
scale = "utc"
seconds = "SWE_SCIENCE.SHCOARSE"
"""


@pytest.fixture
def playback(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(first_frames(300)[1])
    return path


def names(folder: Path) -> list[str]:
    """All files, hidden ones too."""
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


# ---- what comes out


def test_a_jpss_file_becomes_one_table_with_time_raw_and_converted_values(tmp_path: Path) -> None:
    report = decommutate_file(realdata("packets", "jpss", JPSS), tmp_path / "out", mission="jpss")
    assert report["tables"] == [
        {"table": "JPSS_ATT_EPHEM", "rows": 7200, "columns": report["tables"][0]["columns"],
         "file": "JPSS_ATT_EPHEM.parquet"}
    ]  # fmt: skip
    assert report["faults"] == []
    assert report["summary"] == "1 tables, 7200 rows, 0 faults"
    table = pq.read_table(tmp_path / "out" / "JPSS_ATT_EPHEM.parquet")
    assert table.num_columns == report["tables"][0]["columns"]
    time = table["time"].to_numpy()
    assert time[0] == pytest.approx(from_utc("2021-04-09T00:00:00.007137"), abs=1e-6)
    assert np.all(np.diff(time) > 0.9)
    with realdata("packets", "jpss", "ccsdspy_jpss1_geolocation.csv").open() as file:
        fields = [row["name"] for row in csv.DictReader(file)]
    assert {"ADGPSPOSX", "ADCFAQ4", "time__q"} <= set(table.column_names)
    assert len(fields) <= len([n for n in table.column_names if "__" not in n])
    assert not np.any(table["ADCFAQ4__q"].to_numpy())


def test_another_dictionary_given_by_hand_describes_the_same_values(tmp_path: Path) -> None:
    file = realdata("packets", "jpss", JPSS)
    xml = realdata("packets", "jpss", "jpss1_geolocation_xtce_v1.xml")
    decommutate_file(file, tmp_path / "ours", mission="jpss")
    decommutate_file(file, tmp_path / "theirs", mission="jpss", dictionary=xml)
    decommutate_file(file, tmp_path / "bare", dictionary=xml)
    ours, theirs, bare = (
        pq.read_table(tmp_path / where / "JPSS_ATT_EPHEM.parquet") for where in ("ours", "theirs", "bare")
    )
    assert ours.equals(theirs)
    assert bare["packet"].to_pylist() == list(range(7200))  # nobody says how the time is made
    assert bare["ADGPSPOSX"].equals(ours["ADGPSPOSX"])


def test_imap_swe_has_its_expected_raw_values_and_a_time_if_the_mission_says_how(tmp_path: Path) -> None:
    file = realdata("packets", "imap_swe", "2024051010_SWE_SCIENCE_packet.bin")
    xml = realdata("packets", "imap_swe", "swe_packet_definition.xml")
    mission = tmp_path / "swe"
    mission.mkdir()
    (mission / "mission.toml").write_text(SWE)
    (mission / "swe.xml").write_bytes(xml.read_bytes())
    report = decommutate_file(file, tmp_path / "out", mission=str(mission), dictionary=xml)
    assert [row["table"] for row in report["tables"]] == ["SWE_SCIENCE"]
    table = pq.read_table(tmp_path / "out" / "SWE_SCIENCE.parquet")
    expected_file = realdata("packets", "imap_swe", "idle_export_raw.SWE_SCIENCE_20240510_092742.csv")
    with expected_file.open(encoding="utf-8-sig", newline="") as rows:
        expected = [row for row in csv.DictReader(rows) if row["SHCOARSE"]]
    coarse = np.array(table[f"{PREFIX}SHCOARSE"].to_pylist())
    assert np.array_equal(table["time"].to_numpy(), from_utc("2010-01-01T00:00:00") + coarse + _leaps(coarse))
    assert (table.num_rows, len(expected)) == (29, 2)
    compared = 0
    for row in expected:
        place = coarse.tolist().index(int(row["SHCOARSE"]))
        for short, text in row.items():
            name = f"{PREFIX}{short}__r" if f"{PREFIX}{short}__r" in table.column_names else f"{PREFIX}{short}"
            if name in table.column_names and text:
                assert str(table[name][place].as_py()) == text, name
                compared += 1
    assert compared == 2 * 20
    assert len(table[f"{PREFIX}SCIENCE_DATA"][0].as_py()) == 1260


def _leaps(coarse: np.ndarray) -> np.ndarray:
    """Leap seconds since 2010 (2012-07-01, 2015-07-01, 2017-01-01) that a count of UTC days leaves out."""
    dates = [from_utc(text) for text in ("2012-07-01T00:00:00", "2015-07-01T00:00:00", "2017-01-01T00:00:00")]
    return np.sum([from_utc("2010-01-01T00:00:00") + coarse > date for date in dates], axis=0)


def test_a_simulated_playback_becomes_one_table_per_rate_group_with_every_parameter(
    tmp_path: Path, playback: Path
) -> None:
    report = decommutate_file(playback, tmp_path / "out", mission="chandra")
    dictionary = dictionary_of(load_mission("chandra"))
    assert {row["table"] for row in report["tables"]} == {f"{s}{g}ENG" for s, g in dictionary.groups}
    assert names(tmp_path / "out") == sorted(row["file"] for row in report["tables"])
    found: set[str] = set()
    for row in report["tables"]:
        table = pq.read_table(tmp_path / "out" / row["file"])
        assert table.num_rows == row["rows"] > 0
        assert np.all(np.diff(table["time"].to_numpy()) > 0)
        found |= {name for name in table.column_names if "__" not in name}
        for name in table.column_names:
            parameter = dictionary.msids.get(name)
            if parameter is not None and parameter.converted:
                assert f"{name}__r" in table.column_names
                assert table.schema.field(name).metadata[b"unit"].decode() == parameter.unit
    assert set(dictionary.msids) <= found


def test_blocks_after_each_other_make_the_table_that_one_block_makes(
    tmp_path: Path, playback: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = bytearray(playback.read_bytes())
    damaged[200 * LENGTH + 40] ^= 1  # quality columns come up in a later block only
    playback.write_bytes(damaged)
    whole = decommutate_file(playback, tmp_path / "whole", mission="chandra")
    monkeypatch.setattr(decom, "BLOCK_SECONDS", 32.8)
    parts = decommutate_file(playback, tmp_path / "parts", mission="chandra")
    assert parts["tables"] == whole["tables"]
    assert [f["kind"] for f in parts["faults"]] == ["bad_checksum"]
    for row in whole["tables"]:
        one, other = (read_parquet(tmp_path / where / row["file"]) for where in ("whole", "parts"))
        assert list(one.columns) == list(other.columns)
        for name, array in one.columns.items():
            np.testing.assert_array_equal(array, other[name], err_msg=name)


def test_every_injected_frame_fault_is_in_the_report(tmp_path: Path) -> None:
    made = simulated(faults=True)
    reported = set()
    for name, content in made.files.items():
        (tmp_path / name).write_bytes(content)
        report = decommutate_file(tmp_path / name, tmp_path / "out", mission="chandra")
        json.dumps(report, allow_nan=False)
        reported |= {fault["kind"] for fault in report["faults"]}
    expected = {
        record["kind"]
        for fault in made.truth["faults"]
        for record in fault["expected"]
        if record.get("table") == "FAULTS" and record.get("source") == "frames"
    }
    assert expected
    assert expected - {"overlap"} <= reported


# ---- whole or not at all


class Stop(BaseException):
    """Stands for Ctrl-C."""


@pytest.mark.parametrize("error", [KeyboardInterrupt, Stop, RuntimeError])
def test_an_interruption_leaves_no_partial_file(
    tmp_path: Path, playback: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    genuine = decom._playback

    def interrupted(*args: Any) -> Any:
        parts, faults = genuine(*args)

        def some() -> Iterator[Any]:
            for number, part in enumerate(parts):
                if number == 20:
                    assert len(names(tmp_path / "out")) == 20  # it had begun
                    raise error
                yield part

        return some(), faults

    monkeypatch.setattr(decom, "_playback", interrupted)
    with pytest.raises(error):
        decommutate_file(playback, tmp_path / "out", mission="chandra")
    assert names(tmp_path / "out") == []


def test_a_disk_that_fills_up_leaves_no_partial_file_and_says_so(tmp_path: Path) -> None:
    table = Table("T", {"time": np.arange(5.0)})
    with refusing(None) as disk, TableFolder(tmp_path / "count") as folder:
        folder.write("A", table)
        folder.write("B", table)
    changes = [at for at, name in enumerate(disk.asked) if name != "unlink"]
    assert len(changes) >= 6
    for at in changes:
        out = tmp_path / f"{at}"
        with refusing(at), pytest.raises(TransientError, match="No space"), TableFolder(out) as folder:  # noqa: PT012
            folder.write("A", table)
            folder.write("B", table)
        assert not [name for name in names(out) if name.startswith(".")]
        assert all(read_parquet(out / name).columns for name in names(out))


@pytest.mark.parametrize(
    ("name", "content", "mission", "complaint"),
    [
        (NAME, b"", "chandra", "0 bytes are less than one frame"),
        (NAME, b"noise" * 5000, "chandra", "no frame found"),
        ("frames.bin", b"x" * 5000, "chandra", "expected a name like"),
        ("packets.bin", b"", "jpss", "empty"),
        ("packets.bin", b"\xff" * 5000, "jpss", "expected CCSDS packets"),
    ],
)
def test_a_file_without_anything_in_it_is_refused_and_makes_no_folder(
    tmp_path: Path, name: str, content: bytes, mission: str, complaint: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadData, match=complaint):
        decommutate_file(tmp_path / name, tmp_path / "out", mission=mission)
    assert not (tmp_path / "out").exists()


def test_packets_that_no_dictionary_knows_are_refused(tmp_path: Path) -> None:
    xml = realdata("packets", "imap_swe", "swe_packet_definition.xml")
    with pytest.raises(BadData, match="nothing in it that the dictionary describes"):
        decommutate_file(realdata("packets", "jpss", JPSS), tmp_path / "out", dictionary=xml)
    assert names(tmp_path / "out") == []


def test_a_dictionary_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d.xml").write_text("<html>not found</html>")
    (tmp_path / "p.bin").write_bytes(b"x" * 100)
    with pytest.raises(ConfigError, match=r"d\.xml"):
        decommutate_file(tmp_path / "p.bin", tmp_path / "out", dictionary=tmp_path / "d.xml")


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path, playback: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(BadData, match="expected a folder"):
        decommutate_file(playback, tmp_path / "out", mission="chandra")
    assert (tmp_path / "out").read_text() == "mine"


# ---- the writer


def test_names_that_become_the_same_file_name_get_files_of_their_own(tmp_path: Path) -> None:
    with TableFolder(tmp_path) as folder:
        for value, name in enumerate(["a/b", "a:b", "a_b"]):
            folder.write(name, Table(name, {"packet": np.array([value])}))
    assert {int(pq.read_table(tmp_path / n)["packet"][0].as_py()) for n in names(tmp_path)} == {0, 1, 2}


def test_a_parameter_with_underscores_in_its_name_is_kept_and_other_columns_begin_a_new_file(tmp_path: Path) -> None:
    schema = Schema("T", (Column("time", "f8", "s", "when"), Column("A__B", "i4", "V", "volts")))
    first = Table("T", {"time": np.arange(2.0), "A__B": np.array([1, 2], "i4")}, {}, schema)
    wide = Table("T", {"time": np.arange(1.0), "A__B": np.ones((1, 3), "u1")})
    with TableFolder(tmp_path) as folder:
        folder.write("T", first)
        folder.write("T", wide)
        folder.write("T", first)
    assert names(tmp_path) == ["T-2.parquet", "T.parquet"]
    (written,) = folder.tables.values()
    assert (written.rows, written.columns) == (5, 4)
    back = read_parquet(tmp_path / "T.parquet")
    assert back["A__B"].tolist() == [1, 2, 1, 2]
    assert list(back.columns) == ["time", "time__q", "A__B", "A__B__q"]
    assert back.schema.columns[2].unit == "V"


# ---- the command


def test_the_command_prints_what_it_found_and_json_for_machines(tmp_path: Path, playback: Path) -> None:
    playback.write_bytes(playback.read_bytes() + b"\x00" * 7)
    arguments = ["decom", str(playback), "--mission", "chandra", "--to", str(tmp_path / "out")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert "truncated" in result.stdout
    assert "44 tables" in result.stdout
    result = CliRunner().invoke(app, [*arguments, "--json"])
    report = json.loads(result.stdout, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
    assert len(report["tables"]) == 44
    assert report["faults"][0]["count"] == 7
    assert report["faults"][0]["tstart"] is None


def test_frames_whose_name_says_no_time_are_read_with_one_given_by_hand(tmp_path: Path, playback: Path) -> None:
    bare = playback.rename(tmp_path / "frames.bin")
    arguments = ["decom", str(bare), "--mission", "chandra", "--to", str(tmp_path / "out"), "--near"]
    assert CliRunner().invoke(app, [*arguments, "2024-03-01T00:00:00"]).exit_code == 0
    assert CliRunner().invoke(app, [*arguments, "yesterday"]).exit_code == 2


def test_the_command_as_a_program_ends_with_one_line_and_status_1_on_a_bad_file(tmp_path: Path, playback: Path) -> None:
    def mta(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = "import sys; from mta_assets.cli import main; sys.exit(main())"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MTA_")}
        command = [sys.executable, "-c", code, "decom", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)

    good = mta(str(playback), "--to", "out")  # the mission of the settings
    assert (good.returncode, good.stderr) == (0, "")
    assert len(names(tmp_path / "out")) == 44
    bad = tmp_path / NAME.replace("00001", "00002")
    bad.write_bytes(b"noise" * 1000)
    refused = mta(str(bad), "--to", "other", "--mission", "chandra")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"mta: {bad.name} (mission chandra): no frame found")
    assert refused.stderr.count("\n") == 1
    assert names(tmp_path / "other") == []
