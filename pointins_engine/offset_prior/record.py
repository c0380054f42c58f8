"""A prior as a record: a family with parameters or a table, and where it comes from."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from scipy import special

from pointins_engine.config import PriorConfig
from pointins_engine.errors import ConfigError

NUM_LEVELS = 257  # entries of a table that is measured here
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
AXES = ("x", "y", "z")

Kind = Literal["gamma", "lognormal", "half_normal", "exponential", "empirical"]
Method = Literal["printed", "stand-in", "configured", "labels", "sample", "hdbscan"]
PARAMETERS: dict[str, tuple[str, ...]] = {
    "gamma": ("shape", "scale"),
    "lognormal": ("mu", "sigma"),
    "half_normal": ("scale",),
    "exponential": ("scale",),
    "empirical": (),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class FamilyFit:
    """A family fitted to measured lengths, and how far it is from them."""

    kind: Kind
    parameters: Mapping[str, float]
    w1_m: float  # Wasserstein-1 distance to the measured quantiles, metres
    ks: float  # Kolmogorov-Smirnov distance, 0..1


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Where a prior comes from; the same input gives the same record, so there is no date."""

    method: Method
    source: str  # in words: a table of a paper, or the scenes that were measured
    labels_used: bool
    scenes: tuple[str, ...] = ()  # ids
    num_lengths: int = 0
    seed: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)
    fits: tuple[FamilyFit, ...] = ()  # closest first, by Kolmogorov-Smirnov distance


