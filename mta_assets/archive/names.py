"""The grammar of product file names: root + suffix makes one, the product's pattern takes it apart."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from mta_assets.core.errors import BadData, ConfigError

LONGEST = 200  # [byte] room for a temporary prefix and suffix within the 255 of the usual file systems
SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


class NamedProduct(Protocol):
    """What the grammar needs to know of a registered product."""

    @property
    def id(self) -> str: ...
    @property
    def regex(self) -> re.Pattern[str]: ...


def check_name(name: str) -> str:
    """The name itself, if it is a plain file name of letters, digits and ``._+-`` that fits the file system.

    Raises
    ------
    BadData
        If it has a path separator, a NUL or another character that means something to a shell or a file
        system, starts with a dot or dash, or is longer than 200 bytes.
    """
    if len(name) > LONGEST:
        raise BadData(f"file name {name[:60]!r}… has {len(name)} characters: expected at most {LONGEST}")
    if not SAFE.fullmatch(name) or ".." in name:
        raise BadData(f"file name {name!r}: expected letters, digits and . _ + - only, starting with a letter or digit")
    return name


def safe_name(name: str) -> str:
    """Any name made harmless: for files that are kept although their own name can not be trusted."""
    plain = re.sub(r"[^A-Za-z0-9._+-]+", "_", name).lstrip("._-")
    plain = re.sub(r"\.{2,}", ".", plain)
    return plain[-LONGEST + 60 :].lstrip("._-") or "unnamed"


def build_name(product: NamedProduct, root: str, suffix: str, fields: Mapping[str, Any]) -> str:
    """File name of a product: root and suffix formatted with its fields.

    Parameters
    ----------
    product
        The registered product; the name must match its pattern.
    root, suffix
        Format texts, ``"acisf{tstart:09d}N{version:03d}"`` and ``"_{fep_id}_evt0.fits"``.
    fields
        Values by name. Numbers with a fraction are cut where the text asks for an integer (``tstart``).

    Raises
    ------
    ConfigError
        If a field is missing, does not fit its format, or the name does not match the pattern.
    BadData
        If a value of a field makes a hostile name.
    """
    text = root + suffix
    try:
        name = text.format(**_typed(text, fields))
    except (KeyError, IndexError) as error:
        raise ConfigError(
            f"product {product.id}: the name {text!r} needs the field {error}; there are {', '.join(fields)}"
        ) from error
    except (ValueError, TypeError) as error:
        raise ConfigError(f"product {product.id}: the name {text!r} can not be formatted: {error}") from error
    check_name(name)
    if not product.regex.fullmatch(name):
        raise ConfigError(
            f"product {product.id}: the name {name!r} made from root and suffix does not match "
            f"its pattern {product.regex.pattern!r}"
        )
    return name


def format_fields(text: str) -> dict[str, str]:
    """Names of the fields in a format text with their format specification."""
    return {name: spec or "" for _, name, spec, _ in string.Formatter().parse(text) if name is not None}


def _typed(text: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    wanted = format_fields(text)
    return {n: int(v) if wanted.get(n, "").endswith("d") and v is not None else v for n, v in fields.items()}


def parse_name(products: Iterable[NamedProduct], name: str) -> tuple[str, dict[str, Any]]:
    """File id and fields of a name; fields of digits only come as integers.

    Raises
    ------
    BadData
        If the name is hostile or fits no product.
    """
    check_name(name)
    for product in products:
        found = product.regex.fullmatch(name)
        if found:
            fields = {k: v for k, v in found.groupdict().items() if v is not None}
            return product.id, {k: int(v) if v.isascii() and v.isdigit() else v for k, v in fields.items()}
    raise BadData(f"file name {name!r} fits no registered product; `mta registry show` lists the patterns")
