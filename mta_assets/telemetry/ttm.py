"""The real telemetry-to-mnemonic tables (``*.ttm``): where a parameter lies in each telemetry format.

These tables of the project's early days give positions only: tab-separated format, minor frame, offset, length,
address, mnemonic and signal name, one line for each byte or word. A mnemonic with ``.0`` … is a word in bytes.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

from mta_assets.core.errors import ConfigError
from mta_assets.telemetry.odb import Dictionary, Layout, Parameter, build_dictionary, parse_minor_frames

Place = tuple[int, int, int]  # minor frame, offset, length in bytes


def load_ttm(path: Path, format: int) -> Dictionary:
    """The parameters of one telemetry format of a ``.ttm`` or ``.ttm.gz`` file, as raw counts.

    The bytes ``NAME.0`` … ``NAME.n`` become one big-endian parameter ``NAME`` where they follow each other in the same
    frames, else each stays a parameter of its own. A parameter that also comes elsewhere in the frame keeps its
    first place. The group is named TTM with the step as its number.

    Raises
    ------
    ConfigError
        If a line is not as described or the format is not in the file.
    """
    places: dict[str, list[Place]] = {}
    titles: dict[str, str] = {}
    for number, cells in _lines(path):
        try:
            if int(cells[0]) != format:
                continue
            name = cells[5].strip()
            places.setdefault(name, []).append((int(cells[1]), int(cells[2]), int(cells[3])))
            titles.setdefault(name, cells[6].strip())
        except (ValueError, IndexError):
            raise ConfigError(f"{path}:{number}: expected seven cells between tabs, came {cells}") from None
    if not places:
        raise ConfigError(f"{path}: no telemetry format {format} there")
    return build_dictionary(
        [_parameter(name, where, titles, format, path) for name, where in _words(places).items()], Layout()
    )


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    for number, line in enumerate(content.decode("latin-1").splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            yield number, line.split("\t")


def _words(places: dict[str, list[Place]]) -> dict[str, list[Place]]:
    """Bytes of a word put together where they are neighbours in every frame."""
    stems: dict[str, list[str]] = {}
    for name in places:
        stem, dot, index = name.rpartition(".")
        if dot and index.isdigit():
            stems.setdefault(stem, []).append(name)
    words = dict(places)
    for stem, parts in stems.items():
        first = places[parts[0]]
        wanted = [[(frame, offset + i, 1) for frame, offset, _ in first] for i in range(len(parts))]
        if len(parts) <= 8 and [places[f"{stem}.{i}"] for i in range(len(parts)) if f"{stem}.{i}" in places] == wanted:
            for part in parts:
                del words[part]
            words[stem] = [(frame, offset, len(parts)) for frame, offset, _ in first]
    return words


def _parameter(name: str, where: list[Place], titles: dict[str, str], format: int, path: Path) -> Parameter:
    _, offset, length = where[0]
    same = sorted({str(frame) for frame, other, size in where if (other, size) == (offset, length)}, key=int)
    frames, step = parse_minor_frames(";".join(same))
    return Parameter(
        msid=name,
        subsystem="TTM",
        group=step,
        formats=frozenset([format]),
        frames=frames,
        step=step,
        offset=offset,
        bit=0,
        length=8 * length,
        type="uint",
        description=titles.get(name) or titles.get(f"{name}.0", ""),
        source=str(path),
    )
