"""What is said when a text does not fit the grammar: the word, what could have stood there, in words of people."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lark import Lark, UnexpectedInput, UnexpectedToken

from mta_assets.query.errors import QueryError, word_length
from mta_assets.query.near import near_names

# Terminals whose names are no keywords. Those of one text are listed once.
WORDS = {
    "NAME": "a parameter", "QUOTED": "a parameter", "PATTERN": "a pattern such as 1DP*", "NUMBER": "a number",
    "AMOUNT": "a number", "TEXT": "text in single quotes", "DATE": "a time (2024-03-01T12:00:00, 2024:061)",
    "UNIT": "a unit (s, min, h, day, week, month, year)", "KIND": "RAW, CONVERTED or PROCESSED",
    "STATISTIC": "a statistic (FIRST, LAST, MEAN, TMEAN, MIN, MAX, STD, SUM, COUNT, MODE, MEDIAN, P1 … P99)",
    "METHOD": "PREVIOUS, NEAREST or INTERPOLATED", "COMPARATOR": "a comparison (= != < <= > >=)",
    "_OPEN": "an opening bracket", "_CLOSE": "a closing bracket", "_COMMA": "a comma", "_SEMICOLON": "",
    "_OBSID": "OBSID", "_BAD": "BAD", "_ROWS": "ROWS", "$END": "the end",
    "PLUS": "", "MINUS": "", "STAR": "", "SLASH": "", "PERCENT": "", "POWER": "",
}  # fmt: skip
ARITHMETIC = {"PLUS", "MINUS", "STAR", "SLASH", "PERCENT", "POWER"}
CLAUSES = {
    "FROM", "SINCE", "UNTIL", "LAST", "ON", "DURING", "INSIDE", "OUTSIDE", "WHERE", "WITHIN", "AT", "EACH", "EVERY",
    "AVERAGED", "STATISTICS", "INCLUDING", "LIMIT", "AS_OF",
}  # fmt: skip
# A word that people write for another.
MEANT = {
    "SELECT": "GET", "FETCH": "GET", "SHOW": "GET", "WHEN": "WHERE", "IF": "WHERE", "HAVING": "WHERE", "&&": "AND",
    "||": "OR", "AVG": "AVERAGED OVER", "GROUP": "EVERY", "TOP": "LIMIT", "SAMPLE": "EVERY", "SAMPLED": "EVERY",
}  # fmt: skip


def explain(text: str, error: UnexpectedInput, parser: Lark, start: str) -> QueryError:
    """The error of the parser as one of the query."""
    offset = error.pos_in_stream
    at_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    if at_end or offset is None or offset < 0:
        offset = len(text.rstrip())
    accepted = _accepted(text[:offset], error, parser, start)
    expected = _phrases(accepted)
    if at_end:
        return QueryError("The query ends too early.", text, offset, 1, expected)
    word = text[offset : offset + word_length(text, offset)]
    message, hint = _unexpected(text, offset, word, accepted)
    near = [] if len(word) < 2 else _near(word, accepted)
    return QueryError(message, text, offset, len(word), expected, near, hint)


def _accepted(before: str, error: UnexpectedInput, parser: Lark, start: str) -> set[str]:
    """Terminals that could follow the text before the error.

    Where the error was found, the parser may have closed what could have gone on: it reads that text once more.
    """
    try:
        again = parser.parse_interactive(before, start=start)
        again.exhaust_lexer()
        return again.accepts()
    except (UnexpectedInput, QueryError):
        return error.interactive_parser.accepts()


def _unexpected(text: str, offset: int, word: str, accepted: set[str]) -> tuple[str, str]:
    if word in ("'", '"'):
        return f"The text that begins here has no closing {word}.", "A quote within a text is written twice."
    before = re.search(r"[0-9.]+\s*$", text[:offset])
    if word[0] == '"' and "TEXT" in accepted:
        return f"{word} is a name.", "Texts stand in single quotes, names in double ones."
    if re.fullmatch(r"[0-9.]*[A-Za-z%]+", word) and ("COMPARATOR" in accepted or "NUMBER" in accepted):
        number = re.match(r"[0-9.]+", word)
        if number or before:
            return f'"{word}" is not expected here.', "Numbers have no unit: they are in that of the parameter."
    shown = word if word.isprintable() else ascii(word)[1:-1]
    return f'"{shown[:40]}" is not expected here.', ""


def _near(word: str, accepted: Iterable[str]) -> list[str]:
    keywords = {_keyword(name) for name in accepted if name not in WORDS}
    meant = MEANT.get(word.upper())
    return [meant] if meant and meant.split()[0] in keywords else near_names(word, keywords, 3)


def _keyword(terminal: str) -> str:
    words = {"ALL_STATISTICS": "ALL STATISTICS", "AS_OF": "AS OF"}
    return words.get(terminal, terminal.lstrip("_"))


def _phrases(accepted: set[str]) -> list[str]:
    """What could stand there: values first, then words, then operators, then clauses together."""
    clauses = accepted & CLAUSES if len(accepted & CLAUSES) > 5 else set()
    rest = accepted - clauses - ARITHMETIC
    phrases = [WORDS[name] for name in WORDS if name in rest and WORDS[name]]
    phrases += sorted(_keyword(name) for name in rest if name not in WORDS)
    if "STAR" in accepted:
        phrases.append("an operator (+ - * / % ^)")
    elif ARITHMETIC & accepted and "NUMBER" not in accepted:
        phrases.append("+ or −")
    if clauses:
        phrases.append("a clause (" + " ".join(sorted(_keyword(name) for name in clauses)) + ")")
    return list(dict.fromkeys(phrases))
