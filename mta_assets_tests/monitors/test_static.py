"""The static monitor end to end: products, findings, plot, and what is said of parameters that can not be judged."""

from __future__ import annotations

import numpy as np
import pytest

from mta_assets.core.errors import ConfigError, NothingToDo
from mta_assets.core.records import FINDINGS
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table
from mta_assets.core.times import from_utc
from mta_assets.missions.load import load_mission
from mta_assets.monitors.limit_table import load_limits
from mta_assets.monitors.static import monitor
from mta_assets.monitors.statistics import BUCKET

T0 = from_utc("2024-03-01T00:00:00")
REQUEST = Request("p", "sdp", T0, T0 + 1000, T0)
LIMITS = """\
msid,set,valid_from,yellow_low,yellow_high,red_low,red_high,unit,persistence_samples,hysteresis,stuck_seconds,switch,enabled
HOT,,1999-07-23,0,40,-10,60,DEGC,2,1,,,
FINE,,1999-07-23,0,40,-10,60,DEGC,,,,,
STEP,,1999-07-23,,100,,,V,,,,,
STEP,,2024-03-01T00:08:20,,5,,,V,,,,,
STUCK,,1999-07-23,0,40,,,DEGC,,,300,,
STATEFUL,0,1999-07-23,0,1,,,V,,,,,
STATEFUL,1,1999-07-23,0,99,,,V,,,,MODE=ON,
MASKED,,1999-07-23,0,1,,,V,,,,,0
ABSENT,,1999-07-23,0,1,,,V,,,,,
ELSEWHERE,,1999-07-23,0,1,,,V,,,,,
"""
GROUPS = "msid,group,subsystem\nHOT,Temp,EPS\nFINE,Temp,EPS\nABSENT,Volt,EPS\nELSEWHERE,Volt,PCAD\n"


@pytest.fixture
def mission(tmp_path):
    (tmp_path / "mission.toml").write_text(
        '[mission]\nname = "m"\ntitle = "t"\ntelescope = "T"\n[telemetry]\nkind = "vcdu"\ndictionary = "odb"\n'
        '[monitor]\nlimits = "limits.csv"\ngroups = "groups.csv"\n'
    )
    (tmp_path / "limits.csv").write_text(LIMITS)
    (tmp_path / "groups.csv").write_text(GROUPS)
    return load_mission(tmp_path)


