"""Corrections as data: dated bad times and values with author and reason, applied on read and in roll-ups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, cast

import numpy as np
import sqlalchemy as sa

from mta_assets.archive import telemetry_schema as db
from mta_assets.archive.telemetry_rows import GroupRows
from mta_assets.archive.telemetry_spans import bounds
from mta_assets.core import times
from mta_assets.core.errors import BadData
from mta_assets.core.flags import Quality
from mta_assets.core.samples import ParameterInfo

Kind = Literal["bad", "value"]
ALL = "*"  # stands for every parameter
LONGEST_AUTHOR = 100  # [character] the column of the catalog


@dataclass(frozen=True)
class Correction:
    """One correction of a parameter in [start, stop) ns.

    Parameters
    ----------
    kind
        ``bad``: the samples are not good. ``value``: they have this value, and are good.
    """

    id: int
    parameter: str
    start: int
    stop: int
    kind: Kind
    value: float | None
    author: str
    reason: str
    made: float
    withdrawn: float | None = None
    withdrawn_by: str | None = None
    withdrawn_why: str | None = None
    born: int = 0
    dead: int | None = None


def find(
    connection: sa.Connection, names: Sequence[str] | None, start: int | None, stop: int | None, at: int | None
) -> list[Correction]:
    """Corrections in the order in which they were made.

    Parameters
    ----------
    names
        Of these parameters (and those of all parameters); None for any.
    at
        Those of the snapshot of a transaction; None for all that ever were.
    """
    c = db.corrections.c
    query = sa.select(db.corrections)
    if names is not None:
        query = query.where(c.parameter.in_([ALL, *(name.upper() for name in names)]))
    if start is not None:
        query = query.where(c.stop > start)
    if stop is not None:
        query = query.where(c.start < stop)
    if at is not None:
        query = query.where(c.born <= at, sa.or_(c.dead.is_(None), c.dead > at))
    return [Correction(**row._mapping) for row in connection.execute(query.order_by(c.id))]


def apply(rows: GroupRows, found: Sequence[Correction]) -> GroupRows:
    """Rows with corrections; a later one goes over an earlier one. Fillers stay fillers."""
    values, quality = dict(rows.values), dict(rows.quality)
    for one in found:
        low, high = np.searchsorted(rows.time, [one.start, one.stop]).tolist()
        if low == high:
            continue
        for name in values:
            if one.parameter not in (ALL, name.upper()):
                continue
            flags = quality[name].copy() if name in quality else np.zeros(len(rows), np.uint8)
            if one.kind == "bad":
                flags[low:high] |= np.uint8(Quality.DECLARED_BAD)
            else:
                there = (flags[low:high] & np.uint8(Quality.MISSING | Quality.OTHER_FORMAT)) == 0
                column = values[name].copy()
                column[low:high][there] = np.asarray(one.value).astype(column.dtype)
                flags[low:high][there] = 0
                values[name] = column
            quality[name] = flags
    return replace(rows, values=values, quality=quality)


def check(
    parameter: str, info: ParameterInfo | None, start: float, stop: float, kind: str, value: float | None, author: str,
    reason: str,
) -> Correction:  # fmt: skip
    """A new correction, if it makes sense.

    Raises
    ------
    BadData
        If it does not; says what is missing.
    """
    if parameter != ALL and info is None:
        raise BadData(f"no parameter {parameter!r} in the archive to correct")
    if kind not in ("bad", "value"):
        raise BadData(f"correction of {parameter}: kind {kind!r} is not known; known are bad, value")
    if not stop > start:
        raise BadData(f"correction of {parameter}: {start} to {stop} is no interval; expected start before stop")
    if len(author) > LONGEST_AUTHOR or "\0" in author + reason:
        raise BadData(f"correction of {parameter}: the author has at most {LONGEST_AUTHOR} characters, no text a NUL")
    if not author.strip() or not reason.strip():
        raise BadData(f"correction of {parameter}: say who makes it (author) and why (reason)")
    if (kind == "value") != (value is not None) or (kind == "value" and info is None):
        raise BadData(f"correction of {parameter}: kind 'value' needs one parameter and a value, kind 'bad' has none")
    if value is not None and info is not None and not _fits(value, np.dtype(info.dtype)):
        raise BadData(f"correction of {parameter}: {value:g} is no value of its type, {np.dtype(info.dtype)}")
    name = info.name.upper() if info is not None else ALL
    begin, end = bounds(start, stop)
    return Correction(0, name, begin, end, cast(Kind, kind), value, author, reason, times.now())


def _fits(value: float, dtype: np.dtype[Any]) -> bool:
    """Whether a column of that type can hold the value."""
    if not math.isfinite(value) or dtype.kind not in "biuf":
        return False
    if dtype.kind == "f":
        return abs(value) <= float(np.finfo(dtype).max)
    low, high = (0, 1) if dtype.kind == "b" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    return value == int(value) and low <= int(value) <= high


def store(connection: sa.Connection, new: Correction | None, gone: Correction | None, transaction: int) -> int:
    """Write a new correction, or that one is withdrawn; returns its number."""
    table = db.corrections
    if new is not None:
        values = {key: item for key, item in asdict(new).items() if key not in ("id", "born")}
        done = connection.execute(sa.insert(table).values(**values, born=transaction))
        return int(done.inserted_primary_key[0])  # type: ignore[index]
    assert gone is not None
    told = {"withdrawn": gone.withdrawn, "withdrawn_by": gone.withdrawn_by, "withdrawn_why": gone.withdrawn_why}
    connection.execute(sa.update(table).where(table.c.id == gone.id).values(dead=transaction, **told))
    return gone.id
