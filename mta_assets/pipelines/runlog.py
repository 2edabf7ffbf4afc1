"""The log of a run: one readable text beside its products, with everything needed to repeat it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from mta_assets.archive.entries import InputEntry
from mta_assets.archive.products import package_version
from mta_assets.core.request import Request
from mta_assets.core.times import now, to_utc_iso
from mta_assets.pipelines.code import code_version, limits_version, step_version
from mta_assets.pipelines.kickoff import describe
from mta_assets.pipelines.registry import Registry
from mta_assets.pipelines.registry_schema import Pipeline


class RunLog:
    """Collects the lines of one run.

    Attributes
    ----------
    started
        TT seconds since 1998.0 TT.
    """

    def __init__(self, registry: Registry, pipeline: Pipeline, request: Request, run_id: str) -> None:
        self.started = now()
        self.lines: list[str] = [f"run {run_id}", ""]
        self._fields(
            {
                "pipeline": f"{pipeline.id}: {pipeline.title}",
                "mission": registry.mission.name,
                "partition": request.partition,
                "stream": request.stream,
                "interval": f"{request.tstart!r} to {request.tstop!r} TT s",
                "interval UTC": f"{_utc(request.tstart)} to {_utc(request.tstop)}",
                "created": f"{request.created!r} ({_utc(request.created)} UTC)",
                "started": f"{_utc(self.started)} UTC",
                "package": f"mta_assets {package_version()}",
                "code version": code_version(pipeline),
                "registry version": registry.version,
                "limits version": limits_version(registry.mission) or "no limit table",
            }
        )
        self.section("facts", [f"{name} = {value!r}" for name, value in sorted(request.facts.items())])
        self.section("kickoff", [f"{name}: {describe(c)}" for name, c in pipeline.kickoff.items()])
        self.section("profile", [line for n, _ in enumerate(pipeline.profile, 1) for line in _step(pipeline, n)])

    def _fields(self, fields: Mapping[str, str]) -> None:
        self.lines += [f"{name:<18}{value}" for name, value in fields.items()]

    def section(self, title: str, lines: Sequence[str]) -> None:
        """A titled block of lines."""
        self.lines += ["", title, *(f"  {line}" for line in lines or ["none"])]

    def inputs(self, files: Mapping[str, Sequence[InputEntry]]) -> None:
        """What the run was given."""
        rows = [f"{file_id}  {f.name}  sha256 {f.sha256}  {f.path}" for file_id, some in files.items() for f in some]
        self.section("inputs", rows)

    def step(self, number: int, label: str) -> None:
        """Head of a step."""
        self.lines += ["", f"step {number}: {label}"]

    def note(self, text: str) -> None:
        """A line, or several, within the present step."""
        self.lines += [f"  {line}" for line in text.splitlines() or [""]]

    def error(self, error: BaseException) -> None:
        """An exception with its traceback."""
        self.section("error", "".join(traceback.format_exception(error)).splitlines())

    def outcome(self, outcome: str, message: str, products: Sequence[Any]) -> float:
        """Closing block; returns the moment."""
        finished = now()
        self.section(
            "products",
            [
                f"{p.file_id}  {p.name}  rows {p.rows}  sha256 {p.sha256}{'' if p.changed else '  unchanged'}"
                for p in products
            ],
        )
        self.lines += ["", f"{'finished':<18}{_utc(finished)} UTC, {finished - self.started:.3f} s"]
        self.lines += [f"{'outcome':<18}{outcome}", f"{'message':<18}{message}"]
        return finished

    def content(self) -> bytes:
        return ("\n".join(self.lines) + "\n").encode("utf-8", "backslashreplace")


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self.start = time.perf_counter()

    def seconds(self) -> float:
        return time.perf_counter() - self.start


def _utc(moment: float) -> str:
    return to_utc_iso(moment) if moment == moment else "unknown"


def _step(pipeline: Pipeline, number: int) -> list[str]:
    step = pipeline.profile[number - 1]
    lines = [
        f"{number} {step.tool or step.exec}",
        f"    reads {step.reads}, writes {step.writes}, params {step.params}",
    ]
    if step.when:
        lines.append(f"    when {', '.join(f'{n}: {describe(c)}' for n, c in step.when.items())}")
    lines.append(f"    code sha256 {step_version(step) or 'program not found'}")
    return lines
