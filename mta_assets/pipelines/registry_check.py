"""Proof that a registry holds together: each problem is one sentence that names the file and the key."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mta_assets.archive.names import build_name, format_fields
from mta_assets.archive.text_files import is_text
from mta_assets.core.errors import ConfigError, MtaError
from mta_assets.pipelines.batch_check import batch_problems
from mta_assets.pipelines.examples import example_fields, examples
from mta_assets.pipelines.observation_check import delivery_problems, observation_problems
from mta_assets.pipelines.registry import Registry
from mta_assets.pipelines.registry_schema import Pipeline, ProductSpec, Range, Step

RESERVED_READS = frozenset({"archive", "mission", "observing", "request"})
RESERVED_WRITES = frozenset({"products", "faults", "findings", "plots", "facts", "observations"})
REQUEST_FIELDS = frozenset({"tstart", "tstop", "partition", "stream", "created"})
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def check(registry: Registry) -> list[str]:
    """All problems of a registry; an empty list if there is none."""
    problems: list[str] = []
    for pipeline in registry.pipelines.values():
        where = f"{registry.sources['pipeline', pipeline.id].name}: pipeline.{pipeline.id}"
        for test in (_files, _conditions, _steps, _roots, batch_problems, observation_problems):
            problems += [f"{where}{text}" for text in test(registry, pipeline)]
    problems += _outputs_once(registry)
    problems += delivery_problems(registry)
    problems += _disjoint(registry)
    problems += _unmade(registry)
    for partition in dict.fromkeys(p.partition for p in registry.pipelines.values()):
        try:
            registry.pipelines_of(partition)
        except ConfigError as error:
            problems.append(str(error))
    return problems


def _files(registry: Registry, pipeline: Pipeline) -> Iterator[str]:
    """Inputs have a producer, outputs are registered and allowed in the pipeline's streams."""
    for key in ("inputs", "optional_inputs", "outputs"):
        for file_id in getattr(pipeline, key):
            product = registry.products.get(file_id)
            if product is None:
                yield f".{key}: {file_id} is not a registered product"
            elif key == "outputs":
                if product.archive_only and "sap" in pipeline.streams:
                    yield f".streams: {file_id} is for the archive only, a quick-look (sap) pipeline must not make it"
                if product.format not in ("fits", "text"):
                    yield f".outputs: {file_id} has the format {product.format}, pipelines write fits and text"
                if (product.format == "text") is not is_text(Path(f"a{product.suffix}")):
                    yield f".outputs: {file_id} has the format {product.format}: texts, and only they, end in .par"
                if product.from_outside:
                    yield f".outputs: {file_id} comes from outside, no pipeline makes it"
            elif not product.from_outside and not product.delivered and not registry.producers(file_id):
                yield f".{key}: {file_id} is made by no pipeline and is neither marked external nor delivered"
            elif pipeline.partition == "obi" and product.format in ("vcdu", "ccsds"):
                yield f".{key}: {file_id} is a playback, which an observation is not made of; take products of it"


def _outputs_once(registry: Registry) -> Iterator[str]:
    for file_id in registry.products:
        for stream in ("sdp", "sap"):
            makers = [p.id for p in registry.producers(file_id) if stream in p.streams]
            if len(makers) > 1:
                where = registry.sources["product", file_id].name
                yield f"{where}: product.{file_id}: pipelines {' and '.join(makers)} both make it in stream {stream}"


def _unmade(registry: Registry) -> Iterator[str]:
    used = {i for p in registry.pipelines.values() for i in (*p.inputs, *p.optional_inputs)}  # told there
    for file_id, product in registry.products.items():
        outside = product.from_outside or product.delivered
        if file_id not in used and not outside and not registry.producers(file_id):
            where = registry.sources["product", file_id].name
            yield f"{where}: product.{file_id}: no pipeline makes it and it is not marked external"


def _conditions(registry: Registry, pipeline: Pipeline) -> Iterator[str]:
    """No kickoff and no ``when`` that can never be met."""
    yield from _possible(registry, pipeline.kickoff, ".kickoff")
    for number, step in enumerate(pipeline.profile, start=1):
        yield from _possible(registry, step.when, f".profile[{number}].when")


def _possible(registry: Registry, conditions: dict[str, Any], key: str) -> Iterator[str]:
    for name, condition in conditions.items():
        if name not in registry.facts:
            known = ", ".join(registry.facts) or "none"
            yield f"{key}.{name}: no fact of this name is declared in [facts]; known: {known}"
            continue
        declared = registry.facts[name]
        if isinstance(condition, Range):
            yield from _possible_range(declared, condition, f"{key}.{name}")
            continue
        wanted = condition if isinstance(condition, list) else [condition]
        if not wanted:
            yield f"{key}.{name}: an empty list is never met"
        if isinstance(declared, list):
            never = [w for w in wanted if not any(type(w) is type(d) and w == d for d in declared)]
            if never:
                yield f"{key}.{name}: {_list(never)} is never met; possible: {_list(declared)}"
        else:
            kinds: dict[str, Any] = {"number": int | float, "text": str, "bool": bool}
            wrong = [w for w in wanted if not isinstance(w, kinds[declared]) or (declared == "number" and w is True)]
            if wrong:
                yield f"{key}.{name}: {_list(wrong)} is never met; the fact is a {declared}"


def _possible_range(declared: Any, condition: Range, key: str) -> Iterator[str]:
    low = float("-inf") if condition.min is None else condition.min
    high = float("inf") if condition.max is None else condition.max
    if low > high:
        yield f"{key}: min {low:g} is above max {high:g}, which is never met"
    elif isinstance(declared, list):
        if not any(isinstance(d, int | float) and not isinstance(d, bool) and low <= d <= high for d in declared):
            yield f"{key}: no possible value lies between; possible: {_list(declared)}"
    elif declared != "number":
        yield f"{key}: min and max need a number; the fact is a {declared}"


