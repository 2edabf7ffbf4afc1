from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import ConfigError
from mta_assets.core.times import from_utc
from mta_assets.missions.load import load_mission
from mta_assets.telemetry.clock import Clock, load_clock, mission_clock, nearest

CLOCK = mission_clock(load_mission("chandra"))
SIMULATED = from_utc("2024-03-01T00:00:00")
ROLL = 1 << 24


def table(tmp_path: Path, *rows: str, header: str = "valid_from_utc,btimnull,btimrate,btimdrft,rollovers") -> Path:
    path = tmp_path / "clock.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_the_time_of_a_counter_is_the_polynomial_of_the_keywords() -> None:
    clock = Clock(*(np.array([x]) for x in (100.0, 100.0, 0.25, 1e-6)), origin=np.array([ROLL]))
    assert clock.time([ROLL, ROLL + 4, ROLL + 1000]).tolist() == [100.0, 101.000016, 351.0]


@settings(derandomize=True, deadline=None)
@given(st.floats(90e6, 900e6))
def test_time_to_counter_and_back_is_exact_to_a_microsecond(time: float) -> None:
    counter = float(CLOCK.counter(time))
    below = int(np.floor(counter))
    early, late = CLOCK.time([below, below + 1])
    inside = early + (counter - below) * (late - early)
    if np.searchsorted(CLOCK.first, below, "right") == np.searchsorted(CLOCK.first, below + 1, "right"):
        assert inside == pytest.approx(time, abs=1e-6)


def test_counters_come_back_from_their_times_unchanged() -> None:
    counter = np.arange(-5, 20) + int(CLOCK.counter(SIMULATED))
    assert np.rint(CLOCK.counter(CLOCK.time(counter))).astype(int).tolist() == counter.tolist()


@settings(derandomize=True, deadline=None)
@given(st.integers(0, 1 << 40), st.integers(-(ROLL // 2) + 1, ROLL // 2 - 1))
def test_unwrapping_finds_any_counter_within_half_a_roll_over(counter: int, off: int) -> None:
    assert nearest(counter % ROLL, counter + off).tolist() == counter


def test_frames_on_both_sides_of_a_roll_over_stay_neighbours() -> None:
    zero = int(CLOCK.origin[-1]) + ROLL
    near = float(CLOCK.time(zero)) + 1000.0
    assert CLOCK.unwrap([ROLL - 1, 0, 1], near).tolist() == [zero - 1, zero, zero + 1]


def test_a_correlation_holds_from_its_date_on() -> None:
    first = CLOCK.first[-1]
    assert np.array_equal(CLOCK.time(first), CLOCK.null[-1] + CLOCK.rate[-1] * (first - CLOCK.origin[-1]))
    assert CLOCK.keywords(int(first))["BTIMNULL"][0] == CLOCK.null[-1]
    assert CLOCK.keywords(int(first) - 1)["BTIMNULL"][0] == CLOCK.null[-2]


def test_the_rates_of_the_table_are_those_of_the_real_spacecraft_clock() -> None:
    assert np.all(np.abs(CLOCK.rate - 0.25625001) < 1e-8)
    assert abs(CLOCK.time(CLOCK.first[-1]) - CLOCK.time(CLOCK.first[-1] - 1) - 0.25625) < 1e-3  # over the last change


@pytest.mark.parametrize(
    ("rows", "header", "complaint"),
    [
        ([], None, "no rows"),
        (["2024-01-01,1,0.25,0,0"], "valid_from_utc,btimnull,btimrate,btimdrft,turns", "rollovers"),
        (["yesterday,1,0.25,0,0"], None, "expected a UTC date"),
        (["2024-01-01,1,fast,0,0"], None, "expected a UTC date and numbers"),
        (["2024-01-01,1,0,0,0"], None, "must be positive"),
        (["2024-01-01,788918469,0.25,0,1", "2023-01-01,788918469,0.25,0,2"], None, "must grow"),
    ],
)
def test_a_wrong_table_is_refused_with_what_is_wrong(
    tmp_path: Path, rows: list[str], header: str | None, complaint: str
) -> None:
    path = table(tmp_path, *rows, **({"header": header} if header else {}))
    with pytest.raises(ConfigError, match=complaint):
        load_clock(path)
