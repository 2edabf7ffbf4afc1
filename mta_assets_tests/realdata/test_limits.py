"""The importer on the real glimmon database: every look-up at every version date equals the database's own."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table
from mta_assets.core.times import from_utc
from mta_assets.missions.load import load_mission
from mta_assets.monitors.limit_import import import_limits, read_glimmon
from mta_assets.monitors.limit_table import load_expected, load_limits
from mta_assets.monitors.static import monitor
from mta_assets_tests.realdata import realdata

BOUNDS = {
    "yellow_low": "caution_low",
    "yellow_high": "caution_high",
    "red_low": "warning_low",
    "red_high": "warning_high",
}


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    source = realdata("chandra", "limits", "glimmondb.sqlite3")
    with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
        db.row_factory = sqlite3.Row
        tables = {
            name: db.execute(f"select * from {name}").fetchall() for name in ("limits", "expected_states", "versions")
        }
    return tables, import_limits(source, tmp_path_factory.mktemp("imported")), read_glimmon(source)


def test_nothing_is_dropped(imported):
    tables, report, _ = imported
    assert (report.limits, report.expected, report.versions) == (2899, 2134, 265)
    assert report.msids == len({row["msid"] for row in tables["limits"]}) == 938
    assert {kind: sum(r.kind == kind for r in report.remarks) for kind in ("inverted", "switch")} == {
        "inverted": 6,
        "switch": 8,
    }


def test_as_of_every_version_every_limit_is_the_one_of_the_database(imported):
    tables, report, found = imported
    table = load_limits(report.limits_file)
    changed = {(r.msid, r.set, r.date) for r in found.remarks if r.kind in ("inverted", "filler")}
    history = {}
    for row in sorted(tables["limits"], key=lambda row: row["modversion"]):
        history.setdefault((row["msid"].upper(), row["setkey"]), []).append(row)
    compared = 0
    for version in tables["versions"]:
        now = table.at(from_utc(version["date"]))
        expected = {
            key: [row for row in rows if row["modversion"] <= version["version"]][-1:] for key, rows in history.items()
        }
        assert set(now) == {key for key, rows in expected.items() if rows}
        for key, rows in expected.items():
            for row in rows:
                mine = now[key]
                assert (mine.persistence_samples, mine.enabled) == (row["mlmtol"], bool(row["mlmenable"]))
                assert f"version {row['modversion']}" in mine.reason.split("; ")
                for ours, theirs in BOUNDS.items():
                    same = getattr(mine, ours) == row[theirs]
                    assert same or (*key, row["date"]) in changed, (key, ours)
                    compared += same
    assert compared > 600_000


def test_a_changed_row_gives_every_value_the_verdict_of_the_database(imported):
    tables, report, found = imported
    table = load_limits(report.limits_file)
    inverted = {(r.msid, r.set, r.date) for r in found.remarks if r.kind == "inverted"}
    rows = [row for row in tables["limits"] if (row["msid"].upper(), row["setkey"], row["date"]) in inverted]
    assert len(rows) == 6
    for row in rows:
        mine = table.row_at(from_utc(row["date"]), row["msid"].upper(), row["setkey"])
        for value in np.arange(-20.0, 220.0, 0.5):
            red = value < row["warning_low"] or value > row["warning_high"]
            yellow = value < row["caution_low"] or value > row["caution_high"]
            assert (value < mine.red_low or value > mine.red_high) == red
            assert (value < mine.yellow_low or value > mine.yellow_high) == (red or yellow)


def test_only_fillers_became_no_limit(imported):
    tables, report, _ = imported
    table = load_limits(report.limits_file)
    gone = set()
    for row in tables["limits"]:
        mine = table.row_at(from_utc(row["date"]), row["msid"].upper(), row["setkey"])
        gone |= {abs(row[theirs]) for ours, theirs in BOUNDS.items() if math.isnan(getattr(mine, ours))}
    assert gone == {99.0, 998.0, 999.0, 999.9, 999.99, 9999998.0, 9999999.0}


def test_the_wrong_1crat_entry_and_its_correction_are_both_there(imported):
    _, report, _ = imported
    table = load_limits(report.limits_file)
    history = [(row.red_high, row.yellow_high) for row in table.history("1CRAT")]
    assert history == [(100, -100), (-90, -100), (100, -100), (-90, -100), (-80, -90)]
    times = np.array(
        [from_utc(text) for text in ("2001-10-01", "2001-11-01", "2001-12-10", "2002-01-01", "2012-01-01")]
    )
    np.testing.assert_array_equal(table.bounds("1CRAT", times).red_high, [100, -90, 100, -90, -80])


def test_expected_states_are_those_of_the_database(imported):
    tables, report, _ = imported
    mine = {(r.msid, r.set, r.valid_from): (r.expected, r.enabled) for r in load_expected(report.expected_file)}
    theirs = {
        (r["msid"].upper(), r["setkey"], round(r["datesec"], 6)): (r["expst"].upper(), bool(r["mlmenable"]))
        for r in tables["expected_states"]
    }
    assert mine == theirs


def test_the_jpss_file_gives_work_and_no_finding(tmp_path):
    raw = np.fromfile(realdata("packets", "jpss", "J01_G011_LZ_2021-04-09T00-00-00Z_V01.DAT1"), np.uint8).reshape(
        7200, 71
    )
    # Byte of each field in the fixed packet: 6 header, 8 time, 1 spacecraft, 8 time, 6 floats, 8 time, 4 floats.
    names = ["ADGPSPOSX", "ADGPSPOSY", "ADGPSPOSZ", "ADGPSVELX", "ADGPSVELY", "ADGPSVELZ"]
    places = {name: 23 + 4 * i for i, name in enumerate(names)} | {f"ADCFAQ{i + 1}": 55 + 4 * i for i in range(4)}
    columns = {
        name: np.ascontiguousarray(raw[:, at : at + 4]).view(">f4").ravel().astype(np.float32)
        for name, at in places.items()
    }
    tstart = from_utc("2021-04-09T00:00:00")
    columns = {"TIME": tstart + np.arange(7200.0), "ADAESCID": raw[:, 14], **columns}
    for name in ("limits.csv", "groups.csv", "mission.toml"):
        (tmp_path / name).write_text((load_mission("jpss").folder / name).read_text())
    with (tmp_path / "mission.toml").open("a") as file:
        if "[monitor]" not in (tmp_path / "mission.toml").read_text():
            file.write('\n[monitor]\nlimits = "limits.csv"\ngroups = "groups.csv"\n')
    product = Product("JPSS_ATT_EPHEM_ENG0", (Table("JPSS_ATT_EPHEM", columns),), tstart, tstart + 7200)
    request = Request("p", "sdp", tstart, tstart + 7200, tstart)
    made, found, plots, _ = monitor([product], load_mission(tmp_path), request, subsystem="JPSS_ATT_EPHEM")
    assert len(found) == 0
    table = made[0].table("STATIC")
    assert set(table["MSID"]) == {*places, "ADAESCID"}
    assert set(table["VERDICT"]) == {"OK"}
    assert set(table["N"]) == {7200}
    assert set(plots) == {"JPSS_ATT_EPHEM overview"}
