"""Whatever stands in parameter blocks, masks, aspect solutions and parameters: masks and fields of view, or refused."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import BadData
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table
from mta_assets.instruments.geometry import quaternion_from_angles
from mta_assets.level1 import steps_acis, steps_fields
from mta_assets_tests.hostile import Damage, answer, damaged, faults
from mta_assets_tests.level1 import test_fields as samples
from mta_assets_tests.level1.calibration_files import acis_ready

EVERY = settings(max_examples=100, deadline=None, derandomize=True)
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
START, STOP = 1000.0, 1100.0
REQUEST = Request("00007_000", "sdp", START, STOP, 2000.0, {}, 7, 0, "ACIS")


@cache
def block() -> dict[str, list[Product]]:
    keys: dict[str, Any] = {"STARTROW": 448, "ROWCNT": 127, "PHAMIN": 20, "PHARANGE": 3250, "PBLOCK": 5, "WIND_ID": 3}
    return {
        "OBSPAR": [samples.obspar(readmode="TIMED")],
        "ACIS_PBK0": [samples.block([7], thresholds=[20], READMODE="TIMED", **keys)],
    }


@EVERY
@given(st.deferred(lambda: faults(block())))
def test_a_mask_lies_on_its_chip_and_has_pulse_heights(damage: list[Damage]) -> None:
    given_ = damaged(block(), damage)
    masks = answer(steps_fields.mask, given_)
    chips = set(given_["ACIS_PBK0"][0].tables[0].columns.get("CCD_ID", np.zeros(0)).tolist())
    assert not masks or chips == {7} or len(masks) > 1  # of a block that is not used there is a finding
    for made in (one for one in masks if isinstance(one, Product)):
        for table in made.tables:
            for name in ("CHIPX", "CHIPY"):
                low, high = table[name].T
                assert ((low >= 1) & (low <= high) & (high <= 1024)).all()
            assert (table["PHAMIN"] < table["PHAMAX"]).all()


@pytest.mark.parametrize("value", ["words", "", -1, 1e300, 2**40, True])
@pytest.mark.parametrize("name", ["STARTROW", "ROWCNT", "PHAMIN", "PHARANGE", "PBLOCK", "WIND_ID"])
def test_keywords_of_a_parameter_block_are_refused_by_name(name: str, value: Any) -> None:
    given_ = damaged(block(), [Damage("ACIS_PBK0", 0, 0, "keyword", name, value)])
    with pytest.raises(BadData, match=rf"parameter block \(ACIS_PBK0\): keyword {name} is .* or deliver another"):
        steps_fields.mask(*given_.values())


def solution(file_id: str, count: int = 12) -> Product:
    zero = np.zeros(count)
    columns = {
        "time": START + 10.0 * np.arange(count), "ra": zero + 10, "dec": zero + 20, "roll": zero,
        "dy": zero.copy(), "dz": zero.copy(), "dtheta": zero.copy(),
    }  # fmt: skip
    columns["q_att"] = quaternion_from_angles(columns["ra"], columns["dec"], columns["roll"])
    return Product(file_id, (Table("ASPSOL", columns),), START, STOP)


@cache
def field() -> dict[str, list[Product]]:
    (masks,) = steps_fields.mask([samples.obspar()], [samples.block([7], STARTROW=448, ROWCNT=127)])
    return {
        "OBSPAR": [samples.obspar()], "ACIS_MSK1": [masks], "ASOL": [solution("ASOL")],
        "ASPSOL_OBC": [solution("ASPSOL_OBC")],
    }  # fmt: skip


@cache
def field_of_hrc() -> dict[str, list[Product]]:
    columns = {"SHAPE": np.array(["rectangle"]), "COMPONENT": np.zeros(1, "i2"), "SAMP_CYC": np.ones(1, "i2"),
               "CHIPX": np.array([[1, 9000]], "i2"), "CHIPY": np.array([[2, 8000]], "i2")}  # fmt: skip
    masks = Product("HRC_MSK1", (Table("MASK", columns, {"CCD_ID": 0}),), START, STOP, {"DETNAM": "HRC-I"})
    parameters = samples.obspar(instrume="HRC", detector="HRC-I", detnam="HRC-I", sim_x="-1.04", sim_z="126.99")
    return {**field(), "OBSPAR": [parameters], "ACIS_MSK1": [replace(masks, file_id="HRC_MSK1")]}


@EVERY
@given(st.one_of(st.deferred(lambda: faults(field())), st.none()), st.deferred(lambda: faults(field_of_hrc())))
def test_a_field_of_view_has_corners_on_the_sky(damage: list[Damage] | None, other: list[Damage]) -> None:
    given_ = damaged(field_of_hrc(), other) if damage is None else damaged(field(), damage)
    file_id = f"{'HRC' if damage is None else 'ACIS'}_FOV1"
    for made in answer(steps_fields.field_of_view, given_, REQUEST, file_id=file_id):
        assert isinstance(made, Product)
        assert np.isfinite([made.tables[0][name] for name in "XY"]).all()


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("SHAPE", "words", "no rectangle takes events"),
        ("SAMP_CYC", "zero", "no rectangle takes events"),
        ("CHIPX", "zero", "CHIPX 0 to 0, CHIPY 450 to 575 are no part of chip 7"),
        ("CHIPY", "all huge", "are no part of chip 7, which has 1024 x 1024 pixels"),
        ("SHAPE", "pairs", "expected one shape a row"),
    ],
)
def test_a_mask_that_can_not_be_is_refused_with_its_name(name: str, kind: str, words: str) -> None:
    given_ = damaged(field(), [Damage("ACIS_MSK1", 0, 0, "column", name, kind)])
    with pytest.raises(BadData, match=f"ACIS_MSK1.*{words}.*make the mask again"):
        steps_fields.field_of_view(*given_.values(), REQUEST, file_id="ACIS_FOV1")


def test_a_detector_without_geometry_and_a_chip_that_is_none_are_refused() -> None:
    given_ = damaged(field_of_hrc(), [Damage("OBSPAR", 0, 0, "parameter", "detector", "words")])
    with pytest.raises(BadData, match=r"detector is 'words', expected one of .*HRC-I.* make OBSPAR again"):
        steps_fields.field_of_view(*given_.values(), REQUEST, file_id="HRC_FOV1")
    given_ = damaged(field(), [Damage("ACIS_MSK1", 0, 0, "keyword", "CCD_ID", "words")])
    with pytest.raises(BadData, match=r"ACIS_MSK1\[MASK7\]: keyword CCD_ID is 'words'"):
        steps_fields.field_of_view(*given_.values(), REQUEST, file_id="ACIS_FOV1")


@cache
def level0() -> dict[str, list[Product]]:
    """What ``ACIS_L1`` reads of thirty frames."""
    count, random = 30, np.random.default_rng(1)
    expno = np.sort(random.integers(1, 30, count)).astype("i4")
    phas = np.zeros((count, 3, 3), "i2")
    phas[:, 1, 1] = random.integers(60, 1800, count)
    columns = {
        "TIME": START + 3.2 * expno, "EXPNO": expno, "CCD_ID": np.full(count, 7, "i2"),
        "CCDX": random.integers(5, 1000, count).astype("i2"), "CCDY": random.integers(5, 1000, count).astype("i2"),
        "PHAS": phas, "STATUS": np.zeros(count, "u1"),
    }  # fmt: skip
    header = {"DATAMODE": "FAINT", "CCD_ID": 7, "EXPTIME": 3.1, "TIMEDEL": 3.2}
    good = Table("GTI0", {"START": np.array([START, 1060.0]), "STOP": np.array([1050.0, STOP])})
    bits = np.zeros((3, 32), bool)
    bits[:, 3] = True
    pixels = {
        "CHIPX": np.array([[10, 10], [20, 20], [500, 500]], "i2"), "STATUS": bits, "TIME": np.full(3, START),
        "CHIPY": np.array([[10, 10], [20, 30], [5, 5]], "i2"), "TIME_STOP": np.full(3, STOP),
    }  # fmt: skip
    bad = Product("ACIS_BPIX1", (Table("BADPIX7", pixels, {"CCD_ID": 7}),), START, STOP)
    parameters = samples.obspar(datamode="FAINT", readmode="TIMED", grating="NONE")
    return {
        "ACIS_EVT0": [Product("ACIS_EVT0", (Table("EVENTS", columns, header), good), START, STOP)],
        "OBSPAR": [parameters], "ASOL": [solution("ASOL")], "ASPSOL_OBC": [solution("ASPSOL_OBC")],
        "ACIS_BPIX1": [bad], "ACIS_MSK1": steps_fields.mask([parameters], None),
        "ACIS_BIAS0": [],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["FIRSTROW", "LASTROW"])
@pytest.mark.parametrize("value", ["words", 1, 1024, 1e300])
def test_rows_of_a_mask_that_no_chip_has_are_refused(name: str, value: Any) -> None:
    given_ = damaged(level0(), [Damage("ACIS_MSK1", 0, 0, "keyword", name, value)])
    with pytest.raises(BadData, match=rf"mask \(ACIS_MSK1\): keyword {name} is .* expected a whole number"):
        steps_acis._rows(given_["ACIS_MSK1"])


@EVERY
@given(st.deferred(lambda: faults(level0())))
def test_events_of_level_1_are_on_the_sky_or_have_no_place(damage: list[Damage]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps_acis, "_calibration", lambda *given: acis_ready())
        found = answer(steps_acis.events, damaged(level0(), damage), {}, REQUEST)
    for made in found:
        if isinstance(made, Product):
            x, y = (made.tables[0][name] for name in "xy")
            assert np.array_equal(np.isfinite(x), np.isfinite(y))
            assert (np.abs(x[np.isfinite(x)]) < 1e6).all()
            assert all((table["STOP"] >= table["START"]).all() for table in made.tables[1:])
