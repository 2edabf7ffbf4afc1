"""Framing of CCSDS packets: every byte is a packet's or in a flaw, whatever the bytes are."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.telemetry.ccsds import Framer, frame_bytes, frame_stream
from mta_assets_tests.telemetry.spp_reference import packet, stream

EXACT = settings(derandomize=True, deadline=None, max_examples=150)
sizes = st.lists(st.integers(1, 40), min_size=1, max_size=60)


def body(size, seed=0):
    """Bytes that look like nothing in particular."""
    return np.random.default_rng(size * 1000 + seed).integers(0, 256, size, np.uint8).tobytes()


def accounted(data, packets, flaws):
    """Bytes of packets and of flaws together are all bytes, none twice."""
    seen = np.zeros(len(data), int)
    for start, length in zip(packets.place, packets.length, strict=True):
        seen[start : start + length] += 1
    for flaw in flaws:
        seen[flaw.first : flaw.last + 1] += 1
    return bool((seen == 1).all())


def test_header_fields_are_read_as_they_were_written():
    packets, flaws = frame_bytes(packet(b"abc", 1344, 16383, 1, 1) + packet(b"d", 1344, 0, 2, 1))
    assert flaws == []
    assert packets.apid.tolist() == [1344, 1344]
    assert packets.seqcount.tolist() == [16383, 0]
    assert packets.seqflags.tolist() == [1, 2]
    assert packets.secondary.tolist() == [True, True]
    assert packets.version.tolist() == [0, 0]
    assert packets.length.tolist() == [9, 7]
    assert packets.place.tolist() == [0, 9]


@EXACT
@given(sizes)
def test_packets_of_any_lengths_are_found(lengths):
    data = stream(body(size, n) for n, size in enumerate(lengths))
    packets, flaws = frame_bytes(data)
    assert flaws == []
    assert packets.length.tolist() == [size + 6 for size in lengths]
    assert packets.seqcount.tolist() == list(range(len(lengths)))


def test_long_stretches_of_equal_lengths_between_others_are_found():
    lengths = [5] * 700 + [9] + [5] * 90 + [8, 8, 8, 8, 8, 9] + [7] * 5000
    packets, flaws = frame_bytes(stream(body(size, n) for n, size in enumerate(lengths)))
    assert flaws == []
    assert packets.length.tolist() == [size + 6 for size in lengths]


def test_several_apids_mixed_are_found():
    data = b"".join(packet(body(20 + apid, n), apid * 100, n) for n in range(40) for apid in range(1, 12))
    packets, flaws = frame_bytes(data)
    assert flaws == []
    assert len(packets) == 440


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_file_that_ends_within_a_packet_is_truncated_there(cut):
    data = stream(body(24, n) for n in range(10))
    packets, flaws = frame_bytes(data[:-cut])
    assert len(packets) == 9
    assert [(flaw.kind, flaw.first, flaw.last) for flaw in flaws] == [("truncated", 270, 299 - cut)]


def test_garbage_between_packets_is_skipped_and_counted():
    first, second = (b"".join(packet(body(30, n), 11, n) for n in range(*span)) for span in ((0, 20), (20, 40)))
    garbage = b"\xff" * 123
    packets, flaws = frame_bytes(first + garbage + second)
    assert packets.seqcount.tolist() == list(range(40))
    assert [(flaw.kind, flaw.first, flaw.last) for flaw in flaws] == [("bad_sync", 720, 842)]


def test_garbage_in_front_is_skipped():
    data = b"\xfe\xdc" * 50 + stream(body(30, n) for n in range(40))
    packets, flaws = frame_bytes(data)
    assert packets.seqcount.tolist() == list(range(40))
    assert [(flaw.kind, flaw.first, flaw.last) for flaw in flaws] == [("bad_sync", 0, 99)]


@pytest.mark.parametrize("bit", range(48))
def test_one_flipped_bit_of_a_header_costs_at_most_that_packet(bit):
    good = stream(body(65, n) for n in range(60))
    at = 71 * 30
    data = bytearray(good)
    data[at + bit // 8] ^= 0x80 >> bit % 8
    packets, flaws = frame_bytes(bytes(data))
    assert accounted(data, packets, flaws)
    assert set(range(0, 71 * 60, 71)) - set(packets.place.tolist()) <= {at}
    assert len(packets) <= 60


@EXACT
@given(st.binary(max_size=3000))
def test_random_bytes_are_accounted_for(data):
    packets, flaws = frame_bytes(data)
    assert accounted(data, packets, flaws)
    assert (packets.version == 0).all()


@EXACT
@given(sizes, st.lists(st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=9)), max_size=4))
def test_damaged_files_are_accounted_for(lengths, damages):
    data = bytearray(stream(body(size, n) for n, size in enumerate(lengths)))
    for place, content in damages:
        place %= len(data)
        data[place : place + len(content)] = content
    packets, flaws = frame_bytes(bytes(data))
    assert accounted(data, packets, flaws)


@pytest.mark.parametrize("fill", [b"\0", b"\xff"])
def test_fill_is_no_packet(fill):
    packets, flaws = frame_bytes(fill * 5000)
    assert len(packets) == 0
    assert [(flaw.kind, flaw.first, flaw.last) for flaw in flaws] == [("bad_sync", 0, 4999)]


def test_an_empty_file_has_no_packets_and_no_flaws():
    packets, flaws = frame_bytes(b"")
    assert len(packets) == 0
    assert flaws == []


@EXACT
@given(sizes, st.binary(max_size=400), st.integers(0, 10**6))
def test_reading_in_blocks_gives_the_same_as_reading_at_once(lengths, garbage, place):
    data = stream(body(size, n) for n, size in enumerate(lengths * 3))
    place %= len(data)
    data = data[:place] + garbage + data[place:]
    whole, flaws = frame_bytes(data)
    framer = Framer(look_ahead=len(data) // 3 + 1)
    blocks = list(frame_stream(io.BytesIO(data), framer, 64))
    places = np.concatenate([np.zeros(0, np.int64), *(block.place for block in blocks)])
    assert places.tolist() == sorted(places.tolist())
    if not flaws:
        assert places.tolist() == whole.place.tolist()
        assert framer.flaws == []
    # Damage is judged by what follows it; what a block can not see may be judged differently, but nothing is lost.
    seen = sum(int(block.length.sum()) for block in blocks) + sum(f.last - f.first + 1 for f in framer.flaws)
    assert seen == len(data)


def test_blocks_hold_the_bytes_of_their_packets():
    data = stream(body(60, n) for n in range(30000))
    framer = Framer()
    got = []
    for block in frame_stream(io.BytesIO(data), framer, 1 << 20):
        got += [block.data[o : o + n].tobytes() for o, n in zip(block.offset, block.length, strict=True)]
    assert b"".join(got) == data
    assert framer.flaws == []
