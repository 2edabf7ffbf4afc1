"""Products that would come out otherwise today: made from a file that is not the one that holds or stands now.

A calibration file that comes in asks for no run by itself (`due`): this says what it touches, until somebody has it
made again. What descends from such a product is stale as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mta_assets.archive import lineage
from mta_assets.archive.entries import InputEntry, ProductEntry
from mta_assets.pipelines.calibration import Held, calibrations_of, is_of, known, newest
from mta_assets.pipelines.platform import Platform

DESCENT = "made from "


@dataclass(frozen=True)
class Stale:
    """A current product and why it is stale: of itself, or because of what it was made from."""

    product: ProductEntry
    reasons: tuple[str, ...]

    @property
    def roots(self) -> tuple[str, ...]:
        """Those that are not only that it was made from another stale product."""
        return tuple(reason for reason in self.reasons if not reason.startswith(DESCENT))


def stale(platform: Platform, partition: str | None = None) -> list[Stale]:
    """Stale products by time, each with its reasons.

    Parameters
    ----------
    partition
        Only those of this one.
    """
    catalog = platform.catalog
    found: defaultdict[int, list[str]] = defaultdict(list)
    for number, reasons in _other_calibration(platform, partition).items():
        found[number] += reasons
    replaced = lineage.outdated(catalog)
    sources = lineage.entries(catalog, (source for _, source, _ in replaced))
    for number, source, name in replaced:
        spec = platform.registry.products.get(sources[source].file_id)
        if spec is None or spec.delivered != "since":  # of these it was told which one holds
            found[number].append(f"{name} does not stand any more")
    _descend(platform, found)
    products = lineage.entries(catalog, found)
    wanted = [p for p in products.values() if p.current and partition in (None, p.partition)]
    return [Stale(p, tuple(dict.fromkeys(found[p.id]))) for p in sorted(wanted, key=lambda p: (p.tstart, p.id))]


def _descend(platform: Platform, found: defaultdict[int, list[str]]) -> None:
    """Add what was made from stale products, level by level."""
    seen, level = set(found), set(found)
    while level:
        names = lineage.entries(platform.catalog, level)
        below = set()
        for source, made in lineage.made_from(platform.catalog, level):
            found[made].append(f"{DESCENT}{names[source].name}")
            below.add(made)
        level = below - seen
        seen |= level


def _other_calibration(platform: Platform, partition: str | None) -> dict[int, list[str]]:
    """Products of pipelines that read calibration files, of which others hold now."""
    registry, catalog = platform.registry, platform.catalog
    starts = {obi.partition: obi.tstart for obi in catalog.obis(standing=None)}
    files: dict[str, list[Held]] = {}
    found: dict[int, list[str]] = {}
    for pipeline in registry.pipelines.values():
        kinds = calibrations_of(registry, pipeline)
        products = catalog.products(pipe_id=pipeline.id, partition=partition) if kinds else []
        inputs = lineage.inputs_of(catalog, (product.id for product in products))
        for kind in kinds:
            files.setdefault(kind, known(registry, catalog, kind))
        for product in products:
            begin = starts.get(product.partition, product.tstart)
            reasons = [_difference(platform, kind, inputs.get(product.id, []), files[kind], begin) for kind in kinds]
            if any(reasons):
                found[product.id] = [reason for reason in reasons if reason]
    return found


def _difference(platform: Platform, kind: str, inputs: Sequence[InputEntry], files: Sequence[Held], time: float) -> str:
    """In words, how the file of a kind that holds differs from the one among the inputs; empty if it does not."""
    spec = platform.registry.product(kind)
    used = [one for one in inputs if is_of(spec, one.name)]
    held = newest(files, time)
    text = lineage.because(used, [held.file] if held is not None else [])
    return f"{kind}: {text}" if text else ""


def by_partition(found: Iterable[Stale]) -> Mapping[str, list[Stale]]:
    """Stale products of each partition."""
    grouped: defaultdict[str, list[Stale]] = defaultdict(list)
    for one in found:
        grouped[one.product.partition].append(one)
    return grouped
