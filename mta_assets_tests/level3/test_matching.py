"""Neighbours on the sky against all pairs; groups against a plain walk."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import BadData
from mta_assets.level3.matching import directions, groups, mutual, pairs


@pytest.mark.parametrize("centre", [(0.0, 0.0), (180.0, 89.999), (266.4, -29.0), (359.9999, -90.0), (0.0001, 45.0)])
@pytest.mark.parametrize("radius", [0.5, 10.0, 600.0])
def test_the_pairs_are_those_of_all_distances(centre, radius):
    rng = np.random.default_rng(1)
    spread = radius * 3 / 3600
    first = directions(centre[0] + rng.normal(0, spread, 200), np.clip(centre[1] + rng.normal(0, spread, 200), -90, 90))
    second = directions(
        centre[0] + rng.normal(0, spread, 150), np.clip(centre[1] + rng.normal(0, spread, 150), -90, 90)
    )
    i, j, distance = pairs(first, second, radius)
    away = np.degrees(2 * np.arcsin(np.linalg.norm(first[:, None] - second[None], axis=-1) / 2)) * 3600
    expected = np.argwhere(away <= radius)
    assert sorted(zip(i.tolist(), j.tolist(), strict=True)) == [tuple(pair) for pair in expected.tolist()]
    np.testing.assert_allclose(distance, away[i, j], atol=1e-6)
    assert len(i) > 100
    assert np.all(np.diff(i) >= 0)


def test_places_that_are_no_numbers_and_radii_that_are_none_are_refused():
    place = directions([1.0], [2.0])
    with pytest.raises(BadData, match="no number"):
        pairs(place * np.nan, place, 1.0)
    with pytest.raises(BadData, match="search radius"):
        pairs(place, place, 0.0)
    assert len(pairs(place[:0], place, 1.0)[0]) == 0


def test_of_several_pairs_the_ones_that_both_like_best_remain():
    i, j = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    assert mutual(i, j, np.array([1.0, 2.0, 0.5, 3.0])).tolist() == [False, False, True, False]
    assert mutual(i, j, np.array([0.1, 2.0, 0.5, 3.0])).tolist() == [True, False, False, False]


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.integers(1, 30).flatmap(lambda n: st.tuples(
    st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=40))))  # fmt: skip
def test_groups_are_what_a_walk_along_the_pairs_reaches(case):
    number, links = case
    found = groups(number, np.array([a for a, _ in links], int), np.array([b for _, b in links], int))
    parent = list(range(number))
    for _ in range(number):
        for a, b in links:
            parent[a] = parent[b] = min(parent[a], parent[b])
    for a in range(number):
        for b in range(number):
            assert (found[a] == found[b]) == (parent[a] == parent[b])


def test_a_long_chain_is_one_group():
    number = 5000
    shuffled = np.random.default_rng(0).permutation(number)
    assert not groups(number, shuffled[:-1], shuffled[1:]).any()
