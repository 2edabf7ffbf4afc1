"""A catalog with product files for tests: written as a run would leave them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mta_assets.archive.catalog import Catalog
from mta_assets.archive.entries import NewProduct, RunEntry
from mta_assets.archive.products import write_fits
from mta_assets.archive.store import sha256_of
from mta_assets.core.tables import Product, Table


class Shelf:
    """Products on disk and in a catalog; every run gets the next whole second as its time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.catalog = Catalog(f"sqlite:///{folder / 'catalog.sqlite'}")
        self.clock = 0

    def put(
        self,
        file_id: str,
        start: float,
        stop: float,
        *tables: Table,
        version: int = 1,
        stream: str = "sdp",
        **header: Any,
    ) -> int:
        """Write one product; the same file id and start again, with a higher version, replaces it."""
        name = f"{file_id.lower()}_{start:g}_{version:03d}.fits"
        path = self.folder / stream / name
        write_fits(path, Product(file_id, tables, start, stop, header), 7.0)
        rows = len(tables[0]) if tables else 0
        return self.enter(file_id, path, start, stop, rows, version, stream)

    def enter(
        self, file_id: str, path: Path, start: float, stop: float, rows: int = 0, version: int = 1, stream: str = "sdp"
    ) -> int:
        """A file that is there as a product."""
        series = f"{file_id}_{start:g}"
        new = NewProduct(
            file_id, path.name, str(path), "1", series, version, start, stop, rows, path.stat().st_size,
            sha256_of(path), 7.0,
        )  # fmt: skip
        return self.run(file_id, f"p{start:g}", stream, [new])[0]

    def run(
        self, pipe_id: str, partition: str, stream: str = "sdp", products: list[NewProduct] | None = None
    ) -> list[int]:
        """One run that is done and leaves these products."""
        self.clock += 1
        number = self.catalog.next_run_number(pipe_id, partition, stream)
        entry = RunEntry(
            f"run{self.clock}", pipe_id, partition, stream, number, "done", self.clock, self.clock, "c", "r", "l",
            "/log", "ok",
        )  # fmt: skip
        return self.catalog.commit_run(entry, products or [])

    def path(self, product_id: int) -> Path:
        (entry,) = [p for p in self.catalog.products(current=None) if p.id == product_id]
        return Path(entry.path)

    def count(self, table: str) -> int:
        with self.catalog.engine.connect() as connection:
            return int(connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one())
