"""From measured offsets to a prior: a table of quantiles, and the families that come closest."""

import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from scipy import optimize, special

from pointins_engine.errors import ConfigError
from pointins_engine.offset_prior.distance import kolmogorov_smirnov, wasserstein_m
from pointins_engine.offset_prior.record import (
    NUM_LEVELS,
    FamilyFit,
    Kind,
    Method,
    PriorRecord,
    Provenance,
)

Family = Literal["empirical", "auto", "gamma", "lognormal"]
SHORTEST_M = 1e-9  # metres: zero counts as this in the fits, which take logarithms
_DIGITS = 6  # of a stored number
_SHORTEST_FOR_DIRECTION_M = 0.01  # a shorter offset has no direction to speak of


def measured_prior(
    offset: Float[np.ndarray, "n 3"],
    *,
    name: str,
    method: Method,
    source: str,
    labels_used: bool,
    scenes: tuple[str, ...] = (),
    seed: int | None = None,
    settings: Mapping[str, Any] | None = None,
    family: Family = "empirical",
) -> PriorRecord:
    """The prior of measured offsets, with tables for its direction axes and with family fits.

    Args:
        offset: Vectors from points to the centres of their objects, metres.
        name: Of the prior.
        method: How the objects were found.
        source: The scenes in words.
        labels_used: Whether labels took part.
        scenes: Ids of the scenes.
        seed: Seed of what was drawn.
        settings: Numbers that decide the result.
        family: `empirical` keeps the table; `gamma` and `lognormal` the fit; `auto` the fit that
            has the smaller Kolmogorov-Smirnov distance.

    Raises:
        ConfigError: If there are fewer than two offsets or one is not finite.
    """
    length = np.linalg.norm(offset, axis=1)
    if len(offset) < 2 or not np.isfinite(length).all():
        raise ConfigError(
            f"a prior is fitted to two or more finite offsets; got {len(offset)}, of which "
            f"{int(np.isfinite(length).sum())} are finite."
        )
    table = _length_table(length)
    fits = family_fits(length)
    provenance = Provenance(
        method=method,
        source=source,
        labels_used=labels_used,
        scenes=scenes,
        num_lengths=len(length),
        seed=seed,
        settings=dict(settings or {}),
        libraries=_libraries(method),
        fits=fits,
    )
    chosen = fits[0] if family == "auto" else next((f for f in fits if f.kind == family), None)
    return PriorRecord(
        name=name,
        kind="empirical" if chosen is None else chosen.kind,
        parameters={} if chosen is None else chosen.parameters,
        quantiles=table if chosen is None else (),
        direction=direction_tables(offset),
        provenance=provenance,
    )


def _libraries(method: Method) -> dict[str, str]:
    versions = {"python": platform.python_version()}
    names = ["numpy", "scipy", *(["scikit-learn"] if method == "hdbscan" else [])]
    return versions | {name: metadata.version(name) for name in names}


def table_of(length: Float[np.ndarray, " n"], name: str = "measured") -> PriorRecord:
    """Lengths in metres as a record that can be compared, without fits or provenance.

    Raises:
        ConfigError: If there are fewer than two lengths, or one is negative or not finite.
    """
    if len(length) < 2:
        raise ConfigError(f"a table needs two or more lengths, got {len(length)}.")
    made_of = Provenance(
        method="configured", source="lengths", labels_used=False, num_lengths=len(length)
    )
    return PriorRecord(
        name=name, kind="empirical", quantiles=_length_table(length), provenance=made_of
    )


def family_fits(length: Float[np.ndarray, " n"]) -> tuple[FamilyFit, ...]:
    """Gamma and log-normal of greatest likelihood, the closer one (by KS) first.

    Lengths start at zero (no location is fitted). The Gamma's shape k solves
    log k - digamma(k) = log(mean) - mean(log), from which its scale follows.
    """
    length = np.maximum(length, SHORTEST_M)
    mean, mean_log = float(length.mean()), float(np.log(length).mean())
    found: list[tuple[Kind, dict[str, float]]] = []
    gap = np.log(mean) - mean_log
    if gap > 1e-9:  # all lengths equal: no family has a width of zero
        shape = float(
            optimize.brentq(lambda k: np.log(k) - special.digamma(k) - gap, 1e-3, 1e9)  # type: ignore[arg-type]
        )
        found.append(("gamma", {"shape": _short(shape), "scale": _short(mean / shape)}))
        deviation = float(np.log(length).std())
        found.append(("lognormal", {"mu": _short(mean_log), "sigma": _short(deviation)}))
    measured = table_of(length)
    fits = []
    for kind, parameters in found:
        record = PriorRecord(
            name=kind, kind=kind, parameters=parameters, provenance=measured.provenance
        )
        fits.append(
            FamilyFit(
                kind=kind,
                parameters=parameters,
                w1_m=_short(wasserstein_m(record, measured)),
                ks=_short(kolmogorov_smirnov(record, measured)),
            )
        )
    return tuple(sorted(fits, key=lambda fit: fit.ks))


def direction_tables(offset: Float[np.ndarray, "n 3"]) -> tuple[tuple[float, ...], ...]:
    """Quantiles of the x, y and z components of the unit offsets; empty if hardly any has one."""
    length = np.linalg.norm(offset, axis=1)
    long = length >= _SHORTEST_FOR_DIRECTION_M
    if long.sum() < 2:
        return ()
    return tuple(_table(axis) for axis in (offset[long] / length[long, None]).T)


def _length_table(length: np.ndarray) -> tuple[float, ...]:
    """Quantiles; the last entry keeps the mean of the longest stretch, not the longest length.

    A straight line from the last but one level to the very longest offset would lengthen the tail.
    """
    table = _table(length)
    longest = length[length >= table[-2]]
    end = max(2 * float(longest.mean()) - table[-2], table[-2])
    return (*table[:-1], _short(end))


def _table(values: np.ndarray) -> tuple[float, ...]:
    return tuple(_short(value) for value in np.quantile(values, np.linspace(0, 1, NUM_LEVELS)))


def _short(value: float) -> float:
    """The number with as many digits as a file keeps, so that file and memory agree."""
    return float(f"{value:.{_DIGITS}g}")
