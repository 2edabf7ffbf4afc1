"""Sources of two lists of the same photons: moved by what the attitudes differ by, or only in one of them."""

from __future__ import annotations

import numpy as np

from mta_assets.core.tables import Table
from mta_assets.level3.streams import RADIUS, common_shift, source_differences

ARCSEC = 1 / 3600


def sources(ra: list[float], dec: list[float], significance: list[float]) -> Table:
    count = len(ra)
    columns = {"RA": np.array(ra), "DEC": np.array(dec), "SIGNIFICANCE": np.array(significance)}
    return Table("SRCLIST", columns | {"RA_ERR": np.full(count, 0.2 * ARCSEC), "DEC_ERR": np.full(count, 0.1 * ARCSEC)})


def test_a_source_of_both_lists_has_its_difference_east_and_north_across_zero_of_right_ascension() -> None:
    found = source_differences(
        sources([359.9999, 10.0], [60.0, 60.0], [5.0, 50.0]), sources([0.0001, 10.0], [60.0, 60.0005], [5.0, 50.0])
    )
    np.testing.assert_allclose(found["EAST"], [0.0, 0.0002 * 3600 / 2], atol=1e-6)  # the significant one first
    np.testing.assert_allclose(found["NORTH"], [1.8, 0.0], atol=1e-6)
    np.testing.assert_allclose(found["POS_ERR"], np.hypot(0.1, 0.1) / np.sqrt(2))


def test_what_one_list_has_alone_is_not_paired() -> None:
    near, far = (RADIUS - 0.1) * ARCSEC, (RADIUS + 0.1) * ARCSEC
    found = source_differences(
        sources([10.0, 20.0], [0.0, 0.0], [9.0, 8.0]), sources([10.0, 20.0], [near, -far], [7, 6])
    )
    assert np.isfinite(found["NORTH"]).tolist() == [True, False, False]
    assert np.isnan(found["RA"]).tolist() == [False, False, True]
    assert np.isnan(found["RA_SAP"]).tolist() == [False, True, False]
    assert found["DEC_SAP"][2] == -far


def test_each_source_is_paired_once_with_the_nearest() -> None:
    found = source_differences(sources([10.0], [0.0], [9.0]), sources([10.0, 10.0], [3 * ARCSEC, ARCSEC], [9.0, 9.0]))
    np.testing.assert_allclose(found["NORTH"], [1.0, np.nan])
    assert len(source_differences(sources([], [], []), sources([], [], []))) == 0


def test_in_a_dense_field_sources_are_not_taken_for_their_neighbours() -> None:
    random = np.random.default_rng(3)
    east, north = random.uniform(-40, 40, (2, 200))  # 5 arcsec from one to the next
    dec = north * ARCSEC + 60.0
    ra = 180.0 + east * ARCSEC / np.cos(np.radians(dec))
    strength = np.linspace(50, 5, 200)
    moved_dec = dec + 9.0 * ARCSEC
    moved_ra = ra - 12.0 * ARCSEC / np.cos(np.radians(dec))
    found = source_differences(sources(ra, dec, strength), sources(moved_ra[:150], moved_dec[:150], strength[:150]))
    paired = np.isfinite(found["EAST"])
    assert np.count_nonzero(paired) == 150
    np.testing.assert_allclose(np.median(found["EAST"][paired]), -12.0, atol=0.01)
    np.testing.assert_allclose(found["NORTH"][paired], 9.0, atol=0.01)


def test_the_common_shift_is_that_of_most_pairs_and_none_without_any() -> None:
    some, others = sources([10.0, 10.1], [0.0, 0.0], [9.0, 9.0]), sources([30.0], [0.0], [9.0])
    assert common_shift(some, others) == (0.0, 0.0)
    quick = sources([10.0, 10.1, 10.0], [10 * ARCSEC, 10 * ARCSEC, -ARCSEC], [9.0, 9.0, 9.0])
    np.testing.assert_allclose(common_shift(some, quick), (0.0, 10.0), atol=1e-9)
