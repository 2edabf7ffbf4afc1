"""An error that points at the word of the query it is about, for what is found out after parsing."""

from __future__ import annotations

from typing import Any

from mta_assets.query.errors import QueryError
from mta_assets.query.expressions import key
from mta_assets.query.model import Name, Position, Text


def problem(text: str, node: Any, message: str) -> QueryError:
    """A `QueryError` whose caret stands under the node."""
    length = (
        len(key(node)) if isinstance(node, Name | Position) else len(node.value) + 2 if isinstance(node, Text) else 1
    )
    return QueryError(message, text=text, offset=getattr(node, "at", 0), length=length)
