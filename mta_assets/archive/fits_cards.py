"""Header cards read: 80 characters of FITS text to keyword, value and comment (FITS standard 4.0, section 4).

Cards in the fixed format, nearly all of them, are taken apart here; whatever looks different is astropy's.
A product of some hundred columns has thousands of cards and most repeat from file to file, so they are kept.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from mta_assets.archive.fits_header import CARD

COMMENTARY = ("COMMENT", "HISTORY", "END", "")
FIXED = re.compile(
    r"(?P<keyword>[A-Z0-9_-]{1,8}) *= +"
    r"(?:'(?P<text>(?:[ -&(-~]|'')*)'|(?P<logical>[TF])|(?P<integer>[+-]?\d+)"
    r"|(?P<real>[+-]?\d+\.?\d*(?:[ED][+-]?\d+)?))"
    r" *(?:/ *(?P<comment>[ -~]*?) *)?"
)


class Card(NamedTuple):
    """One keyword; the value is a str, int, float or bool, or anything else that astropy makes of it."""

    keyword: str
    value: Any
    comment: str


def cards_of(text: str) -> Iterator[str]:
    """Cards of a header, each with those that continue its text."""
    start = 0
    for at in range(CARD, len(text) + CARD, CARD):
        if text[at : at + 8] != "CONTINUE":
            yield text[start:at]
            start = at


@lru_cache(maxsize=1 << 15)
def parse(text: str) -> Card:
    """Take one card (with its continuations) apart.

    Raises
    ------
    ValueError
        If its value has no form of the FITS standard.
    """
    keyword = text[:8].rstrip()
    if keyword in COMMENTARY:
        return Card(keyword, text[8:].rstrip(), "")
    found = FIXED.fullmatch(text) if len(text) == CARD else None
    if found is None:
        return _unusual(text)
    comment = found["comment"] or ""
    if found["text"] is not None:
        return Card(keyword, found["text"].replace("''", "'").rstrip(), comment)
    if found["logical"]:
        return Card(keyword, found["logical"] == "T", comment)
    if found["integer"]:
        return Card(keyword, int(found["integer"]), comment)
    return Card(keyword, float(found["real"].replace("D", "E")), comment)


def _unusual(text: str) -> Card:
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)  # of a card that is not used here
            card = fits.Card.fromstring(text)
            return Card(card.keyword, card.value, card.comment)
    except fits.VerifyError as error:
        raise ValueError(str(error)) from error
