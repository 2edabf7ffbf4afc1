"""ACIS packets from events and exposures: the inverse of the decoder.

Layouts and constants are the ones that the decoder uses (telemetry.acis_layouts), so that there is one description.
`PacketBatch`, `merge`, `fill_science` and `bep_counter` come from the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.core.errors import BadData
from mta_assets.simulate.acis_batch import PacketBatch, merge
from mta_assets.simulate.acis_fill import Filled, bep_counter, fill_science
from mta_assets.telemetry.acis_layouts import BEP_MODULO, BY_TAG, FEP_MODULO, MODES, SYNC, Field, Layout

__all__ = [
    "Filled",
    "PacketBatch",
    "bep_counter",
    "encode_events",
    "encode_exposures",
    "encode_fixed",
    "encode_words",
    "fill_science",
    "merge",
]


def encode_events(
    mode: str,
    ccd_id: ArrayLike,
    fep_id: ArrayLike,
    rows: ArrayLike,
    cols: ArrayLike,
    values: ArrayLike | Mapping[str, ArrayLike],
    exposure: ArrayLike = 0,
) -> PacketBatch:
    """Data packets of events; a packet never holds events of two exposures.

    Parameters
    ----------
    mode
        ``FAINT``, ``VFAINT``, ``GRADED``, ``CC_FAINT``, ``CC_GRADED``, ``CC33_FAINT`` or ``CC33_GRADED``.
    ccd_id, fep_id
        Of every event, or one for all.
    rows, cols
        0-based position of the event's centre: ccdRow (transferRow in CC modes) and ccdColumn.
    values
        Pulse heights (n, 9), (n, 25), (n, 3, 3) …, or in graded modes a mapping with ``eventAmplitude``, ``gradeCode``
        and, in TE and CC33, ``cornerMean``.
    exposure
        Exposure of every event, not decreasing: an exposure of one CCD, counted as the caller likes.

    Raises
    ------
    BadData
        If a value does not fit into its field or the exposures decrease.
    """
    layout = MODES[mode].layout
    row = np.asarray(rows, dtype=np.int64).ravel()
    n = len(row)
    which = np.broadcast_to(np.asarray(exposure, dtype=np.int64), (n,))
    if n and np.any(np.diff(which) < 0):
        raise BadData(f"{mode} events: the exposures decrease; expected the events in order of their exposure")
    given: Mapping[str, ArrayLike] = values if isinstance(values, Mapping) else {"pulseHeights": values}
    counts_of = {field.name: field.count for field in layout.record}
    columns = {}
    for name, array in given.items():
        flat = np.asarray(array, dtype=np.int64)
        columns[name] = flat.reshape(n, flat.size // n if n else counts_of.get(name, 0))
    columns[layout.record[0].name] = row.reshape(n, 1)
    columns["ccdColumn"] = np.asarray(cols, dtype=np.int64).reshape(n, 1)
    _check(mode, layout.record, columns)

    _, first_of, inverse = np.unique(which, return_index=True, return_inverse=True)
    rank = np.arange(n) - first_of[inverse]
    new = np.flatnonzero(rank % layout.max_records == 0)
    counts = np.diff(np.append(new, n))
    length = (layout.record_offset + layout.record_bits * counts + 31) // 32
    start = np.cumsum(length) - length
    words = np.zeros(int(length.sum()), np.uint32)
    words[start] = SYNC
    words[start + 1] = length | (MODES[mode].data_tag << 10)
    ccd = np.broadcast_to(np.asarray(ccd_id, dtype=np.int64), (n,))[new]
    fep = np.broadcast_to(np.asarray(fep_id, dtype=np.int64), (n,))[new]
    words[start + 2] = ccd | (fep << 4) | ((rank[new] // layout.max_records) << 7)
    _put_records(words, start, counts, layout, columns)
    return PacketBatch(words, length, which[new].copy())


def encode_exposures(mode: str, fields: Mapping[str, ArrayLike], exposure: ArrayLike | None = None) -> PacketBatch:
    """Exposure records.

    Parameters
    ----------
    mode
        As in `encode_events`.
    fields
        IP&CL name → value per record (or one for all); what is not given is 0. ``fepTimestamp`` may be a full
        count of 10 µs ticks: its lowest 25 bits are sent; ``runStartTime`` and ``biasStartTime`` likewise, 32 bits.
    exposure
        Index of the exposure of each record; default 0, 1, 2 …
    """
    tag = MODES[mode].exposure_tag
    layout = BY_TAG[tag]
    n = max((np.asarray(v).shape[0] for v in fields.values() if np.ndim(v)), default=1)
    given = {name: np.asarray(v, dtype=np.int64) for name, v in fields.items()}
    for name, modulo in (("fepTimestamp", FEP_MODULO), ("runStartTime", BEP_MODULO), ("biasStartTime", BEP_MODULO)):
        if name in given:
            given[name] = given[name] % modulo
    return encode_fixed(layout, tag, given, n, np.arange(n) if exposure is None else exposure)


def encode_fixed(
    layout: Layout, tag: int, fields: Mapping[str, ArrayLike], n: int = 1, exposure: ArrayLike = -1
) -> PacketBatch:
    """Packets of a fixed layout (exposure record, science report) from their fields."""
    if layout.words is None:
        raise BadData(f"{layout.name} has no fixed length: use encode_words")
    words = np.zeros((n, layout.words), np.uint32)
    words[:, 0] = SYNC
    words[:, 1] = layout.words | (tag << 10)
    columns = {}
    for name, given in fields.items():
        array = np.asarray(given, dtype=np.int64)
        width = next((f.count for f in layout.fields if f.name == name), 0)
        columns[name] = np.broadcast_to(array.reshape(-1, 1) if width == 1 else array, (n, max(width, 1)))
    known = tuple(f for f in layout.fields[4:] if f.name in columns)
    _check(layout.name, known, columns)
    for field in known:
        for j in range(field.count):
            word, shift = divmod(field.offset + j * field.bits, 32)
            bits = columns[field.name][:, j] & ((1 << field.bits) - 1)
            words[:, word] |= (bits << shift).astype(np.uint32)
    which = np.broadcast_to(np.asarray(exposure, dtype=np.int64), (n,)).copy()
    return PacketBatch(words.ravel(), np.full(n, layout.words, np.int64), which)


def encode_words(tag: int, payload: ArrayLike) -> PacketBatch:
    """One packet of any type from its words after the telemetry header (parameter-block dump, housekeeping)."""
    body = np.asarray(payload, dtype=np.uint32)
    words = np.concatenate([np.array([SYNC, (len(body) + 2) | (tag << 10)], np.uint32), body])
    return PacketBatch(words, np.array([len(words)], np.int64), np.array([-1], np.int64))


def _check(what: str, fields: Sequence[Field], columns: Mapping[str, NDArray[np.int64]]) -> None:
    names = {f.name for f in fields}
    if names != set(columns):
        raise BadData(f"{what}: fields {sorted(columns)} were given; expected {sorted(names)}")
    for field in fields:
        array = columns[field.name]
        low = -(1 << (field.bits - 1)) if field.signed else 0
        high = (1 << (field.bits - int(field.signed))) - 1
        if array.shape[1] != field.count:
            raise BadData(f"{what}: {field.name} has {array.shape[1]} values; expected {field.count}")
        if array.size and (array.min() < low or array.max() > high):
            raise BadData(f"{what}: {field.name} {array.min()} … {array.max()} does not fit into {low} … {high}")


def _put_records(
    words: NDArray[np.uint32],
    start: NDArray[np.int64],
    counts: NDArray[np.int64],
    layout: Layout,
    columns: Mapping[str, NDArray[np.int64]],
) -> None:
    first = np.cumsum(counts) - counts
    bit = np.repeat(32 * start + layout.record_offset - layout.record_bits * first, counts)
    bit += layout.record_bits * np.arange(len(bit), dtype=np.int64)
    pieces = [
        (f.offset + j * f.bits, (columns[f.name][:, j] & ((1 << f.bits) - 1)).astype(np.uint64))
        for f in layout.record
        for j in range(f.count)
    ]
    if layout.record_bits % 32 == 0:
        table = np.zeros((len(bit), layout.record_bits // 32), np.uint32)
        for offset, value in pieces:
            cell, up = divmod(offset, 32)
            wide = value << np.uint64(up)
            table[:, cell] |= wide.astype(np.uint32)
            if cell + 1 < table.shape[1]:
                table[:, cell + 1] |= (wide >> np.uint64(32)).astype(np.uint32)
        words[(bit >> 5)[:, None] + np.arange(table.shape[1])] = table
        return
    record = np.zeros(len(bit), np.uint64)
    for offset, value in pieces:
        record |= value << np.uint64(offset)
    word, shift = bit >> 5, (bit & 31).astype(np.uint64)
    low = record << shift
    high = (record >> np.uint64(1)) >> (np.uint64(63) - shift)
    last = len(words) - 1
    for j, part in enumerate((low, low >> np.uint64(32), high)):
        bits = part.astype(np.uint32)  # the lowest 32 of them
        rows = np.flatnonzero(bits)
        np.bitwise_or.at(words, np.minimum(word[rows] + j, last), bits[rows])
