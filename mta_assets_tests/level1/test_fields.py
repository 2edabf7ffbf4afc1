"""Masks of ACIS from parameter blocks, and fields of view: what is on tiny examples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mta_assets.core.errors import BadData, NothingToDo
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table
from mta_assets.instruments import geometry
from mta_assets.level1.acis_mask import BEFORE, block_of, chips_of, mask_tables, rows_read
from mta_assets.level1.fov import POINTS, fov_table, hull, outlines, thinned
from mta_assets.level1.steps_fields import edges_of, field_of_view, mask

SIM = geometry.AIM_POINTS["ACIS-S"]
REQUEST = Request("7_000", "sdp", 1000.0, 1100.0, 2000.0)


def block(ccds: list[int], time: float = 1000.0, thresholds: list[int] | None = None, **header: Any) -> Product:
    columns: dict[str, Any] = {"CCD_ID": np.array(ccds, "i2"), "FEP_ID": np.arange(len(ccds))}
    if thresholds is not None:
        columns["EVT_THR"] = np.repeat(np.array(thresholds)[:, None], 4, axis=1)
    return Product("ACIS_PBK0", (Table("PBK", columns, header),), time, time)


def obspar(**more: str) -> Product:
    values = {
        "obs_id": "7", "instrume": "ACIS", "detector": "ACIS-S", "detnam": "ACIS-7", "tstart": "1000.0",
        "tstop": "1100.0", "sim_x": str(SIM[0]), "sim_z": str(SIM[1]), "ra_nom": "10.0", "dec_nom": "20.0",
        "roll_nom": "0.0", **more,
    }  # fmt: skip
    table = Table("OBSPAR", {"name": np.array(list(values)), "value": np.array(list(values.values()))})
    return Product("OBSPAR", (table,), 1000.0, 1100.0)


def aspect(dec: list[float], start: float = 1000.0) -> Product:
    n = len(dec)
    columns = {"time": start + np.arange(n) * 10.0, "ra": np.full(n, 10.0), "dec": np.array(dec), "roll": np.zeros(n)}
    return Product("ASOL", (Table("ASPSOL", columns),), start, start + 10.0 * n)


def test_the_outer_rows_and_columns_of_what_is_read_give_no_events() -> None:
    given = block([7, 6], thresholds=[20, 38], STARTROW=448, ROWCNT=127, PHAMIN=20, PHARANGE=3250, PBLOCK=5)
    six, seven = mask_tables("ACIS-67", given)
    assert (six.name, seven.name) == ("MASK6", "MASK7")
    assert six["CHIPX"].tolist() == [[2, 1023], [1, 1024], [2, 1023]]
    assert six["CHIPY"].tolist() == [[450, 575], [1, 1024], [450, 575]]
    assert six["SAMP_CYC"].tolist() == [1, 0, 1]
    assert [str(shape) for shape in six["SHAPE"]] == ["rectangle", "rectangle", "!rectangle"]
    assert (six["PHAMIN"][0], six["PHAMAX"][0], six.header["PHARANGE"][0]) == (39, 3269, 3230)
    assert (seven["PHAMIN"][0], seven["PHAMAX"][0], seven.header["FEP_ID"][0]) == (21, 3269, 0)
    assert six.header["PBLOCK"][0] == 5


def test_without_a_parameter_block_chips_are_read_whole() -> None:
    (table,) = mask_tables("ACIS-3", None)
    assert table["CHIPY"][0].tolist() == [2, 1023]
    assert (table["PHAMIN"][0], table["PHAMAX"][0]) == (0, 4095)
    assert rows_read(None) == (1, 1024)
    assert rows_read(block([3], STARTROW=1000, ROWCNT=127)) == (1001, 1024)


def test_the_block_of_a_run_is_the_first_of_its_chips_and_mode_within_it_else_the_last_before() -> None:
    old, before, mine, late = (block([7], time) for time in (1000.0 - BEFORE - 1, 990.0, 1010.0, 1050.0))
    other = block([7, 6], 1005.0)
    assert block_of([late, other, mine, before, old], "ACIS-7", 1000.0, 1100.0) is mine
    assert block_of([other, before, block([7], 980.0), old], "ACIS-7", 1000.0, 1100.0) is before
    clocked, timed = block([7], 1001.0, READMODE="CONTINUOUS"), block([7], 1002.0, READMODE="TIMED")
    assert block_of([clocked, timed], "ACIS-7", 1000.0, 1100.0, "TIMED") is timed
    assert block_of([clocked], "ACIS-7", 1000.0, 1100.0, "TIMED") is None
    assert block_of([clocked, mine], "ACIS-7", 1000.0, 1100.0, "TIMED") is mine  # states no mode
    assert block_of([other, old, block([7], 1100.1)], "ACIS-7", 1000.0, 1100.0) is None
    assert block_of([block([7, 10], 990.0)], "ACIS-7", 1000.0, 1100.0) is not None  # 10: a processor without a chip
    assert block_of(None, "ACIS-7", 0.0, 1.0) is None
    assert chips_of("ACIS-456789") == [4, 5, 6, 7, 8, 9]


def said(*blocks: Product, **parameters: str) -> list[str]:
    made, *findings = mask([obspar(**parameters)], blocks)
    assert made.file_id == "ACIS_MSK1"
    assert {str(found["kind"][0]) for found in findings} <= {"parameter_block"}
    return [str(found["detail"][0]) for found in findings]


@pytest.mark.parametrize("ccd", [-1, 11, 15, 255])
def test_a_block_of_a_chip_that_there_is_none_of_is_not_used_and_said_with_its_value(ccd: int) -> None:
    (words,) = said(block([7, ccd], 990.0))
    assert words == (
        f"ACIS_PBK0 990: CCD_ID {ccd}, expected 0 to 9, or 10 for none: not used, chips count as read whole; "
        "extract it again or deliver another pbk0"
    )
    (words,) = said(block([7, ccd], 990.0), block([7, 10], 1010.0))
    assert "not used; extract it again" in words  # another one fits
    assert said(block([ccd], 1000.0 - BEFORE - 1), block([ccd], 1100.1)) == []  # of other times


def test_blocks_of_other_chips_or_mode_are_said_only_if_dumped_within_the_observation_where_none_fits() -> None:
    (words,) = said(block([5, 6], 1000.0))
    assert "ACIS_PBK0 1000: CCD_ID 5, 6, expected the chips of the observation, ACIS-7: not used" in words
    assert "CCD_ID none, expected" in said(block([10], 1000.0))[0]
    assert said(block([5, 6], 999.0)) == []  # the run before
    assert said(block([5, 6], 1000.0), block([7], 1050.0)) == []
    clocked = block([7], 1000.0, READMODE="CONTINUOUS")
    (words,) = said(clocked, readmode="TIMED")
    assert "READMODE CONTINUOUS, expected that of the observation, TIMED: not used" in words
    assert said(clocked, block([7], 1001.0), readmode="TIMED") == []
    long = {"detnam": "ACIS-235678", "tstart": "828603100.0", "tstop": "828603900.0"}
    (words,) = said(block([0, 1, 2, 3, 6, 7], 828603200.0), **long)
    assert words.endswith("deliver another pbk0")  # of findings 200 characters are kept


def test_the_mask_of_an_observation_without_chips_is_nothing_to_do() -> None:
    (made,) = mask([obspar()], None)
    assert made.tables[0].name == "MASK7"
    with pytest.raises(NothingToDo, match="no chips are known of obsid 7"):
        mask([obspar(detnam="")], None)


def test_a_hull_has_the_outer_points_only_and_thinning_drops_the_flattest() -> None:
    square = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])
    assert hull(np.vstack([square[::-1], [[1.0, 1.0], [2.0, 0.0], [4.0, 4.0]]])).tolist() == square.tolist()
    bent = np.vstack([square[:1], [[2.0, -0.1]], square[1:2], [[5.0, 2.0]], square[2:]])
    assert thinned(bent, 5).tolist() == np.delete(bent, 1, axis=0).tolist()
    assert len(thinned(bent, 6)) == 6


def test_the_outline_of_a_chip_grows_by_the_dither() -> None:
    edges = {7: ((1.0, 1024.0), (1.0, 1024.0))}
    still = outlines("ACIS", edges, aspect([20.0, 20.0]).tables[0], SIM, (10.0, 20.0))[7]
    moved = outlines("ACIS", edges, aspect([20.0, 20.0 + 10 * 0.492 / 3600]).tables[0], SIM, (10.0, 20.0))[7]
    assert len(still) == 4
    assert np.ptp(still, axis=0) == pytest.approx([1023, 1023], abs=3)  # the chip is tilted by a little
    assert np.ptp(moved, axis=0) - np.ptp(still, axis=0) == pytest.approx([0, 10], abs=0.02)
    table = fov_table({7: moved}, "ACIS", (10.0, 20.0))
    assert table["X"].shape == (1, POINTS)
    assert table["X"][0, len(moved)] == table["X"][0, 0]  # closed
    assert (table["CCD_ID"][0], table.header["TCRVL2"][0]) == (7, 20.0)
    with pytest.raises(BadData, match=r"chips \[12\], which ACIS does not have"):
        outlines("ACIS", {12: edges[7]}, aspect([20.0, 20.0]).tables[0], SIM, (10.0, 20.0))


def test_the_field_is_that_of_the_mask_at_the_aspect_of_the_observation() -> None:
    masks = mask([obspar()], [block([7], STARTROW=448, ROWCNT=127)])
    assert edges_of(masks[0]) == {7: ((2.0, 1023.0), (450.0, 575.0))}
    # a sample after the observation has no say
    made = field_of_view([obspar()], masks, [aspect([20.0] * 11 + [25.0])], None, REQUEST, file_id="ACIS_FOV1")
    corners = np.column_stack([made.tables[0]["X"][0], made.tables[0]["Y"][0]])
    assert sorted(np.ptp(corners, axis=0)) == pytest.approx([125, 1021], abs=4)
    assert made.header["ASPTYPE"][0] == "KALMAN"
    with pytest.raises(NothingToDo, match="the field of view is not known"):
        field_of_view([obspar()], masks, [aspect([20.0], 5000.0)], None, REQUEST, file_id="ACIS_FOV1")
    with pytest.raises(NothingToDo, match="the field of view is not known"):
        field_of_view([obspar()], masks, None, None, REQUEST, file_id="ACIS_FOV1")


def test_rectangles_of_the_hrc_are_numbered_by_chip() -> None:
    columns = {"SHAPE": np.array(["rectangle"] * 3), "COMPONENT": np.arange(3), "SAMP_CYC": np.ones(3),
               "CHIPX": np.array([[1, 9]] * 3), "CHIPY": np.array([[2, 8]] * 3)}  # fmt: skip
    given = Product("HRC_MSK1", (Table("MASK", columns),), 0.0, 1.0, {"DETNAM": ("HRC-S", "")})
    assert edges_of(given) == dict.fromkeys((1, 2, 3), ((1.0, 9.0), (2.0, 8.0)))
    bare = Table("MASK", {name: values for name, values in columns.items() if name != "COMPONENT"})
    with pytest.raises(BadData, match="neither CCD_ID nor COMPONENT"):
        edges_of(Product("HRC_MSK1", (bare,), 0.0, 1.0))
