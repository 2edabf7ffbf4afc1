"""Trend files: the same as if everything had been written once."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.archive.fits_read import read_fits
from mta_assets.core.errors import BadData
from mta_assets.query.model import Period, Sampling
from mta_assets.query.output import OutputRefused, save
from mta_assets.query.output_append import append
from mta_assets_tests.query.answers import CHECKSUM, T0, answer, nanoseconds, table

CREATED = 9e8
FORMATS = ["t.fits", "t.fits.gz", "t.parquet", "t.csv", "t.ecsv"]


def day(start, rows, stop=None, **quality):
    """An answer about [start, stop) with so many rows from its start on."""
    end = start + 32.8 * rows if stop is None else stop
    return answer(table(start=start, rows=rows, **quality), text="GET TEPHIN", periods=(Period(T0 + start, T0 + end),))


@pytest.mark.parametrize("name", FORMATS)
def test_days_one_after_the_other_give_the_file_of_all(tmp_path, name):
    path = tmp_path / name
    append(path, day(0, 5), created=CREATED)
    append(path, day(500, 5), created=CREATED)
    assert len(read_back(path)) == 10
    append(path, day(500, 5), created=CREATED)
    again = path.read_bytes()
    append(path, day(0, 5), created=CREATED)
    assert len(read_back(path)) == 10
    append(path, day(500, 5), created=CREATED)
    assert path.read_bytes() == again


def read_back(path):
    if ".fits" in path.name:
        return Table(read_fits(path, "QUERY").tables[0].columns)
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return Table(pq.read_table(path).to_pydict())
    return Table.read(path, format="ascii.ecsv" if path.suffix == ".ecsv" else "ascii.csv", comment="#")


@pytest.mark.parametrize("name", FORMATS)
def test_late_rows_come_in_their_place(tmp_path, name):
    path = tmp_path / name
    append(path, day(500, 2))
    append(path, day(0, 2))
    times = np.asarray(read_back(path)["TIME"])
    np.testing.assert_allclose(times - T0, [0, 32.8, 500, 532.8], atol=1e-6)


@pytest.mark.parametrize("name", FORMATS)
def test_rows_that_are_no_more_vanish_and_their_neighbours_stay(tmp_path, name):
    path = tmp_path / name
    append(path, day(0, 5, stop=200))
    append(path, day(200, 2, stop=300))
    append(path, day(0, 1, stop=200))
    np.testing.assert_allclose(np.asarray(read_back(path)["TIME"]) - T0, [0, 200, 232.8], atol=1e-6)


@pytest.mark.parametrize("name", FORMATS)
def test_values_states_and_texts_stay_what_they_are(tmp_path, name):
    path = tmp_path / name
    append(path, day(0, 4))
    append(path, day(500, 4))
    found = read_back(path)
    expected = table(rows=4).columns
    for part in (found[:4], found[4:]):
        np.testing.assert_array_equal(np.asarray(part["TEPHIN"]).astype(np.float32), expected["TEPHIN"])
        assert np.asarray(part["COUNT"]).tolist() == expected["COUNT"].tolist()
        assert [str(x) for x in part["AOPCADMD"]] == ["STBY", "NPNT", "NMAN", "STBY"]
        assert [str(x) for x in part["OBS_TARGET"]] == list(expected["OBS.TARGET"])


@pytest.mark.parametrize("name", FORMATS)
def test_a_day_with_bad_samples_brings_a_quality_column(tmp_path, name):
    path = tmp_path / name
    append(path, day(0, 2))
    append(path, day(500, 2, TEPHIN=[0, CHECKSUM]))
    append(path, day(1000, 2))
    assert np.asarray(read_back(path)["TEPHIN__q"]).tolist() == [0, 0, 0, CHECKSUM, 0, 0]


def test_a_query_without_periods_replaces_everything(tmp_path):
    path = tmp_path / "t.fits"
    append(path, day(0, 5))
    append(path, answer(table(start=900, rows=2)))
    assert len(read_back(path)) == 2


def test_two_groups_are_appended_each_to_its_own(tmp_path):
    path = tmp_path / "t.fits"
    for start in (0, 500):
        both = (table(start=start, rows=2), table("Pcad", start=start, rows=3))
        append(path, answer(*both, periods=(Period(T0 + start, T0 + start + 400),)))
    assert [len(t) for t in read_fits(path, "QUERY").tables] == [4, 6]


def test_other_columns_and_units_are_refused_and_the_file_stays(tmp_path):
    path = tmp_path / "t.fits"
    append(path, day(0, 2))
    content = path.read_bytes()
    other = table(rows=2)
    del other.columns["COUNT"]
    with pytest.raises(OutputRefused, match="COUNT"):
        append(path, answer(other))
    kelvin = table(rows=2)
    kelvin.units["TEPHIN"] = "K"
    with pytest.raises(OutputRefused, match="the file is in Celsius, the answer in K"):
        append(path, answer(kelvin))
    assert path.read_bytes() == content


def test_what_is_no_trend_file_is_said(tmp_path):
    path = tmp_path / "t.fits"
    path.write_text("no FITS")
    with pytest.raises(BadData, match=r"t\.fits"):
        append(path, day(0, 2))
    with pytest.raises(OutputRefused, match="JSON"):
        append(tmp_path / "t.json", day(0, 2))


@settings(derandomize=True, deadline=None, max_examples=15)
@given(order=st.lists(st.integers(0, 4), min_size=1, max_size=8))
def test_the_order_of_days_and_repeats_do_not_matter(tmp_path_factory, order):
    folder = tmp_path_factory.mktemp("trend")
    for number in order:
        append(folder / "a.fits", day(number * 200, 5, stop=number * 200 + 200), created=CREATED)
    for number in sorted(set(order)):
        append(folder / "b.fits", day(number * 200, 5, stop=number * 200 + 200), created=CREATED)
    first, second = (read_fits(folder / name, "QUERY").tables[0] for name in ("a.fits", "b.fits"))
    for name in first.columns:
        np.testing.assert_array_equal(first[name], second[name])


def test_a_trend_file_can_begin_as_a_saved_answer(tmp_path):
    save(day(0, 2), tmp_path / "t.parquet")
    append(tmp_path / "t.parquet", day(500, 2))
    assert len(read_back(tmp_path / "t.parquet")) == 4


def sampled(start, stop, *times):
    """An answer of hourly bins about [start, stop), with rows at these times."""
    rows = table(rows=len(times))
    rows.time[:] = nanoseconds(*times)
    return answer(rows, periods=(Period(T0 + start, T0 + stop),), sampling=Sampling(3600.0, ("mean",)))


def test_a_bin_that_a_day_cuts_is_a_row_of_each_day(tmp_path):
    path = tmp_path / "t.fits"
    first, second = sampled(0, 7200, -70, 3530, 7130), sampled(7200, 14400, 7130, 10730)
    for day_of_both in (first, second, first, second, second, first):
        append(path, day_of_both)
    found = read_back(path)
    np.testing.assert_allclose(np.asarray(found["TIME"]) - T0, [0, 3530, 7130, 7200, 10730], atol=1e-6)
    assert str(found["UTC"][0]) == "2024-02-29T23:59:59.816"


def test_rows_outside_of_the_period_come_once(tmp_path):
    path = tmp_path / "t.fits"
    around = answer(table(start=-100, rows=5), periods=(Period(T0, T0 + 1000.0),))
    append(path, around)
    append(path, around)
    assert len(read_back(path)) == 5
