"""Event lists that lie in files, a few hundred events in memory at a time, give the same products to the byte."""

from __future__ import annotations

import pytest

from mta_assets.archive import fits_read
from mta_assets.core import merge, spool, stored
from mta_assets_tests.pipelines.observed import ACIS, HRC, Science

STEPS = [
    *((ACIS, name) for name in (
        "ACIS_BPIX", "ACIS_L1", "ACIS_GRATINGS", "ACIS_L2", "ACIS_PHA2", "ACIS_SOURCES", "ACIS_IMAGE", "ACIS_SPECTRA",
    )),
    *((HRC, name) for name in (
        "HRC_DEADTIME", "HRC_GOODTIME", "HRC_L1", "HRC_L2", "HRC_SOURCES", "HRC_IMAGE", "HRC_SPECTRA",
    )),
]  # fmt: skip


@pytest.mark.parametrize(("key", "name"), STEPS)
def test_products_are_the_same_to_the_byte(
    science: Science, key: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fits_read, "IN_MEMORY", 2880)
    monkeypatch.setattr(spool, "IN_MEMORY", 0)
    monkeypatch.setattr(merge, "HELD", 0)
    monkeypatch.setattr(stored, "ROWS", 701)
    result = science.platform.execute(name, "sdp", key)
    assert result.outcome == "done", result.message
    assert result.products
    assert [made.name for made in result.products if made.changed] == []
