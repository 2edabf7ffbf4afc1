"""Level-0 engineering products from frames."""

from types import SimpleNamespace

import numpy as np
import pytest

from mta_assets.core.request import Request
from mta_assets.level0.engineering import FITS_UNITS, extract, extract_block
from mta_assets.missions.load import load_mission
from mta_assets.simulate.engineering_encode import encode
from mta_assets.telemetry.odb import dictionary_of
from mta_assets_tests.telemetry.odb_samples import PERIOD, block, odb

MAJOR = np.arange(128)
ROWS = (
    "TEMP,THM,7,2,0:64,40,0,8,uint,points 10:0 20:100,,DEGC,box temperature",
    "VOLT,THM,7,2,0:64,41,0,12,uint,poly 0 0.01,,V,bus voltage",
    "SWITCH,THM,7,2,0:64,43,0,1,uint,,0:OFF;1:ON,,heater",
    "COUNT,THM,7,1,0:64,44,0,16,uint,,,,a counter",
    "COBSRQID,CCDM,4,2,4:8,128,0,32,uint,,,,observation",
)


def some_block(counter=MAJOR + 128 * 1500):
    b = block(counter)
    b.data[:, 40] = np.where(counter % 128 < 64, 15, 30)
    b.data[:, 41:43] = [0x12, 0x30]
    b.data[:, 43] = 0x80
    b.data[:, 128:132] = np.frombuffer((44055).to_bytes(4, "big"), np.uint8)
    return b


def products(tmp_path, b):
    return {p.file_id: p for p in extract_block(b, odb(tmp_path, *ROWS))}


def test_a_product_has_the_archives_names_and_columns(tmp_path):
    thm = products(tmp_path, some_block())["THM_ENG0"]
    assert thm.fields == {"group": 7}
    assert [t.name for t in thm.tables] == ["AXAF_THM", "AXAF_THM_RAW"]
    fixed = ["TIME", "MJF", "MNF", "TLM_FMT", "QUALITY"]
    assert list(thm.tables[0].columns) == [*fixed, "TEMP", "VOLT", "SWITCH", "COUNT"]
    assert list(thm.tables[1].columns) == ["TIME", "TEMP", "VOLT", "SWITCH"]
    header = thm.tables[0].header
    assert header["CONTENT"][0] == "THM7ENG"
    assert header["HDUCLASS"][0] == "OGIP"
    assert header["HDUCLAS1"][0] == "TEMPORALDATA"
    assert header["TIMEDEL"][0] == 64 * PERIOD
    assert thm.header["INSTRUME"][0] == "THM"
    assert thm.header["OBS_ID"][0] == "44055"
    assert (thm.header["STARTMJF"][0], thm.header["STARTMNF"][0]) == (1500, 0)
    assert (thm.header["STOPMJF"][0], thm.header["STOPMNF"][0]) == (1500, 127)


def test_rows_hold_place_values_and_counts(tmp_path):
    values, raw = products(tmp_path, some_block())["THM_ENG0"].tables
    assert values["MJF"].tolist() == [1500, 1500]
    assert values["MNF"].tolist() == [0, 64]
    assert values["TLM_FMT"].tolist() == ["FMT2", "FMT2"]
    assert values["TEMP"].tolist() == [50.0, 100.0]
    assert values["VOLT"].tolist() == pytest.approx([2.91, 2.91])
    assert values["SWITCH"].tolist() == ["ON", "ON"]
    assert raw["TEMP"].tolist() == [15, 30]
    assert raw["SWITCH"].tolist() == [1, 1]


def test_each_bit_of_quality_belongs_to_a_column_of_the_table(tmp_path):
    values = products(tmp_path, some_block())["THM_ENG0"].tables[0]
    assert list(values.columns).index("TEMP") == 5
    good = [False] * 5
    assert values["QUALITY"].tolist() == [[*good, False, False, False, True], [*good, True, False, False, True]]
    assert values.schema is not None
    column = next(c for c in values.schema.columns if c.name == "QUALITY")
    assert (column.bits, column.shape) == (True, (9,))


def test_the_interval_reaches_to_the_end_of_the_last_period(tmp_path):
    b = some_block()
    thm = products(tmp_path, b)["THM_ENG0"]
    assert thm.tstart == b.time[0]
    assert thm.tstop == pytest.approx(b.time[0] + 128 * PERIOD)


