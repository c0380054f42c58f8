"""Numbers that show what ODR did: histograms, quantiles and distances to the prior.

Computed on all offsets in double precision; plain Python numbers at the end, ready for JSON.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from pointins_engine.objectives.priors import MagnitudePrior

ZERO_LENGTH = 0.02  # metres: shorter offsets count as zero
NUM_LEVELS = 101
NUM_DIRECTION_BINS = 20
SPHERE_BANDS = 12  # of equal height, from z = -1 up: of equal area on the sphere
SPHERE_COLUMNS = 24  # of equal azimuth, from -pi on


@dataclass(frozen=True, kw_only=True, slots=True)
class StudentLengths:
    """Lengths of the student's offsets in the same bins and at the same levels; metres."""

    mass: list[float]
    quantiles_m: list[float]
    w1_m: float
    ks: float
    mean_m: float


@dataclass(frozen=True, kw_only=True, slots=True)
class OdrStatistics:
    """Offsets before and after ODR against the prior. Lengths in metres, masses sum to 1."""

    prior: str  # in words
    num_offsets: int
    edges_m: list[float]  # of the length bins; the last bin takes all that is longer
    mass_before: list[float]
    mass_after: list[float]
    mass_prior: list[float]
    direction_edges: list[float]  # -1..1
    direction_before: list[list[float]]  # three axes
    direction_after: list[list[float]]
    sphere_before: list[float]  # share of each of 12 x 24 bins of equal area, a band after another
    sphere_after: list[float]
    resultant_before: float  # length of the mean direction: 0 = even, 1 = all point one way
    resultant_after: float
    levels: list[float]  # of the quantiles, (k - 0.5) / 101
    quantiles_before_m: list[float]
    quantiles_after_m: list[float]
    quantiles_prior_m: list[float]
    w1_before_m: float  # Wasserstein-1 distance to the prior
    w1_after_m: float
    ks_before: float  # Kolmogorov-Smirnov distance to the prior
    ks_after: float
    zero_share: float  # offsets shorter than 2 cm before ODR
    mean_before_m: float
    mean_after_m: float
    mean_prior_m: float
    student: StudentLengths | None

    def to_dict(self) -> dict[str, Any]:
        """The record of a frame in the run folder: `odr` in `stats.jsonl`; five digits a number."""
        record: dict[str, Any] = {
            "prior_name": self.prior,
            "num_offsets": self.num_offsets,
            "num_bins": len(self.mass_prior),
            "max_m": self.edges_m[-1],
            "prior": _rounded(self.mass_prior),
            "before": _rounded(self.mass_before),
            "after": _rounded(self.mass_after),
            "direction_before": [_rounded(axis) for axis in self.direction_before],
            "direction_after": [_rounded(axis) for axis in self.direction_after],
            "sphere_before": _rounded(self.sphere_before),
            "sphere_after": _rounded(self.sphere_after),
            "resultant_before": round(self.resultant_before, 5),
            "resultant_after": round(self.resultant_after, 5),
            "quantiles": {
                "prior": _rounded(self.quantiles_prior_m),
                "before": _rounded(self.quantiles_before_m),
                "after": _rounded(self.quantiles_after_m),
            },
            "w1_before_m": round(self.w1_before_m, 5),
            "w1_after_m": round(self.w1_after_m, 5),
            "ks_before": round(self.ks_before, 5),
            "ks_after": round(self.ks_after, 5),
            "zero_share": round(self.zero_share, 5),
            "mean_m": round(self.mean_before_m, 5),
        }
        if self.student is not None:
            record["student"] = _rounded(self.student.mass)
            record["quantiles"]["student"] = _rounded(self.student.quantiles_m)
            record["w1_student_m"] = round(self.student.w1_m, 5)
            record["ks_student"] = round(self.student.ks, 5)
            record["mean_student_m"] = round(self.student.mean_m, 5)
        return record