def _list(values: list[Any]) -> str:
    return ", ".join(repr(v) for v in values)


def _steps(registry: Registry, pipeline: Pipeline) -> Iterator[str]:
    """Tools resolve and fit; what a step reads is there by then; what is promised gets written."""
    known = {*RESERVED_READS, *pipeline.inputs, *pipeline.optional_inputs}
    written: set[str] = set()
    for number, step in enumerate(pipeline.profile, start=1):
        key = f".profile[{number}]"
        for name in step.reads:
            if name not in known:
                there = _list(sorted(known))
                yield f"{key}.reads: {name!r} is neither an input nor written by an earlier step; there are {there}"
        for name in step.writes:
            if name in RESERVED_READS or name in (*pipeline.inputs, *pipeline.optional_inputs):
                yield f"{key}.writes: {name!r} is given to the pipeline and can not be written"
        yield from _tool(step, key) if step.tool else _program(pipeline, step, known, key)
        known |= set(step.writes) - RESERVED_WRITES
        written |= {*step.writes} | ({"products"} if step.exec else set())
    if pipeline.outputs and "products" not in written:
        yield ".outputs: no step of the profile writes products"


def _tool(step: Step, key: str) -> Iterator[str]:
    try:
        function = resolve(step.tool or "")
    except MtaError as error:
        yield f"{key}.tool: {error}"
        return
    parameters = inspect.signature(function).parameters.values()
    given = [p for p in parameters if p.kind in POSITIONAL][: len(step.reads)]
    variable = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    if len(given) < len(step.reads) and not variable:
        yield f"{key}.reads: {step.tool} takes {len(given)} objects, {len(step.reads)} are given"
    named = {p.name: p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p not in given}
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        for name in step.params:
            if name not in named:
                yield f"{key}.params: {step.tool} has no parameter {name!r}; it has {', '.join(named) or 'none'}"
    missing = [p.name for p in named.values() if p.default is p.empty and p.name not in step.params]
    missing += [p.name for p in parameters if p.kind is p.POSITIONAL_ONLY and p.default is p.empty and p not in given]
    if missing:
        yield f"{key}: {step.tool} needs {', '.join(missing)}, which neither reads nor params give"


def resolve(tool: str) -> Callable[..., Any]:
    """The function that ``"package.module:function"`` names.

    Raises
    ------
    ConfigError
        If there is no such module or function.
    """
    module, separator, name = tool.partition(":")
    if not separator:
        raise ConfigError(f"tool {tool!r}: expected 'package.module:function'")
    try:
        function = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise ConfigError(f"tool {tool!r}: module {module} can not be imported: {error}") from error
    except AttributeError as error:
        raise ConfigError(f"tool {tool!r}: module {module} has no function {name!r}") from error
    if not callable(function):
        raise ConfigError(f"tool {tool!r}: {name} is no function")
    return function


def _program(pipeline: Pipeline, step: Step, known: set[str], key: str) -> Iterator[str]:
    names = {n for argument in step.exec or [] for n in format_fields(argument)}
    allowed = {*known, *pipeline.outputs, *step.writes, *step.params, *REQUEST_FIELDS}
    for name in sorted(names - allowed):
        yield f"{key}.exec: {{{name}}} is no input, output, earlier result or parameter"
    if not names.intersection({*pipeline.outputs, *step.writes}):
        yield f"{key}.exec: the program is given no place for an output ({{FILE_ID}} of an output or a name of writes)"


def _roots(registry: Registry, pipeline: Pipeline) -> Iterator[str]:
    """Root and suffix make names that the pattern takes apart into the same fields."""
    for file_id in pipeline.outputs:
        product = registry.products.get(file_id)
        if product is None:
            continue
        root = product.root if product.root is not None else pipeline.root
        if product.suffix is None or not root:
            yield f".root: {file_id} has no {'suffix' if root else 'root'}, so its files have no names"
            continue
        yield from _round_trip(product, root)


def _round_trip(product: ProductSpec, root: str) -> Iterator[str]:
    wanted = format_fields(root + (product.suffix or ""))
    groups = product.regex.groupindex
    if "version" not in wanted:
        yield f".root: names of {product.id} carry no {{version}}, so a second version would have no name"
    lost = [name for name in wanted if name not in groups]
    if lost:
        yield f".root: the pattern of {product.id} has no named group for {', '.join(lost)}"
        return
    for fields in example_fields(product, root):
        try:
            name = build_name(product, root, product.suffix or "", fields)
        except MtaError as error:
            yield f".root: {error}"
            return
        found = product.regex.fullmatch(name)
        parsed = found.groupdict() if found else {}
        wrong = [n for n, v in fields.items() if _number(parsed.get(n)) != _number(v)]
        if wrong:
            yield f".root: {name!r} of {product.id} gives back other values of {', '.join(wrong)}"
            return


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def _disjoint(registry: Registry) -> Iterator[str]:
    """No example name of one product fits the pattern of another."""
    names = {}
    for product in registry.products.values():
        made = [text for text, _ in examples(product.pattern) if re.fullmatch(product.pattern, text)]
        names[product.id] = made
        if not made:
            where = registry.sources["product", product.id].name
            yield f"{where}: product.{product.id}.pattern: no example name could be made from it; use a simpler one"
    for product in registry.products.values():
        where = registry.sources["product", product.id].name
        for other, made in names.items():
            both = next((text for text in made if other != product.id and product.regex.fullmatch(text)), None)
            if both:
                yield f"{where}: product.{product.id}.pattern also fits {both!r}, a name of {other}"
