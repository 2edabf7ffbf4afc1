"""Importers of tables into the telemetry archive, on tiny tables: what goes in, what is flagged, what is left out."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.archive.import_gain import earlier_fits, gain_flags, read_cti, read_gain
from mta_assets.archive.import_hrc_temperatures import read_hrc_temperatures, unit_of
from mta_assets.archive.import_tables import parameter_name, put, read_lines, source_name
from mta_assets.archive.import_thermal import read_thermal
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.core.errors import BadData
from mta_assets.core.flags import Quality
from mta_assets.core.times import from_utc

MISSING, ODD = int(Quality.MISSING), int(Quality.OUT_OF_RANGE)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[TelemetryArchive]:
    with TelemetryArchive(f"sqlite:///{tmp_path / 'catalog.sqlite'}", tmp_path / "telemetry") as opened:
        yield opened


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def workbook(path: Path, *rows: tuple[Any, ...]) -> Path:
    from openpyxl import Workbook

    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


# ---- thermal


def test_a_thermal_table_gives_numbers_states_and_predictions(tmp_path: Path) -> None:
    path = write(
        tmp_path / "dpa_MAR0617A.csv", "date,1dpamzt,pitch,dh_heater,pred_1dpamzt", "328.0,24.9,151.7,OFF,25",
        "656.0,,152.5,ON,26.125", "984.0,nan,153.25,BROKEN,x",
    )  # fmt: skip
    found = read_thermal(path)
    (group,) = found.groups
    assert (group.group, group.period, group.time.tolist()) == (
        "THERMAL",
        328.0,
        [328 * 10**9, 656 * 10**9, 984 * 10**9],
    )
    assert group.values["THERMAL.PITCH"].tolist() == [151.7, 152.5, 153.25]
    assert group.values["THERMAL.1DPAMZT"][0] == 24.9
    assert group.quality["THERMAL.1DPAMZT"].tolist() == [0, MISSING, MISSING]
    assert group.values["THERMAL.DH_HEATER"].tolist() == [0, 1, 0]
    assert group.quality["THERMAL.DH_HEATER"].tolist() == [0, 0, MISSING]
    assert group.quality["THERMAL.PRED_1DPAMZT"].tolist() == [0, 0, MISSING]
    units = {info.name: info.unit for info in group.parameters}
    assert (units["THERMAL.1DPAMZT"], units["THERMAL.PITCH"]) == ("DEGC", "DEG")
    assert (found.rows, found.taken, found.counts) == (
        3,
        3,
        {"rows out of order, put in order": 0, "cells without a value": 4},
    )


def test_bad_lines_of_a_thermal_table_are_named_and_the_order_is_mended(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "date,a", "984,3", "328,1", "soon,9", "656", "inf,9", "656,2", "1e300,9")
    found = read_thermal(path)
    assert found.groups[0].values["THERMAL.A"].tolist() == [1, 2, 3]
    assert [line.line for line in found.bad] == [4, 5, 6, 8]
    assert "has 1 cells, expected 2" in str(found.bad[1])
    assert found.rows == found.taken + len(found.bad) == 7
    assert found.counts is not None
    assert found.counts["rows out of order, put in order"] > 0


def test_repeated_dates_are_one_measurement_and_model_values_on_an_even_grid(tmp_path: Path) -> None:
    rows = [
        (0, 10, 1),
        (0, 10, 2),
        (300, 11, 3),
        (300, 11, 4),
        (300, 11, 5),
        (600, 12, 6),
        (600, 12, 7),
        (600, 12, 8),
        (900, 13, 9),
    ]
    path = write(tmp_path / "fep1_MAR0617A.csv", "date,t,pred_t", *(f"{d}.0,{t},{m}" for d, t, m in rows))
    found = read_thermal(path)
    measured, model = found.groups
    assert measured.time.tolist() == [0, 300 * 10**9, 600 * 10**9, 900 * 10**9]
    assert measured.values["THERMAL.T"].tolist() == [10, 11, 12, 13]
    assert measured.values["THERMAL.PRED_T"][:3].tolist() == [1, 4, 7]
    assert measured.quality["THERMAL.PRED_T"].tolist() == [0, 0, 0, MISSING]
    assert (model.group, model.period) == ("THERMAL_FEP1_MODEL", 100.0)
    assert model.time.tolist() == [100 * 10**9 * k for k in range(9)]
    assert model.values["THERMAL_FEP1_MODEL.PRED_T"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_repeated_dates_off_any_grid_keep_the_first_model_value_and_say_so(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "date,t,pred_t", "0,1,1", "0,1,2", "0,1,3", "300,2,4", "9000,3,5", "9300,4,6")
    found = read_thermal(path)
    (group,) = found.groups
    assert group.values["THERMAL.PRED_T"].tolist() == [1, 4, 5, 6]
    assert found.counts is not None
    assert found.counts["model values of repeated dates, left out"] == 2


def test_two_measurements_of_one_date_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"t has two values at 300\.000 s"):
        read_thermal(write(tmp_path / "x.csv", "date,t", "0,1", "300,2", "300,2.5"))


@pytest.mark.parametrize(
    "header", ["time,a", "date", "date,a,A", "date,a;b", "date,a b", "date,../x", "date,", "date,date"]
)
def test_headers_that_make_no_parameters_are_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(BadData, match=r"x\.csv"):
        read_thermal(write(tmp_path / "x.csv", header, ",".join("1" for _ in header.split(","))))


# ---- HRC temperatures


def test_kelvin_becomes_degrees_and_raw_keeps_what_the_workbook_has(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "t.xlsx",
        ("2CEAHVPT", "2FE00ATM", "NEW", "Time"),
        (297.5, 20.25, 180.0, 86400),
        (298, 21, 380, 172800),
    )
    found = read_hrc_temperatures(path)
    (group,) = found.groups
    assert group.values["HRC_DAILY.2CEAHVPT"].tolist() == [297.5 - 273.15, 298 - 273.15]
    assert group.raw["HRC_DAILY.2CEAHVPT"].tolist() == [297.5, 298]
    assert group.values["HRC_DAILY.2FE00ATM"].tolist() == group.raw["HRC_DAILY.2FE00ATM"].tolist() == [20.25, 21]
    assert {info.unit for info in group.parameters} == {"DEGC"}
    assert "2CEAHVPT: K in the workbook, converted to °C" in found.remarks
    assert "2FE00ATM: °C in the workbook" in found.remarks
    assert "NEW: K in the workbook, converted to °C" in found.remarks


def test_the_unit_of_a_column_follows_from_its_values_on_both_sides_of_the_limits() -> None:
    here = Path("t.xlsx")
    assert unit_of("X", np.array([180.0, 380.0]), here) == "K"
    assert unit_of("X", np.array([-93.0, 107.0]), here) == "DEGC"
    for odd in (179.9, 380.1, 107.1, -93.1):
        with pytest.raises(BadData, match="can not be told"):
            unit_of("X", np.array([odd]), here)
    with pytest.raises(BadData, match="can not be told"):
        unit_of("X", np.array([20.0, 293.0]), here)
    with pytest.raises(BadData, match="2CEAHVPT looks like °C, this table is known to have it in K"):
        unit_of("2CEAHVPT", np.array([20.0]), here)
    assert unit_of("2CEAHVPT", np.zeros(0), here) == "K"


def test_single_cells_of_another_unit_are_flagged_and_empty_ones_missing(tmp_path: Path) -> None:
    rows = [(293.0, 86400 * k) for k in range(1, 300)]
    path = workbook(
        tmp_path / "t.xlsx",
        ("2PMT1T", "Time"),
        *rows,
        (19.5, 86400 * 300),
        (None, 86400 * 301),
        ("n/a", 86400 * 302),
        (290, "late"),
    )
    found = read_hrc_temperatures(path)
    assert found.groups[0].quality["HRC_DAILY.2PMT1T"][-3:].tolist() == [ODD, MISSING, MISSING]
    assert (found.rows, found.taken, len(found.bad)) == (303, 302, 1)
    assert found.counts == {"cells without a value": 2, "cells out of the range of their unit, flagged": 1}


def test_what_is_no_workbook_of_this_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="not a readable workbook"):
        read_hrc_temperatures(write(tmp_path / "a.xlsx", "no"))
    with pytest.raises(BadData, match="not a readable workbook"):
        read_hrc_temperatures(tmp_path / "absent.xlsx")
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as parts:
        parts.writestr("x", "y")
    with pytest.raises(BadData, match="not a readable workbook"):
        read_hrc_temperatures(tmp_path / "b.xlsx")
    for header in (("A", "B"), ("Time",), ("A", "a", "Time")):
        with pytest.raises(BadData, match="first row of MSIDs"):
            read_hrc_temperatures(workbook(tmp_path / "c.xlsx", header, tuple(300 for _ in header)))
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as parts:
        for number in range(3):
            parts.writestr(f"part{number}", bytes(100 << 20))
    with pytest.raises(BadData, match="bytes unpacked"):
        read_hrc_temperatures(tmp_path / "bomb.xlsx")


# ---- gain


GOOD = "2000-02-01T07:59:03 62194 {start} {stop} 1291.5270 311.1515 981.9771 {slope} 0.0002 -19.3384 0.8902"


def gain(start: int, slope: float = 0.2221, obsid: int = 62194) -> str:
    return GOOD.format(start=start, stop=start + 10, slope=slope).replace("62194", str(obsid))


def test_a_fit_is_bad_on_the_far_side_of_each_limit() -> None:
    peaks = np.array(
        [[1290, 311, 982], [1290, 10.0, 982], [1290, 10.1, 982], [-999, -999, 10], [1290, 311, 982], [1290, 311, 982]]
    )
    slope = np.array([0.20, 0.22, 0.25, 0.0541, 0.1999, 0.2501])
    flags = gain_flags(peaks, slope)
    assert flags[:, 3].tolist() == [0, ODD, 0, ODD, ODD, ODD]
    assert flags[1].tolist() == [ODD] * 4
    assert flags[3].tolist() == [MISSING, MISSING, ODD, ODD]


def test_the_last_good_fit_of_an_interval_stands_and_the_others_are_kept(tmp_path: Path) -> None:
    path = write(
        tmp_path / "ccd7_3", "#", gain(200, 0.2201), gain(100, 0.2301), gain(200, 0.2202), gain(200, 0.0541),
        gain(100, 0.2301), "broken line", gain(300, 0.01),
    )  # fmt: skip
    found = read_gain(path)
    slopes = {
        group.group: dict(
            zip((group.time // 10**9).tolist(), group.values[f"{group.group}.SLOPE"].tolist(), strict=True)
        )
        for group in found.groups
    }
    assert slopes == {
        "GAIN_CCD7_3": {100: 0.2301, 200: 0.2202, 300: 0.01},
        "GAIN_CCD7_3_BEFORE1": {200: 0.0541},
        "GAIN_CCD7_3_BEFORE2": {200: 0.2201},
    }
    assert found.groups[0].quality["GAIN_CCD7_3.SLOPE"].tolist() == [0, 0, ODD]
    assert (found.rows, found.taken, [line.line for line in found.bad]) == (7, 5, [7])
    assert found.counts is not None
    assert found.counts["rows that repeat another one, left out"] == 1
    assert found.rows == found.taken + len(found.bad) + 1


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=25))
def test_every_fit_is_in_exactly_one_group_and_the_choice_is_the_last_good_one(rows: list[tuple[int, bool]]) -> None:
    tstart = np.array([float(t) for t, _ in rows])
    bad = np.array([b for _, b in rows])
    places = earlier_fits(tstart, bad)
    assert sorted(np.concatenate(places).tolist()) == list(range(len(rows)))
    for place in places:
        assert np.all(np.diff(tstart[place]) > 0)
    for row in places[0].tolist():
        same = [i for i, (t, _) in enumerate(rows) if t == tstart[row]]
        assert row == max([i for i in same if not bad[i]] or same)


@pytest.mark.parametrize(
    "line", ["a b", gain(100) + " 7", gain(100).replace("0.8902", "x"), GOOD.format(start=9, stop=9, slope=1)]
)
def test_a_gain_table_without_one_good_row_or_name_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(BadData, match="no line has the 11 cells"):
        read_gain(write(tmp_path / "ccd5_0", line))
    with pytest.raises(BadData, match="CCD and node"):
        read_gain(write(tmp_path / "ccd5_4", gain(100)))


def test_cti_counts_its_days_from_a_stated_date(tmp_path: Path) -> None:
    found = read_cti(write(tmp_path / "detrended_data", "184.5\t1.25", "1 2 3", "184.25 2.5", "x y"))
    (group,) = found.groups
    start = from_utc("1999-07-21T00:00:00")
    np.testing.assert_allclose(group.time / 1e9, [start + 184.25 * 86400, start + 184.5 * 86400], atol=1e-6)
    assert group.values["CTI_DETRENDED_DATA.CTI"].tolist() == [2.5, 1.25]
    assert [line.line for line in found.bad] == [2, 4]


# ---- all of them


def test_an_import_answers_queries_and_again_changes_nothing(tmp_path: Path, archive: TelemetryArchive) -> None:
    path = write(tmp_path / "dpa_MAR0617A.csv", "date,1dpamzt,dh_heater", "328,24.9,OFF", "656,25.5,ON")
    put(archive, read_thermal(path))
    other = write(tmp_path / "dea_MAR0617A.csv", "date,1deamzt,dh_heater", "656,20.5,ON", "984,21.5,ON")
    put(archive, read_thermal(other))
    put(archive, read_thermal(path))

    def values(name: str) -> list[float]:
        return archive.snapshot().read([name], None, None)[name].values.tolist()

    assert values("THERMAL.1DPAMZT") == [24.9, 25.5]
    assert values("THERMAL.1DEAMZT") == [20.5, 21.5]
    assert values("THERMAL.DH_HEATER") == [0, 1, 1]
    write(path, "date,1dpamzt,dh_heater", "328,30.5,OFF")
    put(archive, read_thermal(path))
    assert values("THERMAL.1DPAMZT") == [30.5]
    assert values("THERMAL.1DEAMZT") == [20.5, 21.5]
    write(path, "date,1dpamzt,dh_heater", "never,1,OFF")
    with pytest.raises(BadData, match="nothing was changed"):
        put(archive, read_thermal(path))
    assert values("THERMAL.1DPAMZT") == [30.5]


def test_text_is_read_packed_or_not_and_damage_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = gzip.compress(b"a\n\n b\r\n")
    (tmp_path / "a.gz").write_bytes(whole)
    assert read_lines(tmp_path / "a.gz", "text") == [(1, "a"), (3, " b")]
    for content in (whole[:-5], whole[:12] + b"\xff\xff" + whole[14:], b"\x1f\x8b", b"\xff\xfe\x00"):
        (tmp_path / "b").write_bytes(content)
        with pytest.raises(BadData, match="expected text"):
            read_lines(tmp_path / "b", "text")
    with pytest.raises(BadData, match="can not be read"):
        read_lines(tmp_path / "absent", "text")
    monkeypatch.setattr("mta_assets.archive.import_tables.LARGEST_FILE", 4)
    with pytest.raises(BadData, match="more than 4 bytes"):
        read_lines(tmp_path / "a.gz", "text")


def test_names_from_outside_are_made_harmless_or_refused() -> None:
    assert source_name(Path("x/'; DROP TABLE.csv.gz"), "thermal") == "import/thermal/DROP_TABLE.csv"
    assert parameter_name("A.", " b-1 ", Path("x")) == "A.B-1"
    for column in ("", "a b", "é", "a'b", "../a", "x" * 101):
        with pytest.raises(BadData, match="can not be a parameter"):
            parameter_name("", column, Path("x"))
