"""Steps of level 1.5 from product to product, through FITS files."""

import numpy as np
import pytest

from mta_assets.archive.fits_read import read_fits
from mta_assets.archive.products import write_fits
from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.tables import Product, Table
from mta_assets.level2.grating_spectra import spectra_of
from mta_assets.level15 import products
from mta_assets_tests.level15 import light

WHERE = light.dwell("ACIS-S", "HETG", 28101, 82.1872, -65.4487)
TARGET = {"RA_TARG": 82.1872, "DEC_TARG": -65.4487, "RA_NOM": 82.1872, "DEC_NOM": -65.4487}


def level1(*parts, **header):
    events, _ = light.level1(WHERE, *parts)
    names = list(events.columns)
    world = {f"TCRVL{names.index(name) + 1}": value for name, value in (("x", 82.1872), ("y", -65.4487), ("detx", 0.5))}
    events = Table("EVENTS", events.columns, world)
    gti = Table("GTI7", {"START": np.array([light.TSTART]), "STOP": np.array([light.TSTART + 3600])})
    given = {
        **light.header(WHERE),
        **TARGET,
        "OBS_ID": ("28101", "observation"),
        "CONTENT": ("EVT1", "events"),
        **header,
    }
    return Product("ACIS_EVT1", (events, gti), light.TSTART, light.TSTART + 3600, given, {"obsid": 28101})


@pytest.fixture(scope="module")
def evt1():
    return level1(light.lines(WHERE, [6.648, 12.132], 400, 1), light.background(WHERE, 2000, 2))


def chain(evt1, **given):
    found = products.zero_orders(evt1, "ACIS_SRC1A", **given)
    regions = products.region_mask(found, evt1, "ACIS_REG1A")
    return found, regions, products.grating_events(evt1, regions, "ACIS_EVT1A")


def test_the_steps_follow_each_other_to_spectra(evt1, tmp_path):
    found, regions, evt1a = chain(evt1)
    assert found.tables[0]["METHOD"][0] == "centroid HEG MEG"
    assert [table.name for table in evt1a.tables] == ["EVENTS", "GTI7", "REGION"]
    assert regions.table("REGION")["TG_PART"].tolist() == [0, 1, 2]
    assert evt1a.header["CONTENT"][0] == "TGEVT1"
    for product in (found, regions, evt1a):
        write_fits(tmp_path / f"{product.file_id}.fits", product, light.TSTART)
    again = read_fits(tmp_path / "ACIS_EVT1A.fits", "ACIS_EVT1A")
    spectra = spectra_of(again, "ACIS_PHA2")
    write_fits(tmp_path / "ACIS_PHA2.fits", spectra, light.TSTART)
    table = spectra.table("SPECTRUM")
    row = int(np.flatnonzero((table["TG_PART"] == 1) & (table["TG_M"] == -1))[0])
    line = (table["BIN_LO"][row] > 6.63) & (table["BIN_HI"][row] < 6.67)
    assert table["COUNTS"][row][line].sum() > 300
    assert spectra.header["OBS_ID"] is not None


def test_keywords_of_columns_go_with_their_columns(evt1):
    _, _, evt1a = chain(evt1)
    events = evt1a.table("EVENTS")
    names = list(events.columns)
    world = {key: value for key, value in events.header.items() if key.startswith("TCRVL")}
    assert world == {
        f"TCRVL{names.index(name) + 1}": value for name, value in (("x", 82.1872), ("y", -65.4487), ("detx", 0.5))
    }


def test_a_zero_order_given_by_hand_is_taken():
    evt1 = level1(light.background(WHERE, 500, 2))
    with pytest.raises(BadData, match=r"ACIS_SRC1A from ACIS_EVT1: no zero order .*zero_order = x, y"):
        products.zero_orders(evt1, "ACIS_SRC1A")
    found, _, evt1a = chain(evt1, zero_order=(4100.0, 4090.5))
    assert (found.tables[0]["X"][0], found.tables[0]["METHOD"][0]) == (4100.0, "given")
    assert len(evt1a.table("EVENTS")) == len(evt1.table("EVENTS"))


def test_the_zero_order_of_an_event_list_without_events_is_a_finding():
    empty = level1(light.background(WHERE, 0, 2))
    with pytest.raises(BadData, match="no zero order"):
        products.zero_orders(empty, "ACIS_SRC1A")


@pytest.mark.parametrize("step", [
    lambda evt1: products.zero_orders(evt1, "X"),
    lambda evt1: products.region_mask(products.zero_orders(level1(light.lines(WHERE, [6.0], 99, 1)), "Y"), evt1, "X"),
    lambda evt1: spectra_of(evt1, "X"),
])  # fmt: skip
def test_without_a_grating_there_is_nothing_to_do(step):
    with pytest.raises(NothingToDo, match="no grating"):
        step(level1(light.background(WHERE, 10, 2), GRATING="NONE"))


@pytest.mark.parametrize("wrong", [None, "82.19", True])
def test_a_keyword_that_is_no_number_is_named(wrong):
    with pytest.raises(BadData, match=r"ACIS_EVT1: keyword RA_TARG is"):
        products.zero_orders(level1(light.background(WHERE, 10, 2), RA_TARG=wrong), "X")


def test_continuous_clocking_goes_the_same_way_to_spectra(tmp_path):
    made, _ = light.level1(WHERE, light.lines(WHERE, [6.648, 12.132], 400, 1), resolution=0.02)
    made = light.clocked(WHERE, made)
    plain = level1(light.lines(WHERE, [6.648], 1, 1), READMODE=("CONTINUOUS", "read mode"))
    evt1 = Product(
        plain.file_id, (Table("EVENTS", made.columns), *plain.tables[1:]), plain.tstart, plain.tstop, plain.header
    )
    found, _, evt1a = chain(evt1)
    assert found.tables[0]["METHOD"][0] == "centroid"
    write_fits(tmp_path / "evt1a.fits", evt1a, light.TSTART)
    again = read_fits(tmp_path / "evt1a.fits", "ACIS_EVT1A")
    assert {"chipy_tg", "chipy_zo"} <= set(again.table("EVENTS").columns)
    spectrum = spectra_of(again, "ACIS_PHA2").tables[0]
    counts = {(int(p), int(m)): int(c.sum()) for p, m, c in zip(
        spectrum["TG_PART"], spectrum["TG_M"], spectrum["COUNTS"], strict=True)}  # fmt: skip
    for key in ((1, -1), (1, 1), (2, -1), (2, 1)):
        assert counts[key] > 700, counts  # 800 were sent
    assert counts[2, 2] < 50  # second orders of the MEG lie where first ones of the HEG are
