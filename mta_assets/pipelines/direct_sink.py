"""Runs into a plain folder: for trying a pipeline by hand."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mta_assets.archive.names import safe_name
from mta_assets.archive.products import dump_product
from mta_assets.archive.segments import write_rows
from mta_assets.archive.store import fsync_folder, make_folder, write_bytes
from mta_assets.archive.telemetry_rows import TelemetryBlock
from mta_assets.core.errors import ConfigError, WrongRequest
from mta_assets.core.faults import outside_faults
from mta_assets.core.records import Observation
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table
from mta_assets.pipelines.registry_schema import Pipeline, ProductSpec
from mta_assets.pipelines.sink import Ending, Written, product_name

TELEMETRY = "telemetry"  # folder of the samples


class DirectSink:
    """A plain folder: products, log, plots, faults and findings, all version 1, nothing of a catalog."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder).resolve()

    def begin(self, pipeline: Pipeline, request: Request) -> DirectRun:
        check_folder(self.folder)
        try:
            make_folder(self.folder)
        except OSError as error:  # what may pass, a full disk for instance, has come as another error
            raise _no_folder(self.folder, error.strerror or str(error)) from error
        return DirectRun(self.folder, pipeline, request)


def check_folder(folder: Path) -> None:
    """Tell before any work whether a folder can be there: what it lies in, or itself, may be a file.

    Raises
    ------
    WrongRequest
        If it can not.
    """
    try:
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists() or path.is_symlink())
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise _no_folder(folder, error.strerror or str(error)) from error
    if not there.is_dir():
        raise _no_folder(folder, "it is no folder" if there == folder else f"{there} is no folder")


def _no_folder(folder: Path, why: str) -> WrongRequest:
    return WrongRequest(f"--to {folder}: {why}; name a folder that is there, or one that can be made")


class DirectRun:
    """One run into a folder: files are staged in a hidden folder there and renamed at the end."""

    def __init__(self, folder: Path, pipeline: Pipeline, request: Request) -> None:
        self.folder, self.pipeline, self.request = folder, pipeline, request
        self.run_id = f"{pipeline.id} {request.stream} {request.partition} direct"
        with outside_faults(folder, "make a folder there"):
            self.staging = Path(tempfile.mkdtemp(prefix=f".run-{os.getpid()}-", dir=folder))
            self.scratch = self.staging / "scratch"
            self.scratch.mkdir()
        self.made: list[Written] = []
        self.blocks = 0

    def write(self, product: Product, spec: ProductSpec, header: Mapping[str, Any]) -> Written:
        name = product_name(product, spec, self.pipeline, 1)
        if any(written.name == name for written in self.made):
            raise ConfigError(
                f"pipeline {self.pipeline.id} made two products {name}: their fields must tell them apart"
            )
        path = self.staging / name
        with outside_faults(self.folder / name, "write the product"):
            digest = dump_product(path, product, self.request.created, {**header, "REVISION": 1})
        written = Written(
            spec.id, name, self.folder / name, digest, path.stat().st_size, product.rows, product.tstart,
            product.tstop, 1, True,
        )  # fmt: skip
        self.made.append(written)
        return written

    def keep(self, block: TelemetryBlock) -> str:
        """One Parquet file for each group and block, in the folder ``telemetry``."""
        self.blocks += 1
        for rows in block.groups:
            name = f"{safe_name(rows.group)}-{self.blocks:03d}.parquet"
            write_rows(self.staging / TELEMETRY / name, rows)
        return f"{sum(map(len, block.groups))} rows of {len(block.groups)} groups to {TELEMETRY}/"

    def drop(self) -> None:
        self.made.clear()
        self.blocks = 0

    def finish(self, ending: Ending) -> tuple[Path, dict[str, Path]]:
        stem = safe_name(f"{self.pipeline.id}_{self.request.partition}")
        log_path = self.folder / f"{stem}.log"
        plot_paths = {title: self.folder / f"{stem}_{safe_name(title)}.png" for title in ending.plots}
        try:
            with outside_faults(self.folder, "move the products into their places"):
                for written in self.made:
                    (self.staging / written.name).rename(written.path)
                if self.blocks:
                    make_folder(self.folder / TELEMETRY)
                    for path in (self.staging / TELEMETRY).iterdir():
                        path.rename(self.folder / TELEMETRY / path.name)
                fsync_folder(self.folder)
            for title, path in plot_paths.items():
                write_bytes(path, ending.plots[title])
            for name, table in (("faults", ending.faults), ("findings", ending.findings)):
                if table is not None and len(table):
                    write_bytes(self.folder / f"{stem}_{name}.json", _listed(table))
            if ending.observations is not None:
                write_bytes(self.folder / f"{stem}_observations.json", _observed(ending.observations))
            write_bytes(log_path, ending.log)
        finally:
            self.abandon()
        return log_path, plot_paths

    def abandon(self) -> None:
        shutil.rmtree(self.staging, ignore_errors=True)


def _observed(observations: Sequence[Observation]) -> bytes:
    rows = [{"key": one.key, **asdict(one)} for one in observations]
    return (json.dumps(rows, indent=1, default=str) + "\n").encode()


def _listed(table: Table) -> bytes:
    lists = {n: a.tolist() for n, a in table.columns.items()}
    rows = [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]
    plain = [{k: None if v != v else v for k, v in row.items()} for row in rows]
    return (json.dumps(plain, indent=1) + "\n").encode()
