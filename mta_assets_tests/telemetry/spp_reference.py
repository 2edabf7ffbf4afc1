"""The same packets through space_packet_parser, one by one, and the comparison value for value."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mta_assets.telemetry.ccsds import Packets, frame_bytes
from mta_assets.telemetry.packet_decom import Decoded, decode
from mta_assets.telemetry.xtce import XtceModel, load_xtce
from mta_assets.telemetry.xtce_calibrate import Value


def packet(data: bytes, apid: int = 11, count: int = 0, flags: int = 3, secondary: int = 0, version: int = 0) -> bytes:
    """One space packet around its data field."""
    head = version << 45 | secondary << 43 | apid << 32 | flags << 30 | (count % 16384) << 16 | len(data) - 1
    return head.to_bytes(6, "big") + data


def stream(bodies: Iterable[bytes], apid: int = 11) -> bytes:
    """Packets of one APID with rising counts."""
    return b"".join(packet(body, apid, count) for count, body in enumerate(bodies))


def reference(definition: Any, content: bytes) -> Any:
    """What space_packet_parser makes of a packet, or None where it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return definition.parse_bytes(content)
        except Exception:
            return None


def same(ours: Any, theirs: Any) -> bool:
    """One value equal to theirs; NumPy texts do not keep trailing NUL characters."""
    if isinstance(theirs, bytes):
        return bytes(ours) == theirs
    if isinstance(theirs, str):
        return str(ours) == theirs.rstrip("\0")
    if isinstance(theirs, float) and math.isnan(theirs):
        return math.isnan(ours)
    return bool(ours == theirs)


def one(value: Value, row: int) -> tuple[Any, Any, int]:
    """Converted value, raw count and flags of one packet."""

    def cell(array: np.ndarray) -> Any:
        item = array[row]
        if array.ndim == 2:
            return item.tobytes() if value.size is None else item[: value.size[row]].tobytes()
        return item if array.dtype == object else item.item()

    return cell(value.converted), cell(value.raw), 0 if value.quality is None else int(value.quality[row])


def compare(model: XtceModel, packets: Packets, decoded: Decoded) -> int:
    """Compare everything; returns the number of values that both gave.

    Where space_packet_parser refuses a packet we must have it in ``troubles`` or flag a value of it; where it does not,
    nothing may be flagged and all values must be equal.
    """
    place = {int(i): (name, row) for name, index in decoded.index.items() for row, i in enumerate(index)}
    assert len(place) == sum(map(len, decoded.index.values()))
    lost = {int(i) for trouble in decoded.troubles if trouble.kind == "bad_packet" for i in trouble.index}
    unplaced = {int(i) for trouble in decoded.troubles if trouble.kind == "unplaced" for i in trouble.index}
    values = 0
    for number in range(len(packets)):
        start = int(packets.offset[number])
        content = packets.data[start : start + int(packets.length[number])].tobytes()
        theirs = reference(model.definitions[0], content)
        if number not in place:
            assert theirs is None, (number, theirs)
            assert number in lost | unplaced
            continue
        name, row = place[number]
        ours = decoded.values[name]
        if theirs is None:
            flags = [key for key, value in ours.items() if one(value, row)[2]]
            spline_end = [item.name for item in model.types[name].all_fields if _has_spline(item.encoding)]
            assert flags or spline_end, (number, content.hex())
            continue
        assert list(ours) == list(theirs), number
        assert (number in unplaced) == (theirs._parsing_pos < 8 * len(content))
        for key, expected in theirs.items():
            converted, raw, flag = one(ours[key], row)
            assert flag == 0, (number, key, expected)
            assert same(converted, expected), (number, key, converted, expected)
            assert same(raw, expected.raw_value) or raw == expected.raw_value, (number, key, raw, expected.raw_value)
            values += 1
    return values


def _has_spline(encoding: Any) -> bool:
    return any(
        hasattr(item, "points")
        for item in [
            getattr(encoding, "default_calibrator", None),
            *(context.calibrator for context in getattr(encoding, "context_calibrators", None) or ()),
        ]
    )


def compare_file(xtce: str | Path, data: bytes) -> tuple[XtceModel, Decoded, int]:
    """Decode and compare all packets of bytes."""
    model = load_xtce(xtce)
    packets, _ = frame_bytes(data)
    decoded = decode(model, packets)
    return model, decoded, compare(model, packets, decoded)
