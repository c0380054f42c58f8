"""A street in the making: ground that rises and falls, and what was put on it.

World frame: the road runs along x, the sensor starts at x = y = 0, the road lies at z = 0 there.
"""

import itertools
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from pointins_engine.geometry import rotation
from pointins_engine.scenes.simulate.pieces import Piece, Placed, Rect, box
from pointins_engine.scenes.simulate.solids import BOX, Solid

STREET_CLASSES = (
    "car", "bicycle", "motorcycle", "truck", "other-vehicle", "person", "bicyclist",
    "motorcyclist", "road", "parking", "sidewalk", "other-ground", "building", "fence",
    "vegetation", "trunk", "terrain", "pole", "traffic-sign",
)  # fmt: skip
NUM_THINGS = 8  # the first eight are countable
CURB = 0.12  # metres

_THICK = 1.5  # metres of earth below the surface
_SEAM = 0.004  # metres by which neighbouring stretches of ground overlap
_OWN_CAR = (-3.2, -1.3, 3.2, 1.3)  # kept free around the sensor

Rng = np.random.Generator


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """Height of the road along x, straight between its knots. Metres."""

    x: Float[np.ndarray, " m"]
    z: Float[np.ndarray, " m"]

    def height(self, x: float) -> float:
        return float(np.interp(x, self.x, self.z))

    def grade(self, x: float) -> float:
        """Rise over run."""
        k = int(np.clip(np.searchsorted(self.x, x) - 1, 0, len(self.x) - 2))
        return float((self.z[k + 1] - self.z[k]) / (self.x[k + 1] - self.x[k]))


