"""docs/query.md: every example is a query, and every word of the language is explained."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent
from typing import get_args

import pytest

import mta_assets
from mta_assets.query.language import parse
from mta_assets.query.language_format import _keywords, format_query
from mta_assets.query.language_functions import ALIASES, FUNCTIONS
from mta_assets.query.model import Statistic

TEXT = (Path(mta_assets.__file__).parents[1] / "docs" / "query.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^ *```query\n(.*?)^ *```", TEXT, re.DOTALL | re.MULTILINE)
EXAMPLES = [line for block in BLOCKS for line in dedent(block).splitlines()]


def test_the_documentation_has_examples_of_every_kind_and_the_sixteen_of_spire() -> None:
    assert len(EXAMPLES) > 50
    spire = TEXT[TEXT.index("## The examples of SPIRE") : TEXT.index("## Saved queries")]
    assert re.findall(r"^([0-9]+)\. ", spire, re.MULTILINE) == [str(n) for n in range(1, 17)]


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_is_a_query_and_its_canonical_text_too(text: str) -> None:
    canonical = format_query(parse(text, 9e8))
    assert format_query(parse(canonical, 9e8)) == canonical


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_explained(name: str) -> None:
    assert re.search(rf"^\| `{name}\(.*?\)` \| {re.escape(FUNCTIONS[name].meaning)} \|$", TEXT, re.MULTILINE)


def test_every_statistic_and_every_keyword_is_explained() -> None:
    words = set(re.findall(r"[A-Z0-9]+", TEXT.upper()))
    assert {statistic.upper() for statistic in get_args(Statistic)} <= words
    plurals = {word + "S" for word in words} | {word + "ES" for word in words}
    assert not _keywords() - words - plurals


def test_an_alias_is_no_function_and_leads_to_one_or_to_the_power() -> None:
    assert not set(ALIASES) & set(FUNCTIONS)
    assert set(ALIASES.values()) - set(FUNCTIONS) == {"^"}


def test_every_function_can_be_computed() -> None:
    from mta_assets.query.functions import OF_SEVERAL, OF_VALUES

    assert set(FUNCTIONS) - set(OF_SEVERAL) - set(OF_VALUES) == {"delta", "rate", "if"}
