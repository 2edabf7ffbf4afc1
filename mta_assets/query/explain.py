"""A plan shown before it runs: where everything comes from, over which times, how much it is."""

from __future__ import annotations

from typing import Any

from mta_assets.core.samples import SECOND
from mta_assets.core.times import to_utc_iso
from mta_assets.query import expressions, spans
from mta_assets.query.model import Products, Query
from mta_assets.query.plan import Plan
from mta_assets.query.sampling import statistics_of

SHOWN = 20  # periods and names that are written out


def as_data(plan: Plan) -> dict[str, Any]:
    """The plan as plain data; times in TT seconds since 1998.0 TT, None where they are open."""
    query = plan.query
    out: dict[str, Any] = {
        "periods": [_edges(start, stop) for start, stop in plan.span.tolist()],
        "parameters": [
            {
                "asked": name,
                "name": known.name,
                "source": known.source.label,
                "also_in": plan.resolver.also(known),
                "group": known.info.group,
                "unit": known.info.unit,
                "period": known.info.period,
            }
            for name, known in plan.names.items()
        ],
        "tables": {name: [column.label for column in own] for name, own in plan.timelines.items()},
        "steps": steps(plan),
        "notes": list(plan.notes),
    }
    if isinstance(query.what, Products):
        return out
    rows, size = plan.estimate
    return {**out, "rollup": plan.rollup, "rows": rows, "bytes": size, "seconds": plan.seconds}


def _edges(start: int, stop: int) -> list[float | None]:
    return [None if abs(edge) >= spans.FAR_NS else edge / SECOND for edge in (start, stop)]


def steps(plan: Plan) -> list[str]:
    """What is done, in order."""
    query = plan.query
    out: list[str] = []
    if isinstance(query.what, Products):
        out.append("find products " + ", ".join(name.value for name in query.what.file_ids))
    for window in query.windows:
        what = expressions.text_of(window.condition)
        out.append(f"find each time {what}: {window.before:g} s before to {window.after:g} s after ({window.anchor})")
    if plan.rollup:
        out.append(f"take statistics of whole buckets from the roll-ups '{plan.rollup}'; cut ones from their samples")
    for source, names in plan.by_source(plan.needed):
        shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
        out.append(f"read {shown} from {source.label}")
    if plan.on is not None and query.alignment is not None:
        out.append(f"bring all to the times of {plan.on.name} ({query.alignment.method})")
    condition = query.where
    if condition is not None:
        out.append(f"keep rows where {expressions.text_of(condition)}")
    if query.good_only and not isinstance(query.what, Products):
        out.append("leave out what is not good")
    out += _sampling(query)
    return out + ([f"give at most {query.limit} rows"] if query.limit is not None else [])


def _sampling(query: Query) -> list[str]:
    every = query.sampling.every
    if every is None:
        return []
    what = f"{every:g} s" if isinstance(every, int | float) else every
    return [f"one row every {what}: {', '.join(statistics_of(query.sampling.statistic, False))}"]


def as_text(plan: Plan) -> str:
    """The plan for a reader."""
    data = as_data(plan)
    lines = ["Times"]
    for start, stop in data["periods"][:SHOWN]:
        lines.append(f"  {_utc(start, 'begin of data')} – {_utc(stop, 'end of data')}")
    if len(data["periods"]) > SHOWN:
        lines.append(f"  and {len(data['periods']) - SHOWN} more")
    if not data["periods"]:
        lines.append("  none: the restrictions leave nothing")
    lines.append("Parameters")
    for one in data["parameters"][: 5 * SHOWN]:
        also = f"; also in {', '.join(one['also_in'])}, which come later" if one["also_in"] else ""
        unit = f" [{one['unit']}]" if one["unit"] else ""
        lines.append(f"  {one['name']}{unit} from {one['source']}{also}")
    lines += ["Steps", *(f"  {i}. {step}" for i, step in enumerate(data["steps"], start=1))]
    if "rows" in data:
        lines.append(f"At most {data['rows']:,} rows, {data['bytes'] / 2**20:,.1f} MiB, about {data['seconds']:.2g} s")
    return "\n".join([*lines, *(f"Note: {note}" for note in data["notes"])])


def _utc(time: float | None, open_end: str) -> str:
    return open_end if time is None else to_utc_iso(time) + " UTC"
