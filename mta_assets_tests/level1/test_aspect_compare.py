"""The comparison of two attitudes, and its picture."""

from __future__ import annotations

import numpy as np
import pytest

from mta_assets.core.png import LARGEST
from mta_assets.core.tables import Table
from mta_assets.instruments import geometry
from mta_assets.level1.aspect_compare import AXES, LONGEST_STEP, compare, figure


def aspect(times: list[float]) -> Table:
    q = np.tile(geometry.quaternion_from_angles(10, 20, 30), (len(times), 1))
    return Table("ASPSOL", {"time": np.array(times), "q_att": q})


def turned(times: list[float], vector: tuple[float, float, float]) -> Table:
    given = aspect(times)
    turn = np.append(np.array(vector) * geometry.ARCSEC / 2, 1.0)
    return Table("ASPSOL", {"time": given["time"], "q_att": geometry.multiply(given["q_att"], turn)})


def test_the_difference_is_a_turn_in_body_axes_with_its_median_and_scatter() -> None:
    found = compare(turned([-1.0, 0.25, 0.9, 2.0], (3.0, -2.0, 1.0)), aspect([0.0, 0.5, 1.0]))
    assert found["time"].tolist() == [0.25, 0.9]
    for axis, value in zip(AXES, (3, -2, 1), strict=True):
        np.testing.assert_allclose(found[axis], value, atol=1e-4)
        assert found.header[f"{axis.upper()}MED"][0] == pytest.approx(value, abs=1e-4)
        assert found.header[f"{axis.upper()}STD"][0] == pytest.approx(0, abs=1e-4)


def test_gaps_of_the_ground_solution_are_not_compared_over() -> None:
    ground = aspect([0.0, LONGEST_STEP - 0.01, 2 * LONGEST_STEP + 0.01, 6.0])
    assert compare(aspect([0.5, 3.0, 5.0]), ground)["time"].tolist() == [0.5, 5.0]
    assert len(compare(aspect([7.0]), ground)) == 0
    assert len(compare(aspect([7.0]), ground.where(np.zeros(4, bool)))) == 0


def test_the_picture_is_small_enough_to_be_shown_inline() -> None:
    times = np.arange(0.0, 3000.0, 1.025).tolist()
    picture = figure(compare(turned(times, (3.0, -2.0, 1.0)), aspect(times)), "28101_000")
    assert picture.startswith(b"\x89PNG")
    assert 3000 < len(picture) <= LARGEST
