import numpy as np
import pytest

from mta_assets.core.errors import BadData
from mta_assets.core.tables import Table
from mta_assets.level1.acis_gain import ChargeTransfer, Gain, TimeGain, pi_of
from mta_assets.level1.acis_position import SubPixel, adjusted
from mta_assets.level1.acis_random import uniform
from mta_assets.level1.acis_tables import Curves, Regions


def regions(rows, older=False, **more):
    """Table of regions (ccd, x_lo, x_hi, y_lo, y_hi)."""
    names = ("CHIPX_MIN", "CHIPX_MAX", "CHIPY_MIN", "CHIPY_MAX") if older else (
        "CHIPX_LO", "CHIPX_HI", "CHIPY_LO", "CHIPY_HI")  # fmt: skip
    table = np.array(rows)
    return Table("TEST", dict(zip(("CCD_ID", *names), table.T, strict=True)) | more)


def at(*values):
    return tuple(np.array(v, np.intp) for v in values)


@pytest.mark.parametrize("older", [False, True])
def test_a_pixel_finds_its_region(older):
    lookup = Regions(regions([(7, 1, 256, 1, 1024), (7, 257, 1024, 1, 32), (3, 1, 1024, 1, 1024)], older))
    found = lookup(*at([7, 7, 7, 7, 3, 0, 10], [256, 257, 257, 1024, 500, 500, 1], [1024, 32, 33, 1, 500, 500, 1]))
    assert found.tolist() == [0, 1, lookup.none, 1, 2, lookup.none, lookup.none]


@pytest.mark.parametrize(
    "rows", [[(7, 0, 256, 1, 1024)], [(10, 1, 256, 1, 1024)], [(7, 10, 9, 1, 2)], [(7, 1, 9, 1, 9), (7, 9, 12, 9, 12)]]
)
def test_regions_off_the_chip_or_on_each_other_are_refused(rows):
    with pytest.raises(BadData, match="row"):
        Regions(regions(rows))


def test_curves_are_straight_between_their_points_and_beyond():
    rng = np.random.default_rng(5)
    x = np.sort(rng.uniform(0, 4000, (20, 9)), axis=1).astype(np.float32)
    y = rng.uniform(0, 10000, (20, 9))
    points = rng.integers(2, 10, 20)
    curves = Curves(points, x, y, "TEST")
    row, value = rng.integers(0, 20, 500), rng.uniform(-50, 4500, 500).astype(np.float32)
    found = curves(row, value)
    for r, v, f in zip(row, value, found, strict=True):
        n = points[r]
        if x[r, 0] <= v <= x[r, n - 1]:
            assert f == pytest.approx(np.interp(v, x[r, :n], y[r, :n]), rel=1e-3, abs=1.0)
    low = curves(np.array([0]), x[:1, 0] - 1) - curves(np.array([0]), x[:1, 0])
    assert low[0] == pytest.approx(-(y[0, 1] - y[0, 0]) / (x[0, 1] - x[0, 0]), rel=1e-2)
    assert np.isnan(curves(np.array([20]), np.zeros(1, np.float32))).all()


def test_points_that_do_not_ascend_are_refused():
    with pytest.raises(BadData, match="row 1"):
        Curves([2, 2], np.array([[0, 1], [1, 1]]), np.zeros((2, 2)), "TEST")
    with pytest.raises(BadData, match="row 0"):
        Curves([1], np.zeros((1, 2)), np.zeros((1, 2)), "TEST")


def gain_table():
    return regions(
        [(7, 1, 512, 1, 1024), (7, 513, 1024, 1, 1024)],
        NPOINTS=np.array([2, 3]),
        PHA=np.array([[0, 4000, 0], [0, 1000, 4000]], np.float32),
        ENERGY=np.array([[0, 16000, 0], [100, 5100, 17100]], np.float32),
    )


def test_energies_follow_the_gain_of_the_region():
    gain = Gain(gain_table())
    region = gain.regions(*at([7, 7, 7, 6], [512, 513, 513, 513], [1, 1, 1, 1]))
    energy = gain.energy(region, np.array([1000, 1000, 2000, 1000], np.float32))
    assert energy[:3].tolist() == [4000.0, 5100.0, 9100.0]
    assert np.isnan(energy[3])
    assert gain.energy(np.array([0]), np.array([-3], np.float32)).tolist() == [0.0]


