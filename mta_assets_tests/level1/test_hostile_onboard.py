"""Whatever stands in on-board and ground solutions: attitudes and differences that are right, said, or refused."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table
from mta_assets.instruments import quaternions
from mta_assets.instruments.geometry import ARCSEC, angles_from_quaternion, multiply, quaternion_from_angles
from mta_assets.level1 import steps_aspect
from mta_assets_tests.hostile import Damage, answer, damaged, faults
from mta_assets_tests.level1 import test_fields as samples

EVERY = settings(max_examples=150, deadline=None, derandomize=True)
START, STOP = 1000.0, 1030.0
REQUEST = Request("00007_000", "sap", START, STOP, 2000.0, {}, 7, 0, "ACIS")
APART = np.array([60.0, -17.0, 9.0])  # [arcsec] roll, pitch, yaw of the camera against the mirror
ANGLES = ("ra", "dec", "roll")

Array = NDArray[Any]


def truth(time: Array) -> Array:
    """Attitudes of a dither of some arcseconds."""
    small = 5 * ARCSEC * np.sin(np.asarray(time, float) / 100)
    turned = quaternions.turn(np.stack([0 * small, small, -small], axis=-1))
    return multiply(np.broadcast_to(quaternion_from_angles(10.0, 20.0, 30.0), (*small.shape, 4)), turned)


def solution(file_id: str, time: Array, vector: Array | None = None) -> Product:
    q = truth(time) if vector is None else multiply(truth(time), quaternions.turn(vector * ARCSEC))
    columns = {"time": time, **dict(zip(ANGLES, angles_from_quaternion(q), strict=True)), "q_att": q}
    columns |= {name: np.zeros(len(time), "f4") for name in ("dy", "dz", "dtheta")}
    columns |= {f"{axis}_bias": np.full(len(time), 1e-4, "f4") for axis in ("roll", "pitch", "yaw")}
    table = Table("ASPSOL", columns, {"ASPTYPE": "OBC"})
    return Product(file_id, (table,), float(time[0]), float(time[-1]))


@cache
def playbacks() -> dict[str, list[Product]]:
    """Two playbacks that overlap and reach beyond the observation."""
    times = (START - 5.0 + 1.025 * np.arange(24), START - 5.0 + 1.025 * np.arange(18, 40))
    return {"OSOL": [solution("OSOL", time) for time in times], "OBSPAR": [samples.obspar(tstop=repr(STOP))]}


@cache
def both() -> dict[str, list[Product]]:
    onboard = solution("ASPSOL_OBC", START + 1.025 * np.arange(29), APART)
    return {"ASPSOL_OBC": [onboard], "ASOL": [solution("ASOL", START + 0.25625 * np.arange(110))]}


def said(found: list[Product | Table]) -> dict[str, str]:
    """Words of the findings by kind."""
    return {str(one["kind"][0]): str(one["detail"][0]) for one in found if isinstance(one, Table)}


def onboard(damage: list[Damage]) -> list[Product | Table]:
    return answer(steps_aspect.onboard, damaged(playbacks(), damage), REQUEST)


def plain() -> Table:
    (made,) = onboard([])
    assert isinstance(made, Product)
    return made.tables[0]


@EVERY
@given(st.deferred(lambda: faults(playbacks())))
def test_on_board_attitudes_are_right_and_what_is_left_out_is_said(damage: list[Damage]) -> None:
    found = onboard(damage)
    findings = said(found)
    assert findings.keys() <= {"aspect_rows"}
    for product in (one for one in found if isinstance(one, Product)):
        table = product.tables[0]
        assert ((table["time"] >= START) & (table["time"] < STOP)).all()
        assert (np.diff(table["time"]) > 0).all()
        assert all(np.isfinite(table[name]).all() for name in ("q_att", "dy", "dz", "dtheta", *ANGLES))
        late = np.abs(quaternions.difference(table["q_att"], truth(table["time"]))).max()
        assert late < 0.5 * ARCSEC  # of whole seconds, or of half the digits
        if not any(one.name == "time" or one.where == "rows" for one in damage):
            assert len(table) == len(plain()) or findings


@pytest.mark.parametrize("name", ["time", "q_att", *ANGLES, "dy", "dtheta"])
@pytest.mark.parametrize("kind", ["nan", "inf", "-inf", "huge", "least"])
def test_rows_that_are_no_attitude_are_left_out_counted_and_said(name: str, kind: str) -> None:
    made, finding = onboard([Damage("OSOL", 0, 0, "column", name, kind)])
    assert isinstance(made, Product)
    words = said([finding])["aspect_rows"]
    assert words.startswith("2 rows of OSOL are no attitude (NaN,")
    assert words.endswith("make it again or deliver another")
    assert made.tables[0].header["NUMLOST"][0] == 2
    assert len(made.tables[0]) == len(plain()) - 2


@pytest.mark.parametrize("kind", ["zero", "one", "negative", "all nan", "all inf", "all huge", "masked"])
def test_a_playback_of_which_no_row_is_an_attitude_leaves_those_of_the_other(kind: str) -> None:
    made, finding = onboard([Damage("OSOL", 1, 0, "column", "q_att", kind)])
    assert isinstance(made, Product)
    assert (np.diff(made.tables[0]["time"]) > 0).all()
    assert "rows of OSOL are no attitude" in said([finding])["aspect_rows"]
    if kind != "negative":
        given_ = damaged(playbacks(), [Damage("OSOL", n, 0, "column", "q_att", kind) for n in (0, 1)])
        with pytest.raises(
            BadData, match=r"OSOL from 1000\.000 to 1030\.000 s: none of \d+ rows is an attitude .*again"
        ):
            steps_aspect.onboard(*given_.values(), REQUEST)


def test_of_a_row_that_is_spoilt_in_one_playback_the_other_one_is_taken() -> None:
    columns = dict(playbacks()["OSOL"][0].tables[0].columns)
    columns["q_att"] = columns["q_att"].copy()
    columns["q_att"][18:] = 0.0  # what the second one has as well
    spoilt = Product("OSOL", (Table("ASPSOL", columns),), START, STOP)
    made, finding = steps_aspect.onboard([spoilt, playbacks()["OSOL"][1]], None, REQUEST)
    assert isinstance(made, Product)
    assert "6 rows" in said([finding])["aspect_rows"]
    np.testing.assert_array_equal(made.tables[0]["q_att"], plain()["q_att"])


@pytest.mark.parametrize("name", ANGLES)
def test_angles_of_another_attitude_than_the_quaternion_are_none(name: str) -> None:
    for apart, lost in ((30.0, 0), (120.0, 30)):  # [arcsec]
        columns = dict(solution("OSOL", START + np.arange(30.0)).tables[0].columns)
        columns[name] = columns[name] + apart / 3600 / (np.cos(np.radians(20.0)) if name == "ra" else 1.0)
        osol = Product("OSOL", (Table("ASPSOL", columns),), START, STOP)
        if lost:
            with pytest.raises(BadData, match="quaternion not of length one or not that of ra, dec, roll"):
                steps_aspect.onboard([osol], None, REQUEST)
        else:
            (made,) = steps_aspect.onboard([osol], None, REQUEST)
            assert made.tables[0].header["NUMLOST"][0] == 0  # type: ignore[union-attr]


def test_movements_that_an_on_board_solution_has_not_are_none() -> None:
    damage = [Damage("OSOL", n, 0, "column", name, "missing") for n in (0, 1) for name in ("dy", "dz", "dtheta")]
    (made,) = onboard(damage)
    assert isinstance(made, Product)
    assert all((made.tables[0][name] == 0).all() for name in ("dy", "dz", "dtheta"))
    assert np.isnan(made.tables[0]["dy_err"]).all()


def test_a_solution_of_another_time_or_without_rows_is_nothing_to_do() -> None:
    with pytest.raises(NothingToDo, match=r"no on-board attitude from 1000\.000 to 1030\.000 s: is the OSOL"):
        steps_aspect.onboard([solution("OSOL", 5000 + np.arange(9.0))], None, REQUEST)
    with pytest.raises(NothingToDo, match="no on-board attitude"):
        steps_aspect.onboard([], None, REQUEST)


def difference(damage: list[Damage]) -> list[Product | Table]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps_aspect, "figure", lambda table, title: b"")
        return answer(steps_aspect.difference, damaged(both(), damage), REQUEST)


@EVERY
@given(st.deferred(lambda: faults(both())))
def test_differences_are_those_of_the_two_attitudes(damage: list[Damage]) -> None:
    found = difference(damage)
    assert said(found).keys() <= {"aspect_rows"}
    for product in (one for one in found if isinstance(one, Product)):
        table = product.tables[0]
        assert (np.diff(table["time"]) > 0).all()
        for axis, value in zip(("roll", "pitch", "yaw"), APART, strict=True):
            np.testing.assert_allclose(table[axis], value, atol=0.5)
            assert abs(table.header[f"{axis.upper()}MED"][0] - value) < 0.5


@pytest.mark.parametrize("file_id", ["ASPSOL_OBC", "ASOL"])
@pytest.mark.parametrize("name", ["time", "q_att", "ra", "dz"])
def test_rows_of_either_that_are_no_attitude_are_said_by_name_and_those_of_neither_refused(
    file_id: str, name: str
) -> None:
    made, finding = difference([Damage(file_id, 0, 0, "column", name, "nan")])
    assert isinstance(made, Product)
    assert len(made.tables[0]) >= 24
    assert said([finding])["aspect_rows"].startswith(f"2 rows of {file_id} are no attitude")
    given_ = damaged(both(), [Damage(file_id, 0, 0, "column", name, "all nan")])
    words = rf"{file_id}: none of its \d+ rows is an attitude \(NaN.*\); make it again or deliver another"
    with pytest.raises(BadData, match=words):
        steps_aspect.difference(*given_.values(), REQUEST)  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", [slice(0, 0), slice(0, 1), slice(0, 2), slice(None, None, -1)])
@pytest.mark.parametrize("file_id", ["ASPSOL_OBC", "ASOL"])
def test_few_rows_and_another_order_give_what_there_is_with_its_picture(file_id: str, rows: slice) -> None:
    given_ = both()
    (product,) = given_[file_id]
    cut = {**given_, file_id: [Product(file_id, (product.tables[0].where(rows),), START, STOP)]}
    if len(cut[file_id][0].tables[0]) == 0:
        with pytest.raises(NothingToDo, match="no time in common"):
            steps_aspect.difference(*cut.values(), REQUEST)  # type: ignore[arg-type]
        return
    (made,), plots = steps_aspect.difference(*cut.values(), REQUEST)  # type: ignore[arg-type]
    assert isinstance(made, Product)
    assert len(made.tables[0]) > 0
    assert all(picture.startswith(b"\x89PNG") for picture in plots.values())


def test_solutions_of_other_times_are_nothing_to_do() -> None:
    for late in (100.0, 1e9, -1e9):
        other = solution("ASOL", late + both()["ASOL"][0].tables[0]["time"])
        with pytest.raises(NothingToDo, match="no time in common: there is nothing to compare"):
            steps_aspect.difference(both()["ASPSOL_OBC"], [other], REQUEST)


@pytest.mark.parametrize(
    ("vector", "words"),
    [
        ((0.0, 0.0, 361.0), "361 arcsec about yaw"),
        ((-5000.0, 0.0, 359.0), "-5000 arcsec about roll"),
        ((0.0, 359.0, 0.0), ""),
    ],
)
def test_two_attitudes_that_are_not_of_one_observation_are_said(vector: tuple[float, float, float], words: str) -> None:
    other = solution("ASPSOL_OBC", START + 1.025 * np.arange(20), np.array(vector))
    (made, *findings), _ = steps_aspect.difference([other], both()["ASOL"], REQUEST)
    assert isinstance(made, Product)
    found = said(findings)
    assert found.keys() == ({"aspect_apart"} if words else set())
    if words:
        assert re.search(
            rf"ASPSOL_OBC and ASOL are {words}.* apart, .* deliver the right asol1$", found["aspect_apart"]
        )
