"""Product files as FITS: tables and images to deterministic bytes, and back.

The rows are laid out as one big-endian array and the header text is put together from kept pieces
(`fits_header`), so a small table of 300 columns costs milliseconds. Keywords follow the archive's own
products (real ACIS and HRC files of realdata/); DATE is when the newest input came in, no byte depends on
the moment of writing.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from mta_assets.archive.fits_header import BLOCK, cards, checksum, extension_name
from mta_assets.archive.fits_image import image_blocks, image_structure
from mta_assets.archive.fits_read import read_fits
from mta_assets.archive.fits_rows import Packer, closed, primary_structure, table_structure
from mta_assets.archive.store import atomic_write
from mta_assets.archive.text_files import dump_text, is_text, read_text
from mta_assets.core.errors import ToolFailed
from mta_assets.core.tables import Header, Image, Product, Table, plain
from mta_assets.core.times import MJDREF, mjd, to_tt_iso, to_utc_iso

__all__ = [
    "dump_fits",
    "dump_product",
    "fits_chunks",
    "package_version",
    "read_fits",
    "read_product_file",
    "standard_header",
    "write_fits",
]

# The writer sets these itself: what a tool or a copied header says of them is passed over.
KEPT = 16 << 20  # [byte] of a table's rows that are packed once and kept until they are written
OWNED = frozenset(
    [
        "SIMPLE",
        "BITPIX",
        "NAXIS",
        "NAXIS1",
        "NAXIS2",
        "EXTEND",
        "XTENSION",
        "PCOUNT",
        "GCOUNT",
        "TFIELDS",
        "BSCALE",
        "BZERO",
        "EXTNAME",
        "HDUNAME",
        "LONGSTRN",
        "END",
        "CREATOR",
        "DATE",
        "DATE-OBS",
        "DATE-END",
        "MJD-OBS",
        "TSTART",
        "TSTOP",
        "CHECKSUM",
        "DATASUM",
        "CONTINUE",
    ]
)
COMMENTS = {
    "ORIGIN": "source of FITS file",
    "ASCDSVER": "processing system revision",
    "REVISION": "processing version of data",
    "TIMEREF": "time is local for data",
    "TASSIGN": "source of time assignment",
    "CLOCKAPP": "clock correction applied",
    "TIERRELA": "short-term clock stability",
    "TIERABSO": "[s] absolute precision of clock correction",
    "MISSION": "mission",
    "TELESCOP": "telescope",
    "INSTRUME": "instrument",
    "DETNAM": "detector",
    "GRATING": "grating",
    "OBS_ID": "observation id",
    "OBI_NUM": "OBI number",
    "OBJECT": "source name",
    "OBSERVER": "principal investigator",
    "DATAMODE": "data mode",
    "READMODE": "read mode",
    "CONTENT": "what data product",
    "HDUCLASS": "HDU classification",
    "HDUSPEC": "document that describes the file",
    "HDUVERS": "version of the format",
    "TIMEDEL": "[s] time resolution of data",
    "TIMEPIXR": "time stamp reference as bin fraction",
    "LEVEL": "processing level",
    "FEP_ID": "front-end processor",
    "CCD_ID": "CCD",
}


@lru_cache(maxsize=1)
def package_version() -> str:
    """Version of the installed package, '0' where it is run from a folder without being installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("mta_assets")
    except PackageNotFoundError:
        return "0"


def write_fits(path: Path, product: Product, created: float, extra_header: Mapping[str, Any] | None = None) -> str:
    """Write a product as a FITS file, whole or not at all, and return the SHA-256 of its bytes.

    Parameters
    ----------
    path
        The file; gzip-compressed if the name ends in ``.gz``.
    product
        Its tables become binary table extensions, images image HDUs: the first HDU the primary one, else an empty one.
    created
        DATE of the file, TT seconds since 1998.0 TT.
    extra_header
        Keywords of the mission and the registry for every HDU. The product's own win over these, those of
        a table over the product's, except for the keywords that the writer sets itself (`OWNED`).

    Raises
    ------
    ToolFailed
        If a column or keyword has no FITS form.
    TransientError
        If the disk is full or read-only.
    """
    digest = ""

    def writer(temporary: Path) -> None:
        nonlocal digest
        digest = dump_fits(temporary, product, created, extra_header)

    atomic_write(path, writer)
    return digest


def dump_fits(
    path: Path, product: Product, created: float, extra_header: Mapping[str, Any] | None = None, sync: bool = True
) -> str:
    """`write_fits` without the temporary name: for a file that is in a staging folder already."""
    hasher = hashlib.sha256()
    with path.open("wb") as file:
        hashing = _Hashing(file, hasher)
        if path.name.split(".tmp-")[0].endswith(".gz"):
            with gzip.GzipFile(filename="", mode="wb", fileobj=hashing, mtime=0) as packed:
                for chunk in fits_chunks(product, created, extra_header):
                    packed.write(chunk)
        else:
            for chunk in fits_chunks(product, created, extra_header):
                hashing.write(chunk)
        file.flush()
        if sync:
            os.fsync(file.fileno())
    return hasher.hexdigest()


def dump_product(
    path: Path, product: Product, created: float, extra_header: Mapping[str, Any] | None = None, sync: bool = True
) -> str:
    """`dump_fits`, or of a text `text_files.dump_text`, as the name of the file says."""
    return dump_text(path, product, sync) if is_text(path) else dump_fits(path, product, created, extra_header, sync)


