"""Event lists that lie in files, a few hundred events in memory at a time, give the same products to the byte."""

from __future__ import annotations

import pytest

from mta_assets_tests.pipelines.observed import ACIS, HRC, Science
from mta_assets_tests.pipelines.small_blocks import changed_products


@pytest.mark.parametrize(("key", "pipelines"), [(ACIS, 8), (HRC, 7)])
def test_products_are_the_same_to_the_byte(science: Science, key: str, pipelines: int) -> None:
    found = changed_products(science, key)
    assert len(found) == pipelines
    assert not any(found.values()), found
