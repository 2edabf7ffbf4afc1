"""Products that are texts: one table ``TEXT`` with the one column ``LINE``."""

from __future__ import annotations

import numpy as np

from mta_assets.core.tables import Table

TEXT, LINE = "TEXT", "LINE"


def text_table(text: str) -> Table:
    """A text as the table of a product."""
    return Table(TEXT, {LINE: np.array(text.splitlines(), "U")})