@pytest.mark.parametrize(
    ("energy", "channel"),
    [(0, 1), (14.59, 1), (14.61, 2), (14600, 1001), (14935, 1023), (14936, 1024), (1e6, 1024), (np.nan, 0)],
)
def test_pi_counts_channels_from_one_to_1024(energy, channel):
    assert pi_of(np.array([energy], np.float32)).tolist() == [channel]


@pytest.mark.parametrize(("time", "drift"), [(0, 10), (50, 15), (100, 20), (200, 30)])
def test_the_drift_of_the_gain_goes_on_between_its_epochs_and_beyond(time, drift):
    table = regions(
        [(7, 1, 1024, 1, 1024)],
        NPOINTS=np.array([2]),
        PHA=np.array([[0, 1000]], np.float32),
        DELTPHA1=np.array([[0, 10]], np.float32),
        DELTPHA2=np.array([[0, 20]], np.float32),
    ).with_header({"EPOCH1": 0.0, "EPOCH2": (100.0, "[s]")})
    gain = TimeGain(table, time)
    found = gain.drift(gain.regions(*at([7, 7, 5], [1, 1, 1], [1, 1, 1])), np.array([1000, 500, 1000], np.float32))
    assert found.tolist() == pytest.approx([drift, drift / 2, 0])


def test_a_drift_needs_its_epochs():
    with pytest.raises(BadData, match="EPOCH1"):
        TimeGain(gain_table(), 0.0)
    with pytest.raises(BadData, match="EPOCH2 is not after"):
        TimeGain(gain_table().with_header({"EPOCH1": 1.0, "EPOCH2": 1.0}), 0.0)


def transfer(density=(0.0, 0.04), curve=((0, 0), (4095, 4095)), trailing=0.0):
    table = regions([(3, 1, 1024, 1, 512), (3, 1, 1024, 513, 1024)], TRAPDENS=np.array(density, np.float32))
    volume = Table(
        "CTI_VOLUME",
        {
            "CCD_ID": np.array([3]),
            "NPOINTS": np.array([len(curve)]),
            "PHA": np.array([[p for p, _ in curve]], np.float32),
            "VOLUME_Y": np.array([[v for _, v in curve]], np.float32),
            "FRCTRLY": np.array([trailing]),
        },
    )
    return ChargeTransfer(table, volume)


def test_what_was_lost_on_the_way_is_given_back():
    pulses = np.zeros((9, 3), np.int16)
    pulses[4] = [960, 960, 96]
    found = transfer().correct(pulses, *at([3, 3, 3], [1, 1, 1], [512, 513, 1024]), 13)
    np.testing.assert_allclose(found[4], [960, 1000, 100], rtol=1e-6)
    assert not found[0].any()


def test_a_neighbour_may_come_over_the_threshold():
    pulses = np.zeros((9, 2), np.int16)
    pulses[4], pulses[1] = 500, [12, 13]
    found = transfer(density=(0.0, 0.1)).correct(pulses, *at([3, 3], [1, 1], [600, 600]), 13)
    assert (found[1] >= 13).tolist() == [True, True]
    assert transfer().correct(pulses, *at([3, 3], [1, 1], [600, 600]), 13)[1][0] < 13


def test_a_curved_volume_is_solved_for():
    curve = tuple((p, 3 * p**0.7) for p in range(0, 4096, 5))
    work = transfer(density=(0.05, 0.3), curve=curve)
    true = np.array([50.0, 400.0, 2500.0])
    read = np.rint(true - 0.3 * 3 * true**0.7).astype(np.int16)
    pulses = np.zeros((9, 3), np.int16)
    pulses[4] = read
    found = work.correct(pulses, *at([3, 3, 3], [5, 5, 5], [900, 900, 900]), 13)[4]
    np.testing.assert_allclose(found - 0.3 * 3 * found**0.7, read, atol=0.2)


