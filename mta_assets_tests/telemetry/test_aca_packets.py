from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mta_assets.missions.load import load_mission
from mta_assets.simulate.aca_packets import encode, encode_header, image_pixels, put_packets
from mta_assets.telemetry.aca_packets import (
    FIELDS_OF_TYPE,
    FRONT_FIELDS,
    GLBSTAT_BITS,
    PARTS,
    PIXEL_PLACE,
    AcaPackets,
    AcaTelemetry,
    assemble,
    collect_packets,
    covered,
    decode,
    find_images,
    header_fields,
    joined,
    status_bits,
)
from mta_assets.telemetry.frames import FrameBlock

RANGES = load_mission("chandra").frame.aca
quick = settings(derandomize=True, deadline=None, max_examples=60)


def raw(data: np.ndarray, counter: np.ndarray | None = None) -> AcaPackets:
    count = 4 * np.arange(len(data)) if counter is None else counter
    return AcaPackets(data, count, count * 0.25625, np.zeros(len(data), np.uint8))


def stream(types: list[int], counter: list[int] | None = None, seed: int = 1) -> AcaTelemetry:
    """Packets in which every slot has the same type, with random pixels."""
    pixels = np.random.default_rng(seed).integers(0, 1024, (len(types), 8, 16)).astype(np.uint16)
    imgtype = np.repeat(np.array(types, dtype=np.uint8)[:, None], 8, axis=1)
    data = encode({}, imgtype, np.zeros((len(types), 8), np.uint64), pixels)
    return decode(raw(data, None if counter is None else np.array(counter)))


@quick
@given(arrays(np.uint8, (3, 224)))
def test_any_packet_decoded_and_encoded_again_is_the_same_but_for_spare_bits(data: np.ndarray) -> None:
    decoded = decode(raw(data))
    again = encode(decoded.front, decoded.imgtype, decoded.header, decoded.pixels)
    data[:, 0] &= 0b11100011  # three spare bits between BGDTYP and INTEG
    assert np.array_equal(again, data)


@quick
@given(st.sampled_from(sorted(FIELDS_OF_TYPE)), st.data())
def test_header_fields_come_back_as_they_were_put_in(imgtype: int, draw: st.DataObject) -> None:
    fields = {
        name: draw.draw(
            st.integers(*((-(1 << -width - 1), (1 << -width - 1) - 1) if width < 0 else (0, (1 << width) - 1)))
        )
        for name, (_, width) in FIELDS_OF_TYPE[imgtype].items()
    }
    decoded = header_fields(np.atleast_1d(encode_header(imgtype, fields)), imgtype)
    assert {name: int(value[0]) for name, value in decoded.items()} == fields


def test_a_value_that_does_not_fit_its_field_is_refused() -> None:
    encode_header(4, {"IMGROW0": [-512, 511]})
    for wrong in (-513, 512):
        with pytest.raises(ValueError, match="do not fit into 10 bits"):
            encode_header(4, {"IMGROW0": wrong})


def test_the_front_fields_do_not_overlap() -> None:
    bits = [bit for first, width in FRONT_FIELDS.values() for bit in range(first, first + width)]
    assert len(bits) == len(set(bits))
    assert max(bits) < 40


def test_a_memory_dump_has_no_fields_and_is_no_image() -> None:
    telemetry = stream([3, 3, 3, 3])
    assert header_fields(telemetry.header, 3) == {}
    assert [len(find_images(telemetry, 0, size)) for size in PARTS] == [0, 0, 0]


@pytest.mark.parametrize("size", [4, 6, 8])
def test_the_packets_of_an_image_cover_its_pixels_exactly_once(size: int) -> None:
    places = [place for part in PARTS[size] for place in PIXEL_PLACE[part]]
    assert len(places) == len(set(places)) == {4: 16, 6: 32, 8: 64}[size]
    assert covered(size).sum() == len(places)


