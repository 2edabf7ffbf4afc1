"""The steps of level 2 where there is nothing to do."""

from __future__ import annotations

import numpy as np
import pytest

from mta_assets.core.errors import NothingToDo
from mta_assets.core.tables import Product, Table
from mta_assets.level2.steps import grating_spectrum, source_list


def evt2(**header: str) -> list[Product]:
    return [Product("ACIS_EVT2", (Table("EVENTS", {"time": np.zeros(1)}, dict(header)),), 0.0, 1.0)]


def test_continuous_clocking_has_no_image_to_find_sources_in() -> None:
    with pytest.raises(NothingToDo, match="continuous clocking"):
        source_list(evt2(READMODE="CONTINUOUS"), file_id="ACIS_SRC2")


def test_events_without_regions_have_no_grating_spectra() -> None:
    with pytest.raises(NothingToDo, match="the events have no grating coordinates"):
        grating_spectrum(evt2(GRATING="HETG"), file_id="ACIS_PHA2")
