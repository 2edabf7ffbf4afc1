"""Inputs of a run: found through the catalog or given as files, read when a tool asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

from mta_assets.archive.catalog import Catalog
from mta_assets.archive.entries import InputEntry, ProductEntry
from mta_assets.archive.products import read_product_file
from mta_assets.archive.store import sha256_of
from mta_assets.core.content import named, problems
from mta_assets.core.errors import BadData, ConfigError
from mta_assets.core.request import Request
from mta_assets.core.tables import Product, plain
from mta_assets.missions.load import Mission
from mta_assets.pipelines.calendar import CALENDAR
from mta_assets.pipelines.calibration import holding
from mta_assets.pipelines.observations import belongs_to_obi
from mta_assets.pipelines.registry import Registry
from mta_assets.pipelines.registry_schema import Pipeline, ProductSpec


@dataclass(frozen=True)
class Input:
    """An object that a tool is given, and the files that it came from."""

    value: Any
    files: tuple[InputEntry, ...]


class ProductFiles(Sequence[Product]):
    """Product files as a sequence of products, each read when it is asked for: one at a time is in memory."""

    def __init__(self, spec: ProductSpec, paths: Sequence[Path]) -> None:
        self.spec = spec
        self.paths = tuple(paths)

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> Product: ...
    @overload
    def __getitem__(self, index: slice) -> ProductFiles: ...
    def __getitem__(self, index: int | slice) -> Product | ProductFiles:
        if isinstance(index, slice):
            return ProductFiles(self.spec, self.paths[index])
        return read_product(self.spec, self.paths[index])

    def __iter__(self) -> Iterator[Product]:
        return (read_product(self.spec, path) for path in self.paths)


def read_product(spec: ProductSpec, path: Path) -> Product:
    """Read a product of a registered kind, check its declared keywords, take the fields from its name.

    Raises
    ------
    BadData
        If the file is not readable, or carries other keywords or columns than the registry declares.
    """
    if spec.format == "parquet":
        from mta_assets.archive.parquet import read_parquet

        table = read_parquet(path)
        return Product(spec.id, (table,), float("nan"), float("nan"), dict(table.header))
    product = read_product_file(path, spec.id, images=bool(spec.delivered))
    heads = [product.header, *(table.header for table in product.tables[:1])]
    for keyword, expected in spec.keywords.items():
        found = [_plain(head[keyword]) for head in heads if keyword in head]
        if expected not in found:
            stated = f"is {' and '.join(map(repr, dict.fromkeys(found)))}" if found else "is not there"
            raise BadData(
                f"{path}: {keyword} {stated}, but {expected!r} in every {spec.id}: "
                f"give a file that is one, or this one as what it is"
            )
    wrong = problems(spec.columns, named(product.tables))
    if wrong:
        raise BadData(f"{path}{'; '.join(wrong)}: not as a {spec.id} is; make or deliver it again")
    match = spec.regex.fullmatch(path.name)
    groups = {k: v for k, v in match.groupdict().items() if v is not None} if match else {}
    fields = {k: int(v) if v.isascii() and v.isdigit() else v for k, v in groups.items()}
    return replace(product, fields={k: v for k, v in fields.items() if k not in ("tstart", "tstop", "version")})


def _plain(given: Any) -> Any:
    return plain(given)


def given_files(value: Any) -> tuple[InputEntry, ...]:
    """Files behind an input: those of an `Input`, or the one that a playback names."""
    if isinstance(value, Input):
        return value.files
    if hasattr(value, "path") and hasattr(value, "sha256"):
        return (InputEntry(Path(value.path).name, value.sha256, None, str(value.path)),)
    return ()


def open_files(spec: ProductSpec, files: Sequence[InputEntry], mission: Mission) -> Input:
    """The object that a tool gets for files of a product: a playback, or a sequence of products."""
    paths = [Path(entry.path) for entry in files]
    if spec.format not in ("vcdu", "ccsds"):
        return Input(ProductFiles(spec, paths), tuple(files))
    if len(paths) != 1:
        raise ConfigError(f"{spec.id}: expected one playback, {len(paths)} are given")
    from mta_assets.telemetry.playback import open_playback

    return Input(open_playback(paths[0], mission), tuple(files))


def describe_files(spec: ProductSpec, paths: Sequence[Path]) -> list[InputEntry]:
    """Entries of files that no catalog knows."""
    entries = []
    for path in paths:
        if not path.is_file():
            raise BadData(f"{spec.id}: there is no file {path}")
        entries.append(InputEntry(path.name, sha256_of(path), None, str(path.resolve())))
    return entries


def input_stream(registry: Registry, file_id: str, stream: str) -> str:
    """The stream that an input is taken from: the same if a pipeline makes it there, else the other one."""
    makers = registry.producers(file_id)
    if not makers and registry.product(file_id).delivered:
        return "sdp"  # what is delivered is archival
    if not makers or any(stream in maker.streams for maker in makers):
        return stream
    return makers[0].streams[0]


def find_products(
    registry: Registry, pipeline: Pipeline, request: Request, catalog: Catalog, file_id: str
) -> list[ProductEntry]:
    """Current products that are an input of a pipeline for a partition: those of the partition itself; of days and
    weeks, and where the pipeline reaches beyond its partition, all that meet the time; of an observation those that
    belong to it, and what belongs to no observation and meets its time. Of calibration files the one that holds when
    the partition begins, unless it is one of the baseline, which the catalog does not have."""
    if registry.product(file_id).delivered == "since":
        held = holding(registry, catalog, file_id, request.tstart)
        return [held.entry] if held is not None and held.entry is not None else []
    stream = input_stream(registry, file_id, request.stream)
    reach = (request.tstart - pipeline.reach, request.tstop + pipeline.reach)
    if pipeline.partition == "obi" and not belongs_to_obi(registry, file_id):
        return catalog.products(file_id=file_id, stream=stream, within=reach)
    if pipeline.partition == "playback" and pipeline.reach:
        return catalog.products(file_id=file_id, stream=stream, within=reach)
    if pipeline.partition in CALENDAR:
        return catalog.products(file_id=file_id, stream=stream, within=(request.tstart, request.tstop))
    return catalog.products(file_id=file_id, partition=request.partition, stream=stream)


def find_inputs(
    registry: Registry,
    pipeline: Pipeline,
    request: Request,
    catalog: Catalog,
    opened: Mapping[str, Input] | None = None,
) -> dict[str, Input]:
    """All inputs of a pipeline for a partition that the catalog has.

    Parameters
    ----------
    opened
        Inputs that the caller holds open already, taken as they are.

    Returns
    -------
    By file id; what is not there is left out, so that the run ends with ``nothing to do`` if it is required.
    """
    found: dict[str, Input] = {}
    for file_id in (*pipeline.inputs, *pipeline.optional_inputs):
        if opened and file_id in opened:
            found[file_id] = opened[file_id]
            continue
        spec = registry.product(file_id)
        if spec.format in ("vcdu", "ccsds"):
            playback = catalog.playback(request.partition)
            entries = [] if playback is None else [
                InputEntry(playback.file_name, playback.sha256, None, playback.path)
            ]  # fmt: skip
        elif spec.delivered == "since":
            held = holding(registry, catalog, file_id, request.tstart)
            entries = [held.file] if held is not None else []
        else:
            products = find_products(registry, pipeline, request, catalog, file_id)
            entries = [InputEntry(p.name, p.sha256, p.id, p.path) for p in products]
        if entries:
            found[file_id] = open_files(spec, entries, registry.mission)
    return found
