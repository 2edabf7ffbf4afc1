from __future__ import annotations

import numpy as np

from mta_assets.level0.hot_pixels import find_hot_pixels

EXPOSURES = 1000


def background(rng: np.random.Generator, n: int = 60_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return rng.integers(0, 1024, n), rng.integers(0, 1024, n), rng.integers(0, EXPOSURES, n)


def with_events(*parts: tuple[np.ndarray, np.ndarray, np.ndarray]) -> tuple[np.ndarray, ...]:
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def pixel(x: int, y: int, exposures: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.full(len(exposures), x), np.full(len(exposures), y), exposures


def test_a_pixel_that_fires_in_most_exposures_is_hot() -> None:
    rng = np.random.default_rng(1)
    often, always = pixel(511, 300, np.arange(600)), pixel(0, 1023, np.arange(EXPOSURES))
    x, y, exposure = with_events(background(rng), often, always)
    found = find_hot_pixels(x, y, exposure, EXPOSURES)
    assert list(zip(found.x.tolist(), found.y.tolist(), strict=True)) == [(511, 300), (0, 1023)]
    assert found.count[0] >= 600
    assert np.all(found.bound < found.count)


def test_one_that_fires_in_less_than_half_of_them_is_not() -> None:
    x, y, exposure = with_events(background(np.random.default_rng(2)), pixel(511, 300, np.arange(0, 480)))
    assert len(find_hot_pixels(x, y, exposure, EXPOSURES).x) == 0


def test_many_events_in_few_exposures_are_not_a_hot_pixel() -> None:
    x, y, exposure = with_events(background(np.random.default_rng(3)), pixel(5, 5, np.repeat(np.arange(100), 50)))
    assert len(find_hot_pixels(x, y, exposure, EXPOSURES).x) == 0


def test_a_bright_point_source_at_rest_is_not_hot_wherever_it_falls_in_the_pixel() -> None:
    for seed, (cx, cy) in enumerate([(500.5, 500.5), (255.9, 300.5), (256.0, 777.0), (0.5, 0.5)]):
        rng = np.random.default_rng(seed)
        n = 20_000
        # core and wings as wide as an on-axis image in 0.49" pixels
        radius = np.where(rng.random(n) < 0.9, rng.rayleigh(0.42, n), rng.rayleigh(2.0, n))
        angle = rng.uniform(0, 2 * np.pi, n)
        x = np.floor(cx + radius * np.cos(angle)).astype(int)
        y = np.floor(cy + radius * np.sin(angle)).astype(int)
        on_chip = (x >= 0) & (y >= 0)
        source = (x[on_chip], y[on_chip], rng.integers(0, EXPOSURES, n)[on_chip])
        columns = with_events(background(rng), source)
        assert len(find_hot_pixels(*columns, EXPOSURES).x) == 0


def test_a_bright_column_at_a_node_boundary_is_not_hot() -> None:
    rng = np.random.default_rng(4)
    n = 1024 * 700
    column = (np.full(n, 255), rng.integers(0, 1024, n), rng.integers(0, EXPOSURES, n))
    assert len(find_hot_pixels(*with_events(background(rng), column), EXPOSURES).x) == 0


def test_too_few_exposures_say_nothing() -> None:
    assert len(find_hot_pixels(*pixel(1, 1, np.arange(19)), 19).x) == 0
    assert len(find_hot_pixels(*pixel(1, 1, np.arange(40)), 40).x) == 1
    assert len(find_hot_pixels([], [], [], 40).x) == 0