@pytest.mark.parametrize("size", [4, 6, 8])
def test_images_taken_apart_and_put_together_are_the_same(size: int) -> None:
    images = np.random.default_rng(5).integers(0, 1024, (3, 8, 8)).astype(np.uint16) * covered(size)
    types = list(PARTS[size]) * 3
    pixels = np.zeros((len(types), 8, 16), np.uint16)
    for part, imgtype in enumerate(PARTS[size]):
        pixels[part :: len(PARTS[size]), 2] = image_pixels(images, imgtype)
    imgtype = np.repeat(np.array(types, np.uint8)[:, None], 8, axis=1)
    telemetry = decode(raw(encode({}, imgtype, np.zeros((len(types), 8), np.uint64), pixels)))
    rows = find_images(telemetry, 2, size)
    assert np.array_equal(assemble(telemetry, rows, 2, size), images)


def test_an_image_that_lacks_a_packet_is_left_out() -> None:
    assert find_images(stream([4, 5, 6, 7, 4, 5, 7, 4, 5, 6, 7]), 0, 8)[:, 0].tolist() == [0, 7]
    assert find_images(stream([4, 5, 6, 7], [0, 4, 8, 16]), 0, 8).tolist() == []  # the third was another image's
    assert find_images(stream([6, 7, 4, 5]), 0, 8).tolist() == []
    assert find_images(stream([2, 1, 2, 1]), 0, 6).tolist() == [[1, 2]]


def test_an_image_over_the_end_of_a_block_is_found_in_the_joined_packets() -> None:
    whole = stream([4, 5, 6, 7])
    first, second = whole.where(slice(0, 3)), whole.where(slice(3, None))
    assert not len(find_images(first, 0, 8))
    both = joined(first, second)
    assert find_images(both, 0, 8).tolist() == [[0, 1, 2, 3]]
    assert np.array_equal(both.pixels, whole.pixels)
    assert both.front.keys() == FRONT_FIELDS.keys()


def block(counter: list[int], packets: np.ndarray, quality: list[int] | None = None) -> FrameBlock:
    count = np.array(counter)
    frames = put_packets(np.zeros((len(count), 1025), np.uint8), count, packets, RANGES)
    flags = np.zeros(len(count), np.uint8) if quality is None else np.array(quality, np.uint8)
    return FrameBlock(frames, count, count * 0.25625, np.full(len(count), 2, np.uint8), flags)


def test_four_frames_make_a_packet_if_all_are_there() -> None:
    packets = np.random.default_rng(2).integers(0, 256, (4, 224), dtype=np.uint8)
    found = collect_packets(block([9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 21, 22, 23], packets), RANGES)
    assert found.counter.tolist() == [12, 20]
    assert found.time.tolist() == [12 * 0.25625, 20 * 0.25625]
    assert np.array_equal(found.data, packets[[1, 3]])


@pytest.mark.parametrize("count", [0, 1, 3])
def test_fewer_than_four_frames_make_no_packet(count: int) -> None:
    four = block([8, 9, 10, 11], np.zeros((1, 224), np.uint8))
    parts = (four.data, four.counter, four.time, four.format, four.quality)
    assert len(collect_packets(FrameBlock(*(part[:count] for part in parts)), RANGES)) == 0


def test_a_packet_carries_the_flags_of_its_four_frames() -> None:
    packets = np.zeros((2, 224), np.uint8)
    found = collect_packets(block([0, 1, 2, 3, 4, 5, 6, 7], packets, [0, 4, 0, 16, 0, 0, 0, 0]), RANGES)
    assert found.quality.tolist() == [20, 0]


def test_status_bits_begin_with_the_most_significant() -> None:
    bits = status_bits(np.array([0x80, 0x01]), GLBSTAT_BITS)
    assert bits["HIGH_BGD"].tolist() == [True, False]
    assert bits["SYNTAX_ERROR"].tolist() == [False, True]
