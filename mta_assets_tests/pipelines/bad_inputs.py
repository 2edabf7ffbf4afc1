"""Real inputs of a pipeline with a fault put into some of them, and the run on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mta_assets.archive.products import read_fits, write_fits
from mta_assets.core.tables import Product, Schema, Table
from mta_assets.pipelines.controller import RunResult
from mta_assets.pipelines.direct import run_direct
from mta_assets.pipelines.inputs import find_inputs
from mta_assets.pipelines.observations import obi_request
from mta_assets_tests.pipelines.observed import Science

Change = Callable[[Product], Product]
CREATED = 8.3e8  # [s] DATE of the changed files


@dataclass(frozen=True)
class Run:
    """A run, what it made, and what it found."""

    result: RunResult
    folder: Path

    @property
    def outcome(self) -> str:
        return self.result.outcome

    @property
    def message(self) -> str:
        return self.result.message

    @property
    def kinds(self) -> list[str]:
        """Kinds of the findings, in alphabetical order."""
        found = self.result.findings
        return sorted(str(kind) for kind in found["kind"]) if found is not None else []

    def detail(self, kind: str) -> str:
        """Words of the finding of a kind."""
        found = self.result.findings
        assert found is not None
        return str(found["detail"][found["kind"] == kind][0])

    def path(self, file_id: str) -> Path:
        return next(written.path for written in self.result.products if written.file_id == file_id)

    def product(self, file_id: str) -> Product:
        return read_fits(self.path(file_id), file_id)


def inputs(science: Science, pipe_id: str, key: str, stream: str = "sdp") -> dict[str, list[Path]]:
    """Files that a pipeline is given for an observation."""
    platform = science.platform
    entry = platform.catalog.obi(key)
    assert entry is not None
    request = obi_request(entry, "sap" if stream == "sap" else "sdp", 0.0)
    found = find_inputs(platform.registry, platform.registry.pipeline(pipe_id), request, platform.catalog)
    return {name: [Path(file.path) for file in given.files] for name, given in found.items()}


def run(
    science: Science,
    folder: Path,
    pipe_id: str,
    key: str,
    changes: Mapping[str, Change | None] | None = None,
    files: Mapping[str, list[Path]] | None = None,
    stream: str = "sdp",
) -> Run:
    """Run a pipeline on the inputs of an observation.

    Parameters
    ----------
    changes
        By file id what is done to each file; None: it is not given.
    files
        Files that take the place of those of the observation.
    """
    registry = science.platform.registry
    given = {**inputs(science, pipe_id, key, stream), **(files or {})}
    for file_id, change in (changes or {}).items():
        if change is None:
            given.pop(file_id, None)
            continue
        spec = registry.product(file_id)
        there = folder / f"{pipe_id}-inputs"
        there.mkdir(exist_ok=True)
        for number, path in enumerate(given[file_id]):
            made = there / path.name.removesuffix(".gz")
            write_fits(made, change(read_fits(path, file_id)), CREATED, registry.standard_keywords(spec))
            given[file_id][number] = made
    out = folder / f"{pipe_id}-{stream}"
    return Run(run_direct(registry, pipe_id, given, out, stream=stream), out)


def table_of(product: Product, table: Table, name: str | None = None) -> Product:
    """The product with a table in the place of the one of its name (or of another's)."""
    return replace(product, tables=tuple(table if one.name == (name or table.name) else one for one in product.tables))


def rows(name: str, which: Callable[[Table], Any]) -> Change:
    """Keep some rows of a table."""

    def change(product: Product) -> Product:
        table = product.table(name)
        return table_of(product, table.where(which(table)))

    return change


def column(table_name: str, name: str, values: Callable[[np.ndarray], np.ndarray]) -> Change:
    """Put other values into a column."""

    def change(product: Product) -> Product:
        table = product.table(table_name)
        new = values(table[name].copy())
        return table_of(product, Table(table.name, {**table.columns, name: new}, table.header, table.schema))

    return change


def unit(table_name: str, name: str, text: str) -> Change:
    """State another unit of a column."""

    def change(product: Product) -> Product:
        table = product.table(table_name)
        assert table.schema is not None
        columns = tuple(replace(c, unit=text) if c.name == name else c for c in table.schema.columns)
        schema = Schema(table.schema.name, columns)
        return table_of(product, Table(table.name, table.columns, table.header, schema))

    return change


def without(table_name: str, name: str) -> Change:
    """Leave a column out."""

    def change(product: Product) -> Product:
        table = product.table(table_name)
        assert table.schema is not None
        columns = {n: a for n, a in table.columns.items() if n != name}
        schema = Schema(table.schema.name, tuple(c for c in table.schema.columns if c.name != name))
        return table_of(product, Table(table.name, columns, table.header, schema))

    return change


def parameter(name: str, value: str) -> Change:
    """Another value of a parameter of the observation."""

    def change(product: Product) -> Product:
        table = product.table("OBSPAR")
        values = np.where(table["name"] == name, value, table["value"].astype("U80"))
        return table_of(product, Table("OBSPAR", {**table.columns, "value": values}, table.header, table.schema))

    return change
