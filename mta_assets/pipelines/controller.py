"""The controller: runs one pipeline's profile on its inputs and leaves products, log and outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from mta_assets.archive.entries import InputEntry
from mta_assets.archive.names import format_fields
from mta_assets.core.content import named, problems
from mta_assets.core.errors import BadData, NothingToDo, ToolFailed, TransientError
from mta_assets.core.faults import TRANSIENT_ERRNOS
from mta_assets.core.request import Request
from mta_assets.core.spool import spool_folder
from mta_assets.core.tables import FileOf, Product, Table, plain
from mta_assets.pipelines.code import code_version, limits_version
from mta_assets.pipelines.inputs import Input, given_files
from mta_assets.pipelines.kickoff import unmet
from mta_assets.pipelines.registry import Registry
from mta_assets.pipelines.registry_schema import Pipeline, ProductSpec
from mta_assets.pipelines.runlog import RunLog
from mta_assets.pipelines.sink import Ending, Sink, SinkRun, Written
from mta_assets.pipelines.steps import Workspace, run_step

Outcome = Literal["done", "nothing to do", "bad data", "failed"]


@dataclass(frozen=True)
class RunResult:
    """What came of a run.

    Attributes
    ----------
    outcome
        ``done``; ``nothing to do`` (kickoff not met, no input); ``bad data`` (the input can never be processed);
        ``failed`` (a bug or a permanent failure, the traceback is in the log).
    products
        Written files, those that came out unchanged included; empty unless done.
    message
        The outcome in words.
    """

    run_id: str
    pipe_id: str
    outcome: Outcome
    message: str
    log_path: Path
    products: tuple[Written, ...] = ()
    faults: Table | None = None
    findings: Table | None = None
    plots: Mapping[str, bytes] = field(default_factory=dict)
    plot_paths: Mapping[str, Path] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[InputEntry, ...] = ()

    @property
    def faults_count(self) -> int:
        return len(self.faults) if self.faults is not None else 0

    @property
    def findings_count(self) -> int:
        return len(self.findings) if self.findings is not None else 0


def run_pipeline(
    registry: Registry, pipeline: Pipeline | str, request: Request, inputs: Mapping[str, Any], sink: Sink
) -> RunResult:
    """Run a pipeline once.

    Parameters
    ----------
    registry
        Registry of the mission.
    pipeline
        The pipeline or its id.
    request
        Partition, stream, interval, DATE and facts.
    inputs
        For each file id an `Input` (objects with the files that they came from), or just the object.
    sink
        Where everything goes.

    Returns
    -------
    RunResult
        Of one of the four outcomes; the products of a run that is not ``done`` are not kept.

    Raises
    ------
    TransientError
        If disk, catalog or another resource failed in a way that may pass: nothing is left, run it again.
    """
    if isinstance(pipeline, str):
        pipeline = registry.pipeline(pipeline)
    run = sink.begin(pipeline, request)
    try:
        return _run(registry, pipeline, request, inputs, run)
    except BaseException:
        run.abandon()
        raise


def _run(
    registry: Registry, pipeline: Pipeline, request: Request, inputs: Mapping[str, Any], run: SinkRun
) -> RunResult:
    log = RunLog(registry, pipeline, request, run.run_id)
    files = {name: given_files(value) for name, value in inputs.items()}
    log.inputs(files)
    objects = {name: value.value if isinstance(value, Input) else value for name, value in inputs.items()}
    given: dict[str, Any] = {"archive": None, "observing": [], "mission": registry.mission, "request": request}
    names = {**dict.fromkeys(pipeline.optional_inputs), **given, **objects}
    written: list[Written] = []

    made: dict[tuple[str, str], str] = {}

    def take(product: Product) -> Written:
        spec, checked = _validated(_with_files(product, made), pipeline, registry, request)
        written.append(run.write(checked, spec, registry.standard_keywords(spec)))
        made[product.file_id, _same(product)] = written[-1].name
        return written[-1]

    space = Workspace(pipeline, request, names, files, run.scratch, log, take, run.keep)
    with spool_folder(run.scratch):
        outcome, message = _outcome(pipeline, request, inputs, space)
    if outcome == "done":
        message = _summary(written, space)
    else:
        run.drop()
        written.clear()
        space = Workspace(pipeline, request, {}, {}, run.scratch, log, take, run.keep)
    finished = log.outcome(outcome, message, written)
    faults, findings = space.all_faults(), space.all_findings()
    ending = Ending(
        outcome,
        message,
        log.started,
        finished,
        code_version(pipeline),
        registry.version,
        limits_version(registry.mission),
        log.content(),
        [entry for some in files.values() for entry in some],
        faults,
        findings,
        space.facts,
        space.plots,
        space.observations,
    )
    log_path, plot_paths = run.finish(ending)
    return RunResult(
        run.run_id, pipeline.id, outcome, message, log_path, tuple(written), faults, findings, space.plots,
        plot_paths, space.facts, tuple(ending.inputs),
    )  # fmt: skip


def _outcome(pipeline: Pipeline, request: Request, inputs: Mapping[str, Any], space: Workspace) -> tuple[Outcome, str]:
    try:
        if request.waits and request.stream == "sdp":  # quick look takes what there is
            return "nothing to do", f"{request.partition} {request.waits}"
        reason = unmet(pipeline.kickoff, request.facts)
        if reason:
            return "nothing to do", f"kickoff not met: {reason}"
        missing = [name for name in pipeline.inputs if name not in inputs]
        if missing:
            return "nothing to do", f"there is no {', '.join(missing)} for partition {request.partition}"
        for number, step in enumerate(pipeline.profile, start=1):
            run_step(number, step, space)
    except NothingToDo as error:
        return "nothing to do", str(error)
    except BadData as error:
        space.log.error(error)
        return "bad data", str(error)
    except TransientError:
        raise
    except OSError as error:
        if error.errno in TRANSIENT_ERRNOS:
            raise TransientError(f"pipeline {pipeline.id}: {error}; it is tried again") from error
        space.log.error(error)
        return "failed", f"{type(error).__name__}: {error}"
    except Exception as error:  # whatever a tool raises is its failure, not the controller's
        space.log.error(error)
        return "failed", str(error) if isinstance(error, ToolFailed) else f"{type(error).__name__}: {error}"
    return "done", ""


def _summary(written: Sequence[Written], space: Workspace) -> str:
    same = sum(not w.changed for w in written)
    text = f"{len(written)} products" + (f", {same} of them unchanged" if same else "")
    reports = (("faults", space.all_faults()), ("findings", space.all_findings()))
    return ", ".join([text, *(f"{len(table)} {name}" for name, table in reports if len(table))])


def _same(product: Product) -> str:
    """What tells products of one file id apart."""
    return repr(sorted(product.fields.items()))


def _with_files(product: Product, made: Mapping[tuple[str, str], str]) -> Product:
    """The product with the names of files of the run where its tables refer to them."""

    def name(value: Any) -> Any:
        if isinstance(value, tuple):
            return (name(value[0]), *value[1:])
        if not isinstance(value, FileOf):
            return value
        if (value.file_id, _same(product)) not in made:
            raise ToolFailed(
                f"{product.file_id} {_same(product)} refers to the {value.file_id} of the same fields, which has not "
                "been made: give that out first"
            )
        return made[value.file_id, _same(product)]

    tables = (t.with_header({key: name(value) for key, value in t.header.items()}) for t in product.tables)
    return replace(product, tables=tuple(tables))


def _validated(
    product: Product, pipeline: Pipeline, registry: Registry, request: Request
) -> tuple[ProductSpec, Product]:
    """The product as registered: known to the pipeline, with its keywords, columns and fields of the name."""
    if product.file_id not in pipeline.outputs:
        raise ToolFailed(
            f"pipeline {pipeline.id} made a {product.file_id}; its outputs are {', '.join(pipeline.outputs) or 'none'}"
        )
    spec = registry.product(product.file_id)
    if spec.archive_only and request.stream == "sap":
        raise ToolFailed(f"{spec.id} is for the archive only: the quick-look stream (sap) must not make it")
    for keyword, expected in spec.keywords.items():
        for where, header in [("", product.header), *((f"[{t.name}]", t.header) for t in product.tables)]:
            value = _plain(header.get(keyword, expected))
            if value != expected and not (where and keyword.startswith(("CONTENT", "HDU"))):
                raise ToolFailed(f"{spec.id}{where}: {keyword} is {value!r}, the registry declares {expected!r}")
    for table in product.tables:
        _check_columns(spec, table)
    wrong = problems(spec.columns, named(product.tables))
    if wrong:
        raise ToolFailed(f"{spec.id}{'; '.join(wrong)}: its columns are not those that the registry declares")
    known = product.tstart == product.tstart and product.tstop == product.tstop
    return spec, replace(
        product,
        tstart=product.tstart if known else request.tstart,
        tstop=product.tstop if known else request.tstop,
        fields=_fields(product, spec, pipeline, request),
    )


def _check_columns(spec: ProductSpec, table: Table) -> None:
    if table.schema is None:
        return
    if tuple(table.columns) != table.schema.names:
        undeclared = sorted(set(table.columns) ^ set(table.schema.names))
        raise ToolFailed(f"{spec.id}[{table.name}]: columns and schema differ in {undeclared or 'their order'}")
    import numpy as np

    first = table.rows(0, 1)
    for column in table.schema.columns:
        array = first[column.name]
        declared = np.dtype(column.dtype)
        same = array.dtype.kind == declared.kind and (declared.kind in "US" or array.dtype == declared)
        if not same or array.shape[1:] != column.shape:
            raise ToolFailed(
                f"{spec.id}[{table.name}].{column.name}: declared {column.dtype}{column.shape or ''}, "
                f"came {array.dtype.str}{array.shape[1:] or ''}"
            )


def _fields(product: Product, spec: ProductSpec, pipeline: Pipeline, request: Request) -> dict[str, Any]:
    """Fields of the name; observation and interval are those of the partition, and what an external program could not
    say comes from the keyword of the same name."""
    root = spec.root if spec.root is not None else pipeline.root
    of_partition = {"obsid": request.obsid, "obi": request.obi}
    found = {**{k: v for k, v in of_partition.items() if v is not None}, **product.fields}
    for name in format_fields(root + (spec.suffix or "")):
        if name not in found and name.upper() in product.header:
            found[name] = _plain(product.header[name.upper()])
    return found


def _plain(given: Any) -> Any:
    return plain(given)
