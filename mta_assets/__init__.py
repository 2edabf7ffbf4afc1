"""Monitoring-and-trends platform of an observatory.

``import mta_assets as mta`` gives a session ``mta.fetch``, ``mta.query`` and ``mta.sql``; they are loaded when they
are first used.
"""

from __future__ import annotations

from typing import Any

LAZY = ("Msid", "Msidset", "fetch", "query", "sql")


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "query":
        return import_module("mta_assets.query")  # the package itself can be called
    if name == "fetch":
        return import_module("mta_assets.query.fetch").fetch
    if name == "Msid":
        return import_module("mta_assets.query.dataset").Msid
    if name == "Msidset":
        return import_module("mta_assets.query.dataset_set").Msidset
    if name == "sql":
        return import_module("mta_assets.query.sql").sql
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *LAZY])