def odr_statistics(
    before: Float[Tensor, "n 3"],
    after: Float[Tensor, "n 3"],
    prior: MagnitudePrior,
    num_bins: int = 60,
    max_m: float = 3.0,
    student: Float[Tensor, "n 3"] | None = None,
) -> OdrStatistics:
    """Compare offsets before and after ODR with the prior.

    Args:
        before: Teacher offsets in metres; rows that ODR skipped are left out by the caller.
        after: The same rows after ODR.
        prior: The prior that ODR used.
        num_bins: Bins of the length histograms.
        max_m: Upper edge of the last bin in metres.
        student: The student's offsets of the same rows in metres, if anybody asked for them.

    Raises:
        ValueError: If there is no offset.
    """
    if len(before) == 0:
        raise ValueError("odr_statistics was given no offsets; expected at least one row.")
    before, after = before.detach().double(), after.detach().double()
    length_before, length_after = before.norm(dim=1).sort()[0], after.norm(dim=1).sort()[0]
    edges = torch.linspace(0, max_m, num_bins + 1, dtype=torch.float64, device=before.device)
    sides = torch.linspace(-1, 1, NUM_DIRECTION_BINS + 1, dtype=torch.float64, device=before.device)
    levels = (
        torch.arange(NUM_LEVELS, dtype=torch.float64, device=before.device) + 0.5
    ) / NUM_LEVELS
    towards_before, towards_after = _directions(before), _directions(after)
    return OdrStatistics(
        prior=prior.describe(),
        num_offsets=len(before),
        edges_m=edges.tolist(),
        mass_before=_mass(length_before, edges),
        mass_after=_mass(length_after, edges),
        mass_prior=prior.mass(edges).tolist(),
        direction_edges=sides.tolist(),
        direction_before=[_mass(axis, sides) for axis in towards_before.T],
        direction_after=[_mass(axis, sides) for axis in towards_after.T],
        sphere_before=sphere_mass(towards_before),
        sphere_after=sphere_mass(towards_after),
        resultant_before=_resultant(towards_before),
        resultant_after=_resultant(towards_after),
        levels=levels.tolist(),
        quantiles_before_m=length_before.quantile(levels).tolist(),
        quantiles_after_m=length_after.quantile(levels).tolist(),
        quantiles_prior_m=prior.quantile(levels).tolist(),
        w1_before_m=wasserstein(length_before, prior),
        w1_after_m=wasserstein(length_after, prior),
        ks_before=kolmogorov_smirnov(length_before, prior),
        ks_after=kolmogorov_smirnov(length_after, prior),
        zero_share=float((length_before < ZERO_LENGTH).double().mean()),
        mean_before_m=float(length_before.mean()),
        mean_after_m=float(length_after.mean()),
        mean_prior_m=prior.mean(),
        student=None if student is None else _student_lengths(student, prior, edges, levels),
    )


def _student_lengths(
    student: Tensor, prior: MagnitudePrior, edges: Tensor, levels: Tensor
) -> StudentLengths:
    length = student.detach().double().norm(dim=1)
    return StudentLengths(
        mass=_mass(length, edges),
        quantiles_m=length.quantile(levels).tolist(),
        w1_m=wasserstein(length, prior),
        ks=kolmogorov_smirnov(length, prior),
        mean_m=float(length.mean()),
    )


def sphere_mass(direction: Float[Tensor, "n 3"]) -> list[float]:
    """Share of unit directions in each of 12 x 24 bins of equal area.

    Bands of equal height cut a sphere into equal areas (Archimedes). Bins stand band by band: bands
    rise from z = -1, columns go round from azimuth -pi.
    """
    turn = torch.atan2(direction[:, 1], direction[:, 0]) / (2 * torch.pi) + 0.5
    band = ((direction[:, 2] + 1) / 2 * SPHERE_BANDS).long().clamp(0, SPHERE_BANDS - 1)
    column = (turn * SPHERE_COLUMNS).long().clamp(0, SPHERE_COLUMNS - 1)
    number = band * SPHERE_COLUMNS + column
    counts = torch.bincount(number, minlength=SPHERE_BANDS * SPHERE_COLUMNS)
    return (counts / max(len(direction), 1)).tolist()


def wasserstein(length: Float[Tensor, " n"], prior: MagnitudePrior) -> float:
    """Mean distance in metres between sorted lengths and the prior's quantiles at (k - 0.5) / n."""
    wanted = prior.midpoint_quantiles(len(length)).to(length)
    return float((length.sort()[0] - wanted).abs().mean())


def kolmogorov_smirnov(length: Float[Tensor, " n"], prior: MagnitudePrior) -> float:
    """Largest gap between the lengths' distribution function and the prior's, 0..1."""
    share = prior.cdf(length.sort()[0])
    above = torch.arange(1, len(length) + 1, dtype=share.dtype, device=share.device) / len(length)
    return float(torch.maximum(above - share, share - (above - 1 / len(length))).max())


def _rounded(values: list[float]) -> list[float]:
    return [round(value, 5) for value in values]


def _mass(values: Tensor, edges: Tensor) -> list[float]:
    """Share of the values in each bin; values beyond the edges count in the end bins."""
    bin_index = (torch.searchsorted(edges, values.contiguous(), right=True) - 1).clamp(
        0, len(edges) - 2
    )
    return (torch.bincount(bin_index, minlength=len(edges) - 1) / max(len(values), 1)).tolist()


def _directions(offset: Tensor) -> Tensor:
    """Unit directions; offsets of length 0 have none."""
    length = offset.norm(dim=1, keepdim=True)
    return (offset / length)[length[:, 0] > 0]


def _resultant(direction: Tensor) -> float:
    return float(direction.mean(dim=0).norm()) if len(direction) else 0.0
