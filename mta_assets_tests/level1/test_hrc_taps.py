"""Tap and amplifier signals: scale, ringing, fine position, gaps and the tests, on both sides of each limit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import ConfigError
from mta_assets.instruments import hrc_status as status
from mta_assets.level1 import hrc_calibration, hrc_taps
from mta_assets.level1.hrc_calibration import Axis, Calibration, Ringing
from mta_assets_tests.level1.hrc_calibration import hrc_ready, hrc_tables, tables

SETTINGS = {
    "AMP_GAIN": "75", "PHA_1TO2": "64.5", "PHA_2TO3": "126.5", "W_1TO2": "2", "W_2TO3": "2", "GRID_RATIO": "0.5",
    "PHA_RATIO": "0.5", "SAT_LOW": "20", "SAT_HIGH_1": "4000", "SAT_HIGH_2": "3900", "SAT_HIGH_3": "3550",
    "PI_GAIN": "1",
}  # fmt: skip
AXIS = {
    "HYP_B": "0.25", "HYP_H": "1.07", "HYP_A": "0.27", "HYP_DH": "0.03", "FLAT_RATIO": "0.5", "TRING_A": "-40",
    "TRING_B": "-655", "TRING_C": "0.279", "TRING_D": "655", "TRING_BETA": "6.7", "TRING_GAMMA": "1.75",
    "TRING_THRESH12": "0.2", "TRING_OFFSET": "10",
}  # fmt: skip
GAP = {"CHIP_ID": "0", "AXIS": "V", "TAPNUM": "7", "LA": "1.1", "LB": "-0.2", "RA": "0.9", "RB": "0.3"}


def calibration(gaps: tuple[dict[str, str], ...] = (), **settings: str) -> Calibration:
    axes = [{"AXIS": axis, **AXIS} for axis in "VU"]
    return hrc_calibration.from_rows("HRC-I", SETTINGS | settings, axes, gaps)


def bits(flags: np.ndarray) -> list[set[int]]:
    return [{k for k in range(1, 33) if value & status.mask(k)} for value in flags]


def signals(a1: list[float], a2: list[float], a3: list[float], scale: list[int], width: bool = False):
    flags = np.full(len(a1), status.mask(status.WIDTH_V) if width else 0, np.uint32)
    taps = (np.array(a1, float), np.array(a2, float), np.array(a3, float))
    found = hrc_taps.axis_signals(taps, np.array(scale, np.int8), "V", calibration(), flags)
    return found, flags


def test_the_scale_follows_from_the_pulse_height_outside_the_bands() -> None:
    pha = np.array([0, 62, 67, 124, 129, 255])
    assert hrc_taps.scales(pha, np.zeros(6), calibration()).tolist() == [1, 1, 2, 2, 3, 3]


def test_in_a_band_the_scale_is_the_one_that_fits_the_tap_sum() -> None:
    pha = np.array([64, 64, 126, 126])
    # one pulse-height channel is 150 counts of the six taps at scale 1, 75 at scale 2, 37.5 at scale 3
    amplitude = np.array([64 * 150.0, 64 * 75.0, 126 * 75.0, 126 * 37.5])
    assert hrc_taps.scales(pha, amplitude, calibration()).tolist() == [1, 2, 2, 3]


def test_the_fine_position_is_the_centroid_of_the_three_taps() -> None:
    found, flags = signals([100, 300, 0], [800, 400, 0], [100, 100, 0], [1, 1, 1])
    np.testing.assert_allclose(found.fine, [0, -0.25, 0])
    assert found.total.tolist() == [1000, 800, 0]
    assert flags.dtype == np.uint32


def test_the_third_tap_is_corrected_where_the_amplifiers_ring() -> None:
    model = calibration().axes["V"].ringing
    assert model is not None
    middle, first, last = 2000.0, 800.0, 300.0
    phase = (middle - 6.7 * (middle / first) ** 1.75 - 1) / (0.279 * middle + 655)
    corrected = last - (middle - 655) / -40 * np.sin(2 * np.pi * phase)
    found, flags = signals([first], [middle], [last], [3])
    assert found.total[0] == pytest.approx(first + middle + corrected)
    assert found.fine[0] == pytest.approx((corrected - first) / found.total[0])
    assert status.RINGING_V in bits(flags)[0]


@pytest.mark.parametrize(
    ("first", "last", "scale", "width", "rings"),
    [(411, 300, 3, False, True), (410, 300, 3, False, False), (800, 800, 3, False, False), (800, 799, 3, False, True),
     (800, 300, 2, False, False), (800, 300, 3, True, False)],
)  # fmt: skip
def test_only_some_events_ring(first: float, last: float, scale: int, width: bool, rings: bool) -> None:
    found, flags = signals([first], [2000], [last], [scale], width)
    assert (status.RINGING_V in bits(flags)[0]) is rings
    assert bool(found.total[0] != first + 2000 + last) is rings


def test_flatness_needs_both_outer_taps_at_half_the_middle_one() -> None:
    _, flags = signals([500, 499, 500, 0, 30], [1000, 1000, 1000, 0, 0], [500, 500, 499, 0, 30], [1] * 5)
    assert [status.FLAT_V in found for found in bits(flags)] == [True, False, False, False, False]


def test_an_outer_tap_above_the_middle_one_is_a_bad_centre() -> None:
    _, flags = signals([500, 501, 0], [500, 500, 500], [0, 0, 501], [1] * 3)
    assert [status.BAD_CENTRE_V in found for found in bits(flags)] == [False, True, True]


def test_two_taps_must_be_in_range_and_three_at_scale_3() -> None:
    taps = {
        (20, 4000, 0, 1): False, (19, 4000, 0, 1): True, (20, 4001, 0, 1): True, (20, 4001, 4000, 1): False,
        (20, 3900, 0, 2): False, (20, 3901, 0, 2): True, (20, 3550, 20, 3): False, (19, 3550, 20, 3): True,
        (20, 3551, 20, 3): True, (20, 3550, 19, 3): True, (0, 500, 0, 1): True,
    }  # fmt: skip
    first, middle, last, scale = (list(column) for column in zip(*taps, strict=True))
    _, flags = signals(first, middle, last, scale)
    assert [status.SATURATED_V in found for found in bits(flags)] == list(taps.values())


def test_the_hyperbola_has_two_edges() -> None:
    axis = Axis((0.25, 1.07, 0.27, 0.03), 0.5, None)
    fine = np.array([0.0, 0.3, -0.3])
    middle = 1.07 - 0.27 * np.sqrt(1 + (fine / 0.25) ** 2)
    for edge, fails in ((0.0, False), (0.0299, False), (-0.0299, False), (0.0301, True), (-0.0301, True)):
        assert hrc_taps.misfit(middle + edge, fine, axis).tolist() == [fails] * 3


def test_ratios_and_sums_are_tested() -> None:
    flags = np.zeros(6, np.uint32)
    v = np.array([1000.0, 1000, 1000, 0, 70, 1000])
    u = np.array([500.0, 499, 1501, 100, 79, 1000])
    scaled = v + u
    pha = np.array([15, 15, 15, 1, 1, 20])
    hrc_taps.sum_flags(v, u, pha, scaled, calibration(), flags)
    found = bits(flags)
    # amplitudes are floor(scaled / 150): 10, 9, 16, 0, 0, 13
    assert found[0] == set()
    assert found[1] == {status.GRID_RATIO, status.PHA_RATIO}
    assert found[2] == {status.GRID_RATIO}
    assert found[3] == {status.NO_AMPLITUDE, status.NO_SUM, status.ZERO_SUM}
    assert found[4] == {status.NO_AMPLITUDE}
    assert found[5] == {status.PHA_RATIO}


def test_gaps_are_closed_by_the_polynomial_of_the_tap_and_side() -> None:
    table = calibration((GAP,)).degap["V"]
    fine = np.array([0.5, -0.5, 0.0, 0.5])
    found = hrc_taps.degap(fine, np.array([7, 7, 7, 8]), 0, table)
    np.testing.assert_allclose(found, [0.9 * 0.5 + 0.3 * 0.25, -(1.1 * 0.5 - 0.2 * 0.25), 0, 0.5])
    assert calibration((GAP,)).degap["U"] is None


def test_pulse_invariants_overflow_at_the_last_channel() -> None:
    flags = np.zeros(3, np.uint32)
    scaled = 150 * np.array([10.99, 1023.0, 1023.1])
    found = hrc_taps.pulse_invariant(scaled, np.zeros(3), np.zeros(3), calibration(), flags)
    assert found.tolist() == [10, 1023, 1023]
    assert bits(flags) == [set(), set(), {status.PI_OVERFLOW}]


def test_the_gain_may_depend_on_the_place() -> None:
    from dataclasses import replace

    gains = np.array([[1.0, 2.0], [3.0, 4.0]])
    mapped = replace(calibration(), pi_gain=gains, pi_bin=8192)
    u, v = np.array([0, 8192, 0, 16383]), np.array([0, 8191, 8192, 16383])
    found = hrc_taps.pulse_invariant(np.full(4, 1500.0), u, v, mapped, np.zeros(4, np.uint32))
    assert found.tolist() == [10, 20, 30, 40]


@settings(derandomize=True, max_examples=50, deadline=None)
@given(value=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20))
def test_status_bits_and_numbers_are_each_others_inverse(value: list[int]) -> None:
    numbers = np.array(value, np.uint32)
    found = status.as_bits(numbers)
    assert found.shape == (len(value), 32)
    np.testing.assert_array_equal(status.as_number(found), numbers)
    assert found[0, 0] == bool(numbers[0] & status.mask(1))


def test_a_filter_pattern_says_which_bits_are_to_be_zero() -> None:
    assert status.filter_mask("x" * 31 + "0") == 1
    assert status.filter_mask("0" + "x" * 31) == 1 << 31
    for wrong in ("x" * 31, "1" * 32):
        with pytest.raises(ValueError, match="status filter"):
            status.filter_mask(wrong)


@pytest.mark.parametrize("detector", ["HRC-I", "HRC-S"])
def test_the_mission_has_a_calibration_without_gaps_and_ringing(detector: str) -> None:
    found = hrc_ready(detector)
    assert found.detector == detector
    assert found.degap == {"V": None, "U": None}
    assert all(axis.ringing is None for axis in found.axes.values())
    assert found.scale[[49, 50, 109, 110]].tolist() == [1, 2, 2, 3]


def test_the_files_of_the_mission_are_those_that_are_made_here() -> None:
    for name, made in tables().items():
        kept = hrc_tables(name)
        assert [table.name for table in kept] == [table.name for table in made]
        for ours, theirs in zip(made, kept, strict=True):
            assert list(ours.columns) == list(theirs.columns)
            for column, values in ours.columns.items():
                np.testing.assert_array_equal(values, theirs[column])


def test_a_calibration_that_is_not_there_or_wrong_is_refused() -> None:
    with pytest.raises(ConfigError, match="no row for HRC-X"):
        hrc_ready("HRC-X")
    with pytest.raises(ConfigError, match="there is no table DETECTORS that holds"):
        hrc_calibration.of_tables((), "HRC-I")
    with pytest.raises(ConfigError, match="KeyError"):
        hrc_calibration.from_rows("HRC-I", {}, [], [])
    with pytest.raises(ConfigError, match="ValueError"):
        calibration(GRID_RATIO="half")
    with pytest.raises(ConfigError, match="IndexError"):
        calibration((GAP | {"TAPNUM": "64"},))


def test_ringing_is_a_record_of_its_coefficients() -> None:
    assert calibration().axes["U"].ringing == Ringing(-40, -655, 0.279, 655, 6.7, 1.75, 0.2, 10)
