"""Detection on fields whose sources are known, and on fields without any."""

import numpy as np
import pytest

from mta_assets.level2 import celldetect, measure, psf
from mta_assets.level2.boxes import BoxAreas, BoxSums
from mta_assets.level2.detect import detect
from mta_assets.level2.streaks import PIECES, streak_rates
from mta_assets_tests.level2.fields import field, sky


def found_in(put_in, where, **options):
    """What is found, for each the nearest true source and the distance to it [pixel]."""
    found = detect(lambda: [(put_in.x, put_in.y)], where, **options)
    if not len(found) or not len(put_in.sx):
        return found, np.zeros(len(found), int), np.full(len(found), np.inf)
    distance = np.hypot(found.x[:, None] - put_in.sx, found.y[:, None] - put_in.sy)
    nearest = distance.argmin(axis=1)
    return found, nearest, distance[np.arange(len(found)), nearest]


def test_sums_over_boxes_are_sums_over_boxes_also_at_the_edge():
    image = np.random.default_rng(0).poisson(3, (7, 9))
    row, column = np.indices(image.shape).reshape(2, -1)
    for half in (0, 1, 3, 20):
        expected = [image[max(r - half, 0) : r + half + 1, max(c - half, 0) : c + half + 1].sum()
                    for r, c in zip(row, column, strict=True)]  # fmt: skip
        assert BoxSums(image)(row, column, half).tolist() == expected
    ones = BoxSums(np.ones(image.shape))
    assert np.array_equal(BoxAreas(image.shape)(row, column, row % 3), ones(row, column, row % 3))