def test_two_observations_in_a_block_leave_the_keyword_out(tmp_path):
    b = some_block()
    b.data[100:, 131] = 0
    assert "OBS_ID" not in products(tmp_path, b)["THM_ENG0"].header


def test_the_major_frame_is_the_17_bits_of_the_frame_counter(tmp_path):
    b = some_block(MAJOR + (1 << 24) * 3 + 128 * 9)
    assert products(tmp_path, b)["THM_ENG0"].tables[0]["MJF"].tolist() == [9, 9]


def test_columns_are_declared_with_fits_units_and_the_others_say_theirs(tmp_path):
    values, raw = products(tmp_path, some_block())["THM_ENG0"].tables
    assert values.schema is not None
    assert raw.schema is not None
    declared = {c.name: c for c in values.schema.columns}
    assert list(declared) == list(values.columns)
    assert (declared["VOLT"].unit, declared["VOLT"].doc) == ("V", "bus voltage")
    assert (declared["TEMP"].unit, declared["TEMP"].doc) == ("", "[DEGC] box temperature")
    assert {c.name: c.unit for c in raw.schema.columns}["TEMP"] == "count"
    for table in (values, raw):
        for column in table.schema.columns:
            assert np.dtype(column.dtype) == table[column.name].dtype


def test_all_units_are_of_the_fits_standard():
    from astropy.units import Unit

    for unit in FITS_UNITS.values():
        assert Unit(unit, format="fits", parse_strict="raise") is not None


def test_every_unit_of_the_dictionary_is_in_the_table_or_has_no_fits_form():
    no_fits_form = {"DEGC", "DEGF", "PSIA", "FTLB", "FTLBSEC", "TORR", "TSCSTEP", "FASTEP", "PWMSTEP", "DBM"}
    used = {p.unit for p in dictionary_of(load_mission("chandra")).msids.values()}
    assert used - set(FITS_UNITS) <= no_fits_form


def test_a_playback_gives_one_product_per_group_and_block():
    mission = load_mission("chandra")
    d = dictionary_of(mission)
    blocks = [block(MAJOR + 128 * n) for n in (10, 11)]
    for b in blocks:
        b.data[:, 9] = 2
        encode(d, b.counter, b.format, b.time, {"AOATTQT1": np.sin, "AOPCADMD": "NPNT", "COBSRQID": 12345}, b.data)
    asked = []
    playback = SimpleNamespace(blocks=lambda seconds: asked.append(seconds) or iter(blocks))
    request = Request("p", "sdp", 0.0, 1.0, 0.0)
    made = list(extract(playback, mission, request))
    assert asked == [3600.0]
    assert len(made) == 2 * len(d.groups)
    pcad = [p for p in made if p.file_id == "PCAD_ENG0" and p.fields["group"] == 3]
    assert [p.tstart for p in pcad] == [b.time[0] for b in blocks]
    values = pcad[0].tables[0]
    assert len(values) == 32
    assert np.abs(values["AOATTQT1"] - np.sin(values["TIME"])).max() < 1e-9
    assert set(values["AOPCADMD"].tolist()) == {"NPNT"}
    assert pcad[1].header["OBS_ID"][0] == "12345"


def test_the_file_of_every_group_opens_in_astropy_without_a_warning(tmp_path):
    from astropy.io import fits
    from astropy.table import Table

    from mta_assets.archive.products import write_fits

    b = block(MAJOR + 1280, np.random.default_rng(7).integers(0, 256, (128, 1025), dtype=np.uint8))
    for number, product in enumerate(extract_block(b, dictionary_of(load_mission("chandra")))):
        path = tmp_path / f"{number}.fits"
        write_fits(path, product, 8.0e8)
        with fits.open(path, checksum=True) as hdus:
            hdus.verify("exception")
            assert [hdu.name for hdu in hdus[1:]] == [table.name for table in product.tables]
        for hdu, table in enumerate(product.tables, start=1):
            read = Table.read(path, hdu=hdu)
            for name, column in table.columns.items():
                got = np.ma.getdata(read[name]).astype(column.dtype)
                assert np.array_equal(got, column, equal_nan=column.dtype.kind == "f"), name
