from __future__ import annotations

import hashlib
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table as AstropyTable
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mta_assets.archive import fits_rows, products
from mta_assets.archive.products import read_fits, write_fits
from mta_assets.core.errors import BadData, ToolFailed
from mta_assets.core.tables import Column, Product, Schema, Table
from mta_assets_tests.needs import program
from mta_assets_tests.realdata import realdata

EVENTS = Schema(
    "EVENTS",
    (
        Column("time", "f8", "s", "S/C TT corresponding to mid-exposure"),
        Column("ccd_id", "i2", "", "CCD reporting event", limits=(0, 9)),
        Column("expno", "u4", "", "exposure number"),
        Column("minus", "i1", "", "signed byte"),
        Column("u2", "u2", "", "unsigned", null=65535),
        Column("pha", "i4", "adu", "total pulse height", limits=(0, 36855), null=-1),
        Column("energy", "f4", "eV", "nominal energy"),
        Column("phas", "i2", "adu", "pixel pulse heights", shape=(3, 3)),
        Column("status", "bool", "", "event status bits", shape=(32,), bits=True),
        Column("good", "bool", "", "a truth value"),
        Column("mode", "U8", "", "a text"),
        Column("pair", "U3", "", "two texts", shape=(2,)),
        Column("temp", "f4", "DEGC", "a temperature"),
        Column("press", "f4", "PSIA", "a pressure, in a unit that FITS has not"),
        Column("big", "u8", "", "64 bits"),
    ),
)


def events(rows: int = 4) -> Table:
    n = np.arange(rows)
    return EVENTS.build(
        {
            "time": 8.28602635e8 + n * 0.1, "ccd_id": n % 10, "expno": (n + 2**32 - rows).astype("u4"),
            "minus": (n - 2).astype("i1"), "u2": (65535 - n).astype("u2"), "pha": n * 1000, "energy": n / 3,
            "phas": np.arange(rows * 9).reshape(rows, 3, 3), "status": (n[:, None] + np.arange(32)) % 3 == 0,
            "good": n % 2 == 0, "mode": np.array(["FAINT", "VFAINT", "", "GRADED"] * rows)[:rows],
            "pair": np.array([["a", "bc"]] * rows).reshape(rows, 2), "temp": n * 0.5, "press": n * 2.0,
            "big": (2**64 - 1 - n.astype("u8")),
        },
        {"CONTENT": "EVT0", "TLMVER": ("P016", "Telemetry revision number"), "HDUCLASS": "ASC", "HDUCLAS1": "EVENTS"},
    )  # fmt: skip


def product(rows: int = 4, **header: Any) -> Product:
    given = {"OBS_ID": ("28229", "observation id"), "LONG": "x" * 120, "NOTHING": float("nan"), **header}
    return Product("ACIS_EVT0", (events(rows),), 8.28602635e8, 8.28606e8, given)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "acisf828602635N001_3_evt0.fits"
    write_fits(path, product(), 8.3e8, {"ORIGIN": "ASC", "MISSION": "AXAF", "TELESCOP": "CHANDRA", "INSTRUME": "ACIS"})
    return path


@pytest.mark.parametrize("rows", [0, 1, 7, 400])
def test_rows_that_are_packed_in_blocks_give_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    whole = write_fits(tmp_path / "whole.fits", product(rows), 0.0)
    monkeypatch.setattr(fits_rows, "PACKED", 1000)  # some rows at a time
    assert write_fits(tmp_path / "kept.fits", product(rows), 0.0) == whole
    monkeypatch.setattr(products, "KEPT", 0)
    assert write_fits(tmp_path / "blocks.fits", product(rows), 0.0) == whole


def test_what_is_written_is_read_back_value_by_value(written: Path) -> None:
    table = read_fits(written, "ACIS_EVT0").table("EVENTS")
    for name, array in events().columns.items():
        np.testing.assert_array_equal(table[name], array)
        assert table[name].dtype.kind == array.dtype.kind
        assert table[name].dtype.itemsize == array.dtype.itemsize
        assert table[name].dtype.isnative
    assert table.schema is not None
    assert table.schema.names == EVENTS.names
    units = {c.name: c.unit for c in table.schema.columns}
    assert (units["temp"], units["press"], units["pha"]) == ("DEGC", "PSIA", "adu")
    limits = {c.name: (c.limits, c.null, c.doc) for c in table.schema.columns}
    assert limits["pha"] == ((0, 36855), -1, "total pulse height")
    assert limits["u2"][1] == 65535


