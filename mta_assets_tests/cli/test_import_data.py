"""``mta archive import``: kinds, dry runs, refusals, reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.cli.import_data import KINDS, guess, register
from mta_assets.core.errors import BadData
from mta_assets.settings import Settings

app = typer.Typer(pretty_exceptions_enable=False)
register(app)


@app.command()
def other() -> None:
    """A second command: typer leaves out the name of an only one."""


@pytest.fixture(autouse=True)
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MTA_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MTA_MISSION", "chandra")
    monkeypatch.delenv("MTA_CATALOG_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: Any, code: int = 0) -> Any:
    result = CliRunner().invoke(app, ["import", *map(str, arguments)])
    assert result.exit_code == code, (result.output, result.exception)
    return json.loads(result.stdout) if "--json" in arguments else result.output


def thermal(folder: Path, *rows: str) -> Path:
    path = folder / "dpa_MAR0617A.csv"
    path.write_text("\n".join(["date,1dpamzt", *rows]) + "\n", encoding="utf-8")
    return path


def values() -> list[float]:
    settings = Settings()
    with TelemetryArchive(settings.database_url, settings.telemetry) as archive:
        found = archive.snapshot().read(["THERMAL.1DPAMZT"], None, None)
        return found["THERMAL.1DPAMZT"].values.tolist() if archive.snapshot().info("THERMAL.1DPAMZT") else []


def test_a_file_is_imported_reported_and_replaced_by_the_next(house: Path) -> None:
    path = thermal(house, "328,1.5", "656,2.5", "x,9")
    (report,) = run(path, "--json")
    assert (report["kind"], report["outcome"], report["rows"], report["taken"]) == ("thermal", "imported", 3, 2)
    assert report["source"] == "import/thermal/dpa_MAR0617A.csv"
    assert report["left out"] == ["line 4: the date is no time in seconds: 'x,9'"]
    assert values() == [1.5, 2.5]
    thermal(house, "328,7.5")
    assert "left out" not in run(path)
    assert values() == [7.5]
    run(path, "--source", "second look")
    assert values() == [7.5]


def test_a_dry_run_writes_nothing(house: Path) -> None:
    (report,) = run(thermal(house, "328,1.5"), "--dry-run", "--json")
    assert (report["outcome"], report["taken"]) == ("read", 1)
    assert not list(house.glob("data/**/*.parquet"))
    assert "Read, nothing written" in run(house / "dpa_MAR0617A.csv", "--dry-run")


def test_one_bad_file_does_not_keep_the_others_out(house: Path) -> None:
    bad = house / "ccd7_3"
    bad.write_text("nothing\n")
    text = run(bad, thermal(house, "328,1.5"), house / "absent.ecsv", code=1)
    assert text.count("refused") == 2
    assert "no line has the 11 cells" in text.replace("\n", " ")
    assert "Traceback" not in text
    assert values() == [1.5]


def test_states_and_bad_times_go_to_their_own_places_and_twice_is_once(house: Path) -> None:
    from mta_assets.archive.observing import Observing

    states = house / "hrc_24v.ecsv"
    states.write_text(
        "# %ECSV 1.0\n# ---\n# datatype:\n"
        "# - {name: datestart, datatype: string}\n# - {name: datestop, datatype: string}\n"
        "# - {name: hrc_24v, datatype: string}\n# schema: astropy-2.0\ndatestart datestop hrc_24v\n"
        "2024:360:00:00:00.000 2024:361:00:00:00.000 OFF\n"
    )  # fmt: skip
    (report,) = run(states, "--json")
    assert (report["kind"], report["outcome"], report["taken"]) == ("states", "imported", 1)
    with Observing(Settings().database_url) as observing:
        assert [entry.source for entry in observing.imports()] == ["hrc_24v.ecsv"]
    run(thermal(house, "328,1.5", "86400,2.5"))
    bads = house / "ltt_bads.dat"
    bads.write_text("tstart | msid | flag\n---+---+---\n1998:001:00:00:00 | * | *\n1998:001:00:00:00 | NOPE | *\n")
    (report,) = run(bads, "--json")
    assert report["counts"] == {"corrections made": 1}
    assert "NOPE" in report["left out"][0]
    assert (report["rows"], report["taken"]) == (2, 1)
    (report,) = run(bads, "--json")
    assert report["counts"] == {"corrections there already": 1}


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("acisfp_MAR0617A.csv.gz", b"\x1f\x8b", "thermal"), ("x.csv", b"date,a\n", "thermal"),
        ("hrc_temperatures_10yr.xlsx", b"PK", "hrc_temperatures"), ("ccd7_3.gz", b"\x1f\x8b", "gain"),
        ("detrended_data", b"1 2", "cti"), ("a.pkts", b"", "packets"), ("J01_V01.DAT1", b"", "packets"),
        ("a.txt", b"# %ECSV 1.0", "states"), ("CR229_2202.backstop", b"", "commands"),
        ("mta_grating_moves.dat", b"", "grating_moves"), ("obscat.csv", b"obsid", "observations"),
        ("limits", b"SQLite format 3\0", "limits"), ("bads", b"  tstart   |  msid | flag", "bad_times"),
    ],
)  # fmt: skip
def test_the_kind_is_told_by_the_name_or_the_beginning(house: Path, name: str, content: bytes, kind: str) -> None:
    (house / name).write_bytes(content)
    assert guess(house / name) == kind


def test_what_tells_nothing_is_refused_with_the_kinds(house: Path) -> None:
    (house / "x").write_bytes(b"\0\1")
    with pytest.raises(BadData, match="--kind, one of thermal"):
        guess(house / "x")
    with pytest.raises(BadData, match="can not be read"):
        guess(house / "absent")


def test_kinds_are_listed_and_wrong_options_are_refused(house: Path) -> None:
    assert [row["kind"] for row in run("--list", "--json")] == list(KINDS)
    path = thermal(house, "328,1")
    run(code=2)
    run(path, "--kind", "nope", code=2)
    run(path, path, "--source", "x", code=2)
    run(path, "--source", "", code=2)
    run(path, "--source", "a\nb", code=2)
    run(path, "--kind", "packets", code=1)
