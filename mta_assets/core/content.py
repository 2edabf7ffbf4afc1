"""What the columns of a product have to be, in one line of text for each, and what is wrong with those of a file.

``time [s]`` is a column of one number a row, in seconds if the file states a unit; ``snr []`` a number without unit;
``expno [#]`` a whole one, ``pi [# chan]`` a whole one of channels; ``q_att(4) []`` four of them a row, ``phas(*)
[# adu]`` cells of any shape; ``E_TRIG(2) [bits]`` two bits; ``chipy? [# pixel]`` need not be there; ``NAME`` alone has
to be there and may be anything. Case does not matter (FITS standard 4.0, section 7.3.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mta_assets.core.tables import Column, Table

BITS = "bits"
FORM = re.compile(
    r"(?P<name>[A-Za-z0-9_-]+)(?P<optional>\?)?(?:\((?P<cells>\d+|\*)\))?"
    r"(?: \[(?P<whole>#)? ?(?P<unit>[A-Za-z0-9/*^. -]*)\])?"
)


@dataclass(frozen=True)
class Expected:
    """One column as it has to be.

    Parameters
    ----------
    name
        In any case of its letters.
    required
        Whether it has to be there.
    number, whole
        Whether it has to hold numbers, and whole ones.
    cells
        Numbers in a row: 1, more, or None for any shape.
    unit
        Unit in which they have to be if the file states one; empty: not looked at. ``bits``: no numbers but bits.
    """

    name: str
    required: bool = True
    number: bool = False
    cells: int | None = None
    unit: str = ""
    whole: bool = False


@lru_cache(maxsize=1024)
def expected(text: str) -> Expected:
    """Take the text of a column apart.

    Raises
    ------
    ValueError
        If it is not of the form.
    """
    found = FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"column {text!r}: expected NAME, NAME [unit], NAME(cells) [unit] or NAME? [unit]")
    number = found["unit"] is not None
    cells = None if found["cells"] == "*" or not number else int(found["cells"] or 1)
    return Expected(found["name"], not found["optional"], number, cells, found["unit"] or "", bool(found["whole"]))


def named(tables: Iterable[Table]) -> Iterator[tuple[str, Sequence[Column]]]:
    """Name and columns of tables: as declared, else as their arrays are."""
    for table in tables:
        if table.schema is not None:
            yield table.name, table.schema.columns
        else:
            yield table.name, [Column(n, a.dtype.str, shape=a.shape[1:]) for n, a in table.columns.items()]


def problems(declared: Mapping[str, Sequence[str]], tables: Iterable[tuple[str, Sequence[Column]]]) -> list[str]:
    """What is wrong with the columns of a file, one sentence each, beginning with the HDU.

    Parameters
    ----------
    declared
        Texts of columns by name of the HDU; ``GTI*`` stands for all that begin so, of which there may be none. Where
        several HDUs have one name, the first has to have the columns (real aqual1 files have two ASPQUAL).
    tables
        Name and columns of each HDU that is there.
    """
    there = list(tables)
    found = []
    for name, texts in declared.items():
        wanted = [expected(text) for text in texts]
        several = name.endswith("*")
        mine = [(n, c) for n, c in there if n == name or (several and n.upper().startswith(name[:-1].upper()))]
        needed = [one.name for one in wanted if one.required]
        if not mine and needed and not several:
            found.append(f"[{name}]: has no columns {', '.join(needed)}")
        for number, (hdu, columns) in enumerate(mine):
            found += [f"[{hdu}]{text}" for text in _of_table(wanted, columns, several or not number)]
    return found


def _of_table(wanted: Sequence[Expected], columns: Sequence[Column], whole: bool) -> Iterator[str]:
    there = {column.name.lower(): column for column in columns}
    missing = [one.name for one in wanted if one.required and one.name.lower() not in there]
    if missing and whole:
        yield f": has no columns {', '.join(missing)}"
    for one in wanted:
        column = there.get(one.name.lower())
        if column is None or not one.number:
            continue
        shape = np.prod(column.shape, dtype=int) if column.shape else 1
        bits = column.bits or np.dtype(column.dtype).kind == "b"
        if one.unit == BITS:
            if not bits or shape != one.cells:
                yield f".{one.name}: holds no {one.cells} bits a row but {shape} of {'bits' if bits else column.dtype}"
        elif np.dtype(column.dtype).kind not in ("iu" if one.whole else "iuf") or bits:
            kind = "bits" if bits else column.dtype
            yield f".{one.name}: holds no {'whole ' if one.whole else ''}numbers but {kind}"
        elif one.cells is not None and shape != one.cells:
            yield f".{one.name}: has {shape} numbers a row, expected {one.cells}"
        elif one.unit and column.unit and column.unit != one.unit:
            yield f".{one.name}: is in {column.unit!r}, expected {one.unit!r}"
