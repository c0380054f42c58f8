"""What a person may set of a segmentation, and which network `auto` stands for. No torch."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, cast, get_args

import numpy as np
from jaxtyping import Float32

from pointins_engine.errors import ConfigError
from pointins_engine.scenes.planes import guess_domain

Domain = Literal["indoor", "outdoor"]
DomainChoice = Literal["auto", "indoor", "outdoor"]
Planes = Literal["remove", "keep"]
AUTO = "auto"
BUILTIN = "builtin:"

_CHOICES: dict[str, tuple[str, ...]] = {
    "planes": get_args(Planes),
    "domain": get_args(DomainChoice),
}
_NUMBER = "a number > 0; leave it out to have it chosen from the scan"
_COUNT = "a whole number >= 1"
_SCORE = "a number in 0..1; leave it out to have the usual one"
_LARGEST = 2**31
_LEAST_TILE = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentSettings:
    """How a scan is segmented; what is None follows from the scan.

    Attributes:
        planes: Whether floor, walls and ceiling, or the ground, take part in the grouping.
        radius: Metres of the scan between votes of one instance; the smallest that is tried.
        min_size: Cells that an instance has at least.
        least_score: Score, 0..1, that an instance has at least.
        scale: Metres of the network's world for a metre of the scan.
        domain: Where the scan was made.
        max_tile_points: Points, one a half voxel, that the network is shown at once; a larger scan
            is cut into tiles.
    """

    planes: Planes = "remove"
    radius: float | None = None
    min_size: int | None = None
    least_score: float | None = None
    scale: float | None = None
    domain: DomainChoice = "auto"
    max_tile_points: int = 250_000

    def __post_init__(self) -> None:
        _check_choices({name: getattr(self, name) for name in _CHOICES})
        for name in ("radius", "scale"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ConfigError(f"{name} is {value!r}, expected {_NUMBER}.")
        if self.least_score is not None and not 0 <= self.least_score <= 1:
            raise ConfigError(f"least_score is {self.least_score!r}, expected {_SCORE}.")
        if self.min_size is not None and self.min_size < 1:
            raise ConfigError(f"min_size is {self.min_size}, expected {_COUNT}.")
        if self.max_tile_points < _LEAST_TILE:
            raise ConfigError(
                f"max_tile_points is {self.max_tile_points}, expected {_LEAST_TILE:,} or more."
            )

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "SegmentSettings":
        """Settings from the values of a request or a file.

        Raises:
            ConfigError: If a name is unknown or a value is not possible.
        """
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ConfigError(f"unknown setting {unknown[0]!r}; known are: {', '.join(known)}.")
        checked = dict(values)
        for name, expected in (("radius", _NUMBER), ("scale", _NUMBER), ("least_score", _SCORE)):
            if (value := values.get(name)) is None:
                continue
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or abs(value) >= _LARGEST:
                raise ConfigError(f"{name} is {value!r}, expected {expected}.")
            checked[name] = float(value)
        for name in ("min_size", "max_tile_points"):
            if name not in values or (values[name] is None and name == "min_size"):
                continue
            value = values[name]
            is_whole = isinstance(value, int) and not isinstance(value, bool)
            if not is_whole or value >= _LARGEST:
                raise ConfigError(f"{name} is {value!r}, expected {_COUNT}.")
        _check_choices(values)
        return cls(**checked)

    def values(self) -> dict[str, Any]:
        """The settings as JSON holds them."""
        return asdict(self)

    def domain_of(self, coord: Float32[np.ndarray, "n 3"]) -> Domain:
        """Where a scan (metres) was made: as set, else judged by its extent."""
        return guess_domain(coord) if self.domain == AUTO else cast(Domain, self.domain)


def checkpoint_for(
    checkpoint: str, coord: Float32[np.ndarray, "n 3"], settings: SegmentSettings
) -> str:
    """The network that a scan (metres) is shown: `auto` is the built-in one of its domain."""
    return BUILTIN + settings.domain_of(coord) if checkpoint == AUTO else checkpoint


def _check_choices(values: Mapping[str, Any]) -> None:
    for name, kinds in _CHOICES.items():
        if name in values and values[name] not in kinds:
            raise ConfigError(f"{name} is {values[name]!r}, expected one of {', '.join(kinds)}.")
