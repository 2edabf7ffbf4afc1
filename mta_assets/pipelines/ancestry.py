"""What a product was made from, and that from, back to the files that came in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mta_assets.archive.entries import InputEntry, ProductEntry
from mta_assets.archive.lineage import BECAUSE
from mta_assets.core.errors import BadData
from mta_assets.pipelines.calibration import is_of
from mta_assets.pipelines.platform import Platform


def ancestry(platform: Platform, name: str, depth: int = 1) -> list[dict[str, Any]]:
    """Rows ``step, name, sha256, origin, state, because`` of a product and of what it was made from.

    Parameters
    ----------
    name
        File name of the product.
    depth
        So many steps back; 0 for all. What was told before is told once.

    Raises
    ------
    BadData
        If the catalog has no product of this name.
    """
    found = platform.catalog.products(name=name, current=None)
    if not found:
        raise BadData(f"there is no product {name!r} in the catalog; `mta products` lists them")
    rows: list[dict[str, Any]] = []
    for entry in found:  # of both streams, if both have one
        _follow(platform, entry, 0, depth or 1000, rows, set())
    return rows


def _follow(
    platform: Platform, entry: ProductEntry, step: int, depth: int, rows: list[dict[str, Any]], seen: set[int]
) -> None:
    rows.append(_row(platform, entry, step))
    if step == depth or entry.id in seen:
        return
    seen.add(entry.id)
    for given in platform.catalog.inputs_of(entry.id):
        sources = platform.catalog.products(name=given.name, current=None) if given.product_id is not None else []
        source = next((one for one in sources if one.id == given.product_id), None)
        if source is None:
            rows.append(_file(platform, given, step + 1))
        else:
            _follow(platform, source, step + 1, depth, rows, seen)


def _row(platform: Platform, entry: ProductEntry, step: int) -> dict[str, Any]:
    run = platform.catalog.run(entry.run_id) or {}
    message = str(run.get("message", ""))
    return {
        "step": step, "name": entry.name, "sha256": entry.sha256,
        "origin": "delivered" if entry.delivered else f"{entry.pipe_id} {entry.stream}",
        "state": "current" if entry.current else "withdrawn" if entry.withdrawn else "superseded",
        "because": message.partition(BECAUSE)[2],
    }  # fmt: skip


def _file(platform: Platform, given: InputEntry, step: int) -> dict[str, Any]:
    """A file that is no product of the catalog: of the mission's calibration, or a playback."""
    kinds = [spec for spec in platform.registry.products.values() if spec.delivered == "since"]
    calibration = any(is_of(spec, given.name) for spec in kinds)
    return {
        "step": step, "name": Path(given.name).name, "sha256": given.sha256,
        "origin": f"calibration of {platform.mission.name}" if calibration else "playback", "state": "", "because": "",
    }  # fmt: skip
