"""All rows of a merge."""

from __future__ import annotations

from mta_assets.core.merge import Merge
from mta_assets.core.tables import Table, concatenate


def merged(found: Merge) -> Table:
    """In memory at once."""
    assert found.empty is not None
    return concatenate([found.empty, *found.blocks()])
