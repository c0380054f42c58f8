"""Unit and axes of a file: said by its owner, stated by its format, or taken after a look at it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64

from pointins_engine.config import Units, UpAxis
from pointins_engine.scenes.readers.doubt import Doubt
from pointins_engine.scenes.readers.survey import survey
from pointins_engine.scenes.readers.units import METRES, doubt_about, read_in, taken_as
from pointins_engine.scenes.readers.upright import (
    camera_to_upright,
    doubt_about_up,
    read_up,
    turn_to_z,
)

Axis = Literal["z", "-z", "y", "-y", "x", "-x"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stated:
    """What a format or the layout of a dataset says of its coordinates."""

    metres_per_unit: float | None = None
    up: Axis | None = None
    is_camera: bool = False  # rows of a depth image: x right, y down, z ahead


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """How the coordinates of a file become metres, z up, and what there is to say about it."""

    metres_per_unit: float
    turn: Float64[np.ndarray, "3 3"]  # axes of the file -> z up
    doubts: tuple[Doubt, ...]  # neither said nor stated, and the scan speaks against it
    notes: tuple[str, ...]  # of something unusual
    taken: str  # what was taken as given because nothing spoke against it; may be empty


def find_frame(
    coord: Float64[np.ndarray, "n 3"], stated: Stated, *, units: Units, up: UpAxis
) -> Frame:
    """What is said goes before what is stated; what is neither is metres and z, if it fits.

    Args:
        coord: Finite coordinates in unit and axes of the file.
        stated: By the format.
        units: By the owner.
        up: By the owner.
    """
    doubts, notes, taken = [], [], []
    is_depth_image = stated.is_camera and up == "auto" and bool(coord[:, 2].min() > 0)
    if is_depth_image:
        turn, note = camera_to_upright(coord)
        taken.append(note)
    else:
        turn = turn_to_z((stated.up or "z") if up == "auto" else up)
    is_unit_open = units != "auto" or stated.metres_per_unit is None
    is_up_open = not is_depth_image and (up != "auto" or stated.up is None)
    factor = stated.metres_per_unit or 1.0
    if not (is_unit_open or is_up_open):
        return Frame(metres_per_unit=factor, turn=turn, doubts=(), notes=(), taken="; ".join(taken))

    found = survey(coord @ turn.T)
    if units != "auto":
        factor = METRES[units]
        reading = read_in(units, found)
        if not reading.is_plausible:
            notes.append(f"read in {units} as asked for, though it is then {reading.text}.")
        if stated.metres_per_unit not in (None, factor):
            notes.append(
                f"read in {units} as asked for; the file states a unit of "
                f"{stated.metres_per_unit:g} m."
            )
    elif is_unit_open and (doubt := doubt_about("m", found)):
        doubts.append(doubt)
    elif is_unit_open:
        taken.append(taken_as("m", found))
    if is_up_open:
        reading = read_up(found)
        if up != "auto" and reading.instead:
            notes.append(f"{up} is up as asked for, though then {reading.text}.")
        elif up == "auto" and (doubt := doubt_about_up(reading)):
            doubts.append(doubt)
        elif up == "auto":
            taken.append(f"z taken as up: {reading.text}")
    return Frame(
        metres_per_unit=factor,
        turn=turn,
        doubts=tuple(doubts),
        notes=tuple(notes),
        taken="; ".join(taken),
    )
