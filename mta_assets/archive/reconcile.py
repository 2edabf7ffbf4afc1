"""After a crash: files that were renamed but never committed go, what is left of dead runs goes, losses are told.

A run writes its products into ``<root>/.staging/<token>/``, notes in a journal where they will go, renames
them and commits. Whatever moment it dies at, the journal says which files may stand in the archive without
an entry. Nothing else is ever removed: a file that somebody put there by hand is none of ours.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mta_assets.archive.store import fsync_folder, held, lock, sweep, write_bytes
from mta_assets.core.faults import outside_faults

if TYPE_CHECKING:
    from mta_assets.archive.catalog import Catalog

STAGING = ".staging"
JOURNAL = "journal.json"
ALIVE = "alive.lock"  # locked by the run as long as it lives
ROOT_LOCK = ".lock"  # held while names are claimed, files renamed and the catalog committed


@dataclass(frozen=True)
class Reconciliation:
    """What was found.

    Attributes
    ----------
    removed
        Product files that no transaction had committed, and leftovers of dead runs.
    adopted
        Files of a dead run that its transaction had committed: whole, they stay.
    missing
        Paths of current products in the catalog whose files are not there: restore or reprocess them.
    """

    removed: tuple[Path, ...] = ()
    adopted: tuple[Path, ...] = ()
    missing: tuple[Path, ...] = ()


def reconcile(catalog: Catalog, roots: Mapping[str, Path], newest: int | None = 5000) -> Reconciliation:
    """Recover every root and check that the files of the newest current products are there.

    Parameters
    ----------
    catalog
        The catalog.
    roots
        Stream → folder of its products. Runs of living processes are not touched.
    newest
        How many of the products made last are looked for in each stream; None for all, which takes its time in
        an archive of many years.
    """
    removed: list[Path] = []
    adopted: list[Path] = []
    missing: list[Path] = []
    for stream, root in roots.items():
        found = recover(catalog, root)
        removed += found.removed
        adopted += found.adopted
        present: dict[str, set[str]] = {}
        for entry in catalog.products(stream=stream, newest=newest):
            folder, name = os.path.split(entry.path)
            if folder not in present:
                present[folder] = set(os.listdir(folder)) if os.path.isdir(folder) else set()
            if name not in present[folder]:
                missing.append(Path(entry.path))
    return Reconciliation(tuple(removed), tuple(adopted), tuple(missing))


def recover(catalog: Catalog, root: Path) -> Reconciliation:
    """Clear away what dead runs left in one root."""
    staging = root / STAGING
    if not staging.is_dir():
        return Reconciliation()
    with lock(root / ROOT_LOCK):
        return recover_locked(catalog, root)


def recover_locked(catalog: Catalog, root: Path) -> Reconciliation:
    """`recover` by somebody who holds the lock of the root."""
    removed: list[Path] = []
    adopted: list[Path] = []
    for folder in sorted((root / STAGING).iterdir()):
        if not folder.is_dir() or held(folder / ALIVE):
            continue
        run_id, names = _journal(folder / JOURNAL)
        standing = [root / name for name in names if (root / name).exists()]
        if run_id and catalog.has_run(run_id):
            adopted += standing
        else:
            known = catalog.known_paths(standing)  # a later run took the name and committed
            adopted += [path for path in standing if path in known]
            standing = [path for path in standing if path not in known]
            for path in standing:
                with outside_faults(path, "remove the uncommitted file"):
                    path.unlink()
                    fsync_folder(path.parent)
            removed += standing
        with outside_faults(folder, "remove the leftover"):
            shutil.rmtree(folder)
        removed.append(folder)
    removed += sweep(root)
    return Reconciliation(tuple(removed), tuple(adopted))


def write_journal(folder: Path, run_id: str, names: Iterable[str]) -> None:
    """Note durably which files (relative to the root) a run is about to put into the archive."""
    write_bytes(folder / JOURNAL, json.dumps({"run_id": run_id, "names": sorted(names)}).encode())


def _journal(path: Path) -> tuple[str, list[str]]:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return "", []  # died before it touched the archive
    return found["run_id"], found["names"]
