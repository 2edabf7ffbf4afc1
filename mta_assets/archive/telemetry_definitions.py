"""What the parameters of the telemetry archive are, and what is said where they were something else before.

A parameter has one definition for readers, the newest. Rows keep the layout that they came in with; where its unit,
its states or its kind were others, the rows are given as the newest definition has them, as far as that can be done
without a guess, and the reader is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import sqlalchemy as sa

from mta_assets.archive import telemetry_schema as db
from mta_assets.archive import telemetry_sql as sql
from mta_assets.core import times
from mta_assets.core.samples import SECOND, Array, ParameterInfo, Samples

Older = dict[str, dict[int, str]]  # by parameter and layout: what it was


@dataclass(frozen=True)
class Definitions:
    """All parameters by name in capital letters, and the groups that they belong to; made anew with a new layout.

    Attributes
    ----------
    corrected
        Whether any correction was ever made.
    several
        Groups whose rows came in with more than one layout.
    """

    layout: int
    infos: Mapping[str, ParameterInfo]
    group_of: Mapping[str, int]
    number_of: Mapping[str, int]
    periods: Mapping[int, float]
    corrected: bool
    several: frozenset[int] = frozenset()
    _older: dict[int, Older] = field(default_factory=dict, compare=False)

    @classmethod
    def load(cls, connection: sa.Connection, layout: int) -> Definitions:
        p, g, c = db.parameters.c, db.groups.c, db.layouts.c
        periods = {row.id: row.period for row in connection.execute(sa.select(g.id, g.period))}
        names = {row.id: row.name for row in connection.execute(sa.select(g.id, g.name))}
        infos, group_of, number_of = {}, {}, {}
        for row in connection.execute(sa.select(p.id, p.key, p.group_id, p.info).order_by(p.id)):
            info = sql.parameter_info(row.info)
            period = info.period or periods[row.group_id]
            infos[row.key] = replace(info, group=names[row.group_id], period=period)
            group_of[row.key], number_of[row.key] = row.group_id, row.id
        many = sa.select(c.group_id).group_by(c.group_id).having(sa.func.count() > 1)
        return cls(
            layout, infos, group_of, number_of, periods, False, frozenset(connection.execute(many).scalars())
        )  # fmt: skip

    def told(
        self, connection: sa.Connection, group_id: int, keys: Sequence[str], low: int, high: int, at: int
    ) -> list[str]:
        """A sentence for each parameter that was something else when rows of [low, high) ns came in."""
        if group_id not in self.several:
            return []
        if group_id not in self._older:
            self._older[group_id] = self._find_older(connection, group_id)
        older = self._older[group_id]
        answer = []
        for key in keys:
            for layout, text in older.get(key, {}).items():
                span = _span(connection, group_id, layout, low, high, at)
                if span is not None:
                    start, stop = (times.to_utc_iso(edge / SECOND) for edge in span)
                    answer.append(f"{self.infos[key].name}: rows from {start} to {stop} came {text}")
        return answer

    def _find_older(self, connection: sa.Connection, group_id: int) -> Older:
        c = db.layouts.c
        found: Older = {}
        for row in connection.execute(sa.select(c.id, c.columns).where(c.group_id == group_id)):
            for column in row.columns:
                was = sql.parameter_info(column)
                text = difference(was, self.infos[was.name.upper()])
                if text:
                    found.setdefault(was.name.upper(), {})[row.id] = text
        return found


def _span(
    connection: sa.Connection, group_id: int, layout: int, low: int, high: int, at: int
) -> tuple[int, int] | None:  # fmt: skip
    """Where rows of a layout stand within [low, high)."""
    c, g = db.contributions.c, db.contribution_groups.c
    living = sa.and_(c.born <= at, sa.or_(c.dead.is_(None), c.dead > at))
    query = sa.select(sa.func.min(g.start), sa.func.max(g.stop)).join(db.contributions, c.id == g.contribution_id)
    inside = sa.and_(g.group_id == group_id, g.layout_id == layout, g.start < high, g.stop > low)
    start, stop = connection.execute(query.where(living, inside)).one()
    return None if start is None else (max(low, start), min(high, stop))


def difference(was: ParameterInfo, now: ParameterInfo) -> str:
    """How values of an earlier definition must not be taken for those of a later one; empty if they may be."""
    texts = []
    if was.unit != now.unit:
        texts.append(
            f"in {was.unit or 'no unit'}, and are given as they came: the unit is {now.unit or 'none'} now"
        )  # fmt: skip
    if is_text(was) != is_text(now):
        texts.append("as text, and are numbers now" if is_text(was) else "as numbers, and are text now")
    elif bool(was.states) != bool(now.states):
        texts.append("as states, and are numbers now" if was.states else "as numbers, and are codes of states now")
    renamed = sorted(code for code in set(was.states) & set(now.states) if was.states[code] != now.states[code])
    if renamed:
        some = ", ".join(f"{code} was {was.states[code]} and is {now.states[code]} now" for code in renamed[:3])
        texts.append(f"with other names of states: {some}")
    return "; ".join(texts)


def is_text(info: ParameterInfo) -> bool:
    """Whether a parameter's values are text; states are numbers with names."""
    return np.dtype(info.dtype).kind in "USO"


def as_defined(samples: Samples) -> tuple[Samples, int]:
    """Samples as their definition says, numbers or text, where rows were the other; and how many could not be made so.

    Numbers become text as they are written. Text becomes the number, or the code of the state, that it says; what says
    none is left out.
    """
    text = samples.values.dtype.kind in "USO"
    if text == is_text(samples.info):
        return samples, 0
    if not text:
        return replace(samples, values=samples.values.astype("U")), 0
    known, place = np.unique(samples.values.astype("U"), return_inverse=True)
    numbers = [_number(word, samples.info) for word in known.tolist()]
    there = np.array([number is not None for number in numbers], bool)[place]
    dtype = np.dtype(samples.info.dtype) if samples.info.states else np.dtype(np.float64)
    values: Array = np.array([number or 0 for number in numbers], dtype)[place]
    return replace(samples, values=values).where(there), int(np.count_nonzero(~there))


def _number(text: str, info: ParameterInfo) -> float | int | None:
    codes = {name: code for code, name in info.states.items()}
    if text in codes:
        return codes[text]
    try:
        number = float(text)
    except ValueError:
        return None
    if not info.states:
        return number
    return int(number) if number in info.states else None
