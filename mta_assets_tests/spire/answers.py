"""Answers to the example queries, computed from the simulated arrays with NumPy and pandas alone.

What is taken from the platform's documentation are its conventions: bins count from 1998.0 TT, a sample of another
parameter holds for three of its periods, samples that are not good are left out, windows have both their ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mta_assets_tests.spire import products
from mta_assets_tests.spire.schedule import Observation, blocks, observations
from mta_assets_tests.spire.telemetry import CADENCE, NS, group_of

HELD = 3  # [period]


@dataclass(frozen=True)
class Rows:
    """Rows of an answer: times [ns since 1998.0 TT] and columns."""

    time: np.ndarray
    columns: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.time)


def samples(name: str) -> pd.Series:
    """Good samples of a telemetry parameter by time [ns]."""
    group = group_of(name)
    good = group.good(name)
    return pd.Series(group.value(name)[good], index=group.time[good])


def within(series: pd.Series, start: float, stop: float) -> pd.Series:
    """Samples with start <= time < stop [s]; the edges of these tests are whole seconds."""
    return series[(series.index >= round(start * NS)) & (series.index < round(stop * NS))]


def held(name: str, times: np.ndarray) -> np.ndarray:
    """The latest good sample of a parameter at or before each time, NaN where it is older than three periods."""
    other = samples(name)
    frame = pd.DataFrame({"t": other.index.to_numpy(), "value": other.to_numpy(dtype=float)})
    tolerance = round(HELD * CADENCE[group_of(name).name][0] * NS)
    merged = pd.merge_asof(pd.DataFrame({"t": times}), frame, on="t", direction="backward", tolerance=tolerance)
    return merged["value"].to_numpy()


def aot_at(times: np.ndarray) -> np.ndarray:
    """AOT of the observation that goes on at each time [ns], empty where there is none."""
    return _at(times, observations(), "aot")


def _at(times: np.ndarray, intervals: tuple[object, ...], attribute: str) -> np.ndarray:
    found = np.full(len(times), "", dtype="U20")
    for one in intervals:
        low, high = np.searchsorted(times, [one.tstart * NS, one.tstop * NS])  # type: ignore[attr-defined]
        found[low:high] = getattr(one, attribute)
    return found


def in_bins(series: pd.Series, seconds: int) -> pd.Series:
    """Bin number of each sample: whole widths since 1998.0 TT."""
    return pd.Series(series.index.to_numpy() // (seconds * NS), index=series.index)


def binned(series: pd.Series, seconds: int, how: str | Callable[[pd.Series], float]) -> pd.Series:
    """One statistic of each bin that has samples, by start of the bin [ns]."""
    grouped = series.groupby(in_bins(series, seconds).to_numpy()).agg(how)
    return pd.Series(grouped.to_numpy(), index=grouped.index.to_numpy() * seconds * NS)


def crossings(name: str, level: float) -> np.ndarray:
    """Times [ns] of samples that reach the level from either side, the sample before not more than 3 periods away."""
    series = samples(name)
    time, above = series.index.to_numpy(), series.to_numpy() - level
    near = np.diff(time) <= round(HELD * CADENCE[group_of(name).name][0] * NS)
    turned = ((above[:-1] < 0) & (above[1:] >= 0)) | ((above[:-1] > 0) & (above[1:] <= 0))
    alone = np.concatenate([[True], ~near]) & (above == 0)
    return time[np.concatenate([[False], near & turned]) | alone]


def runs(name: str, low: float) -> list[tuple[int, int]]:
    """First and last time [ns] of each run of samples at or above a level, parted by gaps of more than 3 periods."""
    series = samples(name)
    longest = round(HELD * CADENCE[group_of(name).name][0] * NS)
    found: list[tuple[int, int]] = []
    last_true, last_time = False, 0
    for time, value in zip(series.index.tolist(), (series.to_numpy() >= low).tolist(), strict=True):
        if value and last_true and time - last_time <= longest:
            found[-1] = (found[-1][0], time)
        elif value:
            found.append((time, time))
        last_true, last_time = value, time
    return found


def around(series: pd.Series, events: list[tuple[int, int]], before: float, after: float) -> pd.Series:
    """Samples from ``before`` seconds before to ``after`` seconds after the events, both ends included."""
    time = series.index.to_numpy()
    keep = np.zeros(len(time), bool)
    for first, last in events:
        low = np.searchsorted(time, first - round(before * NS), side="left")
        high = np.searchsorted(time, last + round(after * NS), side="right")
        keep[low:high] = True
    return series[keep]


def column(file_id: str, name: str, keep: Callable[[float, float], bool] = lambda start, stop: True) -> pd.Series:
    """A column of all products of a kind against their TIME, product by product in order of time."""
    chosen = [p for p in products.all_products() if p.file_id == file_id and keep(p.tstart, p.tstop)]
    chosen.sort(key=lambda product: product.tstart)
    time = np.concatenate([p.tables[0]["TIME"] for p in chosen])
    return pd.Series(np.concatenate([p.tables[0][name] for p in chosen]), index=nanoseconds(time))


def nanoseconds(seconds: np.ndarray) -> np.ndarray:
    """Seconds as int64 nanoseconds, the fraction apart from the whole."""
    whole = np.floor(seconds)
    return whole.astype(np.int64) * NS + np.rint((seconds - whole) * NS).astype(np.int64)


def per_observation(series: pd.Series, how: str, chosen: tuple[Observation, ...]) -> pd.Series:
    """A statistic of the samples of each observation, by its start [ns]; one without samples has no row."""
    found = {obs.tstart * NS: within(series, obs.tstart, obs.tstop) for obs in chosen}
    return pd.Series({start: part.agg(how) for start, part in found.items() if len(part)}, dtype=float)


def block_type_at(times: np.ndarray) -> np.ndarray:
    """Type of the building block at each time [ns], empty where there is none."""
    return _at(times, blocks(), "bbtype")


def matching(
    file_ids: tuple[str, ...], fits: Callable[[dict[str, object], float, float], bool]
) -> list[tuple[str, float]]:
    """(file id, start) of the products of some kinds whose header and interval fit, sorted."""
    return sorted(
        (p.file_id, p.tstart)
        for p in products.all_products()
        if p.file_id in file_ids and fits(p.header, p.tstart, p.tstop)
    )
