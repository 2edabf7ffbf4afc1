import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mta_assets.core.errors import BadData
from mta_assets.instruments import acis
from mta_assets.level1 import acis_pulses as p
from mta_assets.level1.acis_columns import (
    BIAS_BAD,
    BIAS_PARITY,
    BIAS_UNKNOWN,
    NOT_MAXIMUM,
    OVERFLOW,
    SUM_OVERFLOW,
    bit_array,
    status_number,
)

ISLANDS = arrays(np.int16, (4, 3, 3), elements=st.integers(-20, 60))


def island(*rows: list[int]) -> np.ndarray:
    return np.array([rows], np.int16)


@given(ISLANDS)
@settings(derandomize=True, deadline=None)
def test_flight_grades_are_those_of_the_instrument(phas):
    np.testing.assert_array_equal(p.flight_grade(p.planes(phas), 13), acis.fltgrade(phas))


def test_a_neighbour_counts_from_the_split_threshold_on():
    phas = np.concatenate([island([0, 12, 0], [0, 500, 0], [0, 0, 0]), island([0, 13, 0], [0, 500, 0], [0, 0, 0])])
    flight = p.flight_grade(p.planes(phas), 13)
    assert flight.tolist() == [0, 2]
    assert p.summed(p.planes(phas), flight).tolist() == [500, 513]


@pytest.mark.parametrize(
    ("rows", "total"),
    [
        # a square: the corner between two edges counts
        (([0, 40, 50], [0, 500, 60], [0, 0, 0]), 650),
        # three edges make grade 7: no corner counts
        (([0, 40, 50], [0, 500, 60], [0, 20, 0]), 620),
        # a third corner beside the square makes grade 7
        (([0, 40, 50], [0, 500, 60], [0, 0, 14]), 600),
        # one edge with its corner: grade 5
        (([0, 40, 50], [0, 500, 0], [0, 0, 0]), 540),
        # corners alone: grade 1
        (([15, 0, 50], [0, 500, 0], [0, 0, 20]), 500),
        # an L whose corner is below the threshold
        (([0, 40, 12], [0, 500, 60], [0, 0, 0]), 600),
        # all of it
        (([20, 20, 20], [20, 500, 20], [20, 20, 20]), 580),
    ],
)
def test_the_corner_of_a_square_is_summed_and_no_other(rows, total):
    pulses = p.planes(island(*rows))
    assert p.summed(pulses, p.flight_grade(pulses, 13)).tolist() == [total]
    corrected = pulses.astype(np.float32)
    assert p.summed(corrected, p.flight_grade(corrected, 13)).tolist() == [float(total)]


def test_every_flight_grade_sums_its_edges_and_one_corner_at_most():
    table = p.summed_pixels()
    flight = np.arange(256)
    np.testing.assert_array_equal(table & p.EDGES, flight & p.EDGES)
    corners = np.array([bin(c).count("1") for c in table & ~np.uint8(p.EDGES)])
    assert corners.max() == 1
    assert (acis.grade(flight[corners == 1]) == 6).all()
    assert (table & ~flight == 0).all()


def test_five_by_five_islands_are_graded_by_their_middle_and_cleaned_by_their_rim():
    phas = np.zeros((3, 5, 5), np.int16)
    phas[:, 1:4, 1:4] = [[0, 0, 0], [0, 700, 15], [0, 0, 0]]
    phas[1, 0, 0], phas[2, 4, 2] = 13, 14
    pulses = p.planes(phas)
    assert p.flight_grade(pulses, 13).tolist() == [16, 16, 16]
    assert p.summed(pulses, p.flight_grade(pulses, 13)).tolist() == [715, 715, 715]
    assert p.rim_charge(phas, 13).tolist() == [False, False, True]


def test_a_row_of_three_has_no_other_neighbours():
    pulses = p.planes(np.array([[20, 300, 5]], np.int16))
    assert p.flight_grade(pulses, 13).tolist() == [8]
    assert p.summed(pulses, p.flight_grade(pulses, 13)).tolist() == [320]


def test_islands_of_another_shape_are_refused():
    with pytest.raises(BadData, match="7"):
        p.planes(np.zeros((2, 7, 7), np.int16))


def test_status_of_pulse_heights():
    phas = np.zeros((5, 3, 3), np.int16)
    phas[:, 1, 1] = [100, 100, 12, 4095, 4096]
    phas[0, 0, 0], phas[1, 0, 0] = 100, 101
    pulses = p.planes(phas)
    total = p.summed(pulses, p.flight_grade(pulses, 13))
    assert p.pulse_status(pulses, total, 13).tolist() == [0, NOT_MAXIMUM, NOT_MAXIMUM, 0, OVERFLOW]
    sums = np.array([32766, 32767, 0, 0, 0])
    assert p.pulse_status(pulses, sums, 13)[:2].tolist() == [0, NOT_MAXIMUM | SUM_OVERFLOW]


def test_bias_and_overclock_are_taken_off_pixel_by_pixel():
    bias = np.arange(1024 * 1024).reshape(1024, 1024) % 100 + 200
    bias[9, 19], bias[29, 39] = 4095, 4094
    x, y = np.array([11, 20, 40]), np.array([5, 10, 30])
    raw = np.full((3, 3, 3), 500, np.int16)
    found, status = p.subtract_bias(raw, x, y, bias, np.array([0, 3, 0], np.int16))
    np.testing.assert_array_equal(found[0], 500 - bias[3:6, 9:12])
    assert found[1, 0, 0] == 500 - bias[8, 18] - 3
    assert status.tolist() == [0, BIAS_BAD, BIAS_PARITY]


def test_events_without_a_bias_map_are_kept_as_they_are_and_say_so():
    raw = np.full((2, 3, 3), 500, np.int16)
    found, status = p.subtract_bias(raw, np.array([1, 1024]), np.array([1, 1024]), None)
    np.testing.assert_array_equal(found, raw)
    assert status.tolist() == [BIAS_UNKNOWN] * 2


def test_status_as_bits_and_back():
    numbers = np.array([0, 1, 1 << 31, 0x800010], np.uint32)
    cells = bit_array(numbers)
    assert cells.shape == (4, 32)
    assert np.flatnonzero(cells[1]).tolist() == [31]  # bit 0 is the last of a FITS bit array
    np.testing.assert_array_equal(status_number(cells), numbers)