def test_astropy_sees_the_same_values_and_true_checksums(written: Path) -> None:
    with fits.open(written, checksum=True) as hdus:
        hdus.verify("exception")
        for name, array in events().columns.items():
            np.testing.assert_array_equal(hdus["EVENTS"].data[name], array)
    table = AstropyTable.read(written, hdu="EVENTS")
    assert str(table["temp"].unit) == "deg_C"


def test_the_standard_keywords_stand_in_every_hdu(written: Path) -> None:
    with fits.open(written) as hdus:
        for hdu in hdus:
            header = hdu.header
            assert header["MISSION"] == "AXAF"
            assert header["TIMESYS"] == "TT"
            assert header["MJDREF"] == 50814.0
            assert header["TSTART"] == 8.28602635e8
            assert header["DATE-OBS"] == "2024-04-04T07:23:55"
            assert header["DATE"] == "2024-04-20T11:32:11"
            assert header["OBS_ID"] == "28229"
            assert header["LONG"] == "x" * 120
            assert header["CREATOR"].startswith("mta_assets ")
            assert "NOTHING" not in header
        assert hdus[1].header["HDUCLAS1"] == "EVENTS"
        assert hdus[1].header.comments["TTYPE1"] == "S/C TT corresponding to mid-exposure"
        assert "TUNIT14" not in hdus[1].header


def test_the_bytes_depend_on_the_content_alone(tmp_path: Path, written: Path) -> None:
    extra = {"ORIGIN": "ASC", "MISSION": "AXAF", "TELESCOP": "CHANDRA", "INSTRUME": "ACIS"}
    digest = write_fits(tmp_path / "again.fits", product(), 8.3e8, extra)
    assert digest == hashlib.sha256(written.read_bytes()).hexdigest()
    assert write_fits(tmp_path / "other.fits", product(), 8.3e8 + 1, extra) != digest
    packed = [write_fits(tmp_path / name / "p.fits.gz", product(), 8.3e8, extra) for name in "ab"]
    assert packed[0] == packed[1] == hashlib.sha256((tmp_path / "a" / "p.fits.gz").read_bytes()).hexdigest()
    np.testing.assert_array_equal(read_fits(tmp_path / "a" / "p.fits.gz", "X").tables[0]["pha"], events()["pha"])


def test_a_table_without_rows_and_a_product_without_tables_are_files_too(tmp_path: Path) -> None:
    write_fits(tmp_path / "empty.fits", product(0), 0.0)
    write_fits(tmp_path / "none.fits", Product("X", (), 0.0, 1.0), 0.0)
    assert read_fits(tmp_path / "empty.fits", "X").rows == 0
    assert read_fits(tmp_path / "none.fits", "X").tables == ()
    with fits.open(tmp_path / "empty.fits", checksum=True) as hdus:
        hdus.verify("exception")


def test_the_verifier_of_the_fits_office_has_nothing_to_say(written: Path) -> None:
    verifier = program("fitsverify", "fitsverify")
    report = subprocess.run([verifier, str(written)], capture_output=True, text=True, check=False).stdout
    assert "0 warning(s) and 0 error(s)" in report