def test_charge_that_trails_is_taken_from_the_row_behind():
    pulses = np.zeros((9, 1), np.int16)
    pulses[4], pulses[7] = 960, 50
    plain = transfer().correct(pulses, *at([3], [1], [600]), 13)
    trailed = transfer(trailing=0.5).correct(pulses, *at([3], [1], [600]), 13)
    assert trailed[4] == pytest.approx(1000, abs=0.1)
    assert plain[7] - trailed[7] == pytest.approx(0.5 * 0.04 * 1000 / 0.96, rel=0.01)


def test_chips_and_rows_without_loss_are_left_alone():
    pulses = np.full((9, 2), 100, np.int16)
    assert transfer().correct(pulses, *at([3, 7], [1, 1], [1, 900]), 13) is None


def test_sums_of_graded_events_are_corrected_too():
    found = transfer().correct_sum(np.array([960, 960]), *at([3, 3], [1, 1], [1, 1000]))
    np.testing.assert_allclose(found, [960, 1000], rtol=1e-6)


def test_losses_of_all_charge_are_refused():
    with pytest.raises(BadData, match="all of their charge"):
        transfer(density=(0.0, 1.0))


def subpixel_table(offset=0.4):
    return Table(
        "AXAF_SUBPIX",
        {
            "CCD_ID": np.array([7]),
            "FLTGRADE": np.array([16]),
            "NPOINTS": np.array([2]),
            "ENERGY": np.array([[1000, 3000]], np.float32),
            "CHIPX_OFFSET": np.array([[offset, offset - 0.2]], np.float32),
            "CHIPY_OFFSET": np.zeros((1, 2), np.float32),
        },
    )


def test_split_events_are_moved_and_others_are_not():
    table = SubPixel(subpixel_table())
    dx, dy = table(*at([7, 7, 7, 7, 6, 10]), np.array([16, 16, 16, 0, 16, 16], np.uint8),
                   np.array([500, 2050, 9000, 2050, 2050, np.nan], np.float32))  # fmt: skip
    np.testing.assert_allclose(dx, [0.4, 0.295, 0.2, 0, 0, 0], atol=1e-6)
    assert not dy.any()
    with pytest.raises(BadData, match="out of the pixel"):
        SubPixel(subpixel_table(offset=0.51))


def test_adjustments_of_the_place_in_a_pixel():
    x, y, ccd = at([10, 20], [30, 40], [7, 7])
    flight, energy = np.array([16, 0], np.uint8), np.array([1000, 1000], np.float32)
    place = lambda name, table=None, seed=1: adjusted(name, x, y, ccd, flight, energy, table, seed, 0)  # noqa: E731
    np.testing.assert_array_equal(place("NONE"), [[10, 20], [30, 40]])
    np.testing.assert_allclose(place("EDSER", SubPixel(subpixel_table())), [[10.395, 20], [30, 40]], atol=1e-6)
    shift = np.array(place("RANDOMIZE")) - [[10, 20], [30, 40]]
    assert (np.abs(shift) <= 0.5).all()
    assert len(np.unique(shift)) == 4
    np.testing.assert_array_equal(place("RANDOMIZE"), place("RANDOMIZE"))
    assert (np.array(place("RANDOMIZE", seed=2)) != place("RANDOMIZE")).all()
    with pytest.raises(BadData, match="calibration table"):
        place("EDSER")
    with pytest.raises(BadData, match="CENTROID"):
        place("CENTROID")


def test_random_numbers_belong_to_the_event_not_to_the_block():
    whole = uniform(4, 0, 0, 100_000)
    np.testing.assert_array_equal(whole[70_000:], uniform(4, 0, 70_000, 30_000))
    assert (whole >= 0).all() & (whole < 1).all()
    assert whole.mean() == pytest.approx(0.5, abs=0.005)
    assert np.histogram(whole, 10)[0] == pytest.approx(np.full(10, 1e4), rel=0.05)
    for other in (uniform(5, 0, 0, 100_000), uniform(4, 1, 0, 100_000)):
        assert abs(np.corrcoef(whole, other)[0, 1]) < 0.02
