"""The importer on small databases of the same layout: what is taken over, changed, reported and refused."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing

import pytest

from mta_assets.core.errors import BadData, ConfigError
from mta_assets.core.times import from_utc
from mta_assets.monitors.limit_import import import_glimmon, import_limits, read_glimmon
from mta_assets.monitors.limit_table import load_expected, load_limits

DATES = {0: "2000-08-25 19:58:52", 1: "2012-02-14 20:52:00"}
SHARED = "id INTEGER PRIMARY KEY, msid TEXT, setkey INTEGER, datesec REAL, date TEXT, modversion INTEGER, "
SHARED += "mlmenable INTEGER, mlmtol INTEGER, default_set INTEGER, mlimsw TEXT, switchstate TEXT"


def seconds(version):
    return from_utc(DATES[version])


def limit(msid, caution, warning, version=0, set=0, enable=1, tolerance=0, switch="none", state="none"):
    return (
        msid,
        set,
        seconds(version),
        DATES[version],
        version,
        enable,
        tolerance,
        0,
        switch,
        state,
        *caution,
        *warning,
    )


@pytest.fixture
def database(tmp_path):
    def make(limits=(), states=(), versions=None):
        path = tmp_path / "glimmon.sqlite3"
        with closing(sqlite3.connect(path)) as db, db:
            db.execute(f"create table limits({SHARED}, caution_low, caution_high, warning_low, warning_high)")
            db.execute(f"create table expected_states({SHARED}, expst TEXT)")
            db.execute("create table versions(id INTEGER PRIMARY KEY, version INTEGER, datesec REAL, date TEXT)")
            db.executemany(f"insert into limits values (NULL{', ?' * 14})", limits)
            db.executemany(f"insert into expected_states values (NULL{', ?' * 11})", states)
            given = versions or [(version, seconds(version), date) for version, date in DATES.items()]
            db.executemany("insert into versions values (NULL, ?, ?, ?)", given)
        return path

    return make


def test_caution_is_yellow_warning_is_red_and_tolerance_persistence(database):
    ((row,), _) = import_glimmon(database([limit("1crat", (-137, -100), (-142, -90), tolerance=2, enable=0)]))
    assert (row.msid, row.set, row.valid_from) == ("1CRAT", 0, round(seconds(0), 6))
    assert (row.yellow_low, row.yellow_high, row.red_low, row.red_high) == (-137, -100, -142, -90)
    assert (row.persistence_samples, row.enabled, row.switch, row.reason) == (2, False, "", "version 0")


def test_a_switch_becomes_a_condition(database):
    on = limit("v", (0, 1), (0, 1), switch="mode", state="on")
    unnamed = limit("w", (0, 1), (0, 1), switch="mode", state="none")
    ((row, other), _) = import_glimmon(database([on, unnamed]))
    assert (row.switch, other.switch) == ("MODE=ON", "MODE=")


@pytest.mark.parametrize(
    ("caution", "warning", "expected"),
    [
        ((1, 2), (-999, 999), (1, 2, None, None)),
        ((-99, 99), (-999, 999), (None, None, None, None)),
        ((-4, 99), (-9, 104), (-4, 99, -9, 104)),
        ((-998, 0.2), (-999.9, 999.99), (None, 0.2, None, None)),
        ((-9999998, 9999998), (-9999999, 9999999), (None, None, None, None)),
        ((-1099, 1099), (-1100, 1100), (-1099, 1099, -1100, 1100)),
        ((-99, 1), (-999, 2), (None, 1, None, 2)),
    ],
)
def test_fillers_become_no_limit_and_are_reported(database, caution, warning, expected):
    found = read_glimmon(database([limit("v", caution, warning)]))
    (row,) = found.limits
    sides = (row.yellow_low, row.yellow_high, row.red_low, row.red_high)
    assert tuple(None if math.isnan(side) else side for side in sides) == expected
    assert [remark.kind for remark in found.remarks] == (["filler"] if None in expected else [])


def test_a_red_limit_inside_the_yellow_one_moves_yellow_and_is_reported(database):
    found = read_glimmon(database([limit("v", (-10, 150), (-5, 140))]))
    (row,) = found.limits
    assert (row.yellow_low, row.red_low, row.yellow_high, row.red_high) == (-5, -5, 140, 140)
    assert [remark.text for remark in found.remarks] == [
        "yellow_low was -10, outside red_low -5",
        "yellow_high was 150, outside red_high 140",
    ]
    assert row.reason.endswith("yellow_high was 150, outside red_high 140")


def test_limits_that_leave_no_room_are_refused_by_name(database):
    with pytest.raises(BadData, match=r"limit of V set 0 of 2000-08-25.*yellow_low = 5 must lie below"):
        read_glimmon(database([limit("v", (5, 5), (0, 10))]))


def test_an_import_writes_tables_that_read_back_the_same(database, tmp_path):
    limits = [
        limit("a", (0.1, 1 / 3), (-5, 1e-7 + 1)),
        limit("a", (0, 1), (-5, 5), version=1),
        limit("b", (1, 2), (-999, 999)),
    ]
    states = [("s", 0, seconds(0), DATES[0], 0, 1, 15, 0, "none", "off", "enab")]
    source = database(limits, states)
    report = import_limits(source, tmp_path / "new" / "folder")
    found = read_glimmon(source)
    table = load_limits(report.limits_file)
    for row in found.limits:
        assert repr(table.row_at(row.valid_from, row.msid, row.set)) == repr(row)  # repr: NaN equals NaN there
    assert load_expected(report.expected_file) == found.expected
    assert found.expected[0].expected == "ENAB"
    assert (report.limits, report.expected, report.msids, report.versions) == (3, 1, 2, 2)
    assert [remark.kind for remark in report.remarks] == ["filler", "switch"]
    assert "1 rows changed: filler" in str(report)
    with pytest.raises(ConfigError, match="exists already"):
        import_limits(source, tmp_path / "new" / "folder")


def test_what_is_no_database_is_refused(database, tmp_path):
    (tmp_path / "text").write_text("hello, this is not a database, however long one reads it")
    with pytest.raises(BadData, match="not a glimmon database"):
        read_glimmon(tmp_path / "text")
    with pytest.raises(BadData, match="no such file"):
        read_glimmon(tmp_path / "none")
    with pytest.raises(BadData, match="version 0 has the date"):
        read_glimmon(database(versions=[(0, seconds(0) + 1, DATES[0])]))
