"""Partitions: playbacks and observations are dynamic, days and weeks of UTC begin with the mission's trends."""

from __future__ import annotations

from datetime import datetime, time

import dagster as dg

from mta_assets.core.errors import ConfigError
from mta_assets.pipelines.calendar import CALENDAR
from mta_assets.pipelines.platform import Platform


def playback_partitions(mission: str) -> dg.DynamicPartitionsDefinition:
    """Keys ``20240301T000000-1a2b3c4d``: start of the data in UTC and the head of the content's sha256."""
    return dg.DynamicPartitionsDefinition(name=f"{mission}_playback")


def obi_partitions(mission: str) -> dg.DynamicPartitionsDefinition:
    """Keys ``28229_000``: observation and number of the interval within it; they come when an interval is complete."""
    return dg.DynamicPartitionsDefinition(name=f"{mission}_obi")


def calendar_partitions(kind: str, platform: Platform) -> dg.TimeWindowPartitionsDefinition:
    """Days of UTC, or weeks of UTC from Monday on; the key is the date of the first day. One that has not ended is
    not there yet."""
    start = datetime.combine(platform.mission.file.trends.start, time())
    if kind == "day":
        return dg.DailyPartitionsDefinition(start_date=start, timezone="UTC")
    return dg.WeeklyPartitionsDefinition(start_date=start, timezone="UTC", day_offset=1)


def partitions_of(platform: Platform, kind: str) -> dg.PartitionsDefinition[str]:
    """The partitions of a kind of pipeline."""
    if kind == "playback":
        return playback_partitions(platform.mission.name)
    if kind == "obi":
        return obi_partitions(platform.mission.name)
    if kind in CALENDAR:
        return calendar_partitions(kind, platform)
    raise ConfigError(f"pipelines partitioned by {kind} have no assets; expected playback, obi, day or week")
