"""Pipelines with event lists that lie in files, a few hundred events in memory at a time."""

from __future__ import annotations

import pytest

from mta_assets.archive import fits_read
from mta_assets.core import merge, spool, stored
from mta_assets_tests.pipelines.science_run import Science

LISTS = (  # pipelines that read event lists
    "ACIS_BPIX", "ACIS_L1", "ACIS_GRATINGS", "ACIS_L2", "ACIS_PHA2", "ACIS_SOURCES", "ACIS_IMAGE", "ACIS_SPECTRA",
    "HRC_DEADTIME", "HRC_GOODTIME", "HRC_L1", "HRC_GRATINGS", "HRC_L2", "HRC_PHA2", "HRC_SOURCES", "HRC_IMAGE",
    "HRC_SPECTRA",
)  # fmt: skip


def changed_products(science: Science, key: str, rows: int = 701) -> dict[str, list[str]]:
    """Run them once more so; for each that made something before, the products that came out with other bytes."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in (
            (fits_read, "IN_MEMORY", 2880), (spool, "IN_MEMORY", 0), (merge, "HELD", 0), (stored, "ROWS", rows),
        ):  # fmt: skip
            patch.setattr(module, name, value)
        for pipe_id in LISTS:
            if science.platform.catalog.products(pipe_id=pipe_id, partition=key, stream="sdp"):
                result = science.platform.execute(pipe_id, "sdp", key)
                assert result.outcome == "done", result.message
                found[pipe_id] = [made.name for made in result.products if made.changed]
    return found
