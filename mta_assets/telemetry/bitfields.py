"""Vectorised extraction of bit fields from rows of 32-bit words, bits counted from the least significant one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.telemetry.acis_layouts import Field, Layout

Words = NDArray[np.uint32]
CHUNK = 1 << 15  # records decoded at once: their words and results stay in the processor's cache


def expand(start: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.int64]:
    """Indices start, start+1 … start+length-1 of every row, after each other."""
    before = np.cumsum(length) - length
    return np.repeat(start - before, length) + np.arange(int(length.sum()), dtype=np.int64)


def fixed_fields(words: Words, start: NDArray[np.int64], fields: Iterable[Field]) -> dict[str, NDArray[Any]]:
    """Fields at the same offset from each start.

    Parameters
    ----------
    words
        Word array.
    start
        (n,) index of the first word of each structure.

    Returns
    -------
    dict
        Name → (n,) or (n, count) int64.
    """
    decoded: dict[str, NDArray[Any]] = {}
    for field in fields:
        columns = [
            _sign(_bits(words, start, field.offset + j * field.bits, field.bits), field) for j in range(field.count)
        ]
        decoded[field.name] = columns[0] if field.count == 1 else np.column_stack(columns)
    return decoded


def _bits(words: Words, start: NDArray[np.int64], offset: int, bits: int) -> NDArray[np.int64]:
    word, shift = divmod(offset, 32)
    value = words[start + word].astype(np.uint64)
    if shift + bits > 32:
        value |= words[start + word + 1].astype(np.uint64) << np.uint64(32)
    return ((value >> np.uint64(shift)) & np.uint64((1 << bits) - 1)).astype(np.int64)


def _sign(value: NDArray[np.int64], field: Field) -> NDArray[np.int64]:
    return value - ((value >> (field.bits - 1)) << field.bits) if field.signed else value


def result_type(field: Field) -> np.dtype[Any]:
    """Smallest signed type of a record field (int16 for pulse heights, int32 for amplitudes)."""
    return np.dtype(np.int16 if field.bits < 16 else np.int32 if field.bits < 32 else np.int64)


def record_fields(
    words: Words, start: NDArray[np.int64], length: NDArray[np.int64], layout: Layout
) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
    """The repeating records (events) of many packets of one layout at once.

    Parameters
    ----------
    words
        Word array that holds the packets.
    start, length
        (p,) index of the first word and number of words of each packet.
    layout
        Their layout.

    Returns
    -------
    fields
        Name → (n,) or (n, count) array over the records of all packets in order.
    counts
        (p,) records of each packet.
    """
    counts = (32 * length - layout.record_offset) // layout.record_bits
    total = int(counts.sum())
    out = {f.name: np.empty(total if f.count == 1 else (total, f.count), result_type(f)) for f in layout.record}
    if not total:
        return out, counts
    aligned = layout.record_bits % 32 == 0 and layout.record_offset % 32 == 0
    step = layout.record_bits // 32 if aligned else layout.record_bits
    base = start + layout.record_offset // 32 if aligned else 32 * start + layout.record_offset
    first = np.cumsum(counts) - counts
    at = np.repeat(base - step * first, counts)
    at += step * np.arange(total, dtype=np.int64)
    # three words more, so that a record's window may reach over the end
    padded = words if aligned else np.concatenate([words, np.zeros(3, np.uint32)])
    for low in range(0, total, CHUNK):
        high = min(low + CHUNK, total)
        part = {name: array[low:high] for name, array in out.items()}
        if aligned:
            _aligned_records(padded, at[low:high], step, layout.record, part)
        else:
            _packed_records(padded, at[low:high], layout.record, part)
    return out, counts


def _aligned_records(
    words: Words, at: NDArray[np.int64], step: int, fields: Iterable[Field], out: dict[str, NDArray[Any]]
) -> None:
    columns = [words[at + j] for j in range(step)]
    for field in fields:
        target = out[field.name].reshape(len(at), field.count)
        for j in range(field.count):
            word, shift = divmod(field.offset + j * field.bits, 32)
            value = columns[word] >> np.uint32(shift)
            if shift + field.bits > 32:
                value |= columns[word + 1] << np.uint32(32 - shift)
            if field.bits < 32 and shift + field.bits != 32:
                value &= np.uint32((1 << field.bits) - 1)
            target[:, j] = value


def _packed_records(words: Words, at: NDArray[np.int64], fields: Iterable[Field], out: dict[str, NDArray[Any]]) -> None:
    # a record of at most 64 bits begins at any bit: three words hold it
    word, shift = at >> 5, (at & 31).astype(np.uint64)
    low = words[word].astype(np.uint64) | (words[word + 1].astype(np.uint64) << np.uint64(32))
    high = words[word + 2].astype(np.uint64)
    record = (low >> shift) | ((high << np.uint64(1)) << (np.uint64(63) - shift))
    for field in fields:
        target = out[field.name].reshape(len(at), field.count)
        for j in range(field.count):
            value = (record >> np.uint64(field.offset + j * field.bits)) & np.uint64((1 << field.bits) - 1)
            target[:, j] = _sign(value.astype(np.int64), field)
