"""Answers to files: every format gives back what was in the answer, whole or not at all."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table

from mta_assets.archive.fits_read import read_fits
from mta_assets.archive.parquet import read_parquet
from mta_assets.query import output, output_tables
from mta_assets.query.answer import Cancelled
from mta_assets.query.output import OutputRefused, save
from mta_assets.query.output_tables import file_labels, survey
from mta_assets_tests.query.answers import CHECKSUM, MISSING, T0, answer, streaming, table

CREATED = 9e8
STATES = ["STBY", "NPNT", "NMAN", "STBY", "NPNT"]


def saved(tmp_path, name, given, **options):
    return save(given, tmp_path / name, created=CREATED, **options).paths[0]


def test_fits_holds_times_values_units_and_states(tmp_path):
    path = saved(tmp_path, "a.fits", answer(table()))
    with fits.open(path, checksum=True) as hdus:
        hdu = hdus[1]
        assert hdu.columns.names == ["TIME", "UTC", "TEPHIN", "COUNT", "AOPCADMD", "OBS_TARGET"]
        assert hdu.columns["TEPHIN"].unit == "Celsius"
        assert hdu.columns["TIME"].unit == "s"
        np.testing.assert_array_equal(hdu.data["TIME"], T0 + np.arange(5) * 32.8)
        assert hdu.data["UTC"][0] == "2024-02-29T23:59:59.816"
        np.testing.assert_array_equal(hdu.data["TEPHIN"], table().columns["TEPHIN"])
        np.testing.assert_array_equal(hdu.data["COUNT"], table().columns["COUNT"])
        assert list(hdu.data["AOPCADMD"]) == STATES
        assert list(hdu.data["OBS_TARGET"]) == list(table().columns["OBS.TARGET"])
        assert (hdu.header["TSTART"], hdu.header["TSTOP"]) == (T0, T0 + 4 * 32.8)
        assert (hdu.header["MJDREF"], hdu.header["TIMESYS"]) == (50814.0, "TT")


def test_fits_says_which_query_made_it(tmp_path):
    text = "GET TEPHIN,\n  AOPCADMD\nFROM 2024-03-01 TO 2024-03-02 WHERE TEPHIN > 20 AND AOPCADMD = 'NPNT'"
    path = saved(tmp_path, "a.fits", answer(table(), text=text, notes=["no data for 1DPAMZT"]))
    header = fits.getheader(path, 1)
    assert header["QUERY"] == " ".join(text.split())
    assert len(header["QUERYSHA"]) == 64
    assert "note: no data for 1DPAMZT" in list(header["HISTORY"])


@pytest.mark.skipif(not shutil.which("fitsverify"), reason="fitsverify is not installed")
@pytest.mark.parametrize("flags", [{}, {"TEPHIN": [0, CHECKSUM, 0, 0, MISSING]}])
@pytest.mark.parametrize("rows", [0, 1, 3, 5])
def test_fitsverify_finds_nothing_wrong(tmp_path, rows, flags):
    given = table(rows=rows, **{k: v[:rows] for k, v in flags.items()})
    path = saved(tmp_path, "a.fits", answer(given, table("PCAD3ENG", rows=2)))
    found = subprocess.run(["fitsverify", str(path)], capture_output=True, text=True, check=False)
    assert "found 0 warning(s) and 0 error(s)" in found.stdout, found.stdout


def test_parquet_holds_the_same(tmp_path):
    back = read_parquet(saved(tmp_path, "a.parquet", answer(table())))
    np.testing.assert_array_equal(back["TEPHIN"], table().columns["TEPHIN"])
    assert back["TEPHIN"].dtype == np.float32
    assert back["COUNT"].dtype == np.uint16
    assert list(back["AOPCADMD"]) == STATES
    assert [c.unit for c in back.schema.columns if c.name == "TEPHIN"] == ["degC"]
    assert back.header["QUERY"][0].startswith("GET TEPHIN")


def test_csv_holds_the_same_digits_below_a_commented_head(tmp_path):
    path = saved(tmp_path, "a.csv", answer(table()))
    assert path.read_text().startswith("# query: GET TEPHIN, AOPCADMD FROM 2024-03-01 TO 2024-03-02\n")
    assert "# units: TIME [s], TEPHIN [degC]" in path.read_text()
    back = pd.read_csv(path, comment="#", dtype={"TEPHIN": np.float32})
    np.testing.assert_array_equal(back["TEPHIN"], table().columns["TEPHIN"])
    np.testing.assert_array_equal(back["TIME"], T0 + np.arange(5) * 32.8)
    assert list(back["AOPCADMD"]) == STATES


def test_ecsv_is_read_by_astropy_with_its_units(tmp_path):
    path = saved(tmp_path, "a.ecsv", answer(table(TEPHIN=[0, 0, MISSING, 0, 0])))
    back = Table.read(path)
    assert str(back["TEPHIN"].unit) == "degC"
    assert back["TEPHIN"].mask.tolist() == [False, False, True, False, False]
    assert back["TEPHIN"].dtype == np.float32
    assert back.meta["comments"][0].startswith("query: GET TEPHIN")


def test_json_holds_all_tables(tmp_path):
    given = answer(table(rows=2), table("PCAD3ENG", rows=1, TEPHIN=[MISSING]))
    back = json.loads(saved(tmp_path, "a.json", given).read_text())
    assert [t["name"] for t in back["tables"]] == ["EPHIN5ENG", "PCAD3ENG"]
    assert back["tables"][0]["rows"][1][3:5] == [65529, "NPNT"]
    assert back["tables"][1]["rows"][0][2] is None


@pytest.mark.parametrize("name", ["a.fits", "a.fits.gz", "a.parquet", "a.csv", "a.ecsv", "a.json"])
def test_parts_give_the_same_file_as_the_whole(tmp_path, name):
    whole = table(rows=7, TEPHIN=[0, 0, 0, 0, 0, CHECKSUM, MISSING])
    parts = [whole.where(slice(a, b)) for a, b in ((0, 0), (0, 3), (3, 4), (4, 7))]
    first = saved(tmp_path, name, answer(whole, text="GET TEPHIN"))
    (tmp_path / "parts").mkdir()
    second = saved(tmp_path / "parts", name, streaming(*parts))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("name", ["a.fits", "a.parquet", "a.csv", "a.ecsv", "a.json"])
def test_the_size_of_blocks_changes_nothing(tmp_path, name, monkeypatch):
    given = answer(table(rows=9, COUNT=[0] * 8 + [CHECKSUM]))
    first = saved(tmp_path, name, given).read_bytes()
    monkeypatch.setattr(output_tables, "LARGEST_PART", 2)
    assert saved(tmp_path, name, given, overwrite=True).read_bytes() == first


def test_only_columns_with_a_flag_get_a_quality_column(tmp_path):
    given = answer(table(TEPHIN=[0, CHECKSUM, 0, 0, 0], COUNT=[0, 0, 0, 0, 0]))
    back = read_fits(saved(tmp_path, "a.fits", given), "QUERY").tables[0]
    assert list(back.columns) == ["TIME", "UTC", "TEPHIN", "TEPHIN__q", "COUNT", "AOPCADMD", "OBS_TARGET"]
    assert back["TEPHIN__q"].tolist() == [0, CHECKSUM, 0, 0, 0]


def test_missing_cells_are_nan_or_blank(tmp_path):
    flags = {"TEPHIN": [0, MISSING], "AOPCADMD": [MISSING, 0]}
    back = read_fits(saved(tmp_path, "a.fits", answer(table(rows=2, **flags))), "QUERY").tables[0]
    assert np.isnan(back["TEPHIN"]).tolist() == [False, True]
    assert back["AOPCADMD"].tolist() == ["", "NPNT"]
    lines = saved(tmp_path, "a.csv", answer(table(rows=2, **flags))).read_text().splitlines()
    assert lines[-1].split(",")[2] == ""


def test_each_table_gets_a_csv_of_its_own(tmp_path):
    given = answer(table(rows=2), table("PCAD/3ENG", rows=1))
    assert [p.name for p in save(given, tmp_path / "a.csv").paths] == ["a-EPHIN5ENG.csv", "a-PCAD_3ENG.csv"]


def test_an_answer_without_tables_or_rows_is_a_file_too(tmp_path):
    for name in ("a.fits", "a.parquet", "a.csv", "a.ecsv", "a.json"):
        assert save(answer(), tmp_path / name).rows == 0
        assert save(answer(table(rows=0)), tmp_path / name, overwrite=True).rows == 0


def test_a_file_that_is_there_is_kept(tmp_path):
    path = tmp_path / "a.fits"
    path.write_text("mine")
    with pytest.raises(OutputRefused, match="is there already"):
        save(answer(table()), path)
    assert path.read_text() == "mine"
    assert save(answer(table()), path, overwrite=True).rows == 5


@pytest.mark.parametrize("name", ["a.xls", "a", ".fits", ".a.fits", "-a.fits", "a\n.fits", "x" * 220 + ".fits"])
def test_names_that_will_not_do_are_refused(tmp_path, name):
    with pytest.raises(OutputRefused):
        save(answer(table()), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_unknown_formats_and_folders_are_refused(tmp_path):
    with pytest.raises(OutputRefused, match="expected one of fits"):
        save(answer(table()), tmp_path / "a.fits", "pickle")
    with pytest.raises(OutputRefused, match="folder"):
        save(answer(table()), tmp_path / "no" / "a.fits")


def test_what_the_disk_has_no_room_for_is_refused_before_it_is_written(tmp_path, monkeypatch):
    room = save(answer(table(rows=2000)), tmp_path / "a.fits").size + output.RESERVE
    for free, fits_in in ((room + 70_000, True), (room - 70_000, False)):
        monkeypatch.setattr(output.shutil, "disk_usage", lambda _, free=free: shutil._ntuple_diskusage(0, 0, free))
        if fits_in:
            assert save(answer(table(rows=2000)), tmp_path / "b.fits", overwrite=True).rows == 2000
        else:
            with pytest.raises(OutputRefused, match="MB free"):
                save(answer(table(rows=2000)), tmp_path / "c.fits")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.fits", "b.fits"]


@pytest.mark.parametrize("name", ["a.fits", "a.fits.gz", "a.parquet", "a.csv", "a.ecsv", "a.json"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interruption_leaves_nothing(tmp_path, name, error, monkeypatch):
    monkeypatch.setattr(output_tables, "LARGEST_PART", 2)

    def progress(done, total):
        if done >= 4:
            raise error

    with pytest.raises(error):
        save(answer(table()), tmp_path / name, progress=progress)
    assert not list(tmp_path.iterdir())


def test_a_cancelled_file_is_not_there(tmp_path):
    with pytest.raises(Cancelled):
        save(answer(table()), tmp_path / "a.fits", cancel=lambda: True)
    assert not list(tmp_path.iterdir())


def test_progress_counts_to_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(output_tables, "LARGEST_PART", 2)
    seen = []
    save(answer(table()), tmp_path / "a.fits", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 5), (4, 5), (5, 5)]


def test_names_of_columns_are_made_plain_and_different():
    given = ["A - B", "A_B", "a_b", "TIME", "%", "OBS.TARGET", "X", "X__q"]
    assert file_labels(given) == ["A_B", "A_B_2", "a_b_3", "TIME_2", "COLUMN", "OBS_TARGET", "X", "X__q_2"]


def test_the_width_of_text_is_that_of_the_widest_part():
    wide = table(rows=4)
    (shape,) = survey(streaming(wide.where(slice(0, 1)), wide.where(slice(1, 4))))
    assert str(shape.dtypes["OBS.TARGET"]) == "<U8"
    assert str(shape.dtypes["AOPCADMD"]) == "<U4"


def test_text_that_is_not_ascii_keeps_its_width_in_every_part(tmp_path, monkeypatch):
    monkeypatch.setattr(output_tables, "LARGEST_PART", 1)
    given = table(rows=3)
    given.columns["OBS.TARGET"][:] = ["η Carinae", "β", "Cas A"]
    path = saved(tmp_path, "a.fits", answer(given))
    assert list(fits.getdata(path)["OBS_TARGET"]) == ["? Carinae", "?", "Cas A"]
    path = saved(tmp_path, "a.parquet", answer(given))
    assert list(read_parquet(path)["OBS_TARGET"]) == ["η Carinae", "β", "Cas A"]
