"""Which observations are to be made, or made again: new ones, late data, reprocessing, deliveries.

What is asked for is a function of the catalog: a run is named after the interval, the number of its newest change and
the products that it would read. The same look again gives the same names, and nothing is run twice.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa

from mta_assets.archive import catalog_schema as db
from mta_assets.archive.database import reading
from mta_assets.archive.entries import ObiEntry, ProductEntry
from mta_assets.core import times
from mta_assets.pipelines.calibration import holding, next_since
from mta_assets.pipelines.inputs import find_products
from mta_assets.pipelines.observations import belongs_to_obi, obi_request
from mta_assets.pipelines.platform import Platform

IN_PROCESS = 600.0  # [s] a playback that has been quiet for so long is not waited for, whatever it still lacks
AT_ONCE = 5000  # partitions that are asked for in one query


@dataclass(frozen=True)
class ObiMarks:
    """How far the catalog has been looked at; which observations wait for their turn, and which for playbacks."""

    sequence: int = 0
    product: int = 0
    waiting: tuple[str, ...] = field(default=())
    busy: tuple[str, ...] = field(default=())

    @classmethod
    def from_json(cls, text: str | None) -> ObiMarks:
        """The marks of a cursor; the beginning, if it is none."""
        try:
            content = json.loads(text or "{}")
            waiting, busy = (tuple(str(key) for key in content.get(name, ())) for name in ("waiting", "busy"))
            return cls(int(content.get("sequence", 0)), int(content.get("product", 0)), waiting, busy)
        except (ValueError, TypeError, AttributeError):
            return cls()

    def to_json(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Due:
    """One observation whose run is to be asked for; of the ``backlog`` if it had to wait for others."""

    entry: ObiEntry
    run_key: str
    backlog: bool = False


def due(platform: Platform, before: ObiMarks, limit: int) -> tuple[list[Due], list[str], ObiMarks]:
    """Observations with another interval or other inputs than when it was last looked.

    Parameters
    ----------
    before
        What the look before left. Marks that lie ahead of the catalog are of another one: all is new then.
    limit
        How many to ask for at most; the others wait for the next look. What has changed since the last one comes
        before what has waited: years that are made again do not hold up the observation of today.

    Returns
    -------
    What to ask for, why others wait, in words, and what the next look needs.
    """
    catalog = platform.catalog
    newest = catalog.products(newest=1, current=None)
    highest, change = (newest[0].id if newest else 0), catalog.newest_obi_change()
    sequence = before.sequence if before.sequence <= change else 0
    product = before.product if before.product <= highest else 0
    fresh = set(before.busy) | {entry.partition for entry in catalog.obis(after=sequence)}
    if highest > product:
        fresh |= _touched(platform, product)
    ready: list[Due] = []
    waiting: list[str] = []
    held: list[str] = []
    reasons: list[str] = []
    found = _entries(platform, fresh | set(before.waiting))
    for entry in sorted(found, key=lambda one: (one.partition not in fresh, one.tstart, one.partition)):
        if not entry.complete:  # it comes again when something changes
            reasons.append(f"{entry.partition} {entry.waits_for}")
        elif len(ready) >= limit:
            waiting.append(entry.partition)
        elif busy(platform, entry):
            held.append(entry.partition)
            reasons.append(f"{entry.partition} waits until its playbacks are processed")
        else:
            ready.append(Due(entry, run_key(platform, entry), entry.partition not in fresh))
    return ready, reasons, ObiMarks(change, highest, tuple(waiting), tuple(held))


def _entries(platform: Platform, keys: set[str]) -> list[ObiEntry]:
    """Intervals by their partitions, however many."""
    every = sorted(keys)
    parts = (every[first : first + AT_ONCE] for first in range(0, len(every), AT_ONCE))
    return [entry for part in parts for entry in platform.catalog.obis(partitions=part, standing=None)]


def _touched(platform: Platform, after: int) -> set[str]:
    """Observations that products made since then are, or may be, inputs of."""
    registry, found = platform.registry, set()
    wanted = input_ids(platform)
    reach = max((pipeline.reach for pipeline in registry.pipelines_of("obi")), default=0.0)
    for product in platform.catalog.products(after=after, current=True):
        if product.file_id not in wanted and not product.delivered:
            continue
        if registry.product(product.file_id).delivered == "since":
            found |= _held_by(platform, product, after)
            continue
        if belongs_to_obi(registry, product.file_id):
            if product.delivered:  # what the runs make themselves is no reason to run
                found.add(product.partition)
            continue
        span = (product.tstart - reach, product.tstop + reach)
        found |= {entry.partition for entry in platform.catalog.obis(within=span)}
    return found


def _held_by(platform: Platform, product: ProductEntry, after: int) -> set[str]:
    """Observations that a calibration file asks for: those that had none; all of its time only if that is wished.

    What they had is what held when it was last looked, superseded by now or not: files that came together since then
    do not hide each other.
    """
    registry, catalog = platform.registry, platform.catalog
    before = holding(registry, catalog, product.file_id, product.tstart, as_of=after)
    if before is not None and not registry.product(product.file_id).asks:
        return set()
    until = next_since(registry, catalog, product.file_id, product.tstart)
    # the file that holds when an observation begins holds for all of it
    begin = [entry for entry in catalog.obis(within=(product.tstart, until)) if entry.tstart >= product.tstart]
    return {entry.partition for entry in begin}


def input_ids(platform: Platform) -> set[str]:
    """File ids that pipelines by observation read."""
    pipelines = platform.registry.pipelines_of("obi")
    return {file_id for p in pipelines for file_id in (*p.inputs, *p.optional_inputs)}


def run_key(platform: Platform, entry: ObiEntry) -> str:
    """Name of the run: another one when the interval has changed or its inputs are others."""
    return f"{entry.partition} {entry.sequence} {inputs_digest(platform, entry)[:16]}"


def inputs_digest(platform: Platform, entry: ObiEntry) -> str:
    """SHA-256 over the products that all runs for an interval would read, without what they make themselves."""
    registry = platform.registry
    parts = set()
    for pipeline in registry.pipelines_of("obi"):
        for stream in pipeline.streams:
            request = obi_request(entry, stream, 0.0)
            for file_id in (*pipeline.inputs, *pipeline.optional_inputs):
                if registry.product(file_id).delivered == "since":
                    parts |= _calibration_part(platform, file_id, entry.tstart)
                    continue
                for product in find_products(registry, pipeline, request, platform.catalog, file_id):
                    if product.delivered or not belongs_to_obi(registry, file_id):
                        parts.add(f"{file_id} {product.stream} {product.name} {product.sha256}")
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()


def _calibration_part(platform: Platform, file_id: str, time: float) -> set[str]:
    """Which file holds; of one that asks for nothing by itself, only that there is one."""
    held = holding(platform.registry, platform.catalog, file_id, time)
    if held is None:
        return set()
    asks = platform.registry.product(file_id).asks
    return {f"{file_id} {held.file.name} {held.file.sha256}" if asks else file_id}


def busy(platform: Platform, entry: ObiEntry, now: float | None = None) -> bool:
    """Whether a playback that meets the interval is just being processed, so that more of it will come at once."""
    moment = times.now() if now is None else now
    p, r = db.playbacks.c, db.runs.c
    meets = (p.tstart < entry.tstop, p.tstop > entry.tstart, p.state == "accepted")
    query = (
        sa.select(p.partition, p.accepted, r.pipe_id, r.stream, r.finished)
        .select_from(db.playbacks.outerjoin(db.runs, r.partition == p.partition))
        .where(*meets)
    )
    with reading(platform.catalog.engine) as connection:
        rows = connection.execute(query).all()
    expected = {(x.id, stream) for x in platform.registry.pipelines_of("playback") for stream in x.streams}
    playbacks: dict[str, list[Any]] = {}
    for row in rows:
        playbacks.setdefault(row.partition, []).append(row)
    return any(
        not expected <= {(row.pipe_id, row.stream) for row in of_one}
        and moment - max(x for row in of_one for x in (row.accepted or 0.0, row.finished or 0.0)) < IN_PROCESS
        for of_one in playbacks.values()
    )
