"""Where the products of a run go: what every place has to offer, and how a product file gets its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mta_assets.archive.entries import InputEntry
from mta_assets.archive.names import build_name
from mta_assets.archive.telemetry_rows import TelemetryBlock
from mta_assets.core.errors import ConfigError
from mta_assets.core.records import Observation
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, Table
from mta_assets.pipelines.registry_schema import Pipeline, ProductSpec


@dataclass(frozen=True)
class Written:
    """A product file that a run has made, or found unchanged."""

    file_id: str
    name: str
    path: Path
    sha256: str
    size: int
    rows: int
    tstart: float
    tstop: float
    version: int
    changed: bool


@dataclass(frozen=True)
class Ending:
    """What a run leaves besides its products."""

    outcome: str
    message: str
    started: float
    finished: float
    code_version: str
    registry_version: str
    limits_version: str
    log: bytes
    inputs: Sequence[InputEntry] = ()
    faults: Table | None = None
    findings: Table | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    plots: Mapping[str, bytes] = field(default_factory=dict)
    observations: Sequence[Observation] | None = None


class SinkRun(Protocol):
    """One run's way out."""

    run_id: str
    scratch: Path

    def write(self, product: Product, spec: ProductSpec, header: Mapping[str, Any]) -> Written:
        """Take one product; it is not seen by others before `finish`."""

    def keep(self, block: TelemetryBlock) -> str:
        """Take samples for the telemetry archive, block after block; says what became of them."""

    def finish(self, ending: Ending) -> tuple[Path, dict[str, Path]]:
        """Make everything visible at once; returns the paths of the log and of the plots by title."""

    def drop(self) -> None:
        """Forget the products taken so far: the outcome is not ``done``."""

    def abandon(self) -> None:
        """Leave nothing behind."""


class Sink(Protocol):
    """A place for runs to write to."""

    def begin(self, pipeline: Pipeline, request: Request) -> SinkRun:
        """Start a run."""


def product_name(product: Product, spec: ProductSpec, pipeline: Pipeline, version: int) -> str:
    """File name of a product in a version; version 0 is the name of the series."""
    root = spec.root if spec.root is not None else pipeline.root
    if spec.suffix is None:
        raise ConfigError(f"product {spec.id}: the registry gives no suffix, so its files have no names")
    fields = {**product.fields, "tstart": product.tstart, "tstop": product.tstop, "version": version}
    return build_name(spec, root, spec.suffix, fields)
