"""Sequence counts, and segments put together as space_packet_parser does."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.telemetry.ccsds import frame_bytes
from mta_assets.telemetry.ccsds_sequence import SequenceCheck, join_segments
from mta_assets_tests.telemetry.spp_reference import packet

EXACT = settings(derandomize=True, deadline=None, max_examples=200)


def framed(*parts):
    packets, flaws = frame_bytes(b"".join(parts))
    assert flaws == []
    return packets


def contents(packets):
    return [packets.data[o : o + n].tobytes() for o, n in zip(packets.offset, packets.length, strict=True)]


def test_counts_that_rise_by_one_over_the_roll_over_have_no_break():
    packets = framed(*(packet(b"abcd", 7, 16380 + n) for n in range(10)))
    unwrapped, breaks, repeat = SequenceCheck().check(packets)
    assert unwrapped.tolist() == list(range(16380, 16390))
    assert len(breaks.index) == 0
    assert not repeat.any()


def test_a_gap_a_repeat_and_a_step_back_are_told_apart_per_apid():
    counts = [(7, 1), (9, 5), (7, 4), (9, 5), (7, 5), (7, 2)]
    packets = framed(*(packet(b"abcd", apid, count) for apid, count in counts))
    _, breaks, repeat = SequenceCheck().check(packets)
    assert breaks.index.tolist() == [2, 3, 5]
    assert breaks.before.tolist() == [0, 1, 4]
    assert breaks.step.tolist() == [3, 0, -3]
    assert repeat.tolist() == [False, False, False, True, False, False]


def test_a_packet_of_the_same_count_with_other_bytes_is_no_repeat():
    packets = framed(packet(b"abcd", 7, 1), packet(b"abce", 7, 1), packet(b"ab", 7, 1))
    _, breaks, repeat = SequenceCheck().check(packets)
    assert breaks.step.tolist() == [0, 0]
    assert not repeat.any()


def test_counts_go_on_over_blocks():
    check = SequenceCheck()
    check.check(framed(packet(b"a", 7, 16382), packet(b"a", 7, 16383)))
    unwrapped, breaks, _ = check.check(framed(packet(b"a", 7, 1), packet(b"a", 7, 2)))
    assert unwrapped.tolist() == [16385, 16386]
    assert breaks.step.tolist() == [2]
    assert breaks.before.tolist() == [-1]


def test_segments_become_one_packet_where_the_last_one_stood():
    parts = [packet(b"SSab", 7, 0, 1, 1), packet(b"x", 9, 0), packet(b"SScd", 7, 1, 0, 1), packet(b"SSe", 7, 2, 2, 1)]
    joined = join_segments(framed(*parts), secondary_header=2)
    assert contents(joined.packets) == [parts[1], parts[0] + b"cd" + b"e"]
    assert len(joined.lost) == len(joined.waiting) == 0


def test_segments_without_beginning_or_out_of_sequence_are_lost():
    parts = [packet(b"a", 7, 0, 0), packet(b"b", 7, 1, 1), packet(b"c", 7, 3, 2), packet(b"d", 7, 4, 1)]
    joined = join_segments(framed(*parts))
    assert len(joined.packets) == 0
    assert contents(joined.lost) == parts[:3]
    assert contents(joined.waiting) == parts[3:]


def test_a_unit_goes_on_in_the_next_block():
    first, second = packet(b"ab", 7, 0, 1), packet(b"cd", 7, 1, 2)
    waiting = join_segments(framed(packet(b"zz", 9, 4), first)).waiting
    joined = join_segments(framed(packet(b"y", 9, 5), second), waiting=waiting)
    assert contents(joined.packets) == [packet(b"y", 9, 5), first + b"cd"]


def test_segments_that_can_not_be_joined_are_flaws_also_at_the_end_of_a_file(tmp_path):
    from mta_assets.telemetry.ccsds import Framer
    from mta_assets.telemetry.packet_decom import iter_packet_blocks

    parts = [packet(b"a", 7, 0, 0), packet(b"b", 7, 1, 1), packet(b"c", 7, 2, 2), packet(b"d", 7, 3, 1)]
    path = tmp_path / "segments"
    path.write_bytes(b"".join(parts))
    framer = Framer()
    (block,) = iter_packet_blocks(path, framer, join=True)
    assert contents(block) == [parts[1] + b"c"]
    assert [(flaw.kind, flaw.first, flaw.last) for flaw in framer.flaws] == [
        ("bad_packet", 0, 6),
        ("bad_packet", 21, 27),
    ]


@pytest.mark.filterwarnings("ignore")
@EXACT
@given(
    st.lists(
        st.tuples(st.sampled_from([7, 9]), st.sampled_from([0, 1, 1, 2, 2, 3]), st.sampled_from([1, 1, 1, 1, 2]),
                  st.booleans(), st.integers(3, 9)),
        max_size=40,
    ),
    st.integers(0, 2),
)  # fmt: skip
def test_segments_are_joined_as_space_packet_parser_joins_them(rows, secondary):
    from space_packet_parser.generators.ccsds import ccsds_generator

    count = {7: 16380, 9: 0}
    parts = []
    for n, (apid, flags, step, header, size) in enumerate(rows):
        count[apid] += step
        parts.append(packet(bytes([n]) * size, apid, count[apid], flags, int(header)))
    data = b"".join(parts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = [
            bytes(item)
            for item in ccsds_generator(data, combine_segmented_packets=True, secondary_header_bytes=secondary)
        ]
    offset = np.cumsum([0, *map(len, parts)])[:-1].astype(np.int64)
    from mta_assets.telemetry.ccsds import headers

    packets = headers(np.frombuffer(data, np.uint8), offset)
    joined = join_segments(packets, secondary)
    assert contents(joined.packets) == theirs
    assert len(joined.lost) + len(joined.waiting) <= len(parts)