def draw_profile(rng: Rng, steepness: float, x: tuple[float, float]) -> Profile:
    """A road whose grade drifts from stretch to stretch; `steepness` is its usual size."""
    knots = np.arange(x[0], x[1] + 25, 25.0)
    grade, heights = rng.normal(0, steepness), [0.0]
    for _ in knots[1:]:
        grade = 0.7 * grade + 0.71 * rng.normal(0, steepness)
        heights.append(heights[-1] + 25 * float(grade))
    z = np.array(heights)
    return Profile(x=knots, z=z - np.interp(0.0, knots, z))


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A piece on the street. It moves along its own heading."""

    piece: Piece
    x: float
    y: float
    z: float  # metres above the road's profile
    yaw_rad: float
    speed: float  # metres a second
    leans: bool  # follows the grade of the road, instead of standing upright
    instance: int  # -1 = stuff


@dataclass
class Street:
    """Collects ground and items; `solids(time_s)` is the street at that time."""

    rng: Rng
    profile: Profile
    reach: tuple[float, float]  # metres: from and to along x
    earth: list[Solid] = field(default_factory=list)
    earth_names: list[str] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    taken: list[Rect] = field(default_factory=list)
    num_things: int = 0

    def ground(
        self,
        name: str,
        x: tuple[float, float],
        y: tuple[float, float],
        z: float | tuple[float, float],
        material: str,
    ) -> None:
        """A strip of ground that follows the profile.

        Args:
            name: Semantic class.
            x: From and to along the road, metres.
            y: From and to across it; the order does not matter.
            z: Height above the profile; two heights for a slope from `y[0]` to `y[1]`.
            material: Name in `MATERIALS`.
        """
        x0, x1 = max(x[0], self.reach[0]), min(x[1], self.reach[1])
        z0, z1 = z if isinstance(z, tuple) else (z, z)
        if y[0] > y[1]:
            y, z0, z1 = (y[1], y[0]), z1, z0
        if x1 - x0 < 0.01 or y[1] - y[0] < 0.01:
            return
        knots = self.profile.x
        cuts = np.r_[x0, knots[(knots > x0 + 0.01) & (knots < x1 - 0.01)], x1]
        bank = np.arctan2(z1 - z0, y[1] - y[0])
        for a, b in itertools.pairwise(cuts):
            rise = self.profile.height(b) - self.profile.height(a)
            turn = rotation("y", -np.arctan2(rise, b - a)) @ rotation("x", bank)
            top = np.array(
                [(a + b) / 2, (y[0] + y[1]) / 2, self.profile.height((a + b) / 2) + (z0 + z1) / 2]
            )
            half = np.array(
                [
                    np.hypot(b - a, rise) / 2 + _SEAM,
                    np.hypot(y[1] - y[0], z1 - z0) / 2 + _SEAM,
                    _THICK / 2,
                ]
            )
            center = top - turn[:, 2] * _THICK / 2
            self.earth.append(
                Solid(shape=BOX, center=center, half=half, turn=turn, material=material)
            )
            self.earth_names.append(name)

    def land(self, x: tuple[float, float], y: tuple[float, float], z: float) -> None:
        """Level ground beyond the ends of the road, at the height of the nearer end."""
        top = self.profile.height(float(np.clip(sum(x) / 2, *self.reach))) + z
        self.earth.append(box(x, y, (top - _THICK, top), "grass"))
        self.earth_names.append("terrain")

    def add(
        self,
        piece: Piece,
        x: float,
        y: float,
        yaw: float = 0.0,
        z: float = 0.0,
        *,
        speed: float = 0.0,
        leans: bool | None = None,
    ) -> None:
        """Put a piece down; vehicles and fences lean with the road unless told otherwise."""
        is_thing = piece.name in STREET_CLASSES[:NUM_THINGS]
        if leans is None:
            leans = piece.name == "fence" or (is_thing and piece.name != "person")
        self.items.append(
            Item(
                piece=piece,
                x=float(x),
                y=float(y),
                z=float(z),
                yaw_rad=float(yaw),
                speed=float(speed),
                leans=leans,
                instance=self.num_things if is_thing else -1,
            )
        )
        self.num_things += int(is_thing)
        self.taken.append(_footprint(piece, x, y, yaw))

    def fits(self, piece: Piece, x: float, y: float, yaw: float, air: float = 0.15) -> bool:
        """Whether a piece would stand clear of everything added before, and of the sensor."""
        x0, y0, x1, y1 = _footprint(piece, x, y, yaw, air)
        a0, b0, a1, b1 = np.array([_OWN_CAR, *self.taken]).T
        return not ((x0 < a1) & (a0 < x1) & (y0 < b1) & (b0 < y1)).any()

    def try_add(
        self,
        piece: Piece,
        x: float,
        y: float,
        yaw: float = 0.0,
        z: float = 0.0,
        *,
        speed: float = 0.0,
    ) -> bool:
        """Put a piece down where it stands clear; says whether it did."""
        free = self.fits(piece, float(x), float(y), float(yaw))
        if free:
            self.add(piece, x, y, yaw, z, speed=speed)
        return free

    def names(self) -> list[str]:
        """Class of every solid, in the order of `solids`."""
        return self.earth_names + [i.piece.name for i in self.items for _ in i.piece.solids]

    def instances(self) -> list[int]:
        """Instance of every solid, -1 for stuff, in the order of `solids`."""
        of_items = [i.instance for i in self.items for _ in i.piece.solids]
        return [-1] * len(self.earth) + of_items

    def solids(self, time_s: float = 0.0) -> list[Solid]:
        """Ground and items after everything has moved for `time_s` seconds."""
        return self.earth + [s for item in self.items for s in self._moved(item, time_s)]

    def _moved(self, item: Item, time_s: float) -> list[Solid]:
        x = item.x + item.speed * time_s * np.cos(item.yaw_rad)
        y = item.y + item.speed * time_s * np.sin(item.yaw_rad)
        turn = rotation("z", item.yaw_rad)
        if item.leans:
            turn = rotation("y", -np.arctan(self.profile.grade(x))) @ turn
        shift = np.array([x, y, self.profile.height(x) + item.z])
        return [
            Solid(
                shape=s.shape, center=turn @ s.center + shift, half=s.half, turn=turn @ s.turn,
                material=s.material, free_path=s.free_path,
            )
            for s in item.piece.solids
        ]  # fmt: skip


def _footprint(piece: Piece, x: float, y: float, yaw: float, margin: float = 0.0) -> Rect:
    placed = Placed(piece=piece, position=(float(x), float(y), 0.0), yaw_rad=float(yaw))
    return placed.footprint(margin)
