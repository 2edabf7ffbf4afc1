"""The rule language of good times: the LIMITS table of a real mode-telemetry (mtl1) file.

One rule a row, such as ``(img_diam_rms:1<=0.5)``, ``(fabs(Point_SunLimbAng:1)>=45.0)``, ``(DET_HV:1=="ON")``,
``((fabs(IMHVLV-80)<=1)&&(fabs(IMHBLV-87)<=1))`` or ``(STATUS:1==X1F,X2F)``. It is C's expressions over the columns of
the MTL table: names without regard to case, ``:n`` the number of rows over which a value is smoothed, ``T`` and ``F``
truth values, ``XkT`` and ``XkF`` bit k (from 1) of a bit column set or clear, several with commas.

Sources: the LIMITS tables of two real observations; CIAO ``mtl_build_gti`` and ``dmgti`` for names, operators and
smoothing. All real smoothing factors at hand are 1; a larger one is taken as the mean of that many rows around a row.
A row in which a number that the rule asks for is not known (NaN) does not pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import BadData, ConfigError
from mta_assets.core.tables import Table

Value = Any  # array over the rows, or a constant
TOKEN = re.compile(
    r"""\s*(?:(?P<bits>[Xx]\d+[TFtf](?:\s*,\s*[Xx]\d+[TFtf])*)(?!\w)|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)
    |(?P<text>"[^"]*")|(?P<name>[A-Za-z_]\w*)(?::(?P<smooth>\d+))?|(?P<sign>&&|\|\||[<>=!]=|[-+*/<>!(),]))""",
    re.VERBOSE,
)
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal, "!=": np.not_equal,
}  # fmt: skip
FUNCTIONS: dict[str, Callable[[Any], Any]] = {"fabs": np.abs, "abs": np.abs, "sqrt": np.sqrt}


@dataclass(frozen=True)
class Bits:
    """Bits of a bit column and what each is to be: ``X1F,X2F`` is {1: False, 2: False}."""

    wanted: tuple[tuple[int, bool], ...]


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    smooth: int = 1


def tokens(rule: str) -> list[Token]:
    """The words of a rule."""
    found, at = [], 0
    text = rule.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise ConfigError(f"good-time rule {rule!r}: can not read {text[at : at + 12]!r}")
        kind = str(match.lastgroup) if match.lastgroup != "smooth" else "name"
        found.append(Token(kind, match[kind], int(match["smooth"] or 1)))
        at = match.end()
    return found


def passes(rule: str, table: Table) -> NDArray[np.bool_]:
    """For each row of the table whether it satisfies the rule.

    Raises
    ------
    ConfigError
        If the rule can not be read or does not fit the kind of a column.
    BadData
        If the table lacks a column that it names.
    """
    reader = _Reader(rule, table)
    value = np.broadcast_to(np.asarray(reader.read()), (len(table),))
    if value.dtype != np.bool_:
        raise ConfigError(f"good-time rule {rule!r} is a number, expected a comparison")
    return np.asarray(value & reader.known, dtype=np.bool_)


