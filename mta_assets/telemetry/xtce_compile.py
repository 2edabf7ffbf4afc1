"""One XTCE parameter compiled: where its size comes from, how its bits are read and what they become.

The rules are those of space_packet_parser's parameter types and encodings (its ``parse_value`` methods), applied to
arrays of packets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import ConfigError
from mta_assets.telemetry import xtce_bits as bits_of
from mta_assets.telemetry.xtce_calibrate import Array, Value, byte_labels, calibrate, flagged, labels, texts
from mta_assets.telemetry.xtce_match import all_match, references

Bits = int | NDArray[np.int64]


@dataclass(frozen=True)
class Field:
    """A parameter at its place in a container.

    Attributes
    ----------
    name, unit, doc
        Of the parameter.
    kind
        ``int``, ``float``, ``binary`` or ``string``: what its bits are.
    type
        ``plain``, ``enumerated`` or ``boolean``: what they become.
    bits
        Size, None if it depends on the packet.
    sized_by
        Parameters that its size and its context calibrators depend on.
    differs
        Whether engineering value and raw count are different things.
    little
        Least significant byte first.
    special
        A signed integer; a MIL-STD-1750A float.
    """

    name: str
    unit: str
    doc: str
    kind: str
    type: str
    bits: int | None
    sized_by: frozenset[str]
    encoding: Any
    enumeration: dict[Any, str]
    differs: bool
    little: bool
    special: bool

    def sizes(self, values: Mapping[str, Value], count: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Size in each packet [bit], and in which packets none can be told."""
        encoding = self.encoding
        binary = self.kind == "binary"
        reference = encoding.size_reference_parameter if binary else encoding.dynamic_length_reference
        lookups = encoding.size_discrete_lookup_list if binary else encoding.discrete_lookup_length
        adjust = encoding.linear_adjuster if binary else encoding.length_linear_adjuster
        use_reference = reference is not None if binary else not lookups
        if use_reference:
            size = self._referenced(reference, encoding.use_calibrated_value, values)
        else:
            size = np.full(count, np.nan)
            for lookup in lookups:
                if binary or lookup.lookup_value:
                    met = all_match(lookup.match_criteria, values, count) & np.isnan(size)
                    size[met] = lookup.lookup_value
        if adjust is not None:
            size = adjust(size)
        bad = ~(np.isfinite(size) & (size >= 0) & (size < 2**32))
        return np.where(bad, 0, size).astype(np.int64), bad

    def _referenced(self, name: str, calibrated: bool, values: Mapping[str, Value]) -> NDArray[np.float64]:
        if name not in values:
            raise ConfigError(f"XTCE: the size of {self.name} refers to {name}, which does not come before it")
        value = values[name].converted if calibrated else values[name].raw
        if value.ndim != 1 or value.dtype.kind not in "iufb":
            raise ConfigError(f"XTCE: the size of {self.name} refers to {name}, which is not a number")
        return value.astype(np.float64)

    def read(
        self, source: bits_of.Source, position: bits_of.Position, bits: Bits, values: Mapping[str, Value]
    ) -> Value:
        """Raw counts and engineering values of all packets of ``source``."""
        if self.kind in ("binary", "string"):
            return self._bytes(source, position, bits)
        assert isinstance(bits, int)
        raw = self.number(source, position, bits)
        if self.type == "enumerated":
            return labels(self.enumeration, raw)
        if self.type == "boolean":
            return Value(np.asarray(raw != 0, bool), raw)
        if self.differs:
            return self._calibrated(raw, values)
        return Value(raw, raw)

    @cached_property
    def plain(self) -> bool:
        """Whether its values are machine numbers of one size that are what was sent."""
        number = self.kind in ("int", "float") and self.bits is not None and self.bits <= 64
        return number and self.type == "plain" and not self.differs

    def number(self, source: bits_of.Source, position: bits_of.Position, bits: int, out: Array | None = None) -> Array:
        """Raw counts of an integer or float, put into ``out`` if it is given."""
        if self.kind == "float":
            return bits_of.real(source, position, bits, self.little, self.special, out)
        return bits_of.integer(source, position, bits, self.special, self.little, out)

    def _calibrated(self, raw: Array, values: Mapping[str, Value]) -> Value:
        """The first context calibrator that holds, else the default one, else the count itself."""
        encoding = self.encoding
        result = raw.astype(np.float64)
        bad = np.zeros(len(raw), bool)
        left = np.ones(len(raw), bool)
        for context in encoding.context_calibrators or ():
            met = left & all_match(context.match_criteria, values, len(raw), current=raw)
            if met.any():
                result[met], bad[met] = calibrate(context.calibrator, raw[met])
                left &= ~met
        if encoding.default_calibrator and left.any():
            if left.all():
                result, bad = calibrate(encoding.default_calibrator, raw)
            else:
                result[left], bad[left] = calibrate(encoding.default_calibrator, raw[left])
        return flagged(result, raw, bad)

    def _bytes(self, source: bits_of.Source, position: bits_of.Position, bits: Bits) -> Value:
        raw, size, whole = self._rows(source, position, bits)
        if self.type == "boolean":
            filled = np.full(len(raw), whole > 0) if size is None else size > 0
            return Value(filled, raw, None, size)
        if self.kind == "binary":
            return Value(raw, raw, None, size)
        if self.type == "enumerated":
            return byte_labels(self.enumeration, raw, size, whole)
        return texts(self.encoding, raw, size, whole)

    def _rows(
        self, source: bits_of.Source, position: bits_of.Position, bits: Bits
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None, int]:
        read = bits_of.right_aligned if self.kind == "binary" else bits_of.left_aligned
        if isinstance(bits, int):
            rows = read(source, position, bits)
            # A size that only happens to be the same in these packets is written down all the same.
            size = None if self.bits is not None else np.full(len(rows), (bits + 7) // 8, np.int64)
            return rows, size, (bits + 7) // 8
        size = (bits + 7) // 8
        rows = np.zeros((len(source), int(size.max(initial=0))), np.uint8)
        # Whole bytes are read for all packets at once, as long as the longest; others size by size.
        if not (bits % 8).any():
            rows = read(source, position, 8 * rows.shape[1]) if rows.shape[1] else rows
            rows[np.arange(rows.shape[1]) >= size[:, None]] = 0
            return rows, size, 0
        for one in np.unique(bits).tolist():
            here = np.flatnonzero(bits == one)
            part = position if isinstance(position, int) else position[here]
            rows[here, : (one + 7) // 8] = read(source.where(here), part, one)
        return rows, size, 0


def compile_field(parameter: Any) -> Field:
    """A parameter of space_packet_parser's model as a field."""
    from space_packet_parser.xtce import encodings, parameter_types

    kind_of = {
        encodings.IntegerDataEncoding: "int",
        encodings.FloatDataEncoding: "float",
        encodings.BinaryDataEncoding: "binary",
        encodings.StringDataEncoding: "string",
    }
    described = parameter.parameter_type
    encoding = described.encoding
    kind = kind_of[type(encoding)]
    bits, sized_by = _size(encoding, kind)
    type_of = {parameter_types.EnumeratedParameterType: "enumerated", parameter_types.BooleanParameterType: "boolean"}
    calibrated = getattr(encoding, "default_calibrator", None) or getattr(encoding, "context_calibrators", None)
    unit = described.unit
    text = parameter.short_description or parameter.long_description or ""
    return Field(
        name=parameter.name,
        unit=unit if isinstance(unit, str) else " ".join(unit or ()),
        doc=" ".join(text.split()),
        kind=kind,
        type=type_of.get(type(described), "plain"),
        bits=bits,
        sized_by=frozenset(sized_by - {parameter.name}),
        encoding=encoding,
        enumeration=getattr(described, "enumeration", {}),
        differs=bool(calibrated) or kind == "string" or type(described) in type_of,
        little=kind in ("int", "float") and encoding.byte_order == "leastSignificantByteFirst",
        special=kind in ("int", "float") and encoding.encoding not in ("unsigned", "IEEE754", "IEEE754_1985"),
    )


def _size(encoding: Any, kind: str) -> tuple[int | None, set[str]]:
    if kind in ("int", "float"):
        contexts = encoding.context_calibrators or ()
        return encoding.size_in_bits, set().union(*(references(item.match_criteria) for item in contexts))
    if kind == "binary":
        fixed, name, lookups = (
            encoding.fixed_size_in_bits, encoding.size_reference_parameter, encoding.size_discrete_lookup_list
        )  # fmt: skip
    else:
        fixed, name, lookups = encoding.fixed_length, encoding.dynamic_length_reference, encoding.discrete_lookup_length
    found = {name} if name else set()
    return fixed, found.union(*(references(item.match_criteria) for item in lookups or ()))
