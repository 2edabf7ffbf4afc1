"""Chances of counts against exact sums and published tables."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.level2 import poisson


def exact(counts, total, share):
    return sum(math.comb(total, i) * share**i * (1 - share) ** (total - i) for i in range(counts, total + 1))


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.001, 0.999))
def test_the_binomial_tail_is_the_sum_of_its_terms(counts, more, share):
    found = float(np.exp(poisson.log_chance(counts, counts + more, share)))
    assert found == pytest.approx(exact(counts, counts + more, share), rel=1e-9)


def test_the_tail_far_out_does_not_underflow():
    assert float(poisson.log_chance(1000, 1000, 0.01)) == pytest.approx(1000 * math.log(0.01), rel=1e-12)


def test_no_counts_are_certain_and_a_cell_without_share_can_have_none():
    assert poisson.log_chance([0, 3], [5, 5], [0.1, 0.0]).tolist() == [0.0, -np.inf]


@pytest.mark.parametrize("at", [0.5, 1.0, 2.0, 9.99, 10.0, 123.4, 1e6])
def test_the_logarithm_of_gamma(at):
    assert float(poisson.log_gamma(at)) == pytest.approx(math.lgamma(at), rel=1e-12, abs=1e-11)


def test_the_cheap_bounds_enclose_the_chance():
    counts = np.arange(11.0, 100.0)
    total, share = np.full(len(counts), 100.0), np.full(len(counts), 0.1)
    score, chance = poisson.excess(counts, total, share), poisson.log_chance(counts, total, share)
    assert (score > 0).all()
    assert (chance <= -score + 1e-9).all()
    assert (chance >= -score - 0.5 * np.log(8 * counts * (1 - counts / total))).all()
    assert poisson.excess(np.array([10.0]), np.array([100.0]), np.array([0.1])).tolist() == [0.0]


def test_significances_are_those_of_the_normal_law_and_go_on_where_it_underflows():
    five = math.log(1 - NormalDist().cdf(5.0))
    found = poisson.sigmas([five, math.log(0.5), -699.99, -700.01])
    assert found[0] == pytest.approx(5.0, abs=1e-6)
    assert found[1] == pytest.approx(0.0, abs=1e-12)
    assert found[3] - found[2] == pytest.approx(0.02 / found[2], rel=0.1)


def test_errors_of_counts_are_those_of_gehrels_tables():
    # Gehrels 1986, tables 1 and 2, S = 1: upper limits 1.841, 3.300, 14.27; lower limits 0.173, 6.891 of 0, 1, 10
    assert (poisson.upper_error([0, 1, 10]) + np.array([0, 1, 10])).tolist() == pytest.approx(
        [1.841, 3.300, 14.27], abs=0.03
    )
    assert (np.array([1, 10]) - poisson.lower_error([1, 10])).tolist() == pytest.approx([0.173, 6.891], abs=0.02)
    assert poisson.lower_error(0.0) == 0
