"""Complete products as the answer: their files copied into a folder, each checked against the catalog's hash."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from mta_assets.archive.entries import ProductEntry
from mta_assets.archive.names import check_name
from mta_assets.archive.store import sha256_of
from mta_assets.core.errors import BadData
from mta_assets.query.answer import Cancelled
from mta_assets.query.output import RESERVE, OutputRefused, Progress, Saved, check_targets, staged


def copy_products(
    products: Sequence[ProductEntry],
    folder: Path | str,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Saved:
    """Copy the files of products (`Answer.products`) into a folder that exists: all of them or none.

    Parameters
    ----------
    progress
        Called with files copied and files in all.
    cancel
        Asked before each file.

    Raises
    ------
    OutputRefused
        If a file is there already, or the disk has not enough room.
    BadData
        If a product's file is gone or is not the one that the catalog knows.
    Cancelled
        If it was stopped.
    """
    target = Path(folder)
    targets = [target / check_name(entry.name) for entry in products]
    if len(set(targets)) != len(targets):
        raise OutputRefused(f"{target}: several of the {len(targets)} products have the same name; ask for fewer")
    if not targets:
        return Saved((), 0, 0)
    check_targets(targets, overwrite)
    size, free = sum(entry.size for entry in products), shutil.disk_usage(target).free
    if size + RESERVE > free:
        raise OutputRefused(f"{target}: the products have {size / 1e6:,.0f} MB, the disk {free / 1e6:,.0f} MB free")
    with staged(targets) as temporary:
        for number, (entry, copy) in enumerate(zip(products, temporary, strict=True)):
            if cancel is not None and cancel():
                raise Cancelled("stopped; nothing was copied")
            _copy(entry, copy)
            if progress is not None:
                progress(number + 1, len(products))
    return Saved(tuple(targets), sum(entry.rows for entry in products), size)


def _copy(entry: ProductEntry, target: Path) -> None:
    try:
        shutil.copyfile(entry.path, target)
    except FileNotFoundError as error:
        raise BadData(f"product {entry.name}: its file {entry.path} is gone; make the product again") from error
    if sha256_of(target) != entry.sha256:
        raise BadData(f"product {entry.name}: {entry.path} is not the file that the catalog knows; make it again")
