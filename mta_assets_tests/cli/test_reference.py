"""docs/cli.md says of every command what the program says."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import mta_assets
from mta_assets.query.language import parse
from mta_assets_tests.cli.reference import commands, table, without

PAGE = Path(mta_assets.__file__).parent.parent / "docs" / "cli.md"


@cache
def sections() -> dict[str, str]:
    """Text of each section by its heading."""
    parts = re.split(r"^#+ (.*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_command_has_its_section_and_every_section_its_command() -> None:
    assert {name for name in sections() if name.startswith("mta ")} == {name for name, _ in commands()}


@pytest.mark.parametrize(("name", "command"), commands())
def test_a_section_has_the_commands_own_words_and_table(name: str, command: Any) -> None:
    section = sections()[name]
    assert section.strip().startswith(command.help)
    expected = "\n".join(table(command))
    assert expected in section, f"the table of docs/cli.md, section {name}, should be\n{expected}"
    mentioned = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", section))
    assert mentioned <= {text for one in command.params for text in (*one.opts, *one.secondary_opts)} | {"--json"}
    assert ("`--json`" in section) == any("--json" in one.opts for one in command.params)


@pytest.mark.parametrize(("name", "command"), commands())
def test_every_option_and_argument_says_what_it_is(name: str, command: Any) -> None:
    assert [one.name for one in command.params if not one.help] == []


def test_commands_without_the_common_options_are_named() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    for option in ("--mission", "--json"):
        assert f"Without `{option}`: {', '.join(f'`{name}`' for name in without(option))}." in text


def test_queries_of_the_page_can_be_understood() -> None:
    examples = re.findall(r'mta query "(.*?)"|echo "(.*?)" \| mta query', PAGE.read_text(encoding="utf-8"))
    assert len(examples) >= 4
    for one in examples:
        parse("".join(one))