class _Reader:
    """Recursive descent over the tokens of one rule, evaluated as it goes."""

    def __init__(self, rule: str, table: Table) -> None:
        self.rule, self.table = rule, table
        self.tokens = tokens(rule)
        self.at = 0
        self.known = np.ones(len(table), np.bool_)
        self.names = {name.lower(): name for name in table.columns}

    def read(self) -> Value:
        value = self.either()
        if self.at < len(self.tokens):
            raise self.wrong(f"{self.tokens[self.at].text!r} is too much")
        return value

    def wrong(self, what: str) -> ConfigError:
        return ConfigError(f"good-time rule {self.rule!r}: {what}")

    def take(self, *signs: str) -> str:
        """The next token's text if it is one of the signs, else nothing."""
        if self.at < len(self.tokens) and self.tokens[self.at].kind == "sign" and self.tokens[self.at].text in signs:
            self.at += 1
            return self.tokens[self.at - 1].text
        return ""

    def either(self) -> Value:
        value = self.both()
        while self.take("||"):
            value = self.truth(value) | self.truth(self.both())
        return value

    def both(self) -> Value:
        value = self.comparison()
        while self.take("&&"):
            value = self.truth(value) & self.truth(self.comparison())
        return value

    def truth(self, value: Value) -> Any:
        if isinstance(value, (Bits, str)) or np.asarray(value).dtype != np.bool_:
            raise self.wrong("&&, || and ! stand between comparisons")
        return np.asarray(value)

    def comparison(self) -> Value:
        left = self.sum()
        sign = self.take(*COMPARE)
        return self.compare(left, sign, self.sum()) if sign else left

    def compare(self, left: Value, sign: str, right: Value) -> Value:
        if isinstance(left, Bits):
            left, right = right, left
        if isinstance(right, Bits):
            return self.compare_bits(np.asarray(left), sign, right)
        kinds = {
            np.asarray(side).dtype.kind.replace("S", "U").replace("u", "i").replace("i", "f") for side in (left, right)
        }
        if len(kinds) > 1:
            raise self.wrong("compares values of different kinds (number, text, truth value)")
        if kinds == {"U"}:
            left, right = (np.char.rstrip(np.asarray(side).astype(str)) for side in (left, right))
        return COMPARE[sign](left, right)

    def compare_bits(self, column: NDArray[Any], sign: str, bits: Bits) -> Value:
        if sign not in ("==", "!="):
            raise self.wrong("bits are compared with == and != only")
        if column.ndim != 2 or column.dtype != np.bool_:
            raise self.wrong("X…T and X…F stand beside a bit column")
        if max(number for number, _ in bits.wanted) > column.shape[1] or min(number for number, _ in bits.wanted) < 1:
            raise self.wrong(f"the bit column has bits 1 to {column.shape[1]}")
        equal = np.logical_and.reduce([column[:, number - 1] == want for number, want in bits.wanted])
        return equal if sign == "==" else ~equal

    def sum(self) -> Value:
        value = self.product()
        while sign := self.take("+", "-"):
            other = self.number(self.product())
            value = self.number(value) + other if sign == "+" else self.number(value) - other
        return value

    def product(self) -> Value:
        value = self.single()
        while sign := self.take("*", "/"):
            other = self.number(self.single())
            value = self.number(value) * other if sign == "*" else self.number(value) / other
        return value

    def number(self, value: Value) -> Any:
        if isinstance(value, (Bits, str)) or np.asarray(value).dtype.kind not in "iuf":
            raise self.wrong("arithmetic is for numbers")
        return np.asarray(value, dtype=np.float64)

    def single(self) -> Value:
        if self.take("!"):
            return ~self.truth(self.single())
        if self.take("-"):
            return -self.number(self.single())
        if self.take("("):
            value = self.either()
            self.close()
            return value
        if self.at >= len(self.tokens):
            raise self.wrong("it ends too early")
        token = self.tokens[self.at]
        self.at += 1
        if token.kind == "number":
            return float(token.text)
        if token.kind == "text":
            return token.text[1:-1]
        if token.kind == "bits":
            pairs = (word.strip() for word in token.text.split(","))
            return Bits(tuple((int(word[1:-1]), word[-1] in "Tt") for word in pairs))
        if token.kind != "name":
            raise self.wrong(f"{token.text!r} is not expected here")
        return self.named(token)

    def close(self) -> None:
        if not self.take(")"):
            raise self.wrong("a parenthesis is not closed")

    def named(self, token: Token) -> Value:
        if token.text in FUNCTIONS and self.take("("):
            value = FUNCTIONS[token.text](self.number(self.either()))
            self.close()
            return value
        if token.text.lower() in self.names:
            return self.column(self.table[self.names[token.text.lower()]], token)
        if token.text in ("T", "F"):
            return np.bool_(token.text == "T")
        raise BadData(f"good-time rule {self.rule!r}: table {self.table.name} has no column {token.text!r}; "
                      f"it has {', '.join(self.table.columns)}")  # fmt: skip

    def column(self, values: NDArray[Any], token: Token) -> Value:
        if values.dtype.kind not in "iuf":
            if token.smooth > 1:
                raise self.wrong(f"column {token.text} is no number and can not be smoothed over {token.smooth} rows")
            return values
        numbers = np.asarray(values, dtype=np.float64)
        if token.smooth > 1:
            numbers = running_mean(numbers, token.smooth)
        self.known &= np.isfinite(numbers)
        return numbers


def running_mean(values: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    """Mean of the ``rows`` rows around each row, of fewer at the ends; NaN where one of them is not known."""
    before, after = (rows - 1) // 2, rows // 2
    unknown = ~np.isfinite(values)
    total = np.concatenate([[0.0], np.cumsum(np.where(unknown, 0.0, values))])
    gaps = np.concatenate([[0], np.cumsum(unknown)])
    index = np.arange(len(values))
    low, high = np.maximum(index - before, 0), np.minimum(index + after + 1, len(values))
    mean = (total[high] - total[low]) / np.maximum(high - low, 1)
    return np.where(gaps[high] > gaps[low], np.nan, mean)
