"""Regions of the zero order and of the arms on the sky image."""

import numpy as np
import pytest

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Table
from mta_assets.level15 import regions


def test_boxes_are_cut_back_to_the_sky_image_as_the_archive_does():
    # zero order, roll and boxes of 13838 (its REGION table)
    found = regions.source_region(4074.742, 4073.5137, "HETG", "ACIS-S", 282.27446809050)
    heg, meg = found.boxes
    assert (heg.part, meg.part) == (1, 2)
    assert heg.length == pytest.approx(8214.721, abs=0.01)
    assert (heg.x, heg.y) == pytest.approx((4076.588, 4088.400), abs=0.01)
    assert meg.length == pytest.approx(8544.721, abs=0.01)
    assert (meg.x, meg.y) == pytest.approx((4083.528, 4102.198), abs=0.01)
    assert heg.angle == pytest.approx(82.93053, abs=1e-5)


@pytest.mark.parametrize(("grating", "detector", "centre"), [
    ("HETG", "ACIS", 4096.5), ("LETG", "ACIS", 4096.5), ("LETG", "HRC-S", 32768.5), ("HETG", "HRC-I", 16384.5),
])  # fmt: skip
@pytest.mark.parametrize("roll", [0.0, 45.0, 90.0, 201.7])
def test_ends_of_boxes_lie_on_the_sky_image_and_a_step_further_would_not(grating, detector, centre, roll):
    for box in regions.source_region(centre + 40, centre - 60, grating, detector, roll).boxes:
        step = np.array([np.cos(np.radians(box.angle)), np.sin(np.radians(box.angle))])
        for sign in (1, -1):
            end = np.array([box.x, box.y]) + sign * box.length / 2 * step
            assert np.all((end >= 0.5) & (end <= 2 * centre - 0.5))
            further = end + sign * 30 * step
            assert np.any((further < 0.5) | (further > 2 * centre - 0.5))


def test_regions_grow_off_axis():
    near = regions.source_region(4096.5, 4096.5, "HETG", "ACIS", 0.0)
    far = regions.source_region(4396.5, 4096.5, "HETG", "ACIS", 0.0)
    assert far.radius > near.radius > 25
    assert far.boxes[0].width > near.boxes[0].width > 70


def test_regions_survive_their_table():
    made = tuple(regions.source_region(4096.5 + 50 * n, 4090.0, "HETG", "ACIS", 77.0, n) for n in (1, 2))
    table = regions.region_table(made, "HETG")
    assert table["SHAPE"].tolist() == ["circle", "rotbox", "rotbox"] * 2
    assert table["TG_PART"].tolist() == [0, 1, 2] * 2
    assert table["COMPONENT"].tolist() == [1, 2, 3, 4, 5, 6]
    back = regions.regions_from_table(table)
    for one, other in zip(made, back, strict=True):
        assert other.source == one.source
        assert (other.x, other.y, other.radius) == pytest.approx((one.x, one.y, one.radius), rel=1e-6)
        for box, again in zip(one.boxes, other.boxes, strict=True):
            assert (again.part, again.length) == (box.part, pytest.approx(box.length, rel=1e-6))


def test_more_sources_than_the_source_map_can_tell_apart_are_refused():
    one = regions.source_region(4096.5, 4090.0, "HETG", "ACIS", 77.0)
    assert len(regions.region_table([one] * 10, "HETG")) == 30
    with pytest.raises(BadData, match="11 sources"):
        regions.region_table([one] * 11, "HETG")


def test_strange_shapes_and_sources_without_zero_order_are_refused():
    table = regions.region_table([regions.source_region(4096.5, 4090.0, "HETG", "ACIS", 77.0)], "HETG")
    with pytest.raises(BadData, match="0 circles"):
        regions.regions_from_table(table.where(np.array([1, 2])))
    pie = Table("REGION", table.columns | {"SHAPE": np.array(["pie", "rotbox", "rotbox"])})
    with pytest.raises(BadData, match="pie"):
        regions.regions_from_table(pie)
