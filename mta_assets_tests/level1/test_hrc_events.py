"""The chain as a whole: blocks, edges, bad regions, products."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Table, concatenate
from mta_assets.instruments import hrc_plane, hrc_status
from mta_assets.level1 import goodtime, hrc_events, hrc_regions
from mta_assets.level1.hrc_columns import events_schema
from mta_assets_tests.level1.hrc_calibration import bad_pixels
from mta_assets_tests.level1.hrc_simulated import DETECTORS, level0, setup, truth


def rows(count: int, detector: str = "HRC-I") -> Table:
    return level0(truth(detector, 60.0), detector).where(np.arange(count))


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("block", [1000, 7])
def test_blocks_of_any_size_give_the_same_events(detector: str, block: int) -> None:
    table = level0(truth(detector, 60.0), detector)
    whole = concatenate(hrc_events.stream([table], setup(detector)))
    cut = [table.where(np.arange(0, 501)), table.where(np.arange(501, len(table)))]
    parts = concatenate(hrc_events.stream(cut, setup(detector), block=block))
    for name, column in whole.columns.items():
        np.testing.assert_array_equal(parts[name], column, err_msg=name)


@pytest.mark.parametrize("detector", DETECTORS)
def test_columns_have_the_declared_types_and_keep_their_limits(detector: str) -> None:
    found = concatenate(hrc_events.stream([level0(truth(detector, 60.0), detector)], setup(detector)))
    for column in events_schema(detector).columns:
        assert found[column.name].dtype == np.dtype(column.dtype)
        if column.limits is not None:
            assert found[column.name].min() >= column.limits[0], column.name
            assert found[column.name].max() <= column.limits[1], column.name


def test_an_event_earlier_than_the_one_before_is_out_of_sequence_across_blocks_too() -> None:
    table = rows(6)
    table.columns["TIME"] = table["TIME"][0] + np.array([0.0, 1.0, 0.5, 2.0, 1.9, 3.0])
    for block in (10, 2, 1):
        found = concatenate(hrc_events.stream([table], setup("HRC-I"), block=block))
        late = found["status"][:, hrc_status.OUT_OF_SEQUENCE - 1]
        assert late.tolist() == [False, False, True, False, True, False]


def test_triggers_and_vetoes_are_copied_into_the_status() -> None:
    table = rows(3)
    table.columns["E_TRIG"] = np.array([[1, 1], [0, 1], [1, 0]], bool)
    table.columns["VETOSTT"] = np.eye(8, dtype=bool)[[0, 4, 7]]
    found = concatenate(hrc_events.stream([table], setup("HRC-I")))["status"]
    assert found[:, 6:8].tolist() == [[False, False], [True, False], [False, True]]
    assert found[:, 8:16].nonzero()[1].tolist() == [0, 4, 7]


def test_events_of_the_other_detector_are_refused() -> None:
    with pytest.raises(BadData, match="3 of 3 are not of HRC-S"):
        list(hrc_events.stream([rows(3)], setup("HRC-S")))
    with pytest.raises(BadData, match="calibration of HRC-I for events of HRC-S"):
        replace(setup("HRC-I"), plane=hrc_plane.Plane("HRC-S", 0.0, 0.0))


def test_without_an_aspect_there_are_det_but_no_sky_coordinates() -> None:
    found = concatenate(hrc_events.stream([rows(5)], replace(setup("HRC-I"), aspect=None)))
    assert np.isfinite(found["detx"]).all()
    assert np.isnan(found["x"]).all()
    assert np.isnan(found["y"]).all()


def test_events_beyond_the_aspect_are_kept_and_counted() -> None:
    table = rows(4)
    table.columns["TIME"] = table["TIME"] + np.array([0, 0, 1e6, 1e6])
    gti = goodtime.gti_table(np.array([[0.0, 1.0]]))
    product = hrc_events.event_product([table], setup("HRC-I"), gti, 0.0, 1.0, {"OBS_ID": "1"})
    events = product.table("EVENTS")
    assert np.isnan(events["x"]).tolist() == [False, False, True, True]
    assert events.header["NOASPECT"][0] == 2
    assert product.header["OBS_ID"] == "1"
    assert [part.name for part in product.tables] == ["EVENTS", "GTI"]


def test_no_events_give_a_product_without_rows() -> None:
    gti = goodtime.gti_table(np.zeros((0, 2)))
    for tables in ([], [rows(0)]):
        product = hrc_events.event_product(tables, setup("HRC-S"), gti, 0.0, 1.0, {})
        assert product.rows == 0
        assert list(product.table("EVENTS").columns) == list(events_schema("HRC-S").names)


def test_world_coordinates_stand_in_the_header() -> None:
    gti = goodtime.gti_table(np.zeros((0, 2)))
    events = hrc_events.event_product([], setup("HRC-I"), gti, 0.0, 1.0, {}).table("EVENTS")
    number = list(events.columns).index("x") + 1
    assert events.header[f"TCTYP{number}"] == "RA---TAN"
    assert events.header[f"TCRPX{number}"] == 16384.5
    assert events.header[f"TCDLT{number}"] == pytest.approx(-3.6611111111111e-05, rel=1e-12)


def test_a_bad_region_has_its_first_and_last_pixel() -> None:
    table = hrc_regions.bad_pixel_table([(0, (10, 12), (20, 22), 4), (0, (1, 5), (1, 16384), 2)])
    found = hrc_regions.bad_regions(table, "HRC-I")
    x, y = np.array([9, 10, 12, 13, 11, 11, 5, 6, 5]), np.array([21, 21, 21, 21, 19, 22, 16384, 21, 1])
    assert found.hit(0, x, y).tolist() == [False, True, True, False, False, True, True, False, True]
    beside = found.hit(
        0, np.array([16384, 16385, 9000, 9000, -7, 9000]), np.array([9000, 9000, 0, 16385, 9000, 40_000])
    )
    assert beside.tolist() == [False, True, True, True, True, True]
    chips = np.zeros(9, np.int16)
    np.testing.assert_array_equal(found.hit(chips, x, y), found.hit(0, x, y))
    assert table["STATUS"][0].nonzero()[0].tolist() == [2]


def test_an_event_between_the_segments_gets_the_nearest_pixel_and_is_flagged() -> None:
    table = level0(truth("HRC-S", 60.0), "HRC-S").where(np.arange(2))
    # fine -0.26 and -1/3: raw v 16445.6 lies beyond the last row of segment 1 (16443.5), 16426.7 on it
    table.columns["CRSV"] = np.array([64, 64], np.uint8)
    table.columns.update({"AV1": np.array([350, 500]), "AV2": np.array([1000, 1000]), "AV3": np.array([0, 0])})
    found = concatenate(hrc_events.stream([table], setup("HRC-S")))
    assert found["rawy"].tolist() == [16446, 16427]
    assert found["chip_id"].tolist() == [1, 1]
    assert found["chipy"].tolist() == [16456, 16439]
    assert found["status"][:, hrc_status.BAD_REGION - 1].tolist() == [True, False]


def test_bad_regions_flag_events() -> None:
    made = setup("HRC-I")
    everything = hrc_regions.bad_regions(hrc_regions.bad_pixel_table([(0, (0, 16384), (0, 16384), 2)]), "HRC-I")
    found = concatenate(hrc_events.stream([rows(5)], replace(made, bad=everything)))
    assert found["status"][:, hrc_status.BAD_REGION - 1].all()


def test_a_shape_that_is_no_rectangle_and_too_many_regions_are_refused() -> None:
    table = hrc_regions.bad_pixel_table([(0, (1, 2), (1, 2), 2)])
    with pytest.raises(BadData, match="CIRCLE"):
        hrc_regions.bad_regions(Table("BADPIX", table.columns | {"SHAPE": np.array(["CIRCLE"])}), "HRC-I")
    with pytest.raises(BadData, match="63 regions"):
        hrc_regions.bad_regions(hrc_regions.bad_pixel_table([(0, (1, 2), (1, 2), 2)] * 63), "HRC-I")


@pytest.mark.parametrize("detector", DETECTORS)
def test_the_mask_of_the_mission_holds_the_active_area(detector: str) -> None:
    bad = bad_pixels(detector)
    mask = hrc_regions.mask_table(bad, detector)
    assert len(mask) == (1 if detector == "HRC-I" else 3)
    expected = [[469, 14892]] if detector == "HRC-I" else [[559, 3538]] * 3
    assert mask["CHIPX"].tolist() == expected
    files = [product.file_id for product in hrc_regions.products(bad, detector, 0.0, 1.0)]
    assert files == ["HRC_BPIX", "HRC_MSK"]
