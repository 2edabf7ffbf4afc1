"""What can be told of a batch query before it runs: that it parses, and that its names exist as far as is known."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fnmatch import translate
from typing import Any

from mta_assets.core.errors import MtaError
from mta_assets.missions.load import Mission
from mta_assets.pipelines.batch import PLOTS, understood
from mta_assets.pipelines.calendar import CALENDAR
from mta_assets.pipelines.registry import Registry
from mta_assets.pipelines.registry_schema import Pipeline

TOOL = "mta_assets.pipelines.batch:run_query"
WRITES = ("products", "plots")
PARTITIONS = ("playback", "obi", *CALENDAR)
# What the observing catalogue and the command history know is data, and not known before it is imported.
OBSERVING = ("OBS", "BB", "CMD", "STATE", "ODB")
BARE = frozenset({"OBSID", "AOT", "BBID", "BBTYPE", "TARGET", "RA", "DEC", "INSTRUMENT", "GRATING"})


def batch_problems(registry: Registry, pipeline: Pipeline) -> Iterator[str]:
    """Problems of the partition and of the batch queries of a pipeline."""
    if pipeline.partition not in PARTITIONS:
        yield f".partition: {pipeline.partition!r} is none; expected one of {', '.join(PARTITIONS)}"
    if pipeline.partition in CALENDAR and not (pipeline.inputs or pipeline.optional_inputs):
        yield f".inputs: a pipeline by {pipeline.partition} needs an input, so that it is known when there is new data"
    for number, step in enumerate(pipeline.profile, start=1):
        if step.tool == TOOL:
            if tuple(step.writes) != WRITES:
                yield f".profile[{number}].writes: a batch query gives {', '.join(WRITES)}, in this order"
            for text in _step(registry, pipeline, step.params):
                yield f".profile[{number}].params{text}"


def _step(registry: Registry, pipeline: Pipeline, params: dict[str, Any]) -> Iterator[str]:
    from mta_assets.query.trends import NAME

    if pipeline.partition not in CALENDAR:
        yield f".query: a batch query runs by {' or '.join(CALENDAR)}, not by {pipeline.partition}"
    product = params.get("product")
    if product not in pipeline.outputs or not NAME.fullmatch(str(product)):
        yield f".product: {product!r}: expected an output of the pipeline whose name begins with TREND_"
    if params.get("plot", "") not in PLOTS:
        yield f".plot: {params['plot']!r} is none; expected one of {', '.join(PLOTS[1:])}"
    query = params.get("query")
    if not isinstance(query, str):
        return  # that it is missing is told of every tool
    try:
        found = understood(query)
    except MtaError as error:
        yield f".query: {error}"
        return
    names = _known_names(registry.mission)
    for name in _names(found):
        text = _unknown(registry, names, name)
        if text:
            yield f".query: {text}"


def _names(query: Any) -> list[str]:
    """All names of a query as they were written, each once."""
    from mta_assets.query import expressions
    from mta_assets.query.model import Name

    nodes = [item.expression for item in query.what] + [window.condition for window in query.windows]
    nodes += [query.where] if query.where is not None else []
    nodes += [query.alignment.on] if query.alignment is not None else []
    leaves = [leaf for node in nodes for leaf in expressions.leaves(node)]
    return list(dict.fromkeys(leaf.value for leaf in leaves if isinstance(leaf, Name)))


def _unknown(registry: Registry, names: Callable[[], set[str]], name: str) -> str:
    """Why a name is not known; empty if it is, or if only the data can tell."""
    from mta_assets.query.near import near_names

    upper = name.upper()
    head, dot, _ = upper.partition(".")
    if dot and (head in registry.products or head in OBSERVING):
        return ""
    known = names()
    if "*" in upper or "?" in upper:
        fits = re.compile(translate(upper)).fullmatch
        heads = {*known, *(f"{file_id}." for file_id in registry.products)}
        return "" if any(fits(one) for one in heads) else f"no parameter fits {name}"
    if upper in known or upper in BARE:
        return ""
    candidates = sorted({*known, *BARE, *registry.products})
    near = near_names(head if dot else upper, candidates)
    return f"no parameter {name} is known" + (f"; near are {', '.join(near)}" if near else "")


def _known_names(mission: Mission) -> Callable[[], set[str]]:
    """All parameters of the dictionary and the derived ones, in capitals; read when they are first asked for."""
    kept: list[set[str]] = []

    def names() -> set[str]:
        if not kept:
            from mta_assets.query.derived import load_derived
            from mta_assets.query.dictionary_source import DictionarySource

            fields = (name.split(".") for name in DictionarySource(mission).names())
            kept.append({".".join(parts[1:-1]) for parts in fields})
            kept[0].update(load_derived(mission.folder / "derived.toml"))
        return kept[0]

    return names
