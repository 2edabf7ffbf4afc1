"""What a dictionary is in memory: parameters, their places and meanings, and the rate groups they form."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import ConfigError
from mta_assets.missions.load import FrameSection
from mta_assets.telemetry.calibrate import Calibration, state_names, to_engineering

TYPES = ("uint", "int", "float", "bool")
TABLE_BITS = 12  # up to here the conversion is one look-up; beyond, the tables would not stay in the cache


@dataclass(frozen=True)
class Layout:
    """What a dictionary has to know of the frame.

    ``reserved`` are the bytes that are not engineering: science data, aspect camera, error control. Parameters may
    lie in the ``header`` (sync, counter, format), but only the frame itself writes there.
    """

    length: int = 1025
    minor_frames: int = 128
    period: float = 0.25625
    reserved: frozenset[int] = frozenset()
    header: frozenset[int] = frozenset()

    @classmethod
    def of(cls, frame: FrameSection) -> Layout:
        reserved = {byte for start, stop in [*frame.science, *frame.aca] for byte in range(start, stop)}
        if frame.checksum_offset is not None:
            reserved |= {frame.checksum_offset, frame.checksum_offset + 1}
        counter = range(frame.counter_offset, frame.counter_offset + frame.counter_bits // 8)
        header = {*range(len(frame.sync) // 2), *counter, frame.format_offset}
        return cls(frame.length, frame.minor_frames, frame.period, frozenset(reserved), frozenset(header))


@dataclass(frozen=True)
class Parameter:
    """One MSID: its place in the frames, its type and its meaning.

    Parameters
    ----------
    frames
        Minor frame of the sample in each period of ``step`` minor frames, −1 where a period has none.
    step
        Minor frames from one sample to the next, a power of two: the rate of its group.
    offset, bit, length
        First byte in the frame, first bit in that byte (0 is the most significant) and length in bits.
    source
        File and line of its definition.
    """

    msid: str
    subsystem: str
    group: int
    formats: frozenset[int]
    frames: tuple[int, ...]
    step: int
    offset: int
    bit: int
    length: int
    type: str
    calibration: Calibration | None = None
    states: dict[int, str] = field(default_factory=dict)
    unit: str = ""
    description: str = ""
    source: str = ""

    @property
    def minor_frames(self) -> tuple[int, ...]:
        """Minor frames that carry it, ascending."""
        return tuple(frame for frame in self.frames if frame >= 0)

    @cached_property
    def start(self) -> int | None:
        """First minor frame if the samples are evenly spaced, else None."""
        even = self.frames[0] >= 0 and all(f == self.frames[0] + i * self.step for i, f in enumerate(self.frames))
        return self.frames[0] if even else None

    @cached_property
    def span(self) -> int:
        """Bytes that the field touches."""
        return (self.bit + self.length + 7) // 8

    @property
    def bytes(self) -> range:
        """Bytes of the frame that the field touches."""
        return range(self.offset, self.offset + self.span)

    @property
    def converted(self) -> bool:
        """Whether the value differs from the raw count."""
        return self.calibration is not None or bool(self.states)

    @property
    def smallest(self) -> int:
        return -(1 << (self.length - 1)) if self.type == "int" else 0

    @property
    def largest(self) -> int:
        return (1 << (self.length - 1)) - 1 if self.type == "int" else (1 << self.length) - 1

    @cached_property
    def raw_dtype(self) -> np.dtype[Any]:
        """Smallest native type that holds the raw counts."""
        if self.type == "bool":
            return np.dtype(bool)
        if self.type == "float":
            return np.dtype(f"f{self.length // 8}")
        size = next(n for n in (1, 2, 4, 8) if self.length <= 8 * n)
        return np.dtype(f"{'i' if self.type == 'int' else 'u'}{size}")

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """Type of the value: text for states, float32 where that holds more digits than the counts, else float64."""
        if self.states:
            return np.dtype(f"U{max(len(name) for name in self.states.values())}")
        if self.calibration is None:
            return self.raw_dtype
        return np.dtype(np.float32 if self.length <= 16 else np.float64)

    @cached_property
    def lookup(self) -> tuple[NDArray[Any], NDArray[np.bool_] | None] | None:
        """Values of all bit patterns, and which of them are out of range; None where a table would be too large."""
        if not self.converted or self.length > TABLE_BITS or self.type == "float":
            return None
        counts = np.arange(1 << self.length)
        if self.type == "int":
            counts = np.where(counts > self.largest, counts - (1 << self.length), counts)
        values, outside = self.convert(counts)
        return values, outside

    def convert(self, counts: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Values of counts, and which counts the calibration or the states do not cover (None: all covered)."""
        outside: NDArray[np.bool_] | None
        if self.states:
            values, outside = state_names(counts, self.states)
        elif self.calibration is not None:
            values, outside = to_engineering(counts, self.calibration)
        else:
            return counts, None
        return values.astype(self.dtype), outside if outside is not None and outside.any() else None


@dataclass(frozen=True)
class RateGroup:
    """Parameters of one subsystem that share a sampling step, and therefore a table."""

    subsystem: str
    number: int
    step: int
    msids: tuple[str, ...]

    @property
    def content(self) -> str:
        """Name of the group as the archive's CONTENT keyword has it, ``PCAD3ENG``."""
        return f"{self.subsystem}{self.number}ENG"


@dataclass(frozen=True)
class Dictionary:
    """All parameters of a mission.

    Attributes
    ----------
    msids
        Parameter by name, in the order of the files.
    groups
        Rate group by (subsystem, number).
    layout
        The frame they lie in.
    """

    msids: dict[str, Parameter]
    groups: dict[tuple[str, int], RateGroup]
    layout: Layout = Layout()

    @property
    def subsystems(self) -> tuple[str, ...]:
        return tuple(sorted({subsystem for subsystem, _ in self.groups}))

    def __getitem__(self, msid: str) -> Parameter:
        try:
            return self.msids[msid]
        except KeyError:
            raise ConfigError(f"no MSID {msid!r} among the {len(self.msids)} of the dictionary") from None

    def __contains__(self, msid: str) -> bool:
        return msid in self.msids
