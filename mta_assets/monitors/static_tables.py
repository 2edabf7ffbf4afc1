"""The tables of the static monitor: their columns, and how they are made from what was judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mta_assets.core.tables import Column, Schema, Table
from mta_assets.monitors.limit_table import BOUND_NAMES, LimitRow
from mta_assets.monitors.limits import NO_BOUNDS, NONE, Bounds
from mta_assets.monitors.samples import Samples
from mta_assets.monitors.statistics import Buckets, Summary

COUNTS = ("n_bad", "n_yellow", "n_red", "n_stuck")
_BOUNDS = tuple(
    Column(name.upper(), "f8", doc=f"{name.replace('_', ' ')} limit in force, NaN for none") for name in BOUND_NAMES
)

STATIC = Schema(
    "STATIC",
    (
        Column("MSID", "U24", doc="parameter"),
        Column("UNIT", "U16", doc="unit of the values and limits"),
        Column("VERDICT", "U8", doc="RED, YELLOW, OK, NO DATA, NO LIMIT, MASKED, STATE (left to the state monitor)"),
        Column("N", "i4", doc="good samples"),
        Column("N_BAD", "i4", doc="samples that are flagged or not finite"),
        Column("MIN", "f8"),
        Column("MAX", "f8"),
        Column("MEAN", "f8"),
        Column("STD", "f8", doc="standard deviation of the population"),
        Column("FIRST", "f8", doc="first good value"),
        Column("LAST", "f8", doc="last good value"),
        Column("T_MIN", "f8", "s", "time of the smallest value, TT since 1998.0"),
        Column("T_MAX", "f8", "s", "time of the greatest value"),
        *_BOUNDS,
        Column("T_LIMITS", "f8", "s", "since when these limits hold"),
        Column("N_YELLOW", "i4", doc="samples beyond yellow, red ones included, persistent or not"),
        Column("N_RED", "i4", doc="samples beyond red"),
        Column("N_FOUND", "i4", doc="violations raised"),
        Column("N_STUCK", "i4", doc="stretches of a stuck sensor"),
    ),
    "One row for each parameter",
)

SERIES = Schema(
    "STAT5MIN",
    (
        Column("TIME", "f8", "s", "start of the 328 s bucket, TT since 1998.0"),
        Column("MSID", "U24"),
        Column("N", "i4", doc="good samples"),
        Column("MIN", "f8"),
        Column("MEAN", "f8"),
        Column("MAX", "f8"),
    ),
    "Statistics by bucket, for plots",
)

STATICDB = Schema(
    "STATICDB",
    (
        Column("TIME", "f8", "s", "start of the 328 s bucket, TT since 1998.0"),
        Column("MSID", "U24"),
        Column("N", "i4", doc="good samples"),
        Column("AVG", "f8"),
        Column("STD", "f8", doc="standard deviation of the population"),
        Column("MIN", "f8"),
        Column("MAX", "f8"),
        *_BOUNDS,
    ),
    "Statistics and limits by bucket, for ingest into the database",
)


@dataclass(frozen=True)
class Judged:
    """Everything that is known of one parameter after judging it."""

    samples: Samples | None
    summary: Summary
    buckets: Buckets | None
    row: LimitRow | None
    verdict: str
    counts: dict[str, int]
    found: Table
    bucket_bounds: Bounds = NO_BOUNDS


def summary_table(judged: dict[str, Judged]) -> Table:
    items = list(judged.values())
    bounds = [item.row.bounds if item.row is not None else NO_BOUNDS for item in items]
    columns: dict[str, Any] = {
        "MSID": np.array(list(judged), dtype="U24"),
        "UNIT": np.array([unit_of(item) for item in items], dtype="U16"),
        "VERDICT": np.array([item.verdict for item in items], dtype="U8"),
        "N": [item.summary.n for item in items],
        "T_LIMITS": [item.row.valid_from if item.row is not None else NONE for item in items],
        "N_FOUND": [len(item.found) for item in items],
    }
    of_summary = {
        "MIN": "low", "MAX": "high", "MEAN": "mean", "STD": "std", "FIRST": "first", "LAST": "last",
        "T_MIN": "time_low", "T_MAX": "time_high",
    }  # fmt: skip
    columns |= {name: [getattr(item.summary, attribute) for item in items] for name, attribute in of_summary.items()}
    columns |= {name.upper(): [getattr(bound, name) for bound in bounds] for name in BOUND_NAMES}
    columns |= {name.upper(): [item.counts[name] for item in items] for name in COUNTS}
    return STATIC.build({name: np.asarray(array) for name, array in columns.items()})


def unit_of(item: Judged) -> str:
    """The limits' unit, else the product's: the table keeps the mission's names, FITS may have had to change them."""
    unit = item.row.unit if item.row is not None else ""
    return unit or (item.samples.unit if item.samples is not None else "")


def series_tables(judged: dict[str, Judged]) -> tuple[Table, Table]:
    """Both bucket tables, ordered by time and then in the order of the parameters."""
    parts = [
        (name, item.bucket_bounds, item.buckets)
        for name, item in judged.items()
        if item.buckets is not None and len(item.buckets.tstart)
    ]
    if not parts:
        return SERIES.empty(), STATICDB.empty()
    lengths = [len(buckets.tstart) for _, _, buckets in parts]
    joint = {name: np.concatenate([getattr(buckets, name) for _, _, buckets in parts]) for name in Buckets._fields}
    order = np.argsort(joint["tstart"], kind="stable")
    shared = {
        "TIME": joint["tstart"][order],
        "MSID": np.repeat(np.array([name for name, _, _ in parts], dtype="U24"), lengths)[order],
        "N": joint["n"][order],
        "MIN": joint["low"][order],
        "MAX": joint["high"][order],
    }
    bounds = {
        name.upper(): np.concatenate(
            [np.broadcast_to(getattr(bound, name), n) for (_, bound, _), n in zip(parts, lengths, strict=True)]
        )[order]
        for name in BOUND_NAMES
    }
    mean, std = joint["mean"][order], joint["std"][order]
    return SERIES.build({**shared, "MEAN": mean}), STATICDB.build({**shared, "AVG": mean, "STD": std, **bounds})
