from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.core.errors import BadData
from mta_assets.core.flags import Quality
from mta_assets.simulate.acis_packets import (
    PacketBatch,
    bep_counter,
    encode_events,
    encode_exposures,
    encode_fixed,
    encode_words,
    fill_science,
    merge,
)
from mta_assets.telemetry.acis_clock import BepClock
from mta_assets.telemetry.acis_find import find
from mta_assets.telemetry.acis_layouts import BY_TAG, FILLER, MODES, SCIENCE_REPORT, SYNC
from mta_assets.telemetry.acis_packets import PacketReader, Packets, chain
from mta_assets.telemetry.bitfields import fixed_fields, record_fields
from mta_assets.telemetry.science import ScienceStream
from mta_assets_tests.realdata import realdata

PROPERTY = settings(derandomize=True, deadline=None, max_examples=40)
NO_CUTS = np.zeros(0, np.int64)


def values_of(mode: str, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random values that use the whole range of every field of a mode."""
    columns = {}
    for field in MODES[mode].layout.record:
        low = -(1 << (field.bits - 1)) if field.signed else 0
        high = 1 << (field.bits - int(field.signed))
        columns[field.name] = rng.integers(low, high, (n, field.count))
    return columns


def encoded(mode: str, columns: dict[str, np.ndarray], exposure: np.ndarray | int = 0) -> PacketBatch:
    layout = MODES[mode].layout
    rest = {k: v for k, v in columns.items() if k not in (layout.record[0].name, "ccdColumn")}
    return encode_events(mode, 7, 3, columns[layout.record[0].name], columns["ccdColumn"], rest, exposure)


def stream_of(data: np.ndarray, first: int = 0, quality: np.ndarray | None = None) -> ScienceStream:
    counter = first + np.arange(len(data), dtype=np.int64)
    flags = np.zeros(len(data), np.uint8) if quality is None else quality
    return ScienceStream(data, counter, counter * 0.25625, flags)


def pick(stream: ScienceStream, rows: object) -> ScienceStream:
    return ScienceStream(stream.data[rows], stream.counter[rows], stream.time[rows], stream.quality[rows])


def read_all(parts: list[ScienceStream]) -> tuple[Packets, PacketReader]:
    reader = PacketReader()
    packets = None
    for part in parts:
        found, _ = reader.read(part)
        packets = found.compact() if packets is None else chain(packets, found.compact())
    assert packets is not None
    return chain(packets, reader.finish().compact()), reader


def bit_field(data: bytes, offset: int, bits: int) -> int:
    """A field as the IP&CL defines it: the packet read as one little-endian number."""
    return (int.from_bytes(data, "little") >> offset) & ((1 << bits) - 1)


def test_a_faint_packet_has_the_bits_of_the_public_layout() -> None:
    phas = np.array([[4095, 1, 2, 3, 2748, 5, 6, 7, 8]])
    batch = encode_events("FAINT", 7, 3, [1023], [512], phas)
    raw = batch.words.astype("<u4").tobytes()
    assert raw[:4] == b"fAos"
    assert len(raw) == 4 * bit_field(raw, 32, 10) == 28
    assert bit_field(raw, 42, 6) == 21
    assert (bit_field(raw, 64, 4), bit_field(raw, 68, 3), bit_field(raw, 71, 20)) == (7, 3, 0)
    assert (bit_field(raw, 96, 10), bit_field(raw, 106, 10)) == (1023, 512)
    assert [bit_field(raw, 116 + 12 * j, 12) for j in range(9)] == phas[0].tolist()


@pytest.mark.parametrize("mode", MODES)
def test_every_record_field_lies_where_the_layout_says(mode: str) -> None:
    layout = MODES[mode].layout
    columns = values_of(mode, 5, np.random.default_rng(1))
    raw = encoded(mode, columns).words.astype("<u4").tobytes()
    for i in range(5):
        for field in layout.record:
            for j in range(field.count):
                at = layout.record_offset + i * layout.record_bits + field.offset + j * field.bits
                assert bit_field(raw, at, field.bits) == columns[field.name][i, j] % (1 << field.bits)


@pytest.mark.parametrize("mode", MODES)
@given(n=st.integers(0, 2000), seed=st.integers(0, 2**16), exposures=st.integers(1, 9))
@settings(derandomize=True, deadline=None, max_examples=12)
def test_events_come_back_as_they_were_encoded(mode: str, n: int, seed: int, exposures: int) -> None:
    rng = np.random.default_rng(seed)
    columns = values_of(mode, n, rng)
    exposure = np.sort(rng.integers(0, exposures, n))
    batch = encoded(mode, columns, exposure)
    fields, counts = record_fields(batch.words, batch.start, batch.length, MODES[mode].layout)
    assert counts.sum() == n
    assert np.array_equal(np.repeat(batch.exposure, counts), exposure)
    for name, array in columns.items():
        assert np.array_equal(fields[name].reshape(array.shape), array)


def test_packet_numbers_count_up_within_an_exposure_and_start_again_with_the_next() -> None:
    columns = values_of("FAINT", 700, np.random.default_rng(2))
    batch = encoded("FAINT", columns, np.repeat([0, 1], [600, 100]))
    head = fixed_fields(batch.words, batch.start, MODES["FAINT"].layout.fields)
    assert head["dataPacketNumber"].tolist() == [0, 1, 2, 0]
    assert batch.exposure.tolist() == [0, 0, 0, 1]
    assert batch.length.max() <= 1023


def test_an_exposure_record_comes_back_with_signed_overclocks() -> None:
    given_fields = {
        "runStartTime": (1 << 32) + 5,
        "ccdId": 9,
        "fepId": 5,
        "fepTimestamp": (1 << 25) + 77,
        "exposureNumber": 12345,
        "eventsSent": 6,
        "discardGrade": 8,
        "deltaOverclocks": np.array([[-1, 2, -32768, 32767]]),
        "biasParityErrors": 11,
    }
    batch = encode_exposures("VFAINT", given_fields)
    assert batch.length.tolist() == [18]
    back = fixed_fields(batch.words, batch.start, BY_TAG[47].fields)
    assert back["formatTag"][0] == 47
    assert (back["runStartTime"][0], back["fepTimestamp"][0], back["exposureNumber"][0]) == (5, 77, 12345)
    assert (back["ccdId"][0], back["fepId"][0], back["discardGrade"][0], back["biasParityErrors"][0]) == (9, 5, 8, 11)
    assert back["deltaOverclocks"].tolist() == [[-1, 2, -32768, 32767]]


def test_a_science_report_comes_back() -> None:
    codes = np.array([[1, 2, 3, 4, 5, 6]])
    batch = encode_fixed(SCIENCE_REPORT, 15, {"runStartTime": 9, "fepErrorCodes": codes, "terminationCode": 1})
    back = fixed_fields(batch.words, batch.start, SCIENCE_REPORT.fields)
    assert (back["runStartTime"][0], back["terminationCode"][0]) == (9, 1)
    assert back["fepErrorCodes"].tolist() == codes.tolist()


def test_values_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadData, match="ccdRow 1024"):
        encode_events("FAINT", 7, 3, [1024], [0], np.zeros((1, 9)))
    with pytest.raises(BadData, match="pulseHeights has 8 values; expected 9"):
        encode_events("FAINT", 7, 3, [1], [0], np.zeros((1, 8)))
    with pytest.raises(BadData, match="exposures decrease"):
        encode_events("FAINT", 7, 3, [1, 2], [0, 0], np.zeros((2, 9)), [1, 0])


def some_packets(n: int, seed: int = 3) -> PacketBatch:
    """Packets of several types and lengths."""
    rng = np.random.default_rng(seed)
    batches = []
    for i in range(n):
        mode = list(MODES)[i % len(MODES)]
        batches.append(encoded(mode, values_of(mode, int(rng.integers(1, 90)), rng)))
        if i % 3 == 0:
            batches.append(encode_exposures(mode, {"exposureNumber": i, "fepTimestamp": i}))
        if i % 5 == 0:
            batches.append(encode_words(11, rng.integers(0, 2**32, 9, dtype=np.uint64)))
    return merge(batches)


def same_packets(packets: Packets, batch: PacketBatch) -> None:
    assert np.array_equal(packets.length, batch.length)
    words = packets.compact().words.copy()
    starts = batch.start
    words[starts + 1] &= 0xFFFF
    assert np.array_equal(words, batch.words)


@given(seed=st.integers(0, 1000), first=st.integers(0, 7), spread=st.integers(0, 40))
@PROPERTY
def test_packets_across_frames_come_back_whole_and_in_order(seed: int, first: int, spread: int) -> None:
    batch = some_packets(9, seed)
    available = np.arange(len(batch)) * spread // 10
    filled = fill_science(batch, available, 60, first, sequence=65530)
    assert len(filled.left) == 0
    packets, reader = read_all([stream_of(filled.data, first)])
    same_packets(packets, batch)
    assert packets.sequence.tolist() == [(65530 + i) % 65536 for i in range(len(batch))]
    assert packets.counter.tolist() == (first + filled.frame).tolist()
    assert len(reader.table()) == 0


def test_packets_come_back_wherever_a_block_ends() -> None:
    batch = some_packets(6)
    filled = fill_science(batch, np.arange(len(batch)), 24, 5)
    whole = stream_of(filled.data, 5)
    for at in range(25):
        packets, reader = read_all([pick(whole, slice(0, at)), pick(whole, slice(at, None))])
        same_packets(packets, batch)
        assert len(reader.table()) == 0
    packets, reader = read_all([pick(whole, slice(i, i + 1)) for i in range(24)])
    same_packets(packets, batch)
    assert len(reader.table()) == 0


def test_packets_continue_from_one_call_of_the_encoder_to_the_next() -> None:
    batch = some_packets(20)
    parts, left, carry, sequence, first = [], batch, None, 0, 0
    for n in (3, 1, 2, 30):
        filled = fill_science(left, 0, n, first, sequence, carry, split=True)
        parts.append(stream_of(filled.data, first))
        left, carry, sequence, first = filled.left, filled.carry, filled.sequence, first + n
    assert len(left) == 0
    packets, reader = read_all(parts)
    same_packets(packets, batch)
    assert len(reader.table()) == 0


def test_the_stream_never_holds_more_than_its_capacity_and_the_rest_waits() -> None:
    columns = values_of("FAINT", 2000, np.random.default_rng(4))
    batch = encoded("FAINT", columns, np.repeat(np.arange(8), 250))
    filled = fill_science(batch, 0, 16)
    words = 16 * 192 - 2
    assert len(filled.left) == len(batch) - words // 1003
    assert filled.data.shape == (16, 768)
    later = fill_science(filled.left, 0, 100, 16, filled.sequence)
    packets, reader = read_all([stream_of(filled.data), stream_of(later.data, 16)])
    same_packets(packets, batch)
    assert len(reader.table()) == 0
    assert filled.delay[:3].tolist() == [0, 5, 10]


def test_no_packet_crosses_a_boundary() -> None:
    batch = some_packets(12)
    filled = fill_science(batch, 0, 60, 0, boundaries=(4, 9))
    for part in (slice(0, 4), slice(4, 9), slice(9, None)):
        _, reader = read_all([pick(stream_of(filled.data), part)])
        assert len(reader.table()) == 0


def test_a_sync_pattern_or_a_whole_packet_inside_data_does_not_break_the_chain() -> None:
    inner = some_packets(3).words
    payload = np.concatenate([[SYNC, SYNC], inner, [SYNC, 18 | (20 << 10), 0]])
    batch = merge([encode_words(11, np.append(payload, [0] * 3)), some_packets(4), encode_words(12, inner)])
    filled = fill_science(batch, 0, 40)
    whole = stream_of(filled.data)
    for at in range(0, 12):
        packets, reader = read_all([pick(whole, slice(0, at)), pick(whole, slice(at, None))])
        same_packets(packets, batch)
        assert len(reader.table()) == 0


def test_a_gap_loses_the_packets_it_touches_and_no_others() -> None:
    batch = some_packets(40)
    filled = fill_science(batch, 0, 40)
    whole = stream_of(filled.data)
    start = filled.frame
    end_word = np.cumsum(batch.length)
    packets, reader = read_all([pick(whole, np.r_[0:6, 9:40])])
    first = np.cumsum(np.append(0, 192 - (np.arange(40) % 8 == 0)))
    touched = (end_word > first[6]) & (end_word - batch.length < first[9])
    assert np.array_equal(packets.sequence, np.flatnonzero(~touched))
    assert start[~touched].tolist() == packets.counter.tolist()
    faults = reader.table()
    assert faults["kind"].tolist() == ["bad_packet", "sequence_gap"]
    assert faults["count"][1] == touched.sum()
    assert "cut by a gap" in faults["detail"][0]


@pytest.mark.parametrize("frame", range(1, 12))
def test_a_gap_of_any_frame_is_survived_also_at_a_block_boundary(frame: int) -> None:
    batch = some_packets(6)
    filled = fill_science(batch, np.arange(len(batch)), 24)
    whole = stream_of(filled.data)
    packets, reader = read_all([pick(whole, slice(0, frame)), pick(whole, slice(frame + 1, None))])
    expected, expected_reader = read_all([pick(whole, np.r_[0:frame, frame + 1 : 24])])
    assert packets.sequence.tolist() == expected.sequence.tolist()
    for name in ("kind", "first", "last", "count"):
        assert reader.table()[name].tolist() == expected_reader.table()[name].tolist()


@given(word=st.integers(0, 2500), bit=st.integers(0, 31))
@settings(derandomize=True, deadline=None, max_examples=300)
def test_one_flipped_bit_loses_at_most_two_packets_and_never_invents_one(word: int, bit: int) -> None:
    batch = some_packets(8)
    filled = fill_science(batch, np.arange(len(batch)), 24, 1)
    damaged = filled.data.copy().view("<u4").ravel()
    word %= len(damaged)
    damaged[word] ^= np.uint32(1 << bit)
    quality = np.zeros(24, np.uint8)
    quality[word // 192] = Quality.BAD_CHECKSUM
    packets, reader = read_all([stream_of(damaged.view(np.uint8).reshape(24, 768), 1, quality)])
    good = (packets.quality & Quality.BAD_CHECKSUM) == 0
    numbers = packets.sequence[good]
    assert np.all(np.diff(numbers) > 0)
    for number, start, length in zip(numbers, packets.start[good], packets.length[good], strict=True):
        original = batch.words[batch.start[number] :][: batch.length[number]].copy()
        original[1] |= np.uint32(int(number) << 16)
        assert np.array_equal(packets.words[start : start + length], original)
    assert len(packets) >= len(batch) - 2
    if len(packets) < len(batch):
        assert {"bad_packet", "truncated"} & set(reader.table()["kind"].tolist())


@given(data=st.binary(max_size=4096), seed=st.integers(0, 99))
@PROPERTY
def test_random_bytes_give_faults_but_no_error(data: bytes, seed: int) -> None:
    rng = np.random.default_rng(seed)
    words = rng.choice(np.array([SYNC, FILLER, 18 | (20 << 10), 5], np.uint32), 192 * 6)
    raw = np.frombuffer(data.ljust(768 * 6, b"\0")[: 768 * 6], np.uint8).reshape(6, 768)
    for frames in (raw, words.astype("<u4").view(np.uint8).reshape(6, 768)):
        packets, _ = read_all([stream_of(frames[:3], 1), stream_of(frames[3:], 4)])
        assert np.all(packets.start[1:] >= packets.start[:-1] + packets.length[:-1])


def test_a_playback_that_begins_and_ends_within_packets_says_so() -> None:
    columns = values_of("FAINT", 900, np.random.default_rng(5))
    filled = fill_science(encoded("FAINT", columns, np.repeat(np.arange(4), 225)), 0, 30)
    packets, reader = read_all([pick(stream_of(filled.data), slice(1, 17))])
    assert packets.sequence.tolist() == [1, 2]
    assert reader.table()["kind"].tolist() == ["truncated", "truncated"]


def test_a_length_that_swallows_the_next_packet_is_recognised_by_the_sequence_numbers() -> None:
    one = encode_words(11, np.arange(62))  # 64 words, so that one bit doubles the length
    filled = fill_science(merge([one, one, one, one]), 0, 3, 1)
    data = filled.data.view("<u4").copy()
    data[0, 65] ^= np.uint32(64 | 128)  # the second packet claims 128 words
    packets, reader = read_all([stream_of(data.view(np.uint8), 1)])
    assert packets.sequence.tolist() == [0, 2, 3]
    assert reader.table()["kind"].tolist() == ["bad_packet", "sequence_gap"]


def test_candidates_are_taken_only_where_the_length_leads_to_sync_filler_or_the_end() -> None:
    packet = [SYNC, 4 | (11 << 10), 1, 2]
    packet[1] = 5 | (11 << 10)
    words = np.array([*packet, 3, FILLER, *packet, 3], np.uint32)
    found = find(words, NO_CUTS, synced=True)
    assert found.start.tolist() == [0, 6]
    assert (found.rest, found.synced) == (11, True)
    words[5] = 99
    assert find(words, NO_CUTS, synced=True).start.tolist() == [6]


def test_clock_readings_give_the_time_of_an_exposure_across_roll_overs() -> None:
    counter = np.arange(2_000_000, 2_004_000, dtype=np.int64)
    filled = fill_science(some_packets(1), 0, len(counter), int(counter[0]))
    reader = PacketReader()
    _, readings = reader.read(stream_of(filled.data, int(counter[0])))
    clock = BepClock()
    clock.add(readings)
    at = np.array([2_000_100.25, 2_001_310.5, 2_003_900.75])  # in frames
    ticks = np.rint(at * 25625).astype(np.int64)
    count = clock.count_before(ticks % (1 << 25), np.ceil(at).astype(np.int64) + 1200)
    assert (count % (1 << 32)).tolist() == (ticks % (1 << 32)).tolist()
    assert np.allclose(clock.times(count), at * 0.25625, atol=2e-5, rtol=0)
    assert readings.value.tolist() == (bep_counter(readings.counter) % (1 << 32)).tolist()


def test_a_damaged_clock_reading_is_left_out() -> None:
    filled = fill_science(some_packets(1), 0, 800)
    data = filled.data.copy()
    data[80, 3] ^= 0x40
    _, readings = PacketReader().read(stream_of(data))
    clock = BepClock()
    clock.add(readings)
    assert len(readings.counter) == 100
    assert 80 not in clock.counter
    assert len(clock.counter) == 99


def test_the_real_processor_counts_ticks_of_ten_microseconds() -> None:
    from astropy.io import fits

    path = realdata("chandra", "acis", "28229", "repro", "acisf828603200N001_pbk0.fits.gz")
    header = fits.getheader(path, 1)
    ticks = (header["STOPBEP"] - header["STARTBEP"]) % (1 << 32)
    assert ticks * 1e-5 == pytest.approx(header["TSTOP"] - header["TSTART"], rel=2e-5)
