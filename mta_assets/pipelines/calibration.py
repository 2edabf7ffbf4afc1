"""Calibration files: each holds from its date on, until the next of its kind.

They are products that are only delivered, with ``delivered = "since"`` in the registry and the names of the CALDB,
``acisD2000-01-29gain_ctiN0001.fits``: instrument, date from which it holds, kind, version. The files in the mission's
folder ``calibration`` are the baseline: they stand beside those of the catalog as if they had been delivered first. Of
all that hold, the newest date is taken, and of that the highest version.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mta_assets.archive.catalog import Catalog
from mta_assets.archive.entries import InputEntry, ProductEntry
from mta_assets.archive.fits_heads import read_heads
from mta_assets.archive.store import sha256_of
from mta_assets.core import times
from mta_assets.core.errors import BadData
from mta_assets.core.tables import Table
from mta_assets.pipelines.registry import Registry
from mta_assets.pipelines.registry_schema import Pipeline, ProductSpec

if TYPE_CHECKING:
    from mta_assets.pipelines.inputs import ProductFiles

FOLDER = "calibration"
TAKEN = re.compile(r"^[0-9a-f]{8}_")  # before the name of a delivery whose own was taken by other bytes
STREAM = "sdp"  # what is delivered is archival; both streams use it
Calibration = dict[str, tuple[str, tuple[Table, ...]]]


@dataclass(frozen=True)
class Held:
    """A file that holds from a moment on.

    Attributes
    ----------
    since
        TT seconds since 1998.0 TT.
    entry
        Its entry in the catalog; None of the baseline.
    """

    file: InputEntry
    since: float
    version: int
    entry: ProductEntry | None = None


def calibrations_of(registry: Registry, pipeline: Pipeline) -> list[str]:
    """File ids of the calibration files that a pipeline reads."""
    needed = (*pipeline.inputs, *pipeline.optional_inputs)
    return [name for name in needed if registry.product(name).delivered == "since"]


def is_of(spec: ProductSpec, name: str) -> bool:
    """Whether an input of this name is a file of a kind."""
    return spec.regex.fullmatch(TAKEN.sub("", name)) is not None


def holding(
    registry: Registry, catalog: Catalog | None, file_id: str, time: float, as_of: int | None = None
) -> Held | None:
    """The file of a kind that holds at a time [TT s since 1998.0].

    Parameters
    ----------
    catalog
        None: of the baseline alone.
    as_of
        Id of a product: files that were delivered later do not count, and what they superseded does.
    """
    return newest(known(registry, catalog, file_id, as_of), time)


def newest(found: Sequence[Held], time: float) -> Held | None:
    """Of several files the one that holds at a time."""
    begun = [one for one in found if one.since <= time]
    return max(begun, key=lambda one: (one.since, one.version, one.entry is not None), default=None)


def known(registry: Registry, catalog: Catalog | None, file_id: str, as_of: int | None = None) -> list[Held]:
    """All files of a kind: of the baseline, and those that were delivered and stand, or stood (`holding`)."""
    every = True if as_of is None else None
    entries = catalog.products(file_id=file_id, stream=STREAM, current=every) if catalog is not None else []
    if as_of is not None:
        entries = [one for one in entries if one.id <= as_of and (one.current or (one.superseded_by or 0) > as_of)]
    delivered = [
        Held(InputEntry(entry.name, entry.sha256, entry.id, entry.path), entry.tstart, entry.version, entry)
        for entry in entries
    ]
    return [*baseline(registry, file_id), *delivered]


def baseline(registry: Registry, file_id: str) -> Iterator[Held]:
    """Files of a kind in the mission's folder.

    Raises
    ------
    BadData
        If the header of one contradicts its name.
    """
    spec = registry.product(file_id)
    folder = registry.mission.folder / FOLDER
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = spec.regex.fullmatch(path.name)
        if match:
            status = path.stat()
            sha256, since = _looked_at(path, match["since"], status.st_mtime_ns, status.st_size)
            yield Held(InputEntry(path.name, sha256, None, str(path)), since, int(match["version"]))


@lru_cache(maxsize=256)
def _looked_at(path: Path, date: str, modified: int, size: int) -> tuple[str, float]:
    keywords = {key: value for head in read_heads(path)[1::-1] for key, (value, _) in head.keywords.items()}
    return sha256_of(path), valid_since(date, keywords, path.name)


def valid_since(date: str, header: Mapping[str, Any], name: str) -> float:
    """When a calibration file begins to hold: CVSD0001 and CVST0001 of its header (UTC), else the date of its name.

    Keywords as in files of the CALDB (HEASARC memo CAL/GEN/92-011); CVSD0001 has the date alone, or with a time.

    Raises
    ------
    BadData
        If the name has no date, or the header another one.
    """
    stated, _, clock = str(header.get("CVSD0001", date)).strip().partition("T")
    clock = str(header.get("CVST0001", clock)).strip() or "00:00:00"
    if stated != date:
        raise BadData(f"{name}: its header says that it holds from {stated} on (CVSD0001), its name {date}")
    try:
        return times.from_utc(f"{stated}T{clock}")
    except ValueError as error:
        raise BadData(f"{name}: {stated} {clock} is no date and time from which it could hold") from error


def next_since(registry: Registry, catalog: Catalog, file_id: str, time: float) -> float:
    """When the next file of a kind takes over after a time [s]; infinite if there is none."""
    return min((one.since for one in known(registry, catalog, file_id) if one.since > time), default=math.inf)


def files(*given: ProductFiles | None) -> Calibration:
    """Step: name of the file and its tables by kind, the field ``kind`` of the names; None is left out."""
    return {
        str(product.fields["kind"]): (path.name, product.tables)
        for some in given
        if some is not None
        for path, product in zip(some.paths, some, strict=True)
    }
