"""What is wrong with a query, with the place in its text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NoReturn

from mta_assets.core.errors import MtaError
from mta_assets.query.model import Name, Query
from mta_assets.query.near import near_names

WIDTH = 100  # [character] of a line that are shown around the place
WORD = re.compile(r"[A-Za-z0-9_$.:\[\]*?]+|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


class QueryError(MtaError):
    """A query can not be understood or can not be answered as written. Its text points at the word.

    Parameters
    ----------
    message
        What is wrong, in one sentence.
    text
        The query.
    offset, length
        The place in it that the message is about [character]; length 0 is the word that begins there.
    expected
        What could have stood there.
    near
        Known words that look like the one that is not known.
    hint
        What to do about it.
    """

    def __init__(
        self,
        message: str,
        text: str = "",
        offset: int = 0,
        length: int = 0,
        expected: Sequence[str] = (),
        near: Sequence[str] = (),
        hint: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.offset = max(0, min(offset, len(text))) if text else offset
        self.length = length or (word_length(text, self.offset) if text else 0)
        self.expected = tuple(expected)
        self.near = tuple(near)
        self.hint = hint

    def in_text(self, text: str) -> QueryError:
        """The same error, of a query."""
        return QueryError(self.message, text, self.offset, self.length, self.expected, self.near, self.hint)

    @property
    def line(self) -> int:
        """Number of the line with the place, from 1."""
        return self.text.count("\n", 0, self.offset) + 1

    def __str__(self) -> str:
        parts = [self.message]
        if self.text:
            parts += self._pointed()
        if self.near:
            parts.append("Did you mean " + " or ".join(self.near) + "?")
        if self.expected:
            parts.append("Expected: " + ", ".join(self.expected))
        if self.hint:
            parts.append(self.hint)
        return "\n".join(parts)

    def _pointed(self) -> list[str]:
        """The line of the place and a line with carets under it; a long line is cut on both sides."""
        first = self.text.rfind("\n", 0, self.offset) + 1
        end = self.text.find("\n", self.offset)
        line = self.text[first : len(self.text) if end < 0 else end]
        column = self.offset - first
        left = max(0, column - WIDTH // 2) if len(line) > WIDTH else 0
        shown = line[left : left + WIDTH]
        before, after = "…" if left else "", "…" if left + WIDTH < len(line) else ""
        plain = "".join(c if c.isprintable() else " " if c.isspace() else "·" for c in shown)
        carets = max(1, min(self.length, len(shown) - (column - left)))
        where = f"line {self.line}: " if "\n" in self.text else ""
        space = " " * (2 + len(where) + len(before) + column - left)
        return [f"  {where}{before}{plain}{after}", f"{space}{'^' * carets}"]


def word_length(text: str, offset: int) -> int:
    """Length of the word, number or quoted text that begins at a place; 1 where none does."""
    found = WORD.match(text, offset)
    return found.end() - offset if found else 1


def wrong(message: str, at: int, length: int = 0, near: Sequence[str] = (), hint: str = "") -> NoReturn:
    """Raise a `QueryError` about a place, for code that does not know the whole text; the parser adds it."""
    raise QueryError(message, offset=at, length=length, near=near, hint=hint)


def unknown_name(query: Query, node: Name, names: Iterable[str]) -> QueryError:
    """The error of a name that no source has, with the names near it and what may have been meant.

    Parameters
    ----------
    query
        For its text.
    node
        The name or pattern.
    names
        All names that there are.
    """
    word = node.value
    if node.is_pattern:
        hint = f"For a product of two parameters write spaces: {word.replace('*', ' * ')}" if "*" in word[1:-1] else ""
        bare = word.replace("*", "").replace("?", "")
        message = f'No parameter matches "{word}".'
        return QueryError(message, query.text, node.at, near=near_names(bare, names), hint=hint)
    near = near_names(word, names)
    return QueryError(f'There is no parameter "{word}".', query.text, node.at, near=near, hint=_meant(word))


def _meant(word: str) -> str:
    """What else than a name a word may have been meant to be."""
    number = re.fullmatch(r"([0-9]+)([A-Za-z]{1,3})", word)
    if number:
        return f"Numbers have no unit, they are in that of the parameter: write {number[1]}."
    if re.fullmatch(r"[A-Za-z][A-Za-z_]*", word):
        return f"States and other texts stand in single quotes: '{word}'."
    return ""
