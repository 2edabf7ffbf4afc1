"""``mta.fetch`` and ``mta.query`` on an archive: what was committed comes back."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits
from astropy.time import Time

import mta_assets as mta
from mta_assets.archive.fits_read import read_fits
from mta_assets.archive.telemetry import TelemetryArchive
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.core.errors import BadData, ConfigError
from mta_assets.core.samples import ParameterInfo, to_nanoseconds
from mta_assets.settings import Settings

START = 825_638_469.184  # [s] 2024-03-01T00:00:00 UTC
STEP = 32.8
ROWS = 3000
TIMES = START + 1 + STEP * np.arange(ROWS)
VALUES = np.float32(20) + np.sin(np.arange(ROWS) / 50).astype(np.float32)
COUNTS = np.arange(ROWS, dtype=np.uint16)
CODES = (np.arange(ROWS) // 100 % 2).astype(np.int8)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    quality = np.zeros(ROWS, np.uint8)
    quality[7] = 4
    ephin = GroupRows(
        "EPHIN5ENG",
        (
            ParameterInfo("TEPHIN", "EPHIN5ENG", "f4", "degC", "sensor housing", period=STEP),
            ParameterInfo("TEIO", "EPHIN5ENG", "f4", "degC", "I/O housing", period=STEP),
        ),
        to_nanoseconds(TIMES),
        {"TEPHIN": VALUES, "TEIO": VALUES + 1},
        {"TEPHIN": COUNTS},
        {"TEPHIN": quality},
        STEP,
    )
    mode = ParameterInfo("AOPCADMD", "PCAD3ENG", "i1", "", "mode", {0: "NPNT", 1: "NMAN"}, period=STEP)
    pcad = GroupRows("PCAD3ENG", (mode,), to_nanoseconds(TIMES + 5), {"AOPCADMD": CODES}, period=STEP)
    with TelemetryArchive(f"sqlite:///{folder / 'catalog.sqlite'}", folder / "segments") as found:
        found.commit("first", [ephin, pcad], TIMES[0], TIMES[-1])
        yield found


def test_one_name_gives_one_parameter_without_its_bad_samples(archive):
    one = mta.fetch("tephin", "2024:061", "2024-03-01T01:00:00", archive=archive)
    expected = VALUES[:110][np.arange(110) != 7]
    np.testing.assert_array_equal(one.vals, expected)
    assert (one.unit, one.tstart, one.tstop) == ("degC", START, pytest.approx(START + 3600))
    assert not one.bads.any()


def test_bad_samples_and_raw_counts_come_if_they_are_asked_for(archive):
    one = mta.fetch("TEPHIN", START, START + 3600, filter_bad=False, raw=True, archive=archive)
    assert np.flatnonzero(one.bads).tolist() == [7]
    np.testing.assert_array_equal(one.raw, COUNTS[:110])


def test_several_names_give_a_set_and_patterns_are_filled_in(archive):
    both = mta.fetch(["te*", "AOPCADMD"], START, START + 3600, archive=archive)
    assert sorted(both) == ["AOPCADMD", "TEIO", "TEPHIN"]
    assert len(both.tephin) == len(both.teio) == 109
    assert set(both.aopcadmd.vals) == {"NPNT", "NMAN"}


def test_without_dates_all_there_is_comes(archive):
    one = mta.fetch("TEIO", archive=archive)
    assert len(one) == ROWS
    np.testing.assert_allclose(one.times, TIMES, atol=1e-9, rtol=0)


def test_the_start_belongs_to_a_period_and_the_stop_does_not(archive):
    one = mta.fetch("TEIO", TIMES[10], Time(TIMES[12], format="cxcsec"), archive=archive)
    assert one.times.tolist() == pytest.approx(TIMES[10:12].tolist())


def test_statistics_are_those_of_the_samples(archive):
    hourly = mta.fetch("TEIO", START, START + 86400, stat="hourly", archive=archive)
    samples = mta.fetch("TEIO", archive=archive)
    inside = samples.times // 3600 == hourly.indexes[3]
    assert hourly.maxes[3] == samples.vals[inside].max()
    assert hourly.means[3] == hourly.vals[3] == pytest.approx(samples.vals[inside].mean(dtype=float))
    assert hourly.samples[3] == inside.sum()
    assert hourly.times[3] == (hourly.indexes[3] + 0.5) * 3600
    assert hourly.bads is None
    states = mta.fetch("AOPCADMD", START, START + 86400, stat="5min", archive=archive)
    assert set(states.vals) == {"NPNT", "NMAN"}
    np.testing.assert_array_equal(states.counts["NPNT"] + states.counts["NMAN"], states.samples)


def test_intervals_are_fetched_together(archive):
    when = mta.fetch("AOPCADMD", archive=archive).logical_intervals("==", "NMAN")
    one = mta.fetch("TEIO", when, archive=archive)
    everything = mta.fetch("TEIO", archive=archive)
    np.testing.assert_array_equal(one.times, everything.select_intervals(when, copy=True).times)
    assert 0 < len(one) < ROWS


def test_a_period_without_data_is_empty(archive):
    assert len(mta.fetch("TEIO", "2025:001", archive=archive)) == 0
    assert len(mta.fetch(["TEIO", "TEPHIN"], "2001:001", "2001:002", archive=archive).tephin) == 0


def test_unknown_names_statistics_and_dates_are_said(archive):
    with pytest.raises(BadData, match="near ones are TEPHIN"):
        mta.fetch("TEPHN", archive=archive)
    with pytest.raises(ValueError, match="expected None, '5min'"):
        mta.fetch("TEIO", stat="weekly", archive=archive)
    with pytest.raises(ValueError, match="before start"):
        mta.fetch("TEIO", "2024:062", "2024:061", archive=archive)
    with pytest.raises(ValueError, match="empty"):
        mta.fetch("TEIO", [], archive=archive)


def test_the_archive_stands_as_it_stood(archive):
    assert len(mta.fetch("TEIO", as_of="2001:001", archive=archive)) == 0


def test_a_query_is_answered_as_table_frame_and_parameters(archive):
    result = mta.query("GET TEPHIN, TEIO FROM 2024-03-01 TO 2024-03-02", archive=archive)
    assert result.columns == ["TEPHIN", "TEIO"]
    assert len(result.table) == len(result.to_pandas()) == len(result)
    assert str(result.table["TEPHIN"].unit) == "degC"
    np.testing.assert_allclose(result["teio"].vals, mta.fetch("TEIO", START, START + 86400, archive=archive).vals)


def test_a_query_of_two_groups_has_two_tables(archive, tmp_path):
    result = mta.query("GET TEPHIN, AOPCADMD FROM 2024-03-01 TO 2024-03-02", archive=archive)
    assert set(result.table) == set(result.to_pandas()) == {"EPHIN5ENG", "PCAD3ENG"}
    assert result.to_pandas()["PCAD3ENG"]["AOPCADMD"].iloc[0] == "NPNT"
    assert result.save(tmp_path / "a.fits").rows == len(result)
    assert fits.getheader(tmp_path / "a.fits", 1)["ARCHTRAN"] == archive.snapshot().transaction


def test_a_query_can_be_drawn_and_appended_day_by_day(archive, tmp_path):
    for day in ("2024:061", "2024:062", "2024:061"):
        mta.query(f"GET TEIO ON {day} EVERY 1 HOUR MEAN", archive=archive).append(tmp_path / "trend.fits")
    hours = Time(fits.getdata(tmp_path / "trend.fits")["TIME"], format="cxcsec").utc.datetime64
    days = hours.astype("M8[D]").astype(str).tolist()
    assert (days.count("2024-03-01"), days.count("2024-03-02"), len(days)) == (25, 4, 29)
    mta.query("GET TEPHIN, AOPCADMD ON 2024:061", archive=archive).plot(tmp_path / "day.png")
    assert (tmp_path / "day.png").read_bytes().startswith(b"\x89PNG")


def test_an_answer_that_is_larger_than_its_memory_is_written_in_parts(archive, tmp_path):
    text = "GET TEPHIN, TEIO FROM 2024-03-01 TO 2024-03-03"
    small = mta.query(text, archive=archive, memory_limit=1000)
    assert small.answer.streams
    small.save(tmp_path / "a.fits", created=9e8)
    mta.query(text, archive=archive).save(tmp_path / "b.fits", created=9e8)
    parts, whole = (read_fits(tmp_path / name, "QUERY").tables[0] for name in ("a.fits", "b.fits"))
    for name in whole.columns:
        np.testing.assert_array_equal(parts[name], whole[name])


def test_where_no_archive_is_none_is_made(tmp_path):
    with pytest.raises(ConfigError, match="there is no archive of mission chandra"):
        mta.fetch("TEPHIN", settings=Settings(data=tmp_path))
    assert not list(tmp_path.iterdir())


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, mta_assets as mta; mta.query; heavy = {'numpy','pandas','astropy','pyarrow','matplotlib','lark',"
        "'dagster','sqlalchemy'} & set(sys.modules); assert not heavy, heavy; import mta_assets.query.model; "
        "assert callable(mta.query) and 'fetch' in dir(mta) and callable(mta.fetch)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
