"""Answers as FITS files, block by block: a table larger than memory is written in the memory of one block.

The header goes first with room for its checksum, then the rows, then the header again with the sums that are known
by then. Keywords and columns follow the archive's products (`archive.products`).
"""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mta_assets.archive.fits_header import BLOCK, cards, checksum
from mta_assets.archive.fits_rows import closed, pack_rows, primary_structure, table_structure
from mta_assets.archive.products import standard_header
from mta_assets.core.errors import ToolFailed
from mta_assets.core.samples import SECOND
from mta_assets.core.tables import Product, Table
from mta_assets.query.output_origin import Origin
from mta_assets.query.output_tables import Shape


def write_fits(path: Path, tables: Iterable[tuple[Shape, Iterator[Table]]], origin: Origin) -> None:
    """Write tables one after the other into a FITS file (compressed if its name has ``.gz``).

    Raises
    ------
    ToolFailed
        If a column has no form in FITS, or the rows are not as many as the shape says.
    """
    packed = ".gz" in path.suffixes or ".gz" in path.name
    plain = path.with_name(f".plain{path.name}") if packed else path
    pairs = list(tables)
    span = product_of([shape for shape, _ in pairs])
    try:
        with plain.open("wb") as file:
            header = standard_header("PRIMARY", span, origin.created, origin.keywords)
            file.write(closed(primary_structure() + cards(header), 0))
            for shape, parts in pairs:
                _write_table(file, shape, parts, origin)
        if packed:
            _compress(plain, path)
    finally:
        if packed:
            plain.unlink(missing_ok=True)


def product_of(shapes: Sequence[Shape]) -> Product:
    """A product without tables that has the interval of all rows; an answer without rows begins and ends at 0."""
    firsts = [shape.first for shape in shapes if shape.first is not None]
    lasts = [shape.last for shape in shapes if shape.last is not None]
    if not firsts:
        return Product("QUERY", (), 0.0, 0.0)
    return Product("QUERY", (), min(firsts) / SECOND, max(lasts) / SECOND)


def _write_table(file: BinaryIO, shape: Shape, parts: Iterator[Table], origin: Origin) -> None:
    layout, _ = pack_rows(shape.schema.empty())
    header = standard_header(
        shape.name.upper(), product_of([shape]), origin.created, origin.keywords, "binary table extension"
    )
    text = table_structure(layout, shape.rows) + cards(header) + layout.text
    place = file.tell()
    file.write(closed(text, 0))
    rows = total = 0
    rest = b""  # what does not fill a word of the sum yet
    for part in parts:
        data = pack_rows(_ascii(part))[1].view("u1").reshape(-1).data
        file.write(data)
        rows += len(part)
        if rest:
            data = memoryview(rest + data.tobytes())
        whole = len(data) // 4 * 4
        total, rest = checksum([data[:whole]], total), bytes(data[whole:])
    if rows != shape.rows:
        raise ToolFailed(f"table {shape.name}: {rows} rows came, {shape.rows} were announced: the answer changed")
    size = rows * layout.row.itemsize
    file.write(bytes(-size % BLOCK))
    total = checksum([rest + bytes(-len(rest) % 4)], total)
    end = file.tell()
    file.seek(place)
    file.write(closed(text, total))
    file.seek(end)


def _ascii(part: Table) -> Table:
    """Text as bytes of the announced width, whatever is in this part; FITS knows ASCII only."""
    columns = {}
    for name, values in part.columns.items():
        if values.dtype.kind == "U":
            width = f"S{values.dtype.itemsize // 4}"
            try:
                values = values.astype(width)
            except UnicodeEncodeError:
                values = np.char.encode(values, "ascii", "replace").astype(width)
        columns[name] = values
    return Table(part.name, columns, part.header, part.schema)


def _compress(source: Path, target: Path) -> None:
    with (
        source.open("rb") as plain,
        target.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=6) as packed,
    ):
        shutil.copyfileobj(plain, packed, 1 << 20)
