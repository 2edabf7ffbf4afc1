"""dy, dz, dtheta from fid lights that were moved by known amounts; quality indicators."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.tables import Table
from mta_assets.level1.aca_tables import ACACENT, STARCAT
from mta_assets.level1.aspect_fids import focal_positions, moved, seen_angles, solve_fids
from mta_assets.level1.aspect_gyro import Gyros
from mta_assets.level1.aspect_quality import assess, limit_table
from mta_assets.level1.aspect_tables import ASPSOL

NOMINAL = ((-773.0, -1742.0), (2140.0, 166.0), (-1826.0, 160.0))
TIMES = np.arange(0.0, 400.0, 4.1)


def catalogue(count: int = 3) -> Table:
    nothing = np.full(count, np.nan)
    yang, zang = (np.array([angles[k] for angles in NOMINAL[:count]]) for k in (0, 1))
    slot = np.arange(count)
    return STARCAT.build(
        {"obsid": np.ones(count, int), "obi": 0 * slot, "slot": slot, "type": np.full(count, "FID"), "id": slot + 1,
         "ra": nothing, "dec": nothing, "mag": np.full(count, 7.0), "yang": yang, "zang": zang,
         "size": np.full(count, 8)}
    )  # fmt: skip


def centroids(value: tuple[float, float, float], count: int = 3) -> Table:
    """Lights of an instrument that has moved by dy, dz [mm], dtheta [deg]."""
    columns: dict[str, list[float]] = {name: [] for name in ACACENT.names}
    for slot, angles in enumerate(NOMINAL[:count]):
        yag, zag = seen_angles(moved(focal_positions(*np.array(angles)), np.array(value)))
        for name, number in (("ang_y", float(yag)), ("ang_z", float(zag)), ("ang_err", 0.01)):
            columns[name] += [number / 3600] * len(TIMES)
            if name != "ang_err":
                columns[f"{name}_sm"] += [number / 3600] * len(TIMES)
        columns["time"] += TIMES.tolist()
        columns["slot"] += [slot] * len(TIMES)
    length = len(columns["time"])
    return ACACENT.build({n: np.array(v) if v else np.zeros(length, int) for n, v in columns.items()})


@settings(derandomize=True, deadline=None, max_examples=30)
@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(-0.05, 0.05))
def test_movements_that_were_put_in_are_found(dy: float, dz: float, dtheta: float) -> None:
    found = solve_fids(centroids((dy, dz, dtheta)), catalogue())
    assert found.slots == (0, 1, 2)
    np.testing.assert_allclose(found.value[:, :2], np.broadcast_to((dy, dz), (len(TIMES), 2)), atol=1e-4)
    np.testing.assert_allclose(found.value[:, 2], dtheta, atol=1e-4)


def test_a_shift_of_the_instrument_to_plus_y_moves_the_light_to_minus_y_angle() -> None:
    yag, zag = seen_angles(moved(focal_positions(np.array(0.0), np.array(0.0)), np.array([1.0, 0.0, 0.0])))
    assert (yag, zag) == (pytest.approx(-20.625, abs=1e-3), 0.0)


def test_one_light_says_nothing_of_a_rotation() -> None:
    found = solve_fids(centroids((0.5, -0.25, 0.0), 1), catalogue(1))
    np.testing.assert_allclose(found.value[:, 0], 0.5, atol=1e-5)
    assert not np.any(found.value[:, 2])
    assert np.isnan(found.sigma[:, 2]).all()


def test_errors_are_those_of_the_lights() -> None:
    three = solve_fids(centroids((0.0, 0.0, 0.0)), catalogue()).sigma[0]
    one = solve_fids(centroids((0.0, 0.0, 0.0), 1), catalogue(1)).sigma[0]
    assert one[0] == pytest.approx(np.hypot(0.05, 0.01) / 20.625, rel=1e-3)
    assert three[0] < one[0]


def test_bad_centroids_and_lights_that_were_not_meant_are_left_out() -> None:
    table = centroids((0.1, 0.2, 0.0))
    status = np.where(table["slot"] == 2, 1, 0)
    found = solve_fids(Table("ACACENT", {**table.columns, "status": status}), catalogue())
    assert found.slots == (0, 1)
    nothing = solve_fids(Table("ACACENT", {**table.columns, "status": status * 0 + 1}), catalogue())
    value, sigma = nothing.at(TIMES)
    assert not value.any()
    assert np.isnan(sigma).all()


def quality() -> Table:
    time = np.arange(100.0, 150.0, 0.25625)
    columns = {name: np.zeros(len(time)) for name in ASPSOL.names} | {"q_att": np.zeros((len(time), 4))}
    columns |= {"time": time, "ra_err": columns["time"] + 3 / 3600, "roll_err": columns["time"] + 4 / 3600}
    columns["dy_err"] = np.full(len(time), 4 / 20.625)
    columns["dtheta_err"] = np.full(len(time), 3 / 3600)
    columns["dec"] = np.full(len(time), 2 / 3600)
    keep = (time < 120) | (time > 130)
    solution = ASPSOL.build(columns).where(keep)
    table = centroids((0.0, 0.0, 0.0))
    status = np.where((table["slot"] == 1) & (np.abs(table["time"] - 140) < 3), 1, 0)
    bad = Table("ACACENT", {**table.columns, "status": status, "chi": np.full(len(table), 2.0)})
    gyros = Gyros(time[keep], np.zeros((keep.sum(), 3)), np.isclose(time[keep], 105.125))
    return assess(solution, bad, gyros, np.array([0, 1, 2]), 100.0, 150.0, (0.0, 0.0))


def test_indicators_are_built_from_errors_offsets_and_flags() -> None:
    found = quality()
    np.testing.assert_allclose(np.diff(found["time"]), 1.025)
    assert found["time"][0] == 101.025
    there = (found["time"] < 120) | (found["time"] > 132)
    np.testing.assert_allclose(found["img_diam_rms"][there], 10.0, rtol=1e-5)
    np.testing.assert_allclose(found["img_roll_rms"][there], 5.0, rtol=1e-5)
    np.testing.assert_allclose(found["target_offset"][there], 2.0, rtol=1e-5)
    np.testing.assert_allclose(found["img_fit_chisq"][3:], 4.0)  # the first image comes at 102.5 s, then stays known
    assert np.isnan(found["img_fit_chisq"][:2]).all()
    gap = (found["time"] > 122) & (found["time"] < 130)
    assert np.isnan(found["img_diam_rms"][gap]).all()
    assert set(found["asp_sol_status"][gap].tolist()) == {16384}
    assert set(found["gyro_gap"][gap].tolist()) == {1}
    assert found["time"][found["gyro_glitch"] == 1].tolist() == [pytest.approx(105.125)]
    flagged = found["time"][found["aca_data_bad"] == 2]
    assert len(flagged) > 0
    assert np.all(np.abs(flagged - 140) < 4)
    assert set(found["aca_data_bad"].tolist()) == {0, 2}


def test_the_table_of_limits_says_what_is_violated() -> None:
    limits = limit_table(quality())
    violated = {
        str(n): (int(y), int(r)) for n, y, r in zip(limits["name"], limits["ylviol"], limits["rdviol"], strict=True)
    }
    assert violated["img_diam_rms"] == (1, 1)
    assert violated["img_roll_rms"] == (1, 0)
    assert violated["gyro_gap"] == (1, 1)
    assert violated["img_fit_chisq"] == (0, 0)
    assert violated["rw_speed_bad"] == (0, 0)
