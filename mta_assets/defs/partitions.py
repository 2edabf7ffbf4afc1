"""Partitions: playbacks are dynamic and sort by time; days and weeks come with their products."""

from __future__ import annotations

import dagster as dg


def playback_partitions(mission: str) -> dg.DynamicPartitionsDefinition:
    """Keys ``20240301T000000-1a2b3c4d``: start of the data in UTC and the head of the content's sha256."""
    return dg.DynamicPartitionsDefinition(name=f"{mission}_playback")
