"""Sources of two lists of the same photons: moved by what the attitudes differ by, or only in one of them."""

from __future__ import annotations

import numpy as np

from mta_assets.core.tables import Table
from mta_assets.level3.streams import RADIUS, source_differences

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
        sources([10.0, 20.0], [0.0, 0.0], [9.0, 8.0]), sources([10.0, 20.0], [near, far], [7, 6])
    )
    assert np.isfinite(found["NORTH"]).tolist() == [True, False, False]
    assert np.isnan(found["RA"]).tolist() == [False, False, True]
    assert np.isnan(found["RA_SAP"]).tolist() == [False, True, False]
    assert found["DEC_SAP"][2] == far


def test_each_source_is_paired_once_with_the_nearest() -> None:
    found = source_differences(sources([10.0], [0.0], [9.0]), sources([10.0, 10.0], [3 * ARCSEC, ARCSEC], [9.0, 9.0]))
    np.testing.assert_allclose(found["NORTH"], [1.0, np.nan])
    assert len(source_differences(sources([], [], []), sources([], [], []))) == 0
