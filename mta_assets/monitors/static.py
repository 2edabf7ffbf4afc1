"""The static monitor: every parameter of a subsystem against the limits of its time, with statistics.

Static are the parameters whose limits do not depend on the state of the spacecraft (M&TA document, "Static
Monitor"); what a switch decides is left to the state monitor and said so. A monitored parameter without data has
a row like any other, with ``N`` 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mta_assets.core.errors import ConfigError, NothingToDo
from mta_assets.core.records import FINDINGS
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table
from mta_assets.core.times import to_utc_iso
from mta_assets.missions.load import Mission
from mta_assets.monitors.findings import findings, joined, limit_findings
from mta_assets.monitors.groups import GroupList, load_groups
from mta_assets.monitors.limit_table import LimitRow, LimitTable, load_limits
from mta_assets.monitors.limits import NO_BOUNDS, NONE, Bounds, check
from mta_assets.monitors.plots import MAX_PANELS, Panel, overview
from mta_assets.monitors.samples import Samples, collect
from mta_assets.monitors.static_tables import COUNTS, Judged, series_tables, summary_table, unit_of
from mta_assets.monitors.statistics import BUCKET, NOTHING, by_bucket, summarise
from mta_assets.monitors.stuck import stuck


def monitor(
    products: Sequence[Product], mission: Mission, request: Request, *, subsystem: str
) -> tuple[list[Product], Table, dict[str, bytes], dict[str, Any]]:
    """Judge the engineering products of one subsystem.

    Parameters
    ----------
    products
        Engineering products of the subsystem; see ``monitors.samples`` for the layouts.
    mission
        Its ``[monitor]`` section names the limits and the group lists.
    request
        Not used beyond its presence: a playback is judged for itself, whatever else is there.
    subsystem
        Its name, as in the group lists and file identifiers.

    Returns
    -------
    products, findings, plots, facts
        ``<SUBSYSTEM>_STATIC`` (one row for each parameter; statistics by 328 s bucket), ``<SUBSYSTEM>_STATICDB``,
        the violations, an overview plot, and ``limits_version``.

    Raises
    ------
    NothingToDo
        If there is no product.
    ConfigError
        If the mission has no limit table, or it is wrong.
    """
    if not products:
        raise NothingToDo(f"static monitor of {subsystem}: no engineering product in {request.partition}")
    section = mission.file.monitor
    if section is None:
        raise ConfigError(f"mission {mission.name}: mission.toml has no [monitor] section that names a limit table")
    table = load_limits(mission.path(section.limits))
    groups = load_groups(mission.path(section.groups)) if section.groups else GroupList(())
    held = list(products)  # read once: each step through a sequence of files opens them again
    tstart, tstop = min(p.tstart for p in held), max(p.tstop for p in held)
    samples = collect(held)
    names = list(dict.fromkeys([*groups.msids(subsystem), *samples]))
    names = [name for name in names if name in samples or name in table]
    judged = {name: _judge(name, samples.get(name), table, subsystem, tstop) for name in names}
    header = {"SUBSYS": (subsystem, "subsystem"), "LIMVERS": table.version}
    common: dict[str, Any] = {"tstart": tstart, "tstop": tstop, "header": header}
    series, database = series_tables(judged)
    made = [Product(f"{subsystem}_STATIC", (summary_table(judged), series), **common)]
    if len(database):  # its buckets are whole ones: they begin before the pass and end after it
        first, last = float(database["TIME"].min()), float(database["TIME"].max()) + BUCKET
        made.append(Product(f"{subsystem}_STATICDB", (database,), first, last, header))
    found = joined(item.found for item in judged.values())
    panels = _panels(judged, groups)
    title = f"{subsystem}  static monitor   {_count(found)}"
    plots = {f"{subsystem} overview": overview(title, panels, tstart, tstop)}
    return made, found, plots, {"limits_version": table.version}


def _judge(name: str, samples: Samples | None, table: LimitTable, subsystem: str, tstop: float) -> Judged:
    row = table.row_at(tstop, name)
    judged = name in table and not table.depends_on_state(name)
    counts = dict.fromkeys(COUNTS, 0)
    if samples is None or not len(samples.time):
        return Judged(samples, NOTHING, None, row, "NO DATA", counts, FINDINGS.empty())
    good = samples.good
    whole = bool(good.all())
    time, value = (samples.time, samples.value) if whole else (samples.time[good], samples.value[good])
    summary, buckets = summarise(time, value), by_bucket(time, value)
    counts["n_bad"] = len(samples.time) - len(time)
    found: list[Table] = []
    bucket_bounds = NO_BOUNDS
    if judged and len(time):
        unit = (row.unit if row else "") or samples.unit
        bounds = table.bounds(name, time)
        bucket_bounds = table.bounds(name, np.maximum(buckets.tstart, time[0]))
        violations = check(time, value, None, bounds)
        if violations:
            since = to_utc_iso(row.valid_from, 0) if row else ""
            found.append(limit_findings(violations, name, subsystem, unit, since))
        counts["n_yellow"], counts["n_red"] = _beyond(value, bounds)
        if row is not None and row.enabled and row.stuck_seconds:
            found.append(_stuck_findings(samples, row, subsystem, unit))
            counts["n_stuck"] = len(found[-1])
    all_found = joined(found)
    verdict = _verdict(name, table, row, len(time), all_found)
    return Judged(samples, summary, buckets, row, verdict, counts, all_found, bucket_bounds)


def _beyond(value: Any, bounds: Bounds) -> tuple[int, int]:
    """Samples beyond yellow (or red, where there is no yellow) and beyond red."""
    kind = np.float32 if value.dtype == np.float32 else np.float64
    low, high, red_low, red_high = (np.asarray(bound, dtype=kind) for bound in bounds[:4])
    red = (value < red_low) | (value > red_high)
    return int(np.count_nonzero(red | (value < low) | (value > high))), int(np.count_nonzero(red))


def _stuck_findings(samples: Samples, row: LimitRow, subsystem: str, unit: str) -> Table:
    rows = []
    for stretch in stuck(samples.time, samples.raw, samples.bad, row.stuck_seconds):
        value, count = float(samples.value[stretch.first]), samples.raw[stretch.first]
        length = stretch.tstop - stretch.tstart
        rows.append(
            {
                "name": row.msid,
                "subsystem": subsystem,
                "kind": "stuck",
                "severity": "yellow",
                "side": "",
                "bound": NONE,
                "tstart": stretch.tstart,
                "tstop": stretch.tstop,
                "first": value,
                "last": float(samples.value[stretch.last]),
                "worst": value,
                "count": stretch.count,
                "unit": unit,
                "detail": f"raw count {count} for {length:.1f} s, {stretch.count} samples; "
                f"it is expected to change within {row.stuck_seconds:g} s",
            }
        )
    return findings(rows)


def _verdict(name: str, table: LimitTable, row: LimitRow | None, count: int, found: Table) -> str:
    if not count:
        return "NO DATA"
    if len(found):
        return "RED" if "red" in found["severity"] else "YELLOW"
    if table.depends_on_state(name):
        return "STATE"
    if row is not None and not row.enabled:
        return "MASKED"
    return "OK" if row is not None and row.has_limits else "NO LIMIT"


def _panels(judged: dict[str, Judged], groups: GroupList) -> list[Panel]:
    """Most important first: what is in violation, then what comes nearest to its limits."""
    shown = [(name, item) for name, item in judged.items() if item.summary.n]
    shown.sort(key=lambda entry: _rank(entry[1]))
    return [_panel(name, item, groups) for name, item in shown[:MAX_PANELS]]


def _panel(name: str, item: Judged, groups: GroupList) -> Panel:
    assert item.samples is not None  # there are good samples
    good = item.samples.good
    frozen = item.found.where(item.found["kind"] == "stuck")
    return Panel(
        name,
        item.samples.time[good],
        item.samples.value[good],
        unit_of(item),
        item.row.bounds if item.row is not None else NO_BOUNDS,
        item.verdict,
        groups.plot_range(name),
        tuple(zip(frozen["tstart"].tolist(), frozen["tstop"].tolist(), strict=True)),
    )


def _rank(item: Judged) -> tuple[int, float]:
    severity = {"RED": 0, "YELLOW": 1, "OK": 2}.get(item.verdict, 3)
    if severity != 2 or item.row is None:
        return severity, 0.0
    b, s = item.row.bounds, item.summary
    low, high = _first(b.yellow_low, b.red_low), _first(b.yellow_high, b.red_high)
    span = (high - low) if low == low and high == high else max(abs(_first(low, high)), 1.0)
    margins = [margin for margin in (s.low - low, high - s.high) if margin == margin]
    return severity, min(margins) / span


def _first(*values: Any) -> float:
    return next((float(value) for value in values if value == value), NONE)


def _count(found: Table) -> str:
    red, yellow = (int(np.count_nonzero(found["severity"] == severity)) for severity in ("red", "yellow"))
    return f"{red} red, {yellow} yellow" if len(found) else "no violation"
