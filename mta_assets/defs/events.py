"""What a run tells Dagster: materialisations with their metadata, check results."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from mta_assets.archive.fits_heads import read_heads
from mta_assets.archive.lineage import reasons
from mta_assets.core import times
from mta_assets.core.tables import Column, Table
from mta_assets.pipelines.calibration import calibrations_of, is_of
from mta_assets.pipelines.checks import CHECKS, Outcome, check_products
from mta_assets.pipelines.platform import Platform
from mta_assets.pipelines.registry_schema import Pipeline

INLINE_LIMIT = 50_000  # [byte] larger plots are linked, since metadata is read with every page of the UI
LISTED = 20  # file names shown in the metadata of a long range

Part = tuple[str, Any, Sequence[Any]]  # partition key, RunResult, products of one asset


def asset_events(key: dg.AssetKey, platform: Platform, pipeline: Pipeline, parts: Sequence[Part]) -> Iterator[Any]:
    """Check results and the materialisation of one asset for a range of partitions.

    An asset of which nothing was made is skipped; its checks then say so, since Dagster wants each to have a result.
    """
    if not parts:
        for name in CHECKS:
            yield dg.AssetCheckResult(asset_key=key, check_name=name, passed=True, description="nothing was made")
        return
    outcomes: dict[str, list[tuple[str, Outcome]]] = {}
    main: Table | None = None
    for partition, _, products in parts:
        some, main = check_products(products, platform.interval(pipeline, partition))
        for outcome in some:
            outcomes.setdefault(outcome.name, []).append((partition, outcome))
    yield from (_check_result(key, name, results) for name, results in outcomes.items())
    figures = _figures(platform, parts[-1][2])
    more = {**figures, **_origin(platform, pipeline, key.path[1], parts), **_stands(platform, pipeline, parts)}
    yield _materialization(key, parts, main, more)


def _origin(platform: Platform, pipeline: Pipeline, stream: str, parts: Sequence[Part]) -> dict[str, Any]:
    """From which files it was made, which of them are calibration, and why there is another version than before."""
    files = {one.name: one.sha256 for _, result, _ in parts for one in result.inputs}
    kinds = [platform.registry.product(name) for name in calibrations_of(platform.registry, pipeline)]
    shown = [f"{name} {digest[:12]}" for name, digest in sorted(files.items())]
    found: dict[str, Any] = {"made from": shown[:LISTED], "number of inputs": len(files)}
    calibration = {name: digest for name, digest in files.items() if any(is_of(kind, name) for kind in kinds)}
    if calibration:
        found["calibration"] = calibration
    because = reasons(platform.catalog, stream, (product.name for _, _, products in parts for product in products))
    return {**found, "because": because[:LISTED]} if because else found


def _stands(platform: Platform, pipeline: Pipeline, parts: Sequence[Part]) -> dict[str, Any]:
    """Delivered products that stand in the place of what was made."""
    if pipeline.partition != "obi":
        return {}
    wanted = {(partition, product.file_id) for partition, _, products in parts for product in products}
    found = [
        entry.name
        for partition, file_id in sorted(wanted)
        for entry in platform.catalog.products(file_id=file_id, partition=partition, stream="sdp", origin="delivered")
    ]
    text = f"{', '.join(found[:LISTED])}, delivered from outside; what is made here is kept beside"
    return {"stands": text} if found else {}


def _figures(platform: Platform, products: Sequence[Any]) -> dict[str, Any]:
    """Keywords that the registry wants shown, with what their comments say of them, of the newest partition."""
    found: dict[str, Any] = {}
    for product in products:
        wanted = platform.registry.product(product.file_id).figures
        for head in read_heads(product.path) if wanted else ():
            found |= {
                f"{name}: {comment}" if comment else name: value
                for name, (value, comment) in head.keywords.items()
                if name in wanted and isinstance(value, int | float | str)
            }
    return found


def _materialization(
    key: dg.AssetKey, parts: Sequence[Part], main: Table | None, more: Mapping[str, Any]
) -> dg.MaterializeResult:
    products = [product for _, _, some in parts for product in some]
    digest = hashlib.sha256("".join(p.sha256 for p in products).encode()).hexdigest()
    metadata: dict[str, Any] = {
        "dagster/row_count": sum(p.rows for p in products),
        "files": [p.name for p in products[:LISTED]],
        "number of files": len(products),
        "bytes": sum(p.size for p in products),
        "from": times.to_utc_iso(min(p.tstart for p in products)),
        "to": times.to_utc_iso(max(p.tstop for p in products)),
        "version": max(p.version for p in products),
        "folder": dg.MetadataValue.path(str(products[0].path.parent)),
        "log": dg.MetadataValue.path(str(parts[-1][1].log_path)),
        **more,
    }
    if main is not None:
        metadata["dagster/column_schema"] = _column_schema(main)
    findings = sum(result.findings_count for _, result, _ in parts)
    if findings:
        metadata["findings"] = findings
    for title, png in parts[-1][1].plots.items():
        metadata[f"plot: {title}"] = _plot(png, parts[-1][1].plot_paths.get(title))
    return dg.MaterializeResult(asset_key=key, metadata=metadata, data_version=dg.DataVersion(digest))


def _plot(png: bytes, path: Any) -> dg.MetadataValue[Any]:
    if len(png) <= INLINE_LIMIT:
        return dg.MetadataValue.md(f"![plot](data:image/png;base64,{base64.b64encode(png).decode()})")
    return dg.MetadataValue.path(str(path))


def _column_schema(table: Table) -> dg.TableSchema:
    declared = {column.name: column for column in table.schema.columns} if table.schema else {}
    columns = []
    for name, array in table.rows(0, 1).columns.items():
        column = declared.get(name, Column(name, ""))
        text = f"{column.doc} [{column.unit}]" if column.unit else column.doc
        columns.append(dg.TableColumn(name, f"{array.dtype}{list(array.shape[1:]) or ''}", description=text or None))
    return dg.TableSchema(columns=columns)


def _check_result(key: dg.AssetKey, name: str, results: Sequence[tuple[str, Outcome]]) -> dg.AssetCheckResult:
    bad = [(partition, outcome) for partition, outcome in results if not outcome.passed]
    shown = bad or results
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=not bad,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(f"{partition}: {outcome.text}" for partition, outcome in shown[:5]),
        metadata={"partitions": len(results), "failed": len(bad), **shown[0][1].figures},
    )
