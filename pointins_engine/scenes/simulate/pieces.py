"""What a simulated object is made of, and how it is put somewhere.

A piece stands in its own frame: x to the right, y to the back, z up, origin on the floor in the
middle of its footprint; its front looks towards -y. Sizes are metres.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from pointins_engine.geometry import rotation
from pointins_engine.scenes.simulate.solids import BOX, CYLINDER, ELLIPSOID, Solid

LEVEL = np.eye(3)

Rng = np.random.Generator

Number = int | float
Interval = tuple[Number, Number]  # metres, from and to
Triple = tuple[Number, Number, Number]  # metres
Rect = tuple[float, float, float, float]  # x0, y0, x1, y1 in metres


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """A level surface that things can stand on, in the frame of its piece; metres."""

    x: Interval
    y: Interval
    z: float
    clear: float = 1.0  # free height above it


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """An object of a class: solids in the piece's frame, and the box it needs."""

    name: str  # semantic class
    size: Triple  # width (x), depth (y), height (z)
    solids: tuple[Solid, ...]
    boards: tuple[Board, ...] = ()  # where other things can stand, the usual place first
    opening: tuple[Interval, Interval] | None = None  # x and z of the hole in its wall


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """A piece at a place of the world."""

    piece: Piece
    position: Triple  # metres: where the piece's origin lies
    yaw_rad: float

    def solids(self) -> list[Solid]:
        turn = rotation("z", self.yaw_rad)
        shift = np.asarray(self.position, np.float64)
        return [
            Solid(
                shape=s.shape,
                center=turn @ s.center + shift,
                half=s.half,
                turn=turn @ s.turn,
                material=s.material,
                free_path=s.free_path,
            )
            for s in self.piece.solids
        ]

    def world(self, x: float, y: float) -> tuple[float, float]:
        """Plan position of a point of the piece's frame, in metres."""
        c, s = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        return self.position[0] + c * x - s * y, self.position[1] + s * x + c * y

    def footprint(self, margin: float = 0.0) -> Rect:
        """Axis-aligned rectangle x0, y0, x1, y1 around the turned footprint, in metres."""
        c, s = abs(np.cos(self.yaw_rad)), abs(np.sin(self.yaw_rad))
        w, d = self.piece.size[0] / 2, self.piece.size[1] / 2
        half_x, half_y = c * w + s * d + margin, s * w + c * d + margin
        x, y, _ = self.position
        return x - half_x, y - half_y, x + half_x, y + half_y


def pick(rng: Rng, names: tuple[str, ...]) -> str:
    return names[int(rng.integers(len(names)))]


def top_board(width: float, depth: float, z: float, clear: float = 1.0) -> Board:
    """The whole top of a piece."""
    return Board(x=(-width / 2, width / 2), y=(-depth / 2, depth / 2), z=z, clear=clear)


def box(
    x: Interval,
    y: Interval,
    z: Interval,
    material: str,
    turn: Float[np.ndarray, "3 3"] = LEVEL,
) -> Solid:
    """Box between two bounds an axis; `turn` turns it about its own middle."""
    low, high = np.array([x[0], y[0], z[0]]), np.array([x[1], y[1], z[1]])
    return Solid(
        shape=BOX, center=(low + high) / 2, half=(high - low) / 2, turn=turn, material=material
    )


def cylinder(
    center: Triple,
    radius: Number,
    length: Number,
    material: str,
    turn: Float[np.ndarray, "3 3"] = LEVEL,
) -> Solid:
    return Solid(
        shape=CYLINDER,
        center=np.array(center, np.float64),
        half=np.array([radius, radius, length / 2]),
        turn=turn,
        material=material,
    )


def ellipsoid(
    center: Triple,
    half: Triple,
    material: str,
    free_path: float = 0.0,
    turn: Float[np.ndarray, "3 3"] = LEVEL,
) -> Solid:
    return Solid(
        shape=ELLIPSOID,
        center=np.array(center, np.float64),
        half=np.array(half, np.float64),
        turn=turn,
        material=material,
        free_path=free_path,
    )


def legs(
    width: float, depth: float, height: float, material: str, radius: float = 0.022
) -> list[Solid]:
    """Four round legs just inside the corners of a rectangle."""
    x, y = width / 2 - 1.5 * radius, depth / 2 - 1.5 * radius
    return [
        cylinder((sx * x, sy * y, height / 2), radius, height, material)
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]


def overlap(a: Rect, b: Rect) -> bool:
    """Whether two rectangles x0, y0, x1, y1 share area."""
    return bool(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3])