def read_product_file(path: Path, file_id: str, images: bool = True) -> Product:
    """`read_fits`, or of a text `text_files.read_text`, as the name of the file says."""
    return read_text(path, file_id) if is_text(path) else read_fits(path, file_id, images=images)


class _Hashing:
    """A file that hashes what is written to it."""

    def __init__(self, file: BinaryIO, hasher: Any) -> None:
        self.file = file
        self.hasher = hasher

    def write(self, content: Any) -> int:
        self.hasher.update(content)
        return self.file.write(content)

    def flush(self) -> None:
        self.file.flush()


def fits_chunks(
    product: Product, created: float, extra_header: Mapping[str, Any] | None = None
) -> Iterator[bytes | memoryview]:
    """The bytes of the FITS file, HDU by HDU."""
    if not (math.isfinite(product.tstart) and math.isfinite(product.tstop)):
        raise ToolFailed(f"product {product.file_id}: its interval {product.tstart} … {product.tstop} is not finite")
    common = {**(extra_header or {}), **product.header}
    tables = product.tables
    if not tables or not isinstance(tables[0], Image):
        yield closed(primary_structure() + cards(standard_header("PRIMARY", product, created, common)), 0)
    for number, table in enumerate(tables):
        given = {**common, **table.header}
        if isinstance(table, Image):
            yield from _image_chunks(table, not number, product, created, given)
        else:
            yield from _table_chunks(table, product, created, given)


def standard_header(
    name: str, product: Product, created: float, given: Mapping[str, Any], extension: str = ""
) -> Header:
    """Keywords of one HDU in the archive's order: identification, times, and what the tools and registry give.

    ``extension`` says in words which kind of extension it is; empty for the primary HDU, which has no EXTNAME.
    """
    free = {k: v for k, v in given.items() if k not in OWNED}

    def take(keyword: str, default: Any) -> tuple[Any, str]:
        value = free.pop(keyword, default)
        return value if isinstance(value, tuple) else (value, COMMENTS.get(keyword, ""))

    called = extension_name(name, plain(free.get("EXTVER")))
    header: Header = {"EXTNAME": (called, f"name of this {extension}")} if extension else {}
    header["HDUNAME"] = (name, "block name")
    for keyword in [k for k in free if k.startswith("HDU")]:
        header[keyword] = take(keyword, None)
    header["ORIGIN"] = take("ORIGIN", None)
    header["CREATOR"] = (f"mta_assets {package_version()}", "program that made this file")
    header["REVISION"] = take("REVISION", 1)
    if "CONTENT" in free:
        header["CONTENT"] = take("CONTENT", None)
    header["DATE"] = (to_utc_iso(created, 0), "UTC when the newest input came in")
    header["DATE-OBS"] = (to_tt_iso(product.tstart), "TT, start of data")
    header["DATE-END"] = (to_tt_iso(product.tstop), "TT, end of data")
    header["MJD-OBS"] = (float(mjd(product.tstart)), "[d] modified Julian date of start, TT")
    header["TIMESYS"] = take("TIMESYS", ("TT", "time system"))
    header["MJDREF"] = take("MJDREF", (MJDREF, "[d] MJD zero point for times"))
    header["TIMEZERO"] = take("TIMEZERO", (0.0, "[s] clock correction"))
    header["TIMEUNIT"] = take("TIMEUNIT", ("s", "time unit"))
    header["TIMEREF"] = take("TIMEREF", "LOCAL")
    header["TASSIGN"] = take("TASSIGN", "SATELLITE")
    header["CLOCKAPP"] = take("CLOCKAPP", True)
    for keyword in ("TIERRELA", "TIERABSO"):
        header[keyword] = take(keyword, None)
    header["TSTART"] = (float(product.tstart), "[s] start of data")
    header["TSTOP"] = (float(product.tstop), "[s] end of data")
    for keyword in ("MISSION", "TELESCOP", "INSTRUME"):
        header[keyword] = take(keyword, None)
    for keyword in list(free):
        header[keyword] = free[keyword] if keyword in ("COMMENT", "HISTORY") else take(keyword, None)
    return {k: v for k, v in header.items() if not (isinstance(v, tuple) and v[0] is None)}


def _table_chunks(
    table: Table, product: Product, created: float, given: Mapping[str, Any]
) -> Iterator[bytes | memoryview]:
    packer = Packer(table)
    # the sum stands before the data: what is large is packed twice rather than held whole beside the table
    kept = list(packer.blocks()) if packer.size <= KEPT else None
    total, _ = _summed(kept or packer.blocks())
    keywords = cards(standard_header(table.name, product, created, given, "binary table extension"))
    yield closed(table_structure(packer.shape, len(table)) + keywords + packer.shape.text, total)
    yield from kept or packer.blocks()
    yield bytes(-packer.size % BLOCK)


def _image_chunks(
    given: Image, primary: bool, product: Product, created: float, keywords: Mapping[str, Any]
) -> Iterator[bytes | memoryview]:
    """An image HDU; the pixels are turned over twice, for the sum in the header and for the file, never held twice."""
    total, size = _summed(image_blocks(given.pixels))
    header = standard_header(given.name, product, created, keywords, "" if primary else "image extension")
    yield closed(image_structure(given, primary) + cards(header), total)
    yield from image_blocks(given.pixels)
    yield bytes(-size % BLOCK)


def _summed(blocks: Iterable[bytes | memoryview]) -> tuple[int, int]:
    """Checksum and length [byte] of blocks, of which all but the last are whole words."""
    total, size = 0, 0
    for block in blocks:
        size += len(block)
        total = checksum([bytes(block) + bytes(-len(block) % 4) if len(block) % 4 else block], total)
    return total, size
