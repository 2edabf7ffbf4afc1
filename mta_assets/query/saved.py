"""Saved queries: TOML files that give the same inputs again, and say so if they were changed.

```toml
title = "Temperatures of the week"
query = "GET 1DPAMZT, TEPHIN LAST 7 DAYS"
output = "week.fits"
plot = "week.png"
hash = "sha256 of the canonical query"
```
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path

from mta_assets.archive.store import atomic_write
from mta_assets.core.errors import ConfigError
from mta_assets.query.errors import QueryError
from mta_assets.query.language import parse
from mta_assets.query.language_format import format_query

LARGEST = 1 << 20  # [byte] of a file of one query
# Relative times stay relative in a saved query. Its canonical text is made as of two fixed times, so that
# LAST 7 DAYS differs from any fixed period.
HASHED_AT = (0.0, 8e8)  # [s] TT since 1998.0


@dataclass(frozen=True)
class SavedQuery:
    """A query with what is done with its answer.

    Parameters
    ----------
    query
        Text in the query language.
    title
        One line for people, title of the plot.
    output, plot
        Files that the answer goes to; empty for none.
    hash
        `query_hash` of the query.
    """

    query: str
    title: str = ""
    output: str = ""
    plot: str = ""
    hash: str = ""


KEYS = tuple(field.name for field in fields(SavedQuery))


def query_hash(text: str) -> str:
    """sha256 of a query: the same for texts that differ in spaces, comments, letter case of keywords and the like.

    Raises
    ------
    QueryError
        If the query can not be understood.
    """
    canonical = "\n".join(format_query(replace(parse(text, now), explain=False)) for now in HASHED_AT)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def save(path: Path, query: str, title: str = "", output: str = "", plot: str = "") -> SavedQuery:
    """Write a query; an existing file is replaced as a whole or not at all.

    Raises
    ------
    QueryError
        If the query can not be understood: nothing is written.
    ConfigError
        If a text can not be written as UTF-8.
    TransientError
        If the disk refuses.
    """
    saved = SavedQuery(query, title, output, plot, query_hash(query))
    lines = [f"{key} = {_toml(getattr(saved, key))}" for key in KEYS if getattr(saved, key)]
    try:
        content = ("\n".join(lines) + "\n").encode("utf-8")
    except UnicodeEncodeError as error:
        raise ConfigError(f"saved query {path}: a text has characters that UTF-8 does not know: {error}") from error
    atomic_write(path, lambda temporary: _write(temporary, content))
    return saved


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def load(path: Path) -> SavedQuery:
    """Read a saved query and check it against its hash.

    Raises
    ------
    ConfigError
        If the file is missing, no TOML, has unknown keys or values of a wrong type, or if the query is not the one
        that was saved.
    QueryError
        If the query can not be understood.
    """
    saved = SavedQuery(**_read(path))
    try:
        found = query_hash(saved.query)
    except QueryError as error:
        error.add_note(f"The query stands in {path}.")
        raise
    if saved.hash and saved.hash != found:
        raise ConfigError(
            f"saved query {path}: the query was changed since it was saved: its hash is {found[:12]}…, saved was "
            f"{saved.hash[:12]}…. Save it again if the change is meant, or take the line `hash` out."
        )
    return replace(saved, hash=found)


def _read(path: Path) -> dict[str, str]:
    try:
        if path.stat().st_size > LARGEST:
            raise ConfigError(f"saved query {path}: larger than {LARGEST} bytes: expected the text of one query")
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"saved query {path}: can not be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"saved query {path}: not a TOML file: {error}") from error
    unknown = [key for key in content if key not in KEYS]
    if unknown:
        raise ConfigError(f"saved query {path}: unknown keys {', '.join(unknown)}; known are {', '.join(KEYS)}")
    if "query" not in content:
        raise ConfigError(f"saved query {path}: the key `query` is missing; known are {', '.join(KEYS)}")
    for key, value in content.items():
        if not isinstance(value, str):
            raise ConfigError(f"saved query {path}: {key} is {value!r}: expected a text in quotes")
    return content


def _toml(text: str) -> str:
    """A text as a basic string of TOML; of several lines, if it has them."""
    lines = text.split("\n")
    escaped = [json.dumps(line, ensure_ascii=False)[1:-1].replace("\x7f", "\\u007f") for line in lines]
    return f'"{escaped[0]}"' if len(lines) == 1 else '"""\n' + "\n".join(escaped) + '"""'
