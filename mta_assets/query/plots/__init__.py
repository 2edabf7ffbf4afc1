"""Plots of samples, statistics and answers: timelines, one parameter against another, densities, envelopes."""

from __future__ import annotations

from mta_assets.query.plots.draw import plot
from mta_assets.query.plots.series import Gap, Series, series_of

__all__ = ["Gap", "Series", "plot", "series_of"]
