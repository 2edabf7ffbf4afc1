"""Whatever stands in the columns and keywords of level-2 events: sources and images on the sky, or refused."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.gti import gti_tables
from mta_assets.core.tables import Product, Table
from mta_assets.level2 import images, live, steps
from mta_assets.level2.coverage import chip_of
from mta_assets.level2.exposure import places_of
from mta_assets.level2.regions import source_region
from mta_assets.level2.skygrid import sky_plane
from mta_assets_tests.hostile import Damage, answer, damaged, faults
from mta_assets_tests.level2.fields import PLANE, event_table, sky

EVERY = settings(max_examples=60, deadline=None, derandomize=True)
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
GOOD = np.array([[100.0, 900.0]])


@cache
def evt2(instrument: str) -> dict[str, list[Product]]:
    """Two sources on a faint sky."""
    random = np.random.default_rng(3)
    one = sky(5, np.array([60.0, 40.0]), 0.002, 256)
    count = len(one.x)
    columns: dict[str, Any] = {
        "X": one.x.astype("f4"), "Y": one.y.astype("f4"), "TIME": np.sort(random.uniform(100, 900, count)),
        "PI": random.integers(1, 1000, count).astype("i4"), "pha": random.integers(1, 250, count).astype("i2"),
        "status": np.zeros((count, 32), bool),
    }  # fmt: skip
    header = {
        "EXPOSURE": 700.0, "DTCOR": 0.98, "RA_TARG": PLANE.ra, "DEC_TARG": PLANE.dec, "READMODE": "TIMED",
        "LIVETIME": 700.0, "ONTIME": 710.0,
    }  # fmt: skip
    if instrument == "ACIS":
        place = {"CHIPX": one.x, "CHIPY": one.y}
        columns |= {name: np.clip(values - 4096.5 + 512, 1, 1024).astype("i2") for name, values in place.items()}
        columns |= {"CCD_ID": np.full(count, 7, "i2"), "ENERGY": random.uniform(500, 7000, count).astype("f4")}
        header |= {"FIRSTROW": 1, "NROWS": 1024, "EXPOSUR7": 700.0}
    else:
        header |= {"INSTRUME": "HRC", "DETNAM": "HRC-I"}
    times = gti_tables({7 if instrument == "ACIS" else None: GOOD})
    file_id = f"{instrument}_EVT2"
    return {file_id: [Product(file_id, (event_table(columns, header), *times), 100.0, 900.0)]}


@pytest.mark.parametrize("instrument", ["ACIS", "HRC"])
@EVERY
@given(data=st.data())
def test_sources_have_a_place_on_the_sky(instrument: str, data: st.DataObject) -> None:
    given_ = damaged(evt2(instrument), data.draw(faults(evt2(instrument))))
    found = answer(steps.source_list, given_, file_id=f"{instrument}_SRC2")
    assert {one["kind"][0] for one in found if isinstance(one, Table)} <= {"exposure"}
    for table in (one.tables[0] for one in found if isinstance(one, Product)):
        assert ((table["EXPTIME"] > 0) & (table["EXPTIME"] < 801)).all()  # the good times
        assert all(np.isfinite(table[name]).all() for name in ("RA", "DEC", "X", "Y", "NET_COUNTS", "SIGNIFICANCE"))
        assert (np.abs(table["DEC"]) <= 90).all()


@pytest.mark.parametrize("instrument", ["ACIS", "HRC"])
@EVERY
@given(data=st.data())
def test_images_hold_no_more_events_than_there_are(instrument: str, data: st.DataObject) -> None:
    given_ = damaged(evt2(instrument), data.draw(faults(evt2(instrument))))
    count = len(given_[f"{instrument}_EVT2"][0].tables[0])
    for made in answer(lambda events: images.images_of(events[0], f"{instrument}_IMG2"), given_):
        assert isinstance(made, Product)
        assert 0 <= made.tables[0]["IMAGE"].sum() <= count


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("TCRVL1", 361.0, "TCRVL1, TCRVL2, TCRPX1, TCRPX2, TCDLT2. is no place of the sky"),
        ("TCRPX2", 1e300, "is no place of the sky; make the product again or deliver another"),
        ("TCRVL1", 330.0, "RA_PNT, DEC_PNT. lie on two halves of the sky"),
        ("RA_PNT", "words", "keyword RA_PNT is 'words', expected a number"),
    ],
)
def test_a_plane_that_is_none_is_refused_by_name(name: str, value: Any, words: str) -> None:
    given_ = damaged(evt2("HRC"), [Damage("HRC_EVT2", 0, 0, "keyword", name, value)])
    with pytest.raises(BadData, match=words):
        sky_plane(given_["HRC_EVT2"][0].tables[0])


@pytest.mark.parametrize("value", ["words", 0, 1025, 1e300, True])
@pytest.mark.parametrize("name", ["FIRSTROW", "NROWS"])
def test_rows_that_were_not_read_are_refused_by_name(name: str, value: Any) -> None:
    given_ = damaged(evt2("ACIS"), [Damage("ACIS_EVT2", 0, 0, "keyword", name, value)])
    with pytest.raises(BadData, match=f"rows of table EVENTS: keyword {name} is .*, expected a whole number"):
        places_of(given_["ACIS_EVT2"][0].tables[0])


@pytest.mark.parametrize("kind", ["huge", "least", "negative"])
@pytest.mark.parametrize("instrument", ["ACIS", "HRC"])
def test_events_far_off_the_sky_plane_do_not_make_the_image_larger(instrument: str, kind: str) -> None:
    def made(faults_: list[Damage]) -> list[Any]:
        products, _ = steps.sky_images(damaged(evt2(instrument), faults_)[f"{instrument}_EVT2"], file_id="IMG2")
        return [product.tables[0]["IMAGE"] for product in products]

    plain, spoilt = (made(f) for f in ([], [Damage(f"{instrument}_EVT2", 0, 0, "column", "Y", kind)]))
    assert [one.shape for one in plain] == [one.shape for one in spoilt]
    assert [one.sum() - other.sum() for one, other in zip(plain, spoilt, strict=True)] == [2, 2]
    with pytest.raises(NothingToDo, match=r"none of the \d+ events of level 2 is on the sky plane"):
        made([Damage(f"{instrument}_EVT2", 0, 0, "column", "Y", "all huge")])


EXPOSURES = ["words", "", -1, -0.001, 1e300, 2**40, 785.0, True, float("nan"), float("inf")]  # 784 s are good and live


def stated(instrument: str, name: str, value: Any) -> dict[str, list[Product]]:
    return damaged(evt2(instrument), [Damage(f"{instrument}_EVT2", 0, 0, "keyword", name, value)])


@pytest.mark.parametrize("value", EXPOSURES)
@pytest.mark.parametrize(("instrument", "name"), [("ACIS", "EXPOSURE"), ("ACIS", "EXPOSUR7"), ("HRC", "EXPOSURE")])
def test_an_exposure_that_can_not_be_is_that_of_the_good_times_and_said(instrument: str, name: str, value: Any) -> None:
    (given_,) = stated(instrument, name, value).values()
    right, _ = live.held(
        replace(given_[0], tables=(given_[0].tables[0].with_header({name: -1}), *given_[0].tables[1:]))
    )
    assert right.tables[0].header["EXPOSURE"][0] == 800 * 0.98
    (plain,) = steps.source_list([right], file_id="SRC2")
    made, finding = steps.source_list(given_, file_id="SRC2")
    for column, values in plain.tables[0].columns.items():
        np.testing.assert_array_equal(made.tables[0][column], values)
    assert finding["kind"].tolist() == ["exposure"]
    detail = str(finding["detail"][0])
    assert detail.startswith(
        f"{instrument}_EVT2: {name} {value!s:.12} s can not be, the good times times DTCOR are 784.0"
    )
    assert detail.endswith("as its maker wrote it")
    pictures, _ = steps.sky_images(given_, file_id="IMG2")
    assert [one.tables[0].header["EXPOSURE"][0] for one in pictures[:2]] == [800 * 0.98] * 2
    assert len(pictures) == 3


@pytest.mark.parametrize("value", [0, 1e-3, 700, 784.0, 784.7])
@pytest.mark.parametrize("name", ["EXPOSURE", "EXPOSUR7"])
def test_an_exposure_within_the_good_times_stays(name: str, value: float) -> None:
    given_ = stated("ACIS", name, value)["ACIS_EVT2"]
    assert live.held(given_[0]) == (given_[0], [])


@pytest.mark.parametrize(
    ("value", "words"), [("words", "EXPOSUR7 words"), (-1, "EXPOSUR7 -1"), (True, "EXPOSUR7 True")]
)
def test_an_exposure_that_can_not_be_is_refused_where_no_good_times_tell_it(value: Any, words: str) -> None:
    (given_,) = stated("ACIS", "EXPOSUR7", value)["ACIS_EVT2"]
    with pytest.raises(BadData, match=f"ACIS_EVT2: {words} can not be, expected seconds, .* deliver another"):
        steps.source_list([replace(given_, tables=given_.tables[:1])], file_id="ACIS_SRC2")
    spoilt = given_.tables[0].with_header({"DTCOR": "words"})
    with pytest.raises(BadData, match="dead time of the events: keyword DTCOR is 'words'"):
        steps.source_list([replace(given_, tables=(spoilt, *given_.tables[1:]))], file_id="ACIS_SRC2")


def test_chips_are_held_against_their_own_good_times_and_those_of_none_against_the_longest() -> None:
    (given_,) = evt2("ACIS")["ACIS_EVT2"]
    events = given_.tables[0].with_header({"EXPOSUR6": 100.0, "EXPOSUR5": 780.0, "ONTIME5": 796.0})
    short = gti_tables({7: GOOD, 6: np.array([[100.0, 150.0]])})
    made, (finding,) = live.held(replace(given_, tables=(events, *short)))
    assert "EXPOSUR6 100.0 s can not be" in str(finding["detail"][0])
    header = made.tables[0].header
    assert header["EXPOSUR6"][0] == 50 * 0.98
    assert not {"EXPOSUR5", "ONTIME5"} & header.keys()  # nothing tells them
    assert header["TCRPX1"] == events.header["TCRPX1"]
    less = events.with_header({"EXPOSUR6": 49.0})
    assert live.held(replace(given_, tables=(less, *short)))[1] == []


def test_a_chip_that_is_none_is_counted_like_any_other() -> None:
    table = evt2("ACIS")["ACIS_EVT2"][0].tables[0]
    for number in (-1, 30_000):
        wrong = damaged(evt2("ACIS"), [])["ACIS_EVT2"][0].tables[0]
        wrong = replace(wrong, columns={**wrong.columns, "CCD_ID": np.full(len(wrong), number, "i4")})
        assert chip_of(wrong, source_region(4096.5, 4096.5, 200.0)) == number
    assert chip_of(table, source_region(4096.5, 4096.5, 200.0)) == 7
    assert chip_of(table, source_region(1.0, 1.0, 2.0)) is None


@pytest.mark.parametrize("kind", ["huge", "least"])
def test_a_time_that_can_not_be_takes_neither_memory_nor_the_place_of_the_chip(kind: str) -> None:
    table = evt2("ACIS")["ACIS_EVT2"][0].tables[0]
    given_ = damaged(evt2("ACIS"), [Damage("ACIS_EVT2", 0, 0, "column", "TIME", kind)])
    began = time.perf_counter()
    places, dither = places_of(given_["ACIS_EVT2"][0].tables[0])
    assert time.perf_counter() - began < 5
    assert len(dither) <= 10
    np.testing.assert_allclose(places[7].origin, places_of(table)[0][7].origin)
