"""Checks of a dictionary: each parameter for itself, and that no two claim the same bits."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from mta_assets.core.errors import ConfigError
from mta_assets.telemetry.odb_model import TYPES, Layout, Parameter

NAME = re.compile(r"[A-Z0-9][A-Z0-9_.]*")
WORD = 64  # longest window of bits that the decommutation reads at once


def check_parameter(parameter: Parameter, layout: Layout) -> None:
    """Refuse a parameter that can not be.

    Raises
    ------
    ValueError
        With what is wrong; the caller adds file and line.
    """
    p = parameter
    if not NAME.fullmatch(p.msid) or "__" in p.msid:
        raise ValueError(f"MSID {p.msid!r}: expected capitals, digits, '_' and '.', without '__'")
    if not p.subsystem.isalnum() or p.group < 0:
        raise ValueError(f"{p.msid}: subsystem {p.subsystem!r} and group {p.group}: expected a word and a number")
    if p.type not in TYPES:
        raise ValueError(f"{p.msid}: unknown type {p.type!r}; known: {', '.join(TYPES)}")
    lengths = {"bool": (1, 1), "float": (32, 64), "int": (2, WORD), "uint": (1, WORD)}[p.type]
    if not lengths[0] <= p.length <= lengths[1] or (p.type == "float" and p.length not in (32, 64)):
        raise ValueError(f"{p.msid}: length {p.length} does not suit type {p.type}: {lengths[0]} to {lengths[1]} bits")
    if not 0 <= p.bit <= 7 or p.bit + p.length > WORD:
        raise ValueError(f"{p.msid}: bit {p.bit} with length {p.length}: expected 0 to 7, and at most {WORD} together")
    if p.offset < 0 or p.bytes.stop > layout.length or not layout.reserved.isdisjoint(p.bytes):
        raise ValueError(f"{p.msid}: bytes {p.offset} to {p.bytes.stop - 1} are not engineering bytes of the frame")
    _check_meaning(p)


def _check_meaning(p: Parameter) -> None:
    if p.states and p.calibration is not None:
        raise ValueError(f"{p.msid}: has states and a calibration; expected one of them")
    if p.type in ("float", "bool") and (p.calibration is not None or (p.states and p.type == "float")):
        raise ValueError(f"{p.msid}: type {p.type} takes no calibration" + " and no states" * (p.type == "float"))
    unfit = [code for code in p.states if not p.smallest <= code <= p.largest]
    if unfit:
        raise ValueError(f"{p.msid}: state codes {unfit} do not fit into {p.length} bits of type {p.type}")


def check_overlaps(parameters: Sequence[Parameter], layout: Layout) -> None:
    """Refuse two parameters with a bit in common in the same minor frame of the same format.

    Raises
    ------
    ConfigError
        Naming both with file and line.
    """
    numbers = sorted({number for p in parameters for number in p.formats})
    if len(numbers) > 32:
        raise ConfigError(f"{len(numbers)} telemetry formats in one dictionary; expected at most 32")
    mask = {number: 1 << place for place, number in enumerate(numbers)}
    taken = np.zeros((layout.minor_frames, layout.length * 8), dtype=np.uint32)  # one bit a format
    for p in parameters:
        flag = np.uint32(sum(mask[number] for number in p.formats))
        first = p.offset * 8 + p.bit
        frames = slice(p.start, None, p.step) if p.start is not None else list(p.minor_frames)
        cells = taken[frames, first : first + p.length]
        if (cells & flag).any():
            other = next(o for o in parameters if _collide(o, p))
            raise ConfigError(f"{p.source}: {p.msid} claims bits that {other.msid} has ({other.source})")
        taken[frames, first : first + p.length] = cells | flag


def _collide(a: Parameter, b: Parameter) -> bool:
    low, high = a.offset * 8 + a.bit, b.offset * 8 + b.bit
    apart = low + a.length <= high or high + b.length <= low
    return not apart and not a.formats.isdisjoint(b.formats) and not set(a.minor_frames).isdisjoint(b.minor_frames)
