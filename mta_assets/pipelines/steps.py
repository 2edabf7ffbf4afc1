"""One step of a profile: conditions, objects in, objects out, products streamed on one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mta_assets.archive.entries import InputEntry
from mta_assets.archive.telemetry_rows import TelemetryBlock
from mta_assets.core.errors import ToolFailed
from mta_assets.core.records import FAULTS, FINDINGS, Observation
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Schema, Table, concatenate
from mta_assets.pipelines.external import run_program
from mta_assets.pipelines.kickoff import unmet
from mta_assets.pipelines.observations import observations_of
from mta_assets.pipelines.registry_check import RESERVED_WRITES, resolve
from mta_assets.pipelines.registry_schema import Pipeline, Step
from mta_assets.pipelines.runlog import RunLog, Stopwatch

LARGEST_PLOT = 50_000  # [byte] the agreement with the user interface


@dataclass
class Workspace:
    """What the steps of a run share: objects by name, and what they report."""

    pipeline: Pipeline
    request: Request
    names: dict[str, Any]
    files: Mapping[str, Sequence[InputEntry]]
    scratch: Path
    log: RunLog
    take: Callable[[Product], Any]
    keep: Callable[[TelemetryBlock], str]
    faults: list[Table] = field(default_factory=list)
    findings: list[Table] = field(default_factory=list)
    plots: dict[str, bytes] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    observations: tuple[Observation, ...] | None = None  # None: no step has looked for any

    def all_faults(self) -> Table:
        return concatenate([FAULTS.empty(), *self.faults])

    def all_findings(self) -> Table:
        return concatenate([FINDINGS.empty(), *self.findings])


def run_step(number: int, step: Step, space: Workspace) -> None:
    """Execute one step, or skip it visibly where its conditions are not met.

    Threads of a profile branch and converge through names: a skipped step leaves what another one wrote under
    the same name, or None where nobody has.

    Raises
    ------
    ToolFailed
        If the tool returns something else than its ``writes`` promise.
    """
    space.log.step(number, step.label)
    reason = unmet(step.when, {**space.request.facts, **space.facts})
    if reason:
        space.log.note(f"skipped: {reason}")
        for name in step.writes:
            if name not in RESERVED_WRITES:
                space.names.setdefault(name, None)
        return
    watch = Stopwatch()
    if step.tool:
        _run_tool(step, space)
    else:
        scratch = space.scratch / f"step{number}"
        scratch.mkdir()
        made = run_program(step, space.pipeline, space.request, space.names, space.files, scratch, space.log)
        for name, product in made.items():
            if name in space.pipeline.outputs:
                _take_products(product, space, step.label)
            if name in step.writes:
                space.names[name] = product
    space.log.note(f"done, {watch.seconds():.3f} s")


def _run_tool(step: Step, space: Workspace) -> None:
    function = resolve(step.tool or "")
    given = [space.names[name] for name in step.reads]
    for name, value in zip(step.reads, given, strict=True):
        space.log.note(f"reads {name}: {_about(value)}")
    answer = function(*given, **step.params)
    if not step.writes:
        return
    values = (answer,) if len(step.writes) == 1 else answer
    if not isinstance(values, tuple) or len(values) != len(step.writes):
        got = f"{len(values)} values" if isinstance(values, tuple) else f"a {type(values).__name__}"
        raise ToolFailed(f"{step.tool} returned {got}; its step writes {len(step.writes)}: {', '.join(step.writes)}")
    for name, value in zip(step.writes, values, strict=True):
        _store(name, value, step.label, space)


def _store(name: str, value: Any, tool: str, space: Workspace) -> None:
    if name not in RESERVED_WRITES:
        space.names[name] = value
        space.log.note(f"writes {name}: {_about(value)}")
    elif value is None:
        space.log.note(f"writes {name}: nothing")
    elif name == "products":
        _take_products(value, space, tool)
    elif name in ("faults", "findings"):
        _take_report(value, FAULTS if name == "faults" else FINDINGS, space, tool)
    elif name == "plots":
        large = [title for title, content in value.items() if len(content) > LARGEST_PLOT]
        if large:
            raise ToolFailed(f"{tool}: plots {large} are larger than {LARGEST_PLOT} bytes; draw them smaller")
        space.plots.update(value)
        space.log.note(f"writes plots: {', '.join(value) or 'none'}")
    elif name == "observations":
        space.observations = (*(space.observations or ()), *observations_of(value, tool))
        space.log.note(f"writes observations: {', '.join(one.key for one in space.observations) or 'none'}")
    else:
        space.facts.update(value)
        space.log.note(f"writes facts: {value}")


def _take_products(value: Any, space: Workspace, tool: str) -> None:
    """Products as they come, so that only one is in memory; reports of a generator go where they belong."""
    several: Iterable[Any] = [value] if isinstance(value, Product | Table | TelemetryBlock) else value
    for item in several:
        if item is None:
            continue
        if isinstance(item, Product):
            written = space.take(item)
            changed = "" if written.changed else ", unchanged"
            space.log.note(f"product {written.name}: {written.rows} rows, {written.size} bytes{changed}")
        elif isinstance(item, TelemetryBlock):
            space.log.note(f"telemetry: {space.keep(item)}")
        elif isinstance(item, Table) and item.name in (FAULTS.name, FINDINGS.name):
            _take_report(item, FAULTS if item.name == FAULTS.name else FINDINGS, space, tool)
        else:
            raise ToolFailed(f"{tool}: among its products is a {_about(item)}; expected Product, FAULTS or FINDINGS")


def _take_report(table: Any, schema: Schema, space: Workspace, tool: str) -> None:
    if not isinstance(table, Table) or tuple(table.columns) != schema.names:
        raise ToolFailed(f"{tool}: {schema.name} is a {_about(table)}; expected a table of core.records.{schema.name}")
    kept = schema.build(table.columns)
    (space.faults if schema is FAULTS else space.findings).append(kept)
    space.log.note(f"{schema.name}: {len(kept)}")


def _about(value: Any) -> str:
    if value is None:
        return "nothing"
    size = f" of {len(value)}" if hasattr(value, "__len__") and not isinstance(value, str) else ""
    name = f" {value.name}" if isinstance(value, Table) else ""
    return f"{type(value).__name__}{name}{size}"
