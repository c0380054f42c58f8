"""Distributions of offset lengths that ODR maps the teacher's offsets onto. Lengths in metres.

Each prior is frozen, with a quantile function, a distribution function and a mean, in torch. How
one is measured, kept in a file and compared is the business of `offset_prior`.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from scipy import special
from scipy.interpolate import CubicSpline
from torch import Tensor

from pointins_engine.errors import ConfigError
from pointins_engine.offset_prior.record import PriorRecord


class MagnitudePrior(ABC):
    """A distribution of lengths >= 0, in metres."""

    @abstractmethod
    def quantile(self, level: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Length below which a share `level` (0..1) of the distribution lies."""

    @abstractmethod
    def cdf(self, length: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Share of the distribution at or below `length`."""

    @abstractmethod
    def mean(self) -> float:
        """Mean length."""

    @abstractmethod
    def describe(self) -> str:
        """One line for logs and labels."""

    def mass(self, edges: Float[Tensor, " e"]) -> Float[Tensor, " b"]:
        """Share of the distribution in each bin; the last bin takes all that lies above it."""
        below = self.cdf(edges)
        below[-1] = 1.0
        return below.diff()

    def midpoint_quantiles(self, count: int) -> Float[Tensor, " n"]:
        """Quantiles at (k - 0.5) / count for k = 1..count, float32 on the CPU; not to be changed.

        These are the lengths that ODR hands out to a cloud of `count` offsets.
        """
        return _midpoint_quantiles(self, count)

    def quantiles_of_many(self, level: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        """`quantile` to float32 accuracy, fast for thousands of levels on the CPU."""
        return self.quantile(level)

    def direction_quantile(self, level: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Components of a direction at a level of each axis, -1..1.

        Uniform, as an axis of directions uniform on the sphere is, unless directions were measured.
        """
        return 2 * level - 1


@lru_cache(maxsize=64)
def _midpoint_quantiles(prior: MagnitudePrior, count: int) -> Tensor:
    level = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    return prior.quantiles_of_many(level).float()


@dataclass(frozen=True)
class Gamma(MagnitudePrior):
    """Gamma distribution; the paper's indoor prior is shape 0.24, scale 2.53 m (Tab. 9)."""

    shape: float
    scale: float  # metres; the paper's theta, read as a scale: as a rate the mean would be 9.5 cm

    def quantile(self, level: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        # torch has no inverse of the incomplete gamma function, so this one visits the CPU.
        length = special.gammaincinv(self.shape, level.detach().cpu().double().numpy())
        return torch.from_numpy(length * self.scale).to(level)

    def quantiles_of_many(self, level: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        # The inverse takes two microseconds a level: half a second for the clouds of a large step.
        log_length = _log_gamma_quantile(self.shape)(special.logit(level.double().numpy()))
        return torch.from_numpy(np.exp(log_length) * self.scale).to(level)

    def cdf(self, length: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        scaled = length.double().clamp_min(0) / self.scale
        return torch.special.gammainc(torch.full_like(scaled, self.shape), scaled).to(length.dtype)

    def mean(self) -> float:
        return self.shape * self.scale

    def describe(self) -> str:
        return f"Gamma(shape {self.shape:g}, scale {self.scale:g} m), mean {self.mean():.2f} m"


@lru_cache(maxsize=8)
def _log_gamma_quantile(shape: float) -> CubicSpline:
    """Logarithm of the quantile at scale 1 over the logit of the level: a smooth curve."""
    logit = np.linspace(-21.0, 21.0, 2049)  # levels from 1e-9 to 1 - 1e-9
    return CubicSpline(logit, np.log(special.gammaincinv(shape, special.expit(logit))))


@dataclass(frozen=True)
class LogNormal(MagnitudePrior):
    """Log-normal distribution; the paper's outdoor prior is mu 0, sigma 0.76 (Tab. 9)."""

    mu: float  # mean of log metres
    sigma: float  # standard deviation of log metres

    def quantile(self, level: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        return (self.mu + self.sigma * torch.special.ndtri(level.double())).exp().to(level.dtype)

    def cdf(self, length: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        z = (length.double().clamp_min(0).log() - self.mu) / self.sigma
        return torch.special.ndtr(z).to(length.dtype)

    def mean(self) -> float:
        return math.exp(self.mu + self.sigma**2 / 2)

    def describe(self) -> str:
        return f"LogNormal(mu {self.mu:g}, sigma {self.sigma:g}), mean {self.mean():.2f} m"


@dataclass(frozen=True)
class HalfNormal(MagnitudePrior):
    """Absolute value of a normal distribution around 0.

    PointINS Tab. 5 shows two priors without naming them ("Dist. 1", "Dist. 2"). This one and
    `Exponential` stand in for them; they are ours.
    """

    sigma: float  # metres

    def quantile(self, level: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        return (self.sigma * torch.special.ndtri((1 + level.double()) / 2)).to(level.dtype)

    def cdf(self, length: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        scaled = length.double().clamp_min(0) / (self.sigma * math.sqrt(2))
        return torch.erf(scaled).to(length.dtype)

    def mean(self) -> float:
        return self.sigma * math.sqrt(2 / math.pi)

    def describe(self) -> str:
        return f"HalfNormal(sigma {self.sigma:g} m), mean {self.mean():.2f} m"


@dataclass(frozen=True)
class Exponential(MagnitudePrior):
    """Exponential distribution; the other stand-in, see `HalfNormal`."""

    scale: float  # metres: the mean

    def quantile(self, level: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        return (-self.scale * torch.log1p(-level.double())).to(level.dtype)

    def cdf(self, length: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        return -torch.expm1(-length.double().clamp_min(0) / self.scale).to(length.dtype)

    def mean(self) -> float:
        return self.scale

    def describe(self) -> str:
        return f"Exponential, mean {self.mean():.2f} m"


@dataclass(frozen=True)
class Empirical(MagnitudePrior):
    """Quantiles measured at evenly spaced levels from 0 to 1, straight lines between them."""

    quantiles: tuple[float, ...]  # metres, rising

    def __post_init__(self) -> None:
        table = np.asarray(self.quantiles)
        if (
            len(table) < 2
            or not np.isfinite(table).all()
            or table[0] < 0
            or (table[1:] < table[:-1]).any()
        ):
            raise ValueError(
                f"an empirical prior needs at least two rising finite lengths >= 0, got {table}."
            )

    def quantile(self, level: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        return _interpolated(self.quantiles, level)

    def cdf(self, length: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        table = torch.tensor(self.quantiles, dtype=torch.float64, device=length.device)
        x = length.double()
        # The last entry at or below x: where the table is flat the distribution jumps.
        low = (torch.searchsorted(table, x.contiguous(), right=True) - 1).clamp(0, len(table) - 2)
        step = table[low + 1] - table[low]
        share = torch.where(step > 0, (x - table[low]) / step, (x >= table[low]).double())
        return ((low + share.clamp(0, 1)) / (len(table) - 1)).to(length.dtype)

    def mean(self) -> float:
        return float(np.trapezoid(self.quantiles, dx=1 / (len(self.quantiles) - 1)))

    def describe(self) -> str:
        return f"empirical, {len(self.quantiles)} quantiles, mean {self.mean():.2f} m"


@dataclass(frozen=True)
class Directed(MagnitudePrior):
    """Lengths of another prior, with measured quantiles of the axes of the direction.

    Objects are scanned from above and from inside a room, so that their centres are not equally
    likely in every direction.
    """

    lengths: MagnitudePrior
    axes: tuple[tuple[float, ...], ...]  # x, y, z: -1..1 at evenly spaced levels, rising

    def quantile(self, level: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        return self.lengths.quantile(level)

    def quantiles_of_many(self, level: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        return self.lengths.quantiles_of_many(level)

    def cdf(self, length: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        return self.lengths.cdf(length)

    def mean(self) -> float:
        return self.lengths.mean()

    def describe(self) -> str:
        return f"{self.lengths.describe()}, measured directions"

    def direction_quantile(self, level: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        columns = zip(self.axes, level.T, strict=True)
        return torch.stack([_interpolated(axis, column) for axis, column in columns], dim=1)


def prior_of(record: PriorRecord, *, with_directions: bool = False) -> MagnitudePrior:
    """The distribution that a record describes.

    Args:
        record: Lengths, and directions if they were measured.
        with_directions: Take the record's directions instead of uniform ones.

    Raises:
        ConfigError: If directions are asked for and the record has none.
    """
    lengths = _lengths_of(record)
    if not with_directions:
        return lengths
    if not record.direction:
        raise ConfigError(
            f"odr.direction_prior is 'empirical', and the prior {record.name!r} "
            f"({record.describe()}) has no measured directions. Use odr.prior.kind 'hdbscan', or "
            "'file' with a prior that `pointins prior fit` made."
        )
    return Directed(lengths, record.direction)


def _lengths_of(record: PriorRecord) -> MagnitudePrior:
    p = record.parameters
    match record.kind:
        case "gamma":
            return Gamma(p["shape"], p["scale"])
        case "lognormal":
            return LogNormal(p["mu"], p["sigma"])
        case "half_normal":
            return HalfNormal(p["scale"])
        case "exponential":
            return Exponential(p["scale"])
        case "empirical":
            return Empirical(record.quantiles)


def _interpolated(table: tuple[float, ...], level: Tensor) -> Tensor:
    """Straight lines between entries at evenly spaced levels from 0 to 1."""
    values = torch.tensor(table, dtype=torch.float64, device=level.device)
    position = level.double() * (len(table) - 1)
    low = position.long().clamp(0, len(table) - 2)
    return torch.lerp(values[low], values[low + 1], position - low).to(level.dtype)
