"""Limit tables: strict reading with file and line, versions in time, and the tables of the built-in missions."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import ConfigError
from mta_assets.core.times import from_utc
from mta_assets.missions.load import built_in_missions, load_mission
from mta_assets.monitors.limit_table import COLUMNS, LimitRow, LimitTable, load_expected, load_limits
from mta_assets.monitors.limits import check

HEADER = "msid,set,valid_from,yellow_low,yellow_high,red_low,red_high"
FULL = f"{HEADER},unit,persistence_samples,persistence_seconds,hysteresis,stuck_seconds,switch,enabled,author,reason"


@pytest.fixture
def table(tmp_path):
    def write(*rows, header=HEADER):
        path = tmp_path / "limits.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    return write


def test_every_column_is_read(table):
    cells = 'TEMP,1,2024-03-01T00:00:00,-5,10,-8,12.5,DEGC,3,65.6,0.5,900,MODE=NPNT,0,me,"too hot, often"'
    row = load_limits(table(cells, header=FULL)).row_at(from_utc("2024-03-02"), "TEMP", 1)
    given = ("TEMP", 1, from_utc("2024-03-01"), -5.0, 10.0, -8.0, 12.5, "DEGC", 3, 65.6, 0.5, 900.0)
    assert row == LimitRow(*given, "MODE=NPNT", False, "me", "too hot, often")
    assert ",".join(COLUMNS) == FULL


def test_blank_cells_are_no_limit_and_defaults(table):
    row = load_limits(table("TEMP,,1999-07-23T00:00:00,,10,,")).row_at(1e9, "TEMP")
    assert (row.set, row.persistence_samples, row.hysteresis, row.enabled) == (0, 1, 0.0, True)
    assert math.isnan(row.yellow_low)
    assert math.isnan(row.red_high)
    assert row.has_limits
    assert not load_limits(table("TEMP,,1999-07-23T00:00:00,,,,")).row_at(1e9, "TEMP").has_limits


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["A,,2024-01-01,10,5,,"], "line 2: yellow_low = 10 must lie below yellow_high = 5"),
        (["A,,2024-01-01,5,5,,"], "line 2: yellow_low = 5 must lie below yellow_high = 5"),
        (["A,,2024-01-01,1,5,2,"], "line 2: red_low = 2 must lie not above yellow_low = 1"),
        (["A,,2024-01-01,1,5,,4"], "line 2: yellow_high = 5 must lie not above red_high = 4"),
        (["A,,2024-01-01,,,7,7"], "line 2: red_low = 7 must lie below red_high = 7"),
        (["A,,2024-01-01,1,,,0"], "line 2: yellow_low = 1 must lie below red_high = 0"),
        (["A,,2024-01-01,1,5,,", "A,0,2024-01-01T00:00:00,1,6,,"], "line 3: A set 0 from .* stands in line 2"),
        (["A,,2024-01-01,1,5,,", "B,,2024-13-01,1,6,,"], "line 3: valid_from: '2024-13-01' is not a UTC time"),
        (["A,,,1,5,,"], "line 2: valid_from is empty"),
        ([",,2024-01-01,1,5,,"], "line 2: msid is empty"),
        (["A,-1,2024-01-01,1,5,,"], "line 2: set: '-1' must be a whole number"),
        (["A,,2024-01-01,low,5,,"], "line 2: yellow_low: 'low' is not a number"),
        (["A,,2024-01-01,nan,5,,"], "line 2: yellow_low: 'nan' is not a number; leave the cell empty"),
        (["A,,2024-01-01,1,5,"], "line 2: 6 cells, the header has 7"),
        (['A,,2024-01-01,1,"5'], "line 2: unexpected end of data"),
    ],
)
def test_a_wrong_row_is_refused_with_file_and_line(table, rows, message):
    with pytest.raises(ConfigError, match=rf"limits\.csv, {message}"):
        load_limits(table(*rows))


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("DEGC,x,,,,,,,", "persistence_samples: 'x' must be a whole number"),
        ("DEGC,,-1,,,,,,", "persistence_seconds: '-1' must be a number, 0 or more"),
        ("DEGC,,,inf,,,,,", "hysteresis: 'inf' must be a number"),
        ("DEGC,,,,,NPNT,,,", "switch: 'NPNT' is not MSID=STATE"),
        ("DEGC,,,,,=NPNT,,,", "switch: '=NPNT' is not MSID=STATE"),
        ("DEGC,,,,,,yes,,", "enabled: 'yes' must be 1 or 0"),
    ],
)
def test_the_other_columns_are_checked_too(table, cell, message):
    with pytest.raises(ConfigError, match=message):
        load_limits(table(f"A,,2024-01-01,1,5,,,{cell}", header=FULL))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (HEADER + ",colour", r"unknown columns \['colour'\].*known: msid, set"),
        ("msid,yellow_low", r"missing \['valid_from'\]"),
        (HEADER + ",msid", r"twice \['msid'\]"),
    ],
)
def test_a_wrong_header_is_refused(table, header, message):
    with pytest.raises(ConfigError, match="line 1: .*" + message):
        load_limits(table(header=header))


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path):
    (tmp_path / "limits.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_limits(tmp_path / "limits.csv")
    with pytest.raises(ConfigError, match="can not be read"):
        load_limits(tmp_path / "none.csv")


def test_the_version_is_the_hash_of_the_content(table):
    path = table("A,,2024-01-01,1,5,,")
    first = load_limits(path).version
    assert first == hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_text(path.read_text().replace("5", "6"))
    assert load_limits(path).version != first


VERSIONS = (
    LimitRow("A", 0, 200.0, yellow_high=20.0),
    LimitRow("A", 0, 100.0, yellow_high=10.0),
    LimitRow("A", 0, 300.0, yellow_high=30.0, enabled=False),
    LimitRow("A", 1, 150.0, yellow_high=99.0, switch="M=ON"),
    LimitRow("B", 0, 100.0, yellow_low=-1.0),
)


def test_a_row_holds_from_its_time_until_the_next_one():
    limits = LimitTable(VERSIONS, "v")
    assert limits.row_at(99.9, "A") is None
    assert limits.row_at(100.0, "A").yellow_high == 10
    assert limits.row_at(199.9, "A").yellow_high == 10
    assert limits.row_at(200.0, "A").yellow_high == 20
    assert limits.row_at(1e9, "A").yellow_high == 30
    assert limits.row_at(1e9, "C") is None
    assert sorted(limits.at(160.0)) == [("A", 0), ("A", 1), ("B", 0)]
    assert limits.at(50.0) == {}
    assert [row.valid_from for row in limits.history("A")] == [100, 200, 300]
    assert (len(limits), limits.msids, "A" in limits, "C" in limits) == (5, ("A", "B"), True, False)


def test_a_parameter_with_a_switch_depends_on_the_state():
    limits = LimitTable(VERSIONS, "v")
    assert limits.depends_on_state("A")
    assert not limits.depends_on_state("B")


def test_limits_are_numbers_within_a_version_and_arrays_across_a_change():
    limits = LimitTable(VERSIONS, "v")
    assert limits.bounds("A", np.array([110.0, 120.0])).yellow_high == 10.0
    assert math.isnan(limits.bounds("A", np.array([10.0, 20.0])).yellow_high)
    assert math.isnan(limits.bounds("C", np.array([110.0])).yellow_high)
    assert math.isnan(limits.bounds("A", np.zeros(0)).yellow_high)
    across = limits.bounds("A", np.array([99.0, 100, 199, 200, 300]))
    np.testing.assert_array_equal(across.yellow_high, [np.nan, 10, 10, 20, np.nan])
    np.testing.assert_array_equal(across.samples, 1)


def test_data_across_a_change_is_judged_by_the_limits_of_each_time():
    limits = LimitTable(VERSIONS, "v")
    time = np.array([50.0, 150, 199, 200, 250])
    found = check(time, np.full(5, 15.0), None, limits.bounds("A", time))
    assert [(v.tstart, v.tstop, v.bound) for v in found] == [(150, 199, 10)]


@settings(derandomize=True, deadline=None)
@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=6, unique=True),
    st.lists(st.integers(-5, 25), min_size=1, max_size=20).map(sorted),
)
def test_the_vectorised_look_up_equals_the_one_for_each_time(starts, times):
    rows = [LimitRow("A", 0, float(start), yellow_high=float(start)) for start in starts]
    limits = LimitTable(rows, "v")
    found = np.broadcast_to(limits.bounds("A", np.array(times, float)).yellow_high, len(times))
    single = [limits.row_at(float(time), "A") for time in times]
    np.testing.assert_array_equal(found, [math.nan if row is None else row.yellow_high for row in single])


def test_expected_states_are_read(tmp_path):
    path = tmp_path / "expected_states.csv"
    path.write_text("msid,valid_from,expected,switch\nVALVE,2024-01-01,CLOS,\nVALVE,2024-02-01,OPEN,MODE=NPNT\n")
    rows = load_expected(path)
    assert [(row.msid, row.expected, row.switch) for row in rows] == [
        ("VALVE", "CLOS", ""),
        ("VALVE", "OPEN", "MODE=NPNT"),
    ]
    path.write_text("msid,valid_from,expected\nVALVE,2024-01-01,\n")
    with pytest.raises(ConfigError, match="line 2: expected is empty"):
        load_expected(path)


@pytest.mark.parametrize("name", built_in_missions())
def test_the_tables_of_the_built_in_missions_are_right(name):
    folder = load_mission(name).folder
    limits = load_limits(folder / "limits.csv")
    assert len(limits.msids) >= (300 if name == "chandra" else 10)
    assert all(row.author and row.reason for msid in limits.msids for row in limits.history(msid))


def test_chandra_limits_fit_the_dictionary():
    from mta_assets.telemetry.odb import dictionary_of

    mission = load_mission("chandra")
    dictionary, limits = dictionary_of(mission), load_limits(mission.folder / "limits.csv")
    assert [msid for msid in limits.msids if msid not in dictionary] == []
    rows = [row for msid in limits.msids for row in limits.history(msid)]
    assert [row.msid for row in rows if row.unit != dictionary[row.msid].unit or dictionary[row.msid].states] == []
    assert {dictionary[msid].subsystem for msid in limits.msids} == set(dictionary.subsystems)
    assert sum(len(limits.history(msid)) > 1 for msid in limits.msids) >= 10
    for row in rows:  # a limit that no count can reach would never speak
        parameter = dictionary[row.msid]
        number = min(parameter.largest - parameter.smallest + 1, 65536)
        counts = np.linspace(parameter.smallest, parameter.largest, number).astype(np.int64)
        values, outside = parameter.convert(counts)
        reachable = values if outside is None else values[~outside]
        sides = [row.red_low, row.yellow_low, row.yellow_high, row.red_high]
        assert all(reachable.min() < side < reachable.max() for side in sides if not math.isnan(side)), row
