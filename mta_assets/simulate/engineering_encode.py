"""Engineering values into the bits of frames: the exact inverse of telemetry/decom.py and calibrate.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mta_assets.core.errors import BadData
from mta_assets.telemetry.calibrate import state_codes, to_counts
from mta_assets.telemetry.decom import times_at
from mta_assets.telemetry.odb import Dictionary, Parameter

Array = NDArray[Any]
Source = Callable[[NDArray[np.float64]], ArrayLike] | ArrayLike


class Encoder:
    """Writes parameters into a stretch of frames.

    Parameters
    ----------
    dictionary
        Where everything goes.
    counter, format, time
        Unwrapped counter, telemetry format and start time [s, TT since 1998.0] of each frame, ascending.
    frames
        uint8 array (n, frame length). It is **filled in place**: only the bits of the parameters that are put.
    """

    def __init__(self, dictionary: Dictionary, counter: Array, format: Array, time: Array, frames: Array) -> None:
        self.dictionary = dictionary
        self.counter, self.format, self.time, self.frames = counter, format, time, frames
        self._minor = counter % dictionary.layout.minor_frames
        self._samples: dict[tuple[tuple[int, ...], frozenset[int]], Array] = {}
        self._times: dict[tuple[tuple[int, ...], frozenset[int]], Array] = {}

    def samples(self, msid: str) -> NDArray[np.int64]:
        """Indices of the frames that carry a parameter."""
        parameter = self.dictionary[msid]
        key = parameter.frames, parameter.formats
        if key not in self._samples:
            carried = np.zeros(self.dictionary.layout.minor_frames, dtype=bool)
            carried[list(parameter.minor_frames)] = True
            good = np.zeros(256, dtype=bool)
            good[list(parameter.formats)] = True
            self._samples[key] = np.flatnonzero(carried[self._minor] & good[self.format])
        return self._samples[key]

    def sample_times(self, msid: str) -> NDArray[np.float64]:
        """Times that the decommutated samples will have: the starts of the periods of the parameter's rate group."""
        parameter = self.dictionary[msid]
        key = parameter.frames, parameter.formats
        if key not in self._times:
            counter = self.counter[self.samples(msid)]
            start = counter - counter % parameter.step
            self._times[key] = times_at(self.counter, self.time, start, self.dictionary.layout.period)
        return self._times[key]

    def put(self, msid: str, source: Source) -> None:
        """Write a parameter from engineering values (numbers, or names or codes of states).

        ``source`` is a function of the sample times, one value for all, one per sample, or one per frame.
        """
        parameter = self.dictionary[msid]
        values = self._spread(parameter, source(self.sample_times(msid)) if callable(source) else source)
        self._write(parameter, counts_of(parameter, values))

    def put_counts(self, msid: str, counts: ArrayLike) -> None:
        """Write a parameter from raw counts: one for all, one per sample, or one per frame.

        Raises
        ------
        BadData
            If a count does not fit into the field.
        """
        parameter = self.dictionary[msid]
        given = self._spread(parameter, counts)
        if parameter.type in ("int", "uint") and given.size:
            low, high = int(given.min()), int(given.max())
            if low < parameter.smallest or high > parameter.largest:
                raise BadData(
                    f"{msid}: counts {low} … {high} do not fit into {parameter.smallest} … {parameter.largest}"
                )
        self._write(parameter, given)

    def _spread(self, parameter: Parameter, given: ArrayLike) -> Array:
        array, samples = np.asarray(given), self.samples(parameter.msid)
        if array.ndim == 0:
            return np.full(len(samples), array)
        if len(array) == len(samples):
            return array
        if len(array) == len(self.counter):
            return array[samples]
        raise BadData(
            f"{parameter.msid}: {len(array)} values; expected one, {len(samples)} (one per sample) "
            f"or {len(self.counter)} (one per frame)"
        )

    def _write(self, parameter: Parameter, counts: Array) -> None:
        where = self.samples(parameter.msid)
        if not len(where):
            return
        if parameter.type == "float":
            pattern = counts.astype(parameter.raw_dtype).view(f"u{parameter.length // 8}").astype(np.uint64)
        else:
            pattern = counts.astype(np.int64 if parameter.type == "int" else np.uint64).view(np.uint64)
        mask = (1 << parameter.length) - 1
        below = 8 * parameter.span - parameter.bit - parameter.length
        pattern = (pattern & np.uint64(mask)) << np.uint64(below)
        for byte in range(parameter.span):
            shift = 8 * (parameter.span - 1 - byte)
            own = (mask << below) >> shift & 0xFF
            part = (pattern >> np.uint64(shift)).astype(np.uint8)
            column = self.frames[:, parameter.offset + byte]  # a view: assigning to it fills the frames
            column[where] = part if own == 0xFF else (column[where] & np.uint8(own ^ 0xFF)) | part


def counts_of(parameter: Parameter, values: ArrayLike) -> Array:
    """Raw counts of values of a parameter, nearest and held at the ends of its field."""
    if parameter.states:
        return state_codes(values, parameter.states)
    if parameter.type in ("float", "bool"):
        return np.asarray(values).astype(parameter.raw_dtype)
    given = np.asarray(values)
    if parameter.calibration is None and given.dtype.kind in "iub":
        return np.clip(given, parameter.smallest, parameter.largest)
    return to_counts(given, parameter.calibration, parameter.smallest, parameter.largest)


def encode(
    dictionary: Dictionary, counter: Array, format: Array, time: Array, values: Mapping[str, Source], frames: Array
) -> None:
    """Write many parameters into ``frames`` (in place); see `Encoder.put` for what ``values`` may hold.

    Parameters in the header of the frame (its counter, its format) are passed over: the frame says them itself.
    """
    encoder = Encoder(dictionary, counter, format, time, frames)
    for msid, source in values.items():
        if dictionary.layout.header.isdisjoint(dictionary[msid].bytes):
            encoder.put(msid, source)
