"""The X-ray sky of the simulation: sources with places, rates and spectra."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mta_assets.core.errors import ConfigError
from mta_assets.instruments.geometry import ARCSEC
from mta_assets.simulate.obscat import load_obscat
from mta_assets.simulate.optics import arms_of, effective_area, grating_throughput

GRID = np.geomspace(0.06, 10.0, 3000)  # [keV] energies on which spectra are tabulated

# energy [keV] and relative photon strength of the brightest lines (AtomDB energies of the resonance lines)
CORONA_LINES = (
    (0.5007, 0.4), (0.5740, 0.5), (0.6536, 1.4), (0.7271, 0.5), (0.8258, 1.0), (0.9220, 0.9), (1.0218, 1.6),
    (1.3523, 0.5), (1.4726, 0.6), (1.8650, 0.5), (2.0061, 0.5), (2.4606, 0.2), (2.6220, 0.15), (6.7006, 0.05),
)  # fmt: skip
REMNANT_LINES = (
    (1.0218, 0.4), (1.3523, 0.6), (1.8650, 2.5), (2.4606, 1.2), (3.1396, 0.35), (3.9024, 0.15), (6.6365, 0.4),
)  # fmt: skip
LINE_SHARE = 0.6  # photons of a line spectrum that are in its lines
# external calibration source: Al Kα, Ti Kα and Kβ, Mn Kα and Kβ
CALIBRATION_LINES = ((1.4867, 1.0), (4.5108, 0.9), (4.9318, 0.12), (5.8988, 1.6), (6.4904, 0.22))


@dataclass(frozen=True)
class Source:
    """One source in one observation.

    Parameters
    ----------
    source_id
        Number within the observation, from 1.
    ra, dec
        Place [deg].
    rate
        Detected photons a second, over all grating orders [1/s].
    spectrum
        ``powerlaw``, ``blackbody``, ``corona`` or ``remnant``.
    slope
        Photon index of a power law, else kT [keV].
    absorption
        Column density [1e22 cm-2].
    extent
        Radius of a shell [arcsec], 0 for a point.
    """

    source_id: int
    name: str
    ra: float
    dec: float
    rate: float
    spectrum: str
    slope: float
    absorption: float
    extent: float


@lru_cache
def sources(obsid: int) -> tuple[Source, ...]:
    """Sources in the field of an observation, from ``sources.csv`` (offsets east and north of the target)."""
    entry = next((entry for entry in load_obscat() if entry.obsid == obsid), None)
    if entry is None:
        return ()
    found = []
    with (Path(__file__).parent / "sources.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if int(row["obsid"]) != obsid:
                continue
            dec = entry.dec + float(row["north"]) / 3600
            ra = entry.ra + float(row["east"]) / 3600 / np.cos(np.radians(dec))
            shape = (float(row[name]) for name in ("slope", "absorption", "extent"))
            found.append(
                Source(int(row["source_id"]), row["name"], ra, dec, float(row["rate"]), row["spectrum"], *shape)
            )
    return tuple(found)


def _photon_spectrum(source: Source) -> NDArray[np.float64]:
    """Relative photons per keV on the grid."""
    energy = GRID
    if source.spectrum == "powerlaw":
        shape = energy**-source.slope
    elif source.spectrum == "blackbody":
        shape = energy**2 / np.expm1(energy / source.slope)
    elif source.spectrum in ("corona", "remnant"):
        shape = np.exp(-energy / source.slope) / energy
    else:
        raise ConfigError(f"source {source.name}: spectrum {source.spectrum!r} is not known")
    # absorption cross section 2e-22 cm2 at 1 keV falling as E^-2.6 (Morrison & McCammon 1983, smoothed)
    return shape * np.exp(-2.0 * source.absorption * energy**-2.6)


@lru_cache(maxsize=256)
def _cumulative(source: Source, detector: str, grating: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Continuum: edges [keV] and normalised cumulative distribution of detected photons."""
    weight = (
        _photon_spectrum(source) * effective_area(GRID, detector) * grating_throughput(GRID, arms_of(grating, detector))
    )
    steps = (weight[1:] + weight[:-1]) / 2 * np.diff(GRID)
    cumulative = np.concatenate([[0], np.cumsum(steps)])
    return GRID, cumulative / cumulative[-1]


def draw_energies(
    source: Source, detector: str, grating: str, count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Energies [keV] of detected photons: spectrum times effective area times grating throughput."""
    edges, cumulative = _cumulative(source, detector, grating)
    energy = np.interp(rng.random(count), cumulative, edges)
    lines = {"corona": CORONA_LINES, "remnant": REMNANT_LINES}.get(source.spectrum)
    if lines:
        in_line = rng.random(count) < LINE_SHARE
        table = np.array(lines)
        absorbed = np.exp(-2.0 * source.absorption * table[:, 0] ** -2.6)
        response = effective_area(table[:, 0], detector) * grating_throughput(table[:, 0], arms_of(grating, detector))
        energy[in_line] = draw_lines(table[:, 0], table[:, 1] * absorbed * response, int(in_line.sum()), rng)
    return energy


def draw_lines(
    energies: NDArray[np.float64], strengths: NDArray[np.float64], count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Energies [keV] picked from lines by strength."""
    cumulative = np.cumsum(strengths)
    pick = np.searchsorted(cumulative / cumulative[-1], rng.random(count), side="right")
    return energies[np.minimum(pick, len(energies) - 1)]


def draw_shell(source: Source, count: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Offsets east and north [rad] from the centre of a source: zero for a point, a limb-brightened disc else."""
    if source.extent <= 0:
        return np.zeros(count), np.zeros(count)
    # a thin shell seen in projection: uniform in the cosine of the angle to the line of sight
    cosine, angle, depth = rng.random(count), rng.random(count) * 2 * np.pi, 0.85 + 0.15 * rng.random(count)
    radius = source.extent * ARCSEC * depth * np.sqrt(1 - cosine**2)
    return radius * np.cos(angle), radius * np.sin(angle)