def test_cells_that_are_passed_over_would_have_been_no_candidates(monkeypatch):
    rng = np.random.default_rng(2)
    counts = rng.poisson(0.02, (150, 170)).astype(np.int32)
    counts[:, :60] = 0  # tiles without an event
    counts[70:73, 100:103] += 9
    counts[75:77, 112:114] += 4
    half = (1 + np.indices(counts.shape)[1] // 60).astype(np.int16)
    masked = np.zeros(counts.shape, bool)
    masked[66:77, 96:107] = True
    exposure = rng.integers(2, 5, counts.shape) / 4  # sums of which are exact

    def looked() -> list[list[float]]:
        look = celldetect.Look(counts, half, 1e-3, exposure)
        first = look.excesses()
        tables = [np.array(list(vars(cells).values())) for cells in (first, look.again(first, masked))]
        return [table[:, np.lexsort(table[:2])].tolist() for table in tables]

    quick = looked()
    monkeypatch.setattr(celldetect.Look, "_near", lambda self, image, size, least: np.ones(counts.shape, bool))
    assert quick == looked()
    assert len(quick[0][0]) > 5
    assert quick[0] != quick[1]


def test_the_point_image_has_the_light_that_its_radii_say():
    for theta in (0.0, 3.0, 10.0):
        assert float(psf.enclosed(psf.radius(theta, 0.5), psf.scale(theta))) == pytest.approx(0.5)
        assert float(psf.radius(theta, 0.5)) == pytest.approx(float(psf.half_radius(theta)))
    # Feigelson's fit of R(95 %) off axis: 3.80 arcsec at 5', 14.55 at 10'
    assert float(psf.radius(5.0, 0.95)) == pytest.approx(3.80, rel=0.05)
    assert float(psf.radius(10.0, 0.95)) == pytest.approx(14.55, rel=0.05)
    r = np.linspace(0, 4, 100_001)
    ring = 2 * np.pi * r * psf.density(r**2, 1.3)
    assert np.trapezoid(ring, r) == pytest.approx(float(psf.enclosed(4.0, 1.3)), rel=1e-6)
    rms = np.sqrt(np.trapezoid(ring * r**2, r) / np.trapezoid(ring, r) / 2)
    assert measure.spread(np.array([4.0]), np.array([1.3]))[0] == pytest.approx(rms, rel=1e-6)


def test_all_bright_sources_are_found_and_places_and_counts_are_right_within_their_errors():
    put_in = sky(1, np.full(60, 300.0), 0.3)
    found, nearest, distance = found_in(put_in, field())
    real = distance < 4
    assert set(nearest[real]) == set(range(60))
    assert (~real).sum() <= 1
    pull = np.concatenate([(found.x - put_in.sx[nearest])[real], (found.y - put_in.sy[nearest])[real]])
    pull /= np.tile(found.error[real], 2)
    assert 0.8 < pull.std() < 1.2
    assert abs(pull.mean()) < 0.3
    assert (distance[real] * 0.492).max() < 0.3  # [arcsec]
    net = (found.net - 300)[real] / found.upward[real]
    assert abs(net.mean()) < 0.4
    assert 0.6 < net.std() < 1.3
    width = measure.spread(found.radius, psf.scale(found.theta) / 0.492)
    ratio = np.sqrt((found.shapes.major**2 + found.shapes.minor**2) / 2) / width
    assert np.median(ratio[real]) == pytest.approx(1.0, abs=0.1)


def test_sources_above_five_sigma_are_found_among_very_bright_ones():
    put_in = sky(3, np.geomspace(20, 1e5, 80), 0.05)
    found, nearest, distance = found_in(put_in, field())
    real = distance < np.maximum(4, 3 * found.error)
    # significance of each source in its cell, from what was put in
    theta = np.hypot(put_in.sx - 4096.5, put_in.sy - 4096.5) * 0.492 / 60
    area = (2 * celldetect.half_widths(psf.radius(theta, celldetect.ENCLOSED) / 0.492) + 1) ** 2
    light = put_in.counts * psf.enclosed(np.sqrt(area / np.pi), psf.scale(theta) / 0.492)
    strong = light / np.sqrt(light + 2 * 0.05 * area) > 5
    crowded = np.hypot(put_in.sx[:, None] - put_in.sx, put_in.sy[:, None] - put_in.sy) < 25
    alone = ~(crowded & (put_in.counts > put_in.counts[:, None])).any(axis=1)
    assert set(np.flatnonzero(strong & alone)) <= set(nearest[real])
    assert (~real).sum() <= 1
    print(f"{strong.sum()} above 5 sigma, {len(found)} found, {(~real).sum()} false")


@pytest.mark.parametrize("background", [0.02, 0.1, 0.9, 5.0])
def test_the_rate_of_false_alarms_is_at_most_what_is_asked_for(background):
    fields, allowed = 24, 2.0
    false = sum(len(found_in(sky(100 + n, np.zeros(0), background, 256), field(256), false_alarms=allowed)[0])
                for n in range(fields))  # fmt: skip
    print(f"background {background}: {false} false in {fields} fields, {allowed * fields:.0f} allowed")
    assert false <= allowed * fields  # 48 at most on average; the Poisson scatter of 48 is 7


def test_the_edge_of_the_exposure_makes_no_sources():
    rng = np.random.default_rng(5)
    exposure = np.zeros((512, 512))
    exposure[100:400, 100:400] = 1.0
    exposure[100:250, 250:400] = 0.3  # a part that looked a shorter time
    image = rng.poisson(2.0 * exposure)
    row, column = np.nonzero(image)
    x, y = field(512).grid.sky(np.repeat(column, image[row, column]), np.repeat(row, image[row, column]))
    assert len(detect(lambda: [(x, y)], field(512, exposure))) <= 2
    assert len(detect(lambda: [(x, y)], field(512))) > 10  # without knowing the exposure the edges are sources


def test_two_sources_close_to_each_other_keep_their_places():
    rng = np.random.default_rng(8)
    s = float(psf.scale(0.0)) / 0.492
    r, angle = s * np.sqrt(rng.random(4000) ** (-1 / 1.5) - 1), rng.uniform(0, 2 * np.pi, 4000)
    centre = np.repeat([[4096.5, 4096.5], [4102.5, 4096.5]], [3000, 1000], axis=0)
    x, y = centre[:, 0] + r * np.cos(angle), centre[:, 1] + r * np.sin(angle)
    found = detect(lambda: [(x, y)], field(128))
    assert len(found) == 2
    order = np.argsort(-found.net)
    assert found.x[order].tolist() == pytest.approx([4096.5, 4102.5], abs=0.15)
    assert found.y[order].tolist() == pytest.approx([4096.5, 4096.5], abs=0.15)


def test_how_the_events_are_cut_into_blocks_makes_no_difference():
    put_in = sky(2, np.full(20, 50.0), 0.1, 512)
    whole = detect(lambda: [(put_in.x, put_in.y)], field(512))
    parts = detect(
        lambda: ((put_in.x[i : i + 999], put_in.y[i : i + 999]) for i in range(0, len(put_in.x), 999)), field(512)
    )
    assert whole.x.tolist() == parts.x.tolist()
    assert whole.net.tolist() == parts.net.tolist()
    assert len(whole) >= 15


def test_no_events_and_events_that_are_no_numbers_make_no_sources():
    assert len(detect(lambda: [], field(64))) == 0
    nothing = np.full(100, np.nan)
    assert len(detect(lambda: [(nothing, nothing)], field(64))) == 0


def test_a_column_that_is_bright_all_along_is_a_streak_and_a_source_is_none():
    rng = np.random.default_rng(4)
    counts = rng.poisson(20.0, (PIECES, 400))
    assert not streak_rates(counts).any()
    with_source = counts.copy()
    with_source[5, 100:103] += 5000
    assert not streak_rates(with_source).any()
    with_streak = counts.copy()
    with_streak[:, 200] += rng.poisson(40.0, PIECES)
    rate = streak_rates(with_streak)
    assert np.argmax(rate) == 200
    assert rate[200] / 12 == pytest.approx(40, rel=0.25)
    assert rate[[150, 250]].tolist() == [0, 0]


def test_an_image_wider_than_the_model_is_one_source_with_all_its_counts():
    rng = np.random.default_rng(12)
    centre = (4096.5 + 700, 4096.5)  # 5.7 arcmin off axis
    s = 1.5 * float(psf.scale(700 * 0.492 / 60)) / 0.492
    r, angle = s * np.sqrt(rng.random(3000) ** (-1 / 1.5) - 1), rng.uniform(0, 2 * np.pi, 3000)
    edge = 4096.5 - 1024
    x = np.concatenate([centre[0] + r * np.cos(angle), rng.uniform(edge, edge + 2048, 200_000)])
    y = np.concatenate([centre[1] + r * np.sin(angle), rng.uniform(edge, edge + 2048, 200_000)])
    found = detect(lambda: [(x, y)], field(2048))
    near = np.hypot(found.x - centre[0], found.y - centre[1]) < 30
    assert near.sum() == 1
    assert (~near).sum() <= 1
    assert found.net[near][0] == pytest.approx(3000, rel=0.06)
    assert np.hypot(found.x - centre[0], found.y - centre[1])[near][0] < 4 * found.error[near][0]
