"""In which unit a scan is: stated by its format, said by its owner, or judged by its size.

A scan that is plausible in metres is taken as metres and says so; one that is not is never scaled
by a guess. Rooms and tables differ by a factor of ten, so what is plausible is a wide band.
"""

from dataclasses import dataclass

import numpy as np

from pointins_engine.config import Units
from pointins_engine.scenes.readers.doubt import Doubt
from pointins_engine.scenes.readers.survey import Survey

METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "ft": 0.3048}
_NAMES = {"m": "metres", "cm": "centimetres", "mm": "millimetres", "ft": "feet"}

# Metres. Beyond these a scan is not taken as it stands.
_WIDTH = (0.25, 20_000.0)  # longest axis: from a table top to an aerial survey
_MAX_THINNEST = 60.0  # shortest axis: halls and streets are lower than they are wide
_MAX_SPACING = 1.5  # neighbours: aerial scans have about a point a square metre

# Metres. Most scans lie within these; they order the readings of one that does not fit.
_USUAL_WIDTH = (1.0, 200.0)
_USUAL_THINNEST = (0.05, 12.0)
_USUAL_SPACING = (0.002, 0.3)
_STOREY = (2.1, 4.5)  # floor to ceiling
_LIKELY = 0.8  # misfit of a reading that is offered
_CLEARLY = 0.3  # misfit by which another unit must be better to be named


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitReading:
    """What a unit would make of a scan."""

    unit: Units
    is_plausible: bool
    misfit: float  # sum of squared logarithms by which it lies outside of what is usual
    text: str  # "5.1 x 4.0 x 2.6 m, points 12 mm apart"


def read_in(unit: Units, found: Survey) -> UnitReading:
    """The figures of a scan under one unit, and whether a scan can be like that."""
    factor = METRES[unit]
    thinnest, width = float(found.extent.min()) * factor, float(found.extent.max()) * factor
    spacing = found.spacing * factor
    misfit = (
        _outside(width, _USUAL_WIDTH)
        + _outside(thinnest, _USUAL_THINNEST)
        + _outside(spacing, _USUAL_SPACING)
    )
    if found.storey is not None:
        misfit += 2 * _outside(found.storey * factor, _STOREY)
    return UnitReading(
        unit=unit,
        is_plausible=(
            _WIDTH[0] <= width <= _WIDTH[1]
            and thinnest <= _MAX_THINNEST
            and spacing <= _MAX_SPACING
        ),
        misfit=misfit,
        text=_sizes(found, factor),
    )


def taken_as(unit: Units, found: Survey) -> str:
    """Half a sentence about a unit that was taken, and what fits clearly better, if anything."""
    reading = read_in(unit, found)
    text = f"{reading.text}, taken as {_NAMES[unit]}"
    others = ("cm", "mm") if found.storey is None else ("cm", "mm", "ft")
    best = min((read_in(other, found) for other in others), key=lambda r: r.misfit)
    if best.is_plausible and best.misfit < reading.misfit - _CLEARLY:
        text += f", though as {_NAMES[best.unit]} it would be {best.text}: if so, {_flag(best)}"
    return text


def doubt_about(unit: Units, found: Survey) -> Doubt | None:
    """Sentences for a scan that is not plausible in a unit; None if it is."""
    reading = read_in(unit, found)
    if reading.is_plausible:
        return None
    others = sorted(
        (r for r in (read_in(u, found) for u in ("mm", "cm", "m")) if r.unit != unit),
        key=lambda r: r.misfit,
    )
    likely = [r for r in others if r.is_plausible and r.misfit <= _LIKELY] or [
        r for r in others[:1] if r.is_plausible
    ]
    start = f"in {_NAMES[unit]} it would be {reading.text}, which is not plausible"
    keep = f"pass --scene.units {unit} if it is so"
    if not likely:
        return Doubt(
            f"{start}, nor does another unit fit.",
            f"Scale it to metres, or {keep}.",
            about="units",
            likely=unit,
        )
    looks = " or ".join(f"{_NAMES[r.unit]} ({r.text})" for r in likely)
    flags = " or ".join(map(_flag, likely))
    return Doubt(
        f"{start}; it looks like {looks}.",
        f"Confirm with {flags}, or {keep}.",
        about="units",
        likely=likely[0].unit,
    )


def _flag(reading: UnitReading) -> str:
    return f"--scene.units {reading.unit}"


def _outside(value: float, band: tuple[float, float]) -> float:
    value = max(value, 1e-9)
    return float(np.log(max(band[0] / value, value / band[1], 1.0)) ** 2)


def _sizes(found: Survey, factor: float) -> str:
    x, y, z = (_number(v * factor) for v in found.extent)
    apart = found.spacing * factor
    spacing = f"{_number(apart)} m" if apart >= 0.1 else f"{_number(apart * 1000)} mm"
    text = f"{x} x {y} x {z} m, points {spacing} apart"
    if found.storey is not None:
        text += f", floor to ceiling {_number(found.storey * factor)} m"
    return text


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
