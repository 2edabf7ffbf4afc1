import numpy as np

from mta_assets.instruments import hrc


def test_equal_outer_taps_mean_the_middle_of_the_tap():
    assert hrc.raw_position(10, 100, 800, 100) == 10.5 * 256


def test_an_event_without_amplitude_has_the_middle_of_its_tap():
    assert hrc.raw_position([3], [0], [0], [0]).tolist() == [3.5 * 256]


def test_more_charge_in_the_third_tap_moves_up():
    low, high = hrc.raw_position([5, 5], [300, 100], [700, 700], [100, 300])
    assert low < 5.5 * 256 < high


def test_veto_bits_fill_a_byte_once():
    assert sum(hrc.VETO_BITS.values()) == 255
    assert np.bitwise_or.reduce(list(hrc.VETO_BITS.values())) == 255
