"""A query text through the whole chain, parsed and run on the sources of the simulated half year."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from astropy.time import Time

from mta_assets.query.answer import Answer, AnswerTable
from mta_assets_tests.spire.answers import Rows

Ask = Callable[..., Answer]


def utc(text: str) -> float:
    """TT seconds since 1998.0 TT of a UTC text, by astropy."""
    return float(Time(text, scale="utc").cxcsec)


def only(answer: Answer) -> AnswerTable:
    """The one table of an answer."""
    (table,) = answer.tables
    return table


def same_samples(table: AnswerTable, expected: Rows, relative: float = 0.0) -> None:
    """Exactly the same rows, columns in the same order; values to a relative difference, if one is given."""
    assert list(table.columns) == list(expected.columns)
    assert len(table) == len(expected)
    assert np.array_equal(table.time, expected.time)
    for name, wanted in expected.columns.items():
        found = table.columns[name]
        missing = (table.quality or {}).get(name, np.zeros(len(table), np.uint8)) != 0
        lacks = (
            np.array([value != value for value in wanted]) if wanted.dtype.kind in "fO" else np.zeros(len(wanted), bool)
        )
        assert np.array_equal(missing, lacks), name
        if relative:
            np.testing.assert_allclose(found[~missing], wanted[~missing], rtol=relative, atol=0)
        else:
            assert np.array_equal(found[~missing], wanted[~missing]), name


def same_products(answer: Answer, expected: list[tuple[str, float]]) -> None:
    """Exactly these complete products: (file id, start)."""
    assert sorted((product.file_id, product.tstart) for product in answer.products) == expected
