import numpy as np
import pytest

from mta_assets.instruments import geometry
from mta_assets.simulate import optics, sky
from mta_assets.simulate.seeds import cell_generator, hashed_normal

HETG, LETG = optics.arms_of("HETG", "ACIS-S"), optics.arms_of("LETG", "HRC-S")
AXIS = np.array([[1.0, 0.0, 0.0]])


def at_focus(part, order, energy, body=AXIS):
    """FC position [mm] where a ray passes x = 0."""
    given = (np.array([energy]), np.array([part], np.int8), np.array([order], np.int8))
    start, direction = optics.rays(body, *given, HETG + LETG)
    return (start - direction * (start[:, :1] / direction[:, :1]))[0]


@pytest.mark.parametrize("arm", HETG + LETG, ids=lambda arm: arm.name)
def test_dispersion_follows_the_grating_equation(arm):
    energy, order = 1.0, 1
    place = at_focus(arm.part, order, energy)
    angle = np.arctan(np.hypot(place[1], place[2]) / arm.rowland)
    assert arm.period * np.sin(angle) == pytest.approx(order * 12.39842 / energy, rel=1e-6)
    assert np.degrees(np.arctan2(place[2], place[1])) == pytest.approx(arm.angle, abs=1e-6)


def test_orders_of_opposite_sign_lie_opposite_and_third_order_three_times_as_far():
    first, minus, third = (at_focus(2, order, 1.5) for order in (1, -1, 3))
    np.testing.assert_allclose(first, -minus, atol=1e-9)
    assert third[1] / first[1] == pytest.approx(3, rel=1e-3)


def test_undispersed_light_goes_through_the_node():
    body = geometry.unit_vector([0.1], [0.05])
    place = at_focus(0, 0, 1.0, body)
    assert place[1] == pytest.approx(-geometry.FOCAL_LENGTH * np.tan(np.radians(0.1)))
    assert place[2] < 0


def test_half_the_light_lies_within_a_pixel_on_axis_and_the_image_grows_off_axis():
    rng = cell_generator(1, "psf")
    widths = []
    for minutes in (0, 5, 10):
        body = np.repeat(geometry.unit_vector([minutes / 60], [0.0]), 20000, axis=0)
        apart = np.linalg.norm(optics.blur(body, rng) - body, axis=1) / geometry.ARCSEC
        widths.append(np.median(apart))
    assert widths[0] == pytest.approx(0.766 * optics.PSF_CORE, rel=0.05)
    assert widths[0] < widths[1] < widths[2] < 10


def test_orders_are_drawn_as_their_efficiencies_say():
    part, order = optics.draw_orders(np.full(100_000, 2.0), HETG, cell_generator(1, "orders"))
    meg = np.mean((part == 2) & (order == 1)) / np.mean(part == 0)
    assert meg == pytest.approx(0.6 * 0.166 / (0.4 * 0.088 + 0.6 * 0.249), rel=0.05)
    assert np.mean((part == 1) & (order == 1)) == pytest.approx(np.mean((part == 1) & (order == -1)), rel=0.05)
    assert set(order) == {-3, -1, 0, 1, 3}


def test_without_a_grating_nothing_is_dispersed():
    part, order = optics.draw_orders(np.ones(10), optics.arms_of("NONE", "HRC-I"), cell_generator(1))
    assert not part.any()
    assert not order.any()


def test_a_coronal_spectrum_has_its_lines():
    source = sky.sources(28101)[0]
    energy = sky.draw_energies(source, "ACIS-S", "HETG", 20000, cell_generator(1, "lines"))
    share = [np.mean(np.abs(energy - line) < 1e-9) for line in (1.0218, 1.4726, 2.0061)]
    assert min(share) > 0.01
    assert np.mean(energy > 8) < 0.05


def test_absorption_takes_the_soft_photons():
    source = next(s for s in sky.sources(28104))
    energy = sky.draw_energies(source, "ACIS-S", "NONE", 5000, cell_generator(1))
    assert np.mean(energy < 0.6) < 0.02


def test_hashed_deviates_are_normal_and_fixed_by_their_time():
    times = np.arange(20000) * 0.25625
    values = hashed_normal(3, "aca", times, 4)
    assert abs(values.mean()) < 0.02
    assert abs(values.std() - 1) < 0.02
    np.testing.assert_array_equal(hashed_normal(3, "aca", times[77:78], 4)[0], values[77])
    assert not np.array_equal(hashed_normal(4, "aca", times[:5], 4), values[:5])
    assert abs(np.corrcoef(values.T) - np.eye(4)).max() < 0.03
