"""Names of what is in products: ``FILE_ID.HDU.COLUMN``, ``FILE_ID.COLUMN``, ``FILE_ID.KEYWORD`` and their kin.

``ACIS_EVT0.EVENTS.PHA``
    A column. The name of the HDU may be left out where only one HDU of the file id has such a column. The second HDU
    of one name is ``GTI_2``, the third ``GTI_3``.
``ACIS_EVT0.EVENTS.PHAS[4]``, ``….PHAS[1,1]``
    One element of a column of arrays, counted from 0, in the order in which NumPy has it.
``ACIS_EVT0.EVENTS.ROW``
    Number of the row in its table, from 0 (unless there is a column of that name).
``ACIS_EVT0.HEADER.OBS_ID``, ``ACIS_EVT0.OBS_ID``, ``ACIS_EVT0.EVENTS.OBS_ID``
    A keyword: of the first HDU that has it, or of the one named. A column of the same name comes before it.
``ACIS_EVT0.PRODUCT.NAME``
    What the catalog knows of the product itself (`ENTRY`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mta_assets.archive.product_headers import HduLayout
from mta_assets.core.tables import Column

ELEMENT = re.compile(r"(?P<column>.*)\[(?P<index>\d+(?:,\d+)*)\]", re.DOTALL)
MOST_ELEMENTS = 64  # cells of more are not listed element by element; they are read all the same
ENTRY: Mapping[str, tuple[str, str]] = {
    "NAME": ("U1", "name of the file"),
    "VERSION": ("i8", "version of the product"),
    "LEVEL": ("U1", "processing level"),
    "STREAM": ("U1", "sdp (archival) or sap (quick look)"),
    "PARTITION": ("U1", "partition that it was made for"),
    "ROWS": ("i8", "rows of its first table"),
    "SIZE": ("i8", "length of the file [byte]"),
    "CREATED": ("f8", "when its newest input came in [s]"),
    "SHA256": ("U1", "SHA-256 of the file"),
}
KEYWORD_UNIT = re.compile(r"\[([^\]]{1,20})\]")

Layout = tuple[HduLayout, ...]


@dataclass(frozen=True)
class Place:
    """Where a named thing is in the products of a file id.

    Attributes
    ----------
    kind
        ``column``, ``row``, ``keyword`` or ``entry``.
    hdu
        The HDU; None for a keyword of any, and for the catalog.
    label
        Column, keyword or catalog field as it is spelt there.
    index
        Element of a column of arrays.
    column
        Its declaration.
    unit, doc
        Of a keyword, from its comment.
    """

    file_id: str
    kind: Literal["column", "row", "keyword", "entry"]
    hdu: str | None
    label: str
    index: tuple[int, ...] = ()
    column: Column | None = None
    unit: str = ""
    doc: str = ""

    @property
    def name(self) -> str:
        """The whole name."""
        if self.kind == "entry":
            return f"{self.file_id}.PRODUCT.{self.label}"
        if self.kind == "keyword" and self.hdu is None:
            return f"{self.file_id}.HEADER.{self.label}"
        element = f"[{','.join(map(str, self.index))}]" if self.index else ""
        return f"{self.file_id}.{self.hdu}.{self.label}{element}"

    @property
    def group(self) -> str:
        """The table it shares its times with."""
        return f"{self.file_id}.{self.hdu}" if self.kind in ("column", "row") else self.file_id


def listed(file_id: str, layouts: Iterable[Layout]) -> list[str]:
    """Whole names of everything in products of these layouts, but for their TIME: every answer has its times."""
    found: dict[str, None] = {}
    for layout in layouts:
        for hdu in layout:
            for column in hdu.columns:
                if column.name != "TIME" and not column.name.endswith(("__q", "__r", "__n")):
                    found.update((f"{file_id}.{hdu.name}.{label}", None) for label in _elements(column))
    for layout in layouts:
        found.update((f"{file_id}.HEADER.{key}", None) for hdu in layout for key in hdu.comments)
    found.update((f"{file_id}.PRODUCT.{label}", None) for label in ENTRY)
    return list(found)


def _elements(column: Column) -> Iterator[str]:
    if not column.shape:
        yield column.name
    elif np.prod(column.shape) <= MOST_ELEMENTS:
        for index in np.ndindex(*column.shape):
            yield f"{column.name}[{','.join(map(str, index))}]"


def find(file_id: str, rest: str, layouts: Iterable[Layout]) -> Place | None:
    """What the rest of a name, behind the file id, means; case does not matter.

    None if there is no such thing, if the HDU is left out and several have such a column, or if it is a column of
    arrays without an element.
    """
    wanted = rest.upper()
    known = list(layouts)
    if wanted.startswith("PRODUCT.") and wanted[8:] in ENTRY:
        return Place(file_id, "entry", None, wanted[8:], doc=ENTRY[wanted[8:]][1])
    if wanted.startswith("HEADER."):
        return _keyword(file_id, wanted[7:], None, known)
    columns = {place.hdu: place for place in _columns(file_id, wanted, known)}
    if len(columns) == 1:
        return next(iter(columns.values()))
    if columns:
        return None
    hdu, _, key = wanted.partition(".")
    if key:
        return _keyword(file_id, key, hdu, known)
    return _keyword(file_id, wanted, None, known)


def _columns(file_id: str, wanted: str, layouts: list[Layout]) -> Iterator[Place]:
    for layout in layouts:
        for hdu in layout:
            label = wanted.removeprefix(f"{hdu.name}.")
            column, index = _column(hdu, label)
            if column is not None and len(index) == len(column.shape):
                yield Place(file_id, "column", hdu.name, column.name, index, column, column.unit, column.doc)
            elif label == "ROW" and label != wanted and hdu.columns:
                yield Place(file_id, "row", hdu.name, "ROW", doc="number of the row in its table")


def _column(hdu: HduLayout, label: str) -> tuple[Column | None, tuple[int, ...]]:
    by_name = {column.name.upper(): column for column in hdu.columns}
    if label in by_name:
        return by_name[label], ()
    found = ELEMENT.fullmatch(label)
    column = by_name.get(found["column"]) if found else None
    if found is None or column is None or not column.shape:
        return None, ()
    index = tuple(int(number) for number in found["index"].split(","))
    if len(index) == 1 < len(column.shape) and index[0] < np.prod(column.shape):  # counted through all dimensions
        index = tuple(int(i) for i in np.unravel_index(index[0], column.shape))
    inside = len(index) == len(column.shape) and all(0 <= i < n for i, n in zip(index, column.shape, strict=True))
    return (column, index) if inside else (None, ())


def _keyword(file_id: str, key: str, hdu: str | None, layouts: list[Layout]) -> Place | None:
    """A keyword of the HDU, or of the first that has it."""
    for layout in layouts:
        for part in layout:
            if key in part.comments and hdu in (None, part.name):
                comment = part.comments[key]
                unit = KEYWORD_UNIT.match(comment)
                return Place(file_id, "keyword", hdu, key, (), None, unit[1] if unit else "", comment)
    return None


def plain(values: Any) -> Any:
    """Truth values of FITS as 0 and 1, whose states are F and T."""
    array = np.asarray(values)
    return array.astype(np.uint8) if array.dtype == bool else array
