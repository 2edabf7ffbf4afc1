"""Products that are texts, line by line: parameter files (``.par``) as the archive has them beside its FITS files.

In memory it is one table (`core.texts`). A text states no times and no keywords: of a
file that is read they are not known.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from mta_assets.core.errors import BadData, ToolFailed
from mta_assets.core.faults import outside_faults
from mta_assets.core.tables import Product
from mta_assets.core.texts import LINE, TEXT, text_table

SUFFIXES = (".par",)


def is_text(path: Path) -> bool:
    """Whether a file of that name is a text."""
    return path.suffix in SUFFIXES


def dump_text(path: Path, product: Product, sync: bool = True) -> str:
    """Write a product that is a text, and return the SHA-256 of its bytes.

    Raises
    ------
    ToolFailed
        If it is none, or a line has characters beyond ASCII or breaks.
    """
    if [table.name for table in product.tables] != [TEXT] or list(product.tables[0].columns) != [LINE]:
        raise ToolFailed(f"product {product.file_id}: expected a table {TEXT} with the column {LINE} for {path.name}")
    lines = [str(line) for line in product.tables[0][LINE]]
    if any(not line.isascii() or "\n" in line or "\r" in line for line in lines):
        raise ToolFailed(f"product {product.file_id}: a line of {path.name} is not plain ASCII text")
    content = "".join(f"{line}\n" for line in lines).encode()
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        if sync:
            os.fsync(file.fileno())
    return hashlib.sha256(content).hexdigest()


def read_text(path: Path, file_id: str) -> Product:
    """Read a product that is a text.

    Raises
    ------
    BadData
        If it is not ASCII.
    """
    with outside_faults(path, "read the file"):
        content = path.read_bytes()
    try:
        return Product(file_id, (text_table(content.decode("ascii")),), float("nan"), float("nan"))
    except UnicodeDecodeError as error:
        raise BadData(f"{path}: not a text of ASCII characters: {error}. Fetch or make it again") from error