@dataclass(frozen=True, kw_only=True, slots=True)
class PriorRecord:
    """A distribution of offset lengths in metres, and if measured of direction axes.

    Attributes:
        name: [A-Za-z0-9._-]{1,100}.
        kind: A family, or `empirical`: a table with straight lines between its entries.
        parameters: Of the family, named as in `odr.prior`; lengths in metres.
        quantiles: Of `empirical`: metres at evenly spaced levels from 0 to 1.
        direction: Empty, or three tables (x, y, z) of the axes of unit offsets, -1..1, at evenly
            spaced levels.
        provenance: Where it comes from.

    Raises:
        ConfigError: If a value is impossible; names it.
    """

    name: str
    kind: Kind
    parameters: Mapping[str, float] = field(default_factory=dict)
    quantiles: tuple[float, ...] = ()
    direction: tuple[tuple[float, ...], ...] = ()
    provenance: Provenance

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ConfigError(
                f"a prior's name is 1-100 letters, digits, '.', '_' or '-', starting with a letter "
                f"or digit; got {self.name!r}."
            )
        check_parameters(self.kind, self.parameters)
        if self.kind == "empirical":
            _check_table("quantiles", self.quantiles, 0.0, math.inf)
        elif self.quantiles:
            raise ConfigError(f"a prior of kind {self.kind!r} has parameters and no quantiles.")
        if self.direction:
            if len(self.direction) != len(AXES):
                raise ConfigError(
                    f"direction holds tables for x, y and z; got {len(self.direction)} tables."
                )
            for axis, table in zip(AXES, self.direction, strict=True):
                _check_table(f"direction.{axis}", table, -1.0, 1.0)

    def quantile(self, level: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Length in metres below which a share `level` (0..1) of the distribution lies."""
        level = np.asarray(level, np.float64)
        p = self.parameters
        match self.kind:
            case "gamma":
                return p["scale"] * special.gammaincinv(p["shape"], level)
            case "lognormal":
                return np.exp(p["mu"] + p["sigma"] * special.ndtri(level))
            case "half_normal":
                return p["scale"] * special.ndtri((1 + level) / 2)
            case "exponential":
                with np.errstate(divide="ignore"):  # level 1 is at infinity
                    return -p["scale"] * np.log1p(-level)
            case "empirical":
                return np.interp(level, self.levels, self.quantiles)

    def cdf(self, length: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Share of the distribution at or below `length` metres."""
        length = np.maximum(np.asarray(length, np.float64), 0.0)
        p = self.parameters
        match self.kind:
            case "gamma":
                return special.gammainc(p["shape"], length / p["scale"])
            case "lognormal":
                with np.errstate(divide="ignore"):  # length 0 has the level 0
                    return special.ndtr((np.log(length) - p["mu"]) / p["sigma"])
            case "half_normal":
                return special.erf(length / (p["scale"] * math.sqrt(2)))
            case "exponential":
                return -np.expm1(-length / p["scale"])
            case "empirical":
                return self._table_cdf(length, "right")

    def cdf_below(self, length: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Share strictly below `length`; less than `cdf` where a flat stretch of a table jumps."""
        if self.kind == "empirical":
            return self._table_cdf(np.asarray(length, np.float64), "left")
        return self.cdf(length)

    def mass(self, edges: Float[np.ndarray, " e"]) -> Float[np.ndarray, " b"]:
        """Share between each edge in metres and the next."""
        return np.diff(self.cdf(edges))

    def mean(self) -> float:
        """Mean length in metres."""
        p = self.parameters
        match self.kind:
            case "gamma":
                return p["shape"] * p["scale"]
            case "lognormal":
                return math.exp(p["mu"] + p["sigma"] ** 2 / 2)
            case "half_normal":
                return p["scale"] * math.sqrt(2 / math.pi)
            case "exponential":
                return p["scale"]
            case "empirical":
                return float(np.trapezoid(self.quantiles, self.levels))

    @property
    def levels(self) -> Float[np.ndarray, " l"]:
        """Levels of the table's entries."""
        return np.linspace(0.0, 1.0, len(self.quantiles))

    def describe(self) -> str:
        """Family and parameters, or the size of the table, in a few words."""
        p = {name: f"{value:.3g}" for name, value in self.parameters.items()}
        match self.kind:
            case "gamma":
                return f"Gamma(shape {p['shape']}, scale {p['scale']} m)"
            case "lognormal":
                return f"LogNormal(mu {p['mu']}, sigma {p['sigma']})"
            case "half_normal":
                return f"HalfNormal(sigma {p['scale']} m)"
            case "exponential":
                return f"Exponential(mean {p['scale']} m)"
            case "empirical":
                return f"table of {len(self.quantiles)} quantiles"

    def _table_cdf(self, length: np.ndarray, side: Literal["left", "right"]) -> np.ndarray:
        table = np.asarray(self.quantiles)
        # The last entry at (right) or before (left) the length: a flat stretch is a jump.
        low = np.clip(np.searchsorted(table, length, side=side) - 1, 0, len(table) - 2)
        step = table[low + 1] - table[low]
        within = (length >= table[low]) if side == "right" else (length > table[low])
        share = np.where(step > 0, (length - table[low]) / np.where(step > 0, step, 1), within)
        return (low + np.clip(share, 0, 1)) / (len(table) - 1)


def check_parameters(kind: str, parameters: Mapping[str, float]) -> None:
    if kind not in PARAMETERS:
        raise ConfigError(f"a prior's kind is one of {', '.join(PARAMETERS)}; got {kind!r}.")
    if sorted(parameters) != sorted(PARAMETERS[kind]):
        raise ConfigError(
            f"a prior of kind {kind!r} has the parameters {', '.join(PARAMETERS[kind]) or 'none'}; "
            f"got {', '.join(map(str, parameters)) or 'none'}."
        )
    for name, value in parameters.items():
        if not is_number(value) or (name != "mu" and value <= 0):
            rule = "a finite number" if name == "mu" else "a finite number > 0"
            raise ConfigError(f"the parameter {name} of a {kind} prior is {rule}; got {value!r}.")


def _check_table(name: str, table: tuple[float, ...], low: float, high: float) -> None:
    bounds = ">= 0" if high == math.inf else f"in {low:g}..{high:g}"
    rule = f"{name} holds at least two rising finite numbers {bounds}"
    if len(table) < 2:
        raise ConfigError(f"{rule}; got {len(table)} of them.")
    for place, value in enumerate(table):
        if not is_number(value) or not low <= value <= high:
            raise ConfigError(f"{rule}; entry {place} is {value!r}.")
        if place and value < table[place - 1]:
            raise ConfigError(f"{rule}; entry {place} ({value:g}) is less than the one before it.")


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def builtin_priors() -> dict[str, PriorRecord]:
    """Priors that need no file, by name.

    Source:
        PointINS Tab. 9 for the two of the paper. Tab. 5 shows two more as pictures, without names
        or numbers ("Dist. 1", "Dist. 2"); `half-normal` and `exponential` stand in for them and
        are ours.
    """
    made = (
        _builtin("paper-indoor", "gamma", "PointINS Tab. 9, indoor", shape=0.24, scale=2.53),
        _builtin("paper-outdoor", "lognormal", "PointINS Tab. 9, outdoor", mu=0.0, sigma=0.76),
        _builtin("half-normal", "half_normal", "ours, for an unnamed prior of Tab. 5", scale=1.0),
        _builtin("exponential", "exponential", "ours, for an unnamed prior of Tab. 5", scale=1.0),
    )
    return {record.name: record for record in made}


def _builtin(name: str, kind: Kind, source: str, **parameters: float) -> PriorRecord:
    is_printed = source.startswith("PointINS")
    return PriorRecord(
        name=name,
        kind=kind,
        parameters=parameters,
        provenance=Provenance(
            method="printed" if is_printed else "stand-in",
            source=source,
            labels_used=is_printed,  # the paper fits its priors on labelled instances
        ),
    )


def record_of(config: PriorConfig) -> PriorRecord:
    """The record of a configuration that holds its prior: a family, or a table of quantiles.

    Raises:
        ConfigError: If the kind is one that has to be measured or read first.
    """
    kind = config.kind
    if kind == "hdbscan" or kind == "file":
        raise ConfigError(
            f"odr.prior.kind {kind!r} names no distribution before scenes or a file are read."
        )
    return PriorRecord(
        name=kind.replace("_", "-"),
        kind=kind,
        parameters={name: getattr(config, name) for name in PARAMETERS[kind]},
        quantiles=config.quantiles if kind == "empirical" else (),
        provenance=Provenance(method="configured", source="odr.prior", labels_used=False),
    )
