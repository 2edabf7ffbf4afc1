"""Writing the level-0 products of an hour as FITS files, beside writing the same bytes plainly."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.extract import products
from benchmarks.inputs import Inputs
from benchmarks.measure import Row, best
from mta_assets.archive.products import dump_fits, read_fits
from mta_assets.core.tables import Product


def run(inputs: Inputs, repeats: int = 3) -> list[Row]:
    """Files are written with checksums and brought to the disk, then read and verified."""
    made = list(products(inputs.acis_hour.path, inputs.mission))
    folder = inputs.folder / "products"
    folder.mkdir(exist_ok=True)
    seconds = best(lambda: _write(made, folder), repeats)
    paths = sorted(folder.glob("*.fits"))
    contents = [path.read_bytes() for path in paths]
    size = sum(map(len, contents)) / 1e6
    plain = best(lambda: _write_plain(contents, folder), repeats)
    read = best(lambda: [read_fits(path, "X") for path in paths], repeats)
    bytes_only = best(lambda: [path.read_bytes() for path in paths], repeats)
    what = f"{len(made)} products of an ACIS hour, {size:.1f} MB, as FITS"
    return [
        Row(f"{what}: written", size / seconds, "MB/s", "the same bytes", size / plain, seconds / plain),
        Row(f"{what}: read, verified", size / read, "MB/s", "the same bytes", size / bytes_only, read / bytes_only),
    ]


def _write(made: list[Product], folder: Path) -> None:
    for number, product in enumerate(made):
        dump_fits(folder / f"{number:03d}.fits", product, product.tstop)


def _write_plain(contents: list[bytes], folder: Path) -> None:
    for number, content in enumerate(contents):
        with (folder / f"{number:03d}.plain").open("wb") as file:
            file.write(content)
            os.fsync(file.fileno())
