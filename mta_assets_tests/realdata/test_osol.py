"""The on-board aspect solution against a file of the archive."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mta_assets.instruments.geometry import angles_from_quaternion
from mta_assets.level0.aspect import BIAS_COLUMNS, SOLUTION, UPDATE
from mta_assets_tests.realdata import realdata


@pytest.fixture(scope="module")
def solution() -> Any:
    from astropy.io import fits

    folder = ("chandra", "hrc", "22772", "secondary", "aspect")
    with fits.open(realdata(*folder, "pcadf701311946N001_osol1.fits.gz")) as file:
        yield file["ASPSOL"]


def test_our_columns_are_those_of_the_archive_in_type_unit_and_shape(solution: Any) -> None:
    real = {column.name: column for column in solution.columns}
    codes = {"f8": "D", "f4": "E"}
    for column in (*SOLUTION, *BIAS_COLUMNS):
        assert real[column.name].format == f"{int(np.prod(column.shape))}{codes[column.dtype]}"
        assert (real[column.name].unit or "").strip() == column.unit


def test_what_is_not_written_are_the_error_columns_alone(solution: Any) -> None:
    ours = {column.name for column in (*SOLUTION, *BIAS_COLUMNS)}
    left = {name for name in solution.columns.names if name not in ours}
    assert left
    assert all(name.endswith("_err") for name in left)


def test_the_angles_of_the_real_quaternions_are_the_real_angles(solution: Any) -> None:
    data = solution.data
    attitude = np.asarray(data["q_att"], dtype=float)
    for ours, name in zip(angles_from_quaternion(attitude), ("ra", "dec", "roll"), strict=True):
        assert np.max(np.abs((ours - data[name] + 180) % 360 - 180)) < 1e-7
    assert np.median(np.diff(data["time"])) == pytest.approx(UPDATE, abs=1e-6)


def test_what_is_zero_in_our_solution_is_zero_in_the_real_one(solution: Any) -> None:
    for name in ("dy", "dz", "dtheta"):
        assert not np.any(solution.data[name])
