from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import BadData
from mta_assets.instruments.hrc import TICK
from mta_assets.simulate.hrc_events import encode
from mta_assets.telemetry.hrc_events import FIELDS, PARITY_BIT, SUB_FRAME, decode, sub_major_frame
from mta_assets.telemetry.science import ScienceStream

PERIOD = 0.25625


def frames(n: int, first: int = 0) -> tuple[np.ndarray, np.ndarray]:
    counter = first + np.arange(n, dtype=np.int64)
    return counter, 1000.0 + counter * PERIOD


def random_events(n: int, low: float, high: float, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    events = {f.name: rng.integers(0, 1 << f.bits, n) for f in FIELDS if f.name not in ("CLKTICKS", "SUB_MJF")}
    events["AMP_SF"] = rng.integers(1, 4, n)
    events["TIME"] = np.sort(rng.uniform(low, high, n))
    return events


def stream_of(data: np.ndarray, counter: np.ndarray, time: np.ndarray) -> ScienceStream:
    return ScienceStream(data, counter, time, np.zeros(len(counter), np.uint8))


def times_of(decoded: object, counter: np.ndarray, time: np.ndarray) -> np.ndarray:
    frame = decoded.frame
    sub = sub_major_frame(counter[frame], decoded.fields["SUB_MJF"])
    return time[frame] - (counter[frame] - SUB_FRAME * sub) * PERIOD + decoded.fields["CLKTICKS"] * TICK


def test_the_fields_fill_the_word_without_gap_or_overlap() -> None:
    taken = [(f.half, f.offset + k) for f in FIELDS for k in range(f.bits)] + [(1, PARITY_BIT)]
    assert sorted(taken) == [(half, bit) for half in (0, 1) for bit in range(64)]


@given(n=st.integers(0, 3000), first=st.integers(0, 2**24), seed=st.integers(0, 999))
@settings(derandomize=True, deadline=None, max_examples=30)
def test_events_come_back_with_their_values_and_times(n: int, first: int, seed: int) -> None:
    counter, time = frames(120, first)
    events = random_events(n, time[0], time[-60], seed)
    encoded = encode(events, counter, time)
    assert np.all(encoded.frame >= 0)
    decoded = decode(stream_of(encoded.data, counter, time))
    assert not decoded.damaged.any()
    assert not len(decoded.strays)
    assert np.array_equal(decoded.frame, encoded.frame)
    for field in FIELDS:
        if field.name in events:
            assert np.array_equal(decoded.fields[field.name], events[field.name])
    assert np.allclose(times_of(decoded, counter, time), events["TIME"], atol=0.51 * TICK, rtol=0)


@given(slot=st.integers(0, 47), bit=st.integers(0, 127))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_any_flipped_bit_is_found_in_events_and_in_empty_slots(slot: int, bit: int) -> None:
    counter, time = frames(1)
    events = random_events(20, time[0], time[0] + 0.2, 1)
    data = encode(events, counter, time).data.copy()
    data[0, 16 * slot + bit // 8] ^= np.uint8(1 << (bit % 8))
    decoded = decode(stream_of(data, counter, time))
    assert np.count_nonzero(decoded.damaged) + len(decoded.strays) == 1
    assert len(decoded.frame) >= 19


def test_a_frame_takes_48_events_and_the_rest_waits_for_the_next() -> None:
    counter, time = frames(4)
    events = random_events(100, time[0], time[0] + 0.01, 2)
    encoded = encode(events, counter, time)
    assert np.bincount(encoded.frame).tolist() == [48, 48, 4]
    decoded = decode(stream_of(encoded.data, counter, time))
    assert np.allclose(times_of(decoded, counter, time), events["TIME"], atol=0.51 * TICK, rtol=0)


def test_events_that_would_come_too_late_are_lost_and_those_that_are_kept_keep_their_time() -> None:
    counter, time = frames(64)
    events = random_events(6000, time[0], time[8], 3)
    encoded = encode(events, counter, time)
    kept = encoded.frame >= 0
    assert 0 < np.count_nonzero(~kept) < 6000 - 48 * 24
    decoded = decode(stream_of(encoded.data, counter, time))
    assert np.allclose(times_of(decoded, counter, time), events["TIME"][kept], atol=0.51 * TICK, rtol=0)


def test_an_event_at_the_last_moment_of_a_sub_major_frame_keeps_its_time() -> None:
    counter, time = frames(20)
    events = random_events(1, 0, 1, 4)
    events["TIME"] = np.array([time[8] - 1e-7])
    encoded = encode(events, counter, time)
    decoded = decode(stream_of(encoded.data, counter, time))
    assert times_of(decoded, counter, time)[0] == pytest.approx(events["TIME"][0], abs=0.51 * TICK)
    assert encoded.time[0] == pytest.approx(events["TIME"][0], abs=0.51 * TICK)


def test_wrong_events_are_refused() -> None:
    counter, time = frames(8)
    events = random_events(2, time[0], time[4], 5)
    with pytest.raises(BadData, match="AMP_SF 0"):
        encode({**events, "AMP_SF": np.array([0, 1])}, counter, time)
    with pytest.raises(BadData, match="AV1 4096"):
        encode({**events, "AV1": np.array([4096, 4096])}, counter, time)
    with pytest.raises(BadData, match="times decrease"):
        encode({**events, "TIME": np.array([time[1], time[0]])}, counter, time)
