"""Names that look like a word that is not known: for "did you mean"."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

CANDIDATES = 40  # [name] compared in full; the rest is left out by their letters alone
ALIKE = 0.6  # [ratio] of difflib from which on a name counts as near
LONGEST = 80  # [character] of a word that is looked at; longer ones are no misspelt names


def near_names(word: str, names: Iterable[str], n: int = 5) -> list[str]:
    """The names most like a word, best first; case does not matter.

    Names are first ranked by the pairs of letters that they share with the word (a pass of about a microsecond a
    name), then the best of them are compared letter by letter. A name that the word is the beginning of is near too.

    Parameters
    ----------
    word
        What was written.
    names
        What there is.
    n
        At most so many.
    """
    wanted = word[:LONGEST].upper()
    pairs = _pairs(wanted)
    if not pairs:
        return []
    ranked: list[tuple[float, str]] = []
    for name in names:
        shared = len(pairs & _pairs(name.upper()))
        if shared:
            ranked.append((-shared / (len(pairs) + len(name)), name))
    ranked.sort()
    matcher = SequenceMatcher(autojunk=False, b=wanted)
    scored = []
    for _, name in ranked[:CANDIDATES]:
        upper = name.upper()
        matcher.set_seq1(upper)
        score = matcher.ratio()
        if len(wanted) > 2 and (upper.startswith(wanted) or upper.endswith("." + wanted)):
            score += 1.0
        if score >= ALIKE:
            scored.append((-score, name))
    return [name for _, name in sorted(set(scored))[:n]]


def _pairs(text: str) -> set[str]:
    """Pairs of neighbouring letters, with the ends marked; a letter exchanged with its neighbour keeps the others."""
    marked = f" {text} "
    return {marked[i : i + 2] for i in range(len(marked) - 1)} if text else set()
