"""How far two priors are from each other: in metres (Wasserstein-1) and in shares (KS)."""

import numpy as np
from jaxtyping import Float
from scipy import special

from pointins_engine.offset_prior.record import PriorRecord

_LOGITS = np.linspace(-30.0, 30.0, 6001)  # levels from 1e-13 to 1 - 1e-13


def wasserstein_m(first: PriorRecord, second: PriorRecord) -> float:
    """Wasserstein-1 distance in metres: the area between the quantile functions.

    Exact between two tables, whose quantiles are straight between entries; with a family to about
    1e-5 of the result.
    """
    level = _levels(first, second)
    gap = first.quantile(level) - second.quantile(level)
    return float((np.diff(level) * _mean_of_absolute(gap[:-1], gap[1:])).sum())


def kolmogorov_smirnov(first: PriorRecord, second: PriorRecord) -> float:
    """Largest difference of the two distribution functions, 0..1. Exact between two tables."""
    level = _levels(first, second)
    length = np.concatenate([first.quantile(level), second.quantile(level)])
    above = np.abs(first.cdf(length) - second.cdf(length))
    below = np.abs(first.cdf_below(length) - second.cdf_below(length))
    return float(max(above.max(), below.max()))


def _levels(first: PriorRecord, second: PriorRecord) -> Float[np.ndarray, " l"]:
    """Levels that hold every entry of a table and follow a family into its tails."""
    levels = [record.levels for record in (first, second) if record.kind == "empirical"]
    if len(levels) < 2:
        levels.append(special.expit(_LOGITS))
        levels = [level[(level > 0) & (level < 1)] for level in levels]
    return np.unique(np.concatenate(levels))


def _mean_of_absolute(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Mean of |f| on a stretch where f runs straight from `start` to `end`."""
    a, b = np.abs(start), np.abs(end)
    total = a + b
    crossing = (a**2 + b**2) / np.where(total > 0, 2 * total, 1)
    return np.where(start * end < 0, crossing, total / 2)