def product(**changes):
    """1000 s at 10 s with every kind of parameter."""
    n = 100
    time = T0 + 10.0 * np.arange(n)
    values = {
        "HOT": np.full(n, 20.0, np.float32),
        "FINE": np.linspace(10, 30, n),
        "STEP": np.full(n, 50.0),
        "STUCK": np.tile([19.0, 20.0], n // 2),
        "STATEFUL": np.full(n, 7.0),
        "MASKED": np.full(n, 7.0),
        "FREE": np.arange(n, dtype=np.int16),
    }
    values |= changes
    quality = np.zeros((n, 2 + len(values)), bool)  # a bit for TIME and QUALITY themselves, too
    quality[3, 2 + 1] = True
    raw = {"TIME": time, "STUCK": (values["STUCK"] * 4).astype(np.int16)}
    table = Table("AXAF_EPS", {"TIME": time, "QUALITY": quality, **values})
    return Product("EPS_ENG0", (table, Table("AXAF_EPS_RAW", raw)), T0, T0 + 1000)


def hot():
    value = np.full(100, 20.0, np.float32)
    value[20:40], value[25:28], value[60] = 50.0, 61.0, 99.0  # the last one is alone: not persistent
    return value


def run(mission, *products):
    return monitor(list(products), mission, REQUEST, subsystem="EPS")


def rows(static):
    return {name: i for i, name in enumerate(static["MSID"])}


def test_findings_have_first_last_worst_and_count(mission):
    _, found, _, _ = run(mission, product(HOT=hot()))
    assert found.schema is FINDINGS
    mine = found.where(found["name"] == "HOT")
    assert list(zip(mine["severity"], mine["side"], mine["bound"], mine["count"], strict=True)) == [
        ("yellow", "high", 40.0, 20),
        ("red", "high", 60.0, 3),
    ]
    np.testing.assert_array_equal(mine["tstart"], [T0 + 200, T0 + 250])
    np.testing.assert_array_equal(mine["tstop"], [T0 + 390, T0 + 270])
    assert (mine["first"][0], mine["last"][0], mine["worst"][0]) == (50, 50, 61)
    assert set(mine["unit"]) == {"DEGC"}
    assert set(mine["subsystem"]) == {"EPS"}
    assert mine["detail"][0] == (
        "above the yellow high limit 40 DEGC for 190.0 s, 20 samples, worst 61; limit of 1999-07-23T00:00:00"
    )


def test_a_version_that_changes_within_the_data_counts_from_its_time(mission):
    _, found, _, _ = run(mission, product())
    (at,) = np.flatnonzero(found["name"] == "STEP")
    assert (found["tstart"][at], found["count"][at], found["bound"][at]) == (T0 + 500, 50, 5)
    assert found["detail"][at].endswith("still so at the end of the data")


def test_a_stuck_sensor_is_found_once_and_only_where_it_is_looked_for(mission):
    value = np.tile([19.0, 20.0], 50)
    value[10:60] = 20.0
    static, found, _, _ = run(mission, product(STUCK=value))
    mine = found.where(found["kind"] == "stuck")
    assert list(mine["name"]) == ["STUCK"]
    assert (mine["first"][0], mine["severity"][0], mine["side"][0]) == (20.0, "yellow", "")
    assert mine["tstop"][0] - mine["tstart"][0] >= 490
    assert "raw count 80 for" in mine["detail"][0]
    table = static[0].table("STATIC")
    assert table["N_STUCK"][rows(table)["STUCK"]] == 1
    assert table["N_STUCK"].sum() == 1
    assert "stuck" not in run(mission, product())[1]["kind"]


def test_every_verdict_is_said(mission):
    static, _, _, _ = run(mission, product(HOT=hot()))
    table = static[0].table("STATIC")
    assert dict(zip(table["MSID"], table["VERDICT"], strict=True)) == {
        "HOT": "RED", "FINE": "OK", "ABSENT": "NO DATA", "STEP": "YELLOW", "STUCK": "OK", "STATEFUL": "STATE",
        "MASKED": "MASKED", "FREE": "NO LIMIT",
    }  # fmt: skip


def test_the_page_product_has_statistics_limits_and_counts(mission):
    static, _, _, facts = run(mission, product(HOT=hot()))
    page = static[0]
    version = load_limits(mission.folder / "limits.csv").version
    assert (page.file_id, page.tstart, page.tstop) == ("EPS_STATIC", T0, T0 + 1000)
    assert facts == {"limits_version": version}
    assert page.header["LIMVERS"] == version
    table = page.table("STATIC")
    at = rows(table)
    assert (table["N"][at["FINE"]], table["N_BAD"][at["FINE"]]) == (99, 1)
    assert (table["FIRST"][at["FINE"]], table["LAST"][at["FINE"]]) == (10, 30)
    assert (table["T_MIN"][at["FINE"]], table["T_MAX"][at["FINE"]]) == (T0, T0 + 990)
    assert (table["N_YELLOW"][at["HOT"]], table["N_RED"][at["HOT"]], table["N_FOUND"][at["HOT"]]) == (21, 4, 2)
    assert (table["YELLOW_HIGH"][at["STEP"]], table["T_LIMITS"][at["STEP"]]) == (5, T0 + 500)
    assert table["N"][at["ABSENT"]] == 0
    assert np.isnan(table["MEAN"][at["ABSENT"]])
    assert np.isnan(table["YELLOW_HIGH"][at["FREE"]])


def test_the_database_product_has_a_row_for_each_parameter_and_bucket(mission):
    static, _, _, _ = run(mission, product(HOT=hot()))
    series, database = static[0].table("STAT5MIN"), static[1].table("STATICDB")
    assert static[1].file_id == "EPS_STATICDB"
    np.testing.assert_array_equal(series["TIME"], database["TIME"])
    assert np.all(np.diff(database["TIME"]) >= 0)
    assert np.all(database["TIME"] % BUCKET == 0)
    mine = database.where(database["MSID"] == "FINE")
    assert mine["N"].sum() == 99
    np.testing.assert_allclose(np.sum(mine["AVG"] * mine["N"]) / 99, static[0].table("STATIC")["MEAN"][1])
    step = database.where(database["MSID"] == "STEP")
    expected = np.where(np.maximum(step["TIME"], T0) >= T0 + 500, 5, 100)
    np.testing.assert_array_equal(step["YELLOW_HIGH"], expected)
    assert set(expected) == {5, 100}
    assert "ABSENT" not in database["MSID"]


def test_one_plot_of_at_most_50_kb_comes_with_it(mission):
    _, _, plots, _ = run(mission, product(HOT=hot()))
    assert list(plots) == ["EPS overview"]
    assert plots["EPS overview"].startswith(b"\x89PNG")
    assert len(plots["EPS overview"]) <= 50_000


def test_two_files_give_what_one_gives(mission):
    whole = product(HOT=hot())
    halves = [
        Product(whole.file_id, tuple(table.where(part) for table in whole.tables), T0 + a, T0 + b)
        for part, a, b in ((slice(0, 30), 0, 300), (slice(30, 100), 300, 1000))
    ]
    one, two = run(mission, whole), run(mission, *halves)
    for left, right in zip(one[0], two[0], strict=True):
        for table, other in zip(left.tables, right.tables, strict=True):
            for name in table.columns:
                np.testing.assert_array_equal(table[name], other[name])
    for name in one[1].columns:
        np.testing.assert_array_equal(one[1][name], two[1][name])


def test_the_same_input_gives_the_same_output(mission):
    first, second = run(mission, product(HOT=hot())), run(mission, product(HOT=hot()))
    assert first[2] == second[2]
    np.testing.assert_array_equal(first[0][0].tables[0]["MEAN"], second[0][0].tables[0]["MEAN"])


def test_samples_that_are_all_bad_are_no_data(mission):
    static, found, _, _ = run(mission, product(HOT=np.full(100, np.nan, np.float32)))
    table = static[0].table("STATIC")
    assert (table["VERDICT"][rows(table)["HOT"]], table["N_BAD"][rows(table)["HOT"]]) == ("NO DATA", 100)
    assert "HOT" not in found["name"]


def test_without_products_or_a_limit_table_it_says_so(mission):
    with pytest.raises(NothingToDo, match="EPS: no engineering product"):
        run(mission)
    (mission.folder / "mission.toml").write_text(
        '[mission]\nname = "m"\ntitle = "t"\ntelescope = "T"\n[telemetry]\nkind = "vcdu"\ndictionary = "odb"\n'
    )
    with pytest.raises(ConfigError, match=r"\[monitor\]"):
        run(load_mission(mission.folder), product())
