"""Columns of packets that are filled chunk by chunk, and the memory that blocks of a file are read into."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.missions.load import PacketTimeSection
from mta_assets.telemetry import packet_decom
from mta_assets.telemetry.ccsds import ALIGN, Framer, frame_bytes, frame_stream, one_piece
from mta_assets.telemetry.packet_time import packet_times
from mta_assets.telemetry.xtce import load_xtce
from mta_assets_tests.telemetry.spp_reference import compare, packet
from mta_assets_tests.telemetry.test_xtce import comparison, container, described, integer

SECOND, FIRST = 12, 11  # APIDs
SIZED = (
    '<BinaryDataEncoding><SizeInBits><DynamicValue><ParameterInstanceRef parameterRef="P0" useCalibratedValue="false"/>'
    '<LinearAdjustment slope="8" intercept="0"/></DynamicValue></SizeInBits></BinaryDataEncoding>'
)
FLOAT = '<FloatDataEncoding sizeInBits="32" encoding="IEEE754"/>'
POLYNOMIAL = (
    '<DefaultCalibrator><PolynomialCalibrator><Term coefficient="0.5" exponent="0"/>'
    '<Term coefficient="2" exponent="1"/></PolynomialCalibrator></DefaultCalibrator>'
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """APID 11: a size, bytes of it, a number behind them; APID 12: a float, a calibrated, a signed and a turned one."""
    types = [
        ("P0", "IntegerParameterType", integer(8)),
        ("P1", "BinaryParameterType", SIZED),
        ("P2", "IntegerParameterType", integer(16)),
        ("P3", "FloatParameterType", FLOAT),
        ("P4", "IntegerParameterType", integer(12, inside=POLYNOMIAL)),
        ("P5", "IntegerParameterType", integer(12, "signed")),
        ("P6", "IntegerParameterType", integer(16, "unsigned", 'byteOrder="leastSignificantByteFirst"')),
    ]
    containers = [
        container("A", ["P0", "P1", "P2"], "CCSDSPacket", comparison("PKT_APID", FIRST)),
        container("B", ["P3", "P4", "P5", "P6"], "CCSDSPacket", comparison("PKT_APID", SECOND)),
    ]
    path = tmp_path_factory.mktemp("xtce") / "dictionary.xml"
    path.write_text(described(types, containers))
    return load_xtce(path)


def mixed(kinds, seed=0):
    """Packets of the two kinds: 0 and 1 are APID 11 with so many bytes between, 2 is APID 12."""
    random = np.random.default_rng(seed)
    parts = []
    for count, kind in enumerate(kinds):
        if kind == 2:
            number = np.array(random.normal(), ">f4").tobytes()
            parts.append(packet(number + random.bytes(5), SECOND, count))
        else:
            parts.append(packet(bytes([kind]) + random.bytes(kind + 2), FIRST, count))
    return frame_bytes(b"".join(parts))[0]


@settings(derandomize=True, deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 150)), min_size=1, max_size=6), st.integers(0, 99))
def test_chunks_of_any_mixture_give_the_values_of_space_packet_parser(model, runs, seed):
    packets = mixed([kind for kind, times in runs for _ in range(times)], seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packet_decom, "CHUNK", 64)
        decoded = packet_decom.decode(model, packets)
    assert compare(model, packets, decoded) > 0
    assert sorted(np.concatenate(list(decoded.index.values())).tolist()) == list(range(len(packets)))


def test_a_type_that_becomes_frequent_late_keeps_all_its_rows(model, monkeypatch):
    monkeypatch.setattr(packet_decom, "CHUNK", 64)
    packets = mixed([2] + [1] * 640 + [2] * 640)
    decoded = packet_decom.decode(model, packets)
    assert decoded.index["B"].tolist() == [0, *range(641, 1281)]
    assert decoded.values["B"]["SRC_SEQ_CTR"].raw.tolist() == [0, *range(641, 1281)]


def test_columns_in_one_piece_do_not_overlap():
    columns = one_piece(5, ["u1", "f8", "u2"])
    for number, column in enumerate(columns):
        column[:] = number
    assert [column.tolist() for column in columns] == [[0] * 5, [1.0] * 5, [2] * 5]
    assert [column.dtype.str for column in columns] == ["|u1", "<f8", "<u2"]
    begin = [column.__array_interface__["data"][0] for column in columns]
    assert np.diff(begin).tolist() == [ALIGN, ALIGN]
    assert [len(column) for column in one_piece(0, ["u1", "f8"])] == [0, 0]


def blocks(count):
    """A file of ``count`` blocks of 64 KiB or so, and what frames it."""
    data = b"".join(packet(bytes([number % 251]) * 1018, count=number) for number in range(64 * count))
    return frame_stream(io.BytesIO(data), Framer(look_ahead=4096), 1 << 16)


def test_bytes_that_are_still_in_use_are_not_written_over():
    held, copies = [], []
    for block in blocks(8):
        held.append(block.data[100:200])  # of the block only this is left
        copies.append(held[-1].copy())
    assert len(held) >= 8
    for part, copy in zip(held, copies, strict=True):
        np.testing.assert_array_equal(part, copy)


def test_memory_of_blocks_that_nobody_holds_is_used_again():
    places = {block.data.__array_interface__["data"][0] >> 16 for block in blocks(40)}
    assert len(places) <= 8  # 3 or 4 pieces, each over two units of 64 KiB at most


def test_an_error_while_the_file_is_read_reaches_the_caller():
    class Broken(io.BytesIO):
        def readinto(self, buffer):
            if self.tell():
                raise OSError("the disk is gone")
            return super().readinto(buffer)

    found = frame_stream(Broken(packet(bytes(100)) * 1000), Framer(look_ahead=4096), 1 << 16)
    with pytest.raises(OSError, match="the disk is gone"):
        list(found)


def test_times_do_not_change_the_fields_nor_depend_on_earlier_blocks():
    rule = PacketTimeSection(epoch="1958-01-01T00:00:00", days="D", milliseconds="M", microseconds="U")
    fields = {
        "D": np.array([23109, 23110], np.uint16),
        "M": np.array([86_399_999, 0], np.uint32),
        "U": np.array([999, 1], np.uint16),
    }
    before = {name: column.copy() for name, column in fields.items()}
    time = packet_times(rule, fields)
    assert time[1] - time[0] == pytest.approx(2e-6, abs=5e-7)
    time += 1.0
    np.testing.assert_array_equal(packet_times(rule, fields), time - 1.0)
    for name, column in fields.items():
        np.testing.assert_array_equal(column, before[name])
