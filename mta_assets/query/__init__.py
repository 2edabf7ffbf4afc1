"""The trend query: language, plan, sources, run, results in files and in Python.

The package can be called: ``mta_assets.query("GET …")`` is `query.fetch.query`. A function and a package of the same
name can not stand beside each other, whichever is imported last hides the other.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    def __call__(self, text: str, **options: Any) -> Any:
        from mta_assets.query.fetch import query

        return query(text, **options)


sys.modules[__name__].__class__ = _Callable