@pytest.mark.parametrize(
    "parts",
    [
        ("acis", "28229", "repro", "acisf28229_repro_evt2.fits.gz"),
        ("acis", "28229", "secondary", "acisf28229_000N001_flt1.fits.gz"),
        ("acis", "28229", "repro", "acisf28229_repro_bpix1.fits.gz"),
        ("hrc", "22772", "secondary", "hrcf22772_000N001_mtl1.fits.gz"),
        ("hrc", "22772", "primary", "pcadf22772_000N001_asol1.fits.gz"),
        ("acis", "28229", "primary", "acisf28229_000N001_fov1.fits.gz"),
    ],
)
def test_real_products_are_read_as_astropy_reads_them_and_survive_a_rewrite(
    tmp_path: Path, parts: tuple[str, ...]
) -> None:
    path = realdata("chandra", *parts)
    found = read_fits(path, "REAL")
    write_fits(tmp_path / "copy.fits", found, 8.3e8)
    copy = read_fits(tmp_path / "copy.fits", "REAL")
    with fits.open(path) as hdus:
        assert [t.name for t in found.tables] == [h.header["HDUNAME"] for h in hdus[1:]]
        assert found.tstart == hdus[0].header["TSTART"]
        for table, again, hdu in zip(found.tables, copy.tables, hdus[1:], strict=True):
            for name in table.columns:
                expected = np.asarray(hdu.data[name])
                if expected.dtype.kind == "U":
                    expected = np.char.rstrip(expected)
                np.testing.assert_array_equal(table[name], expected)
                np.testing.assert_array_equal(again[name], table[name])
    with fits.open(tmp_path / "copy.fits", checksum=True) as hdus:
        hdus.verify("exception")


def test_what_fits_can_not_hold_is_refused_with_the_name(tmp_path: Path) -> None:
    def write(columns: dict[str, Any], **header: Any) -> None:
        write_fits(tmp_path / "x.fits", Product("X", (Table("T", columns),), 0.0, 1.0, header), 0.0)

    with pytest.raises(ToolFailed, match="column z"):
        write({"z": np.array([1j])})
    with pytest.raises(ToolFailed, match="columns a and A"):
        write({"a": np.zeros(1), "A": np.zeros(1)})
    with pytest.raises(ToolFailed, match="header keyword"):
        write({"a": np.zeros(1)}, MUCH_TOO_LONG=1)
    with pytest.raises(ToolFailed, match="not finite"):
        write_fits(tmp_path / "x.fits", Product("X", (), float("nan"), 1.0), 0.0)
    assert list(tmp_path.iterdir()) == []


def test_a_file_cut_at_any_block_or_with_other_content_is_bad_data(tmp_path: Path, written: Path) -> None:
    whole = written.read_bytes()
    path = tmp_path / "cut.fits"
    for size in [0, 1, 80, 2879, 2881, 5760, *range(8000, len(whole), 2880)]:
        path.write_bytes(whole[:size])
        try:
            found = read_fits(path, "X")
        except BadData:
            continue
        assert len(found.tables) in (0, 1)
        assert all(len(t) == 4 for t in found.tables)
    for content in (b"\x1f\x8b broken", b"%PDF-1.4", b"SIMPLE  = " + b"\xff" * 6000):
        path.write_bytes(content)
        with pytest.raises(BadData):
            read_fits(path, "X")


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.integers(0, 20000), st.integers(0, 7))
def test_one_flipped_bit_is_found_and_without_the_checksums_is_never_a_crash(position: int, bit: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.fits"
        write_fits(path, product(), 8.3e8)
        content = bytearray(path.read_bytes())
        content[position % len(content)] ^= 1 << bit
        path.write_bytes(content)
        with pytest.raises(BadData, match=r"a\.fits"):
            read_fits(path, "X")
        with suppress(BadData):
            assert read_fits(path, "X", verify=False).file_id == "X"


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.sampled_from(["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "bool"]).flatmap(
    lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
))  # fmt: skip
def test_any_numeric_array_survives(array: Any) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.fits"
        write_fits(path, Product("X", (Table("T", {"a": array}),), 0.0, 1.0), 0.0)
        back = read_fits(path, "X").tables[0]["a"]
        squeezed = array.reshape(len(array)) if array.size == len(array) and array.ndim == 2 else array
        np.testing.assert_array_equal(back.reshape(array.shape), array)
        assert back.dtype == squeezed.dtype
        with fits.open(path, checksum=True) as hdus:
            hdus.verify("exception")
            np.testing.assert_array_equal(np.asarray(hdus[1].data["a"]).reshape(array.shape), array)
