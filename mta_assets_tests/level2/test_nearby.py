"""Events near sources: one by one about faint ones, counted in cells about bright ones, however they come."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.level2 import lots, measure, nearby, psf
from mta_assets.level2.detect import Found, detect
from mta_assets.level2.skygrid import Grid
from mta_assets_tests.level2.fields import Sky, field, sky

GRID = Grid(0.5, 0.5, (40, 60))
ONE = (np.array([20.0]), np.array([15.0]))
REACH, SCALE = np.array([4.0]), np.array([1.0])
SIZE = 160
# about all but the faintest one there are more events than are kept one by one, and their surroundings overlap
CROWD = sky(7, np.array([60.0, 300.0, 5000.0, 20_000.0, 50_000.0]), 0.4, SIZE)


def gathered(x, y, at=ONE, reach=REACH, grid=GRID):
    counts = grid.add(grid.empty(), x, y)
    return nearby.events_near(lambda: [(x, y)], counts, grid, at, reach, np.full(len(reach), 1.0))


def cut(put_in: Sky, ends: list[int]) -> Found:
    pieces = list(zip(np.split(put_in.x, ends), np.split(put_in.y, ends), strict=True))
    return detect(lambda: pieces, field(SIZE))


def values(found: Found) -> list[bytes]:
    arrays = [value for value in vars(found).values() if isinstance(value, np.ndarray)]
    return [array.tobytes() for array in (*arrays, *vars(found.shapes).values(), *vars(found.cells).values())]


def test_few_events_are_kept_as_they_are_and_those_far_away_are_left_out():
    x = np.array([20.125, 70.0, 20.0, 50.0, np.nan, 17.25, 23.9])
    y = np.array([15.5, 15.0, 15.0, 35.0, 15.0, 12.0, 18.5])
    points = gathered(x, y)
    assert points.x.tolist() == [20.125, 20.0, 17.25, 23.9]
    assert points.y.tolist() == [15.5, 15.0, 12.0, 18.5]
    assert points.number.tolist() == [1, 1, 1, 1]


def test_events_of_bins_that_do_not_count_are_left_out():
    x, y = np.array([20.1, 21.0, 20.2]), np.array([15.1, 15.0, 14.9])
    counts = GRID.add(GRID.empty(), x, y)
    counts[14, 20] = 0  # where the second one is
    points = nearby.events_near(lambda: [(x, y)], counts, GRID, ONE, REACH, SCALE)
    assert points.x.tolist() == [20.1, 20.2]


@pytest.mark.parametrize(("events", "together"), [(nearby.MOST, False), (nearby.MOST + 1, True)])
def test_from_a_number_on_events_are_counted_in_cells_at_their_mean_place(events, together):
    rng = np.random.default_rng(3)
    x, y = (np.clip(rng.normal(at[0], 0.3, events), at[0] - 3, at[0] + 3) for at in ONE)
    points = gathered(x, y)
    assert points.number.sum() == events
    assert (len(points.x) < events) == together
    assert np.average(points.x, weights=points.number) == pytest.approx(x.mean(), abs=1e-7)
    assert np.average(points.y, weights=points.number) == pytest.approx(y.mean(), abs=1e-7)
    if together:
        # each event lies in the cell whose point stands for it: nowhere more than a diagonal away
        away = np.hypot(x[:, None] - points.x, y[:, None] - points.y).min(axis=1)
        assert away.max() <= np.sqrt(2) / nearby.FINE


def test_a_bin_near_a_bright_and_a_faint_source_is_counted_in_cells_of_the_bright_one():
    rng = np.random.default_rng(4)
    x = np.concatenate([rng.normal(20, 0.5, 9000), [25.0, 29.0]])
    y = np.concatenate([rng.normal(15, 0.5, 9000), [15.0, 15.0]])
    points = gathered(x, y, (np.array([20.0, 27.0]), np.array([15.0, 15.0])), np.array([6.0, 4.0]))
    assert points.number.sum() == 9002
    assert (points.x[0], points.y[0]) == (29.0, 15.0)  # in the box of the faint one alone
    there = np.abs(points.x - 25.0) < 1e-6
    assert points.number[there].tolist() == [1]


def test_there_are_never_more_points_than_cells_also_where_bins_are_large():
    rng = np.random.default_rng(5)
    grid = Grid(0.5, 0.5, (40, 60), 64.0)
    x, y = (rng.uniform(at - 200, at + 200, 100_000) for at in (1280, 960))
    points = gathered(x, y, (np.array([1280.0]), np.array([960.0])), np.array([100.0]), grid)
    assert nearby.WIDEST**2 / 2 < len(points.x) <= nearby.WIDEST**2
    assert points.number.sum() > nearby.WIDEST**2


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, len(CROWD.x)), max_size=6).map(sorted))
def test_how_the_events_are_cut_into_blocks_does_not_change_a_bit_of_the_result(ends):
    assert values(cut(CROWD, ends)) == values(cut(CROWD, []))


def test_the_same_in_many_blocks_of_the_same_size():
    for size in (997, 8192):
        assert values(cut(CROWD, list(range(size, len(CROWD.x), size)))) == values(cut(CROWD, []))
    assert len(cut(CROWD, [])) == 5


@pytest.mark.parametrize(("mean", "background"), [(6000.0, 0.3), (30_000.0, 0.3), (3000.0, 15.0)])
def test_places_and_counts_from_cells_are_those_from_the_events(monkeypatch, mean, background):
    put_in = sky(21, np.full(16, mean), background, 320)

    def found() -> Found:
        return detect(lambda: [(put_in.x, put_in.y)], field(320))

    cells = found()
    monkeypatch.setattr(nearby, "MOST", len(put_in.x))
    events = found()
    assert len(cells) == len(events) >= 15
    away = np.hypot(cells.x - events.x, cells.y - events.y) / events.error
    net = (cells.net - events.net) / events.upward
    width = cells.shapes.major / events.shapes.major
    print(f"{mean:.0f} on {background}: place {np.median(away):.4f} (greatest {away.max():.4f}), counts "
          f"{net.std():.2f} (mean {net.mean():.2f}) sigma, width {width.mean():.4f}")  # fmt: skip
    assert 0 < np.median(away) < 0.01
    assert away.max() < 0.05
    assert abs(net.mean()) < 0.15
    assert net.std() < 0.25
    assert abs(width.mean() - 1) < 0.005
    np.testing.assert_allclose(cells.error, events.error, rtol=0.01)


def many_events(number: int, block: int = 20_000) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Nine sources with half of all events, block by block."""
    rng = np.random.default_rng(11)
    s = float(psf.scale(0.5)) / 0.492
    for _ in range(number // block):
        i = rng.integers(0, 9, block // 2)
        r = s * np.sqrt(rng.random(len(i)) ** (-1 / psf.SLOPE) - 1)
        angle = rng.uniform(0, 2 * np.pi, len(i))
        even = 4096.5 + rng.uniform(-SIZE / 2, SIZE / 2, (2, block - len(i)))
        x = np.concatenate([4096.5 + 40 * (i % 3 - 1) + r * np.cos(angle), even[0]])
        yield x, np.concatenate([4096.5 + 40 * (i // 3 - 1) + r * np.sin(angle), even[1]])


def test_memory_does_not_grow_with_the_events_of_the_sources():
    def peak(number: int) -> int:
        tracemalloc.start()
        found = detect(lambda: many_events(number), field(SIZE))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(found) >= 9
        assert found.counts.sum() > 0.4 * number
        return most

    peak(20_000)  # what is made once and kept
    few, much = peak(1_000_000), peak(4_000_000)
    print(f"{few / 1e6:.1f} MB for a million events, {much / 1e6:.1f} MB for four")
    assert much < 1.5 * few  # the last empty cells fill up
    assert much < 16 * 4_000_000 / 4  # a quarter of what the places of all events take


def test_sources_that_share_points_over_others_are_a_group():
    point = np.array([0, 1, 1, 2, 2, 3, 5])
    source = np.array([0, 0, 3, 3, 1, 2, 5])
    assert lots.groups(point, source, 6).tolist() == [0, 0, 2, 0, 4, 5]
    assert lots.groups(np.zeros(0, np.int64), np.zeros(0, np.int64), 0).tolist() == []


def test_lots_are_of_whole_groups(monkeypatch):
    monkeypatch.setattr(lots, "LOT", 3)
    point, source = np.arange(10), np.array([0, 0, 1, 1, 2, 3, 3, 3, 3, 4])
    assert lots.lots(point, source, 6).tolist() == [0, 0, 1, 1, 2, 2]
    assert lots.lots(np.append(point, 0), np.append(source, 4), 6).tolist() == [0, 1, 2, 2, 0, 3]


def test_what_is_measured_does_not_depend_on_the_size_of_the_lots(monkeypatch):
    put_in = sky(22, np.geomspace(30, 3000, 25), 0.1, 512)

    def found() -> Found:
        return detect(lambda: [(put_in.x, put_in.y)], field(512))

    whole = found()
    monkeypatch.setattr(lots, "LOT", 1)
    alone = found()
    assert len(whole) == len(alone) > 20
    # the iteration ends earlier where no other source still needs it
    assert (np.hypot(whole.x - alone.x, whole.y - alone.y) / whole.error).max() < 5 * measure.STILL
    np.testing.assert_allclose(whole.net, alone.net, rtol=0.05)
