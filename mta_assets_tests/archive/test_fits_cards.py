"""Header cards: written and read here as astropy writes and reads them."""

from __future__ import annotations

import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from mta_assets.archive.fits_cards import Card, cards_of, parse
from mta_assets.archive.fits_header import CARD, card

PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=90)
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    PRINTABLE,
)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(VALUES, PRINTABLE)
def test_a_card_comes_back_as_it_was_and_astropy_reads_the_same(value, comment):
    text = card("KEYWORD", value, comment)
    assert len(text) % CARD == 0
    theirs, ours = fits.Header.fromstring(text), parse(next(cards_of(text)))
    expected = value.rstrip() if isinstance(value, str) else value
    assert ours.value == theirs["KEYWORD"] == expected
    assert type(ours.value) is type(value)
    if len(text) == CARD:
        assert ours.comment == theirs.comments["KEYWORD"]
        assert comment.strip().startswith(ours.comment)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.one_of(st.booleans(), st.integers(-(10**17), 10**17), st.text("ab' /&", min_size=1, max_size=20)))
def test_a_card_is_written_as_astropy_writes_it(value):
    assert card("KEYWORD", value, "what it is") == str(fits.Card("KEYWORD", value, "what it is"))


def test_a_float_keeps_all_its_digits():
    assert parse(card("MJD-OBS", 1.2345678901234567e-104)).value == 1.2345678901234567e-104


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("OBJECT  = 'it''s'             / a name", Card("OBJECT", "it's", "a name")),
        ("EXPOSURE=                1.5D3", Card("EXPOSURE", 1500.0, "")),
        ("NAXIS   = 2/free format", Card("NAXIS", 2, "free format")),
        ("HIERARCH ESO DET ID = 7 / long keyword", Card("ESO DET ID", 7, "long keyword")),
        ("HISTORY made = by hand", Card("HISTORY", "made = by hand", "")),
        ("END", Card("END", "", "")),
        ("", Card("", "", "")),
    ],
)
def test_unusual_cards_are_understood(text, expected):
    assert parse(text.ljust(CARD)) == expected


def test_continued_texts_are_one_card():
    text = card("TITLE", "long " * 40) + card("NEXT", 1)
    assert [parse(piece).value for piece in cards_of(text)] == [("long " * 40).rstrip(), 1]
