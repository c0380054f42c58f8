"""What is set into the walls of simulated rooms or hangs on them; see `furniture.py`.

These pieces have their back (y = 0) on the wall, and z counts from the floor of the room. What is
set into an opening reaches to y > 0, into the wall.
"""

import numpy as np

from pointins_engine.geometry import rotation
from pointins_engine.scenes.simulate.indoor.materials import PAINTS
from pointins_engine.scenes.simulate.pieces import Board, Piece, Rng, box, pick
from pointins_engine.scenes.simulate.solids import BOX, CYLINDER, Solid


def door(rng: Rng, ajar: float) -> Piece:
    """A leaf in its frame; `ajar` is the angle it is open by, into the room, in radians."""
    w, h, leaf = rng.uniform(0.8, 0.92), rng.uniform(1.98, 2.08), pick(rng, PAINTS)
    casing = pick(rng, ("white", "wall", leaf))
    turn = rotation("z", ajar)  # about the hinge at the left jamb
    hinge = np.array([-w / 2, 0.03, 0.0])

    def on_leaf(x: float, y: float, z: float, half: tuple[float, float, float], name: str) -> Solid:
        center = hinge + turn @ np.array([x, y, z])
        return Solid(shape=BOX, center=center, half=np.array(half), turn=turn, material=name)

    solids = [
        on_leaf(w / 2, 0.02, h / 2, (w / 2 - 0.005, 0.02, h / 2 - 0.01), leaf),
        on_leaf(w - 0.1, -0.03, 1.02, (0.055, 0.012, 0.012), "metal"),
        box((-w / 2 - 0.07, -w / 2), (-0.02, 0.0), (0, h + 0.07), casing),
        box((w / 2, w / 2 + 0.07), (-0.02, 0.0), (0, h + 0.07), casing),
        box((-w / 2, w / 2), (-0.02, 0.0), (h, h + 0.07), casing),
    ]
    if rng.random() < 0.5:  # a panel that stands out
        solids.append(on_leaf(w / 2, -0.006, h * 0.7, (w / 2 - 0.13, 0.006, h * 0.2), leaf))
        solids.append(on_leaf(w / 2, -0.006, h * 0.26, (w / 2 - 0.13, 0.006, h * 0.16), leaf))
    return Piece(
        name="door", size=(w + 0.14, 0.1, h), solids=tuple(solids),
        opening=((-w / 2, w / 2), (0.0, h)),
    )  # fmt: skip


def window(rng: Rng) -> Piece:
    """Set back into the wall, with a sill that stands out."""
    w, z0, z1 = rng.uniform(0.9, 1.6), rng.uniform(0.8, 0.95), rng.uniform(1.95, 2.15)
    frame = pick(rng, ("white", "white", "wood_a", "grey"))
    bars = [(-w / 2, -w / 2 + 0.06), (w / 2 - 0.06, w / 2), (-0.03, 0.03)]
    solids = [box((x0, x1), (0.04, 0.1), (z0, z1), frame) for x0, x1 in bars]
    solids += [box((-w / 2, w / 2), (0.04, 0.1), (z, z + 0.06), frame) for z in (z0, z1 - 0.06)]
    solids.append(box((-w / 2 - 0.05, w / 2 + 0.05), (-0.14, 0.0), (z0 - 0.04, z0), "stone"))
    solids.append(box((-w / 2, w / 2), (0.065, 0.075), (z0, z1), "glass"))
    board = Board(x=(-w / 2, w / 2), y=(-0.14, 0.0), z=z0, clear=0.5)
    return Piece(
        name="window", size=(w + 0.1, 0.16, z1), solids=tuple(solids), boards=(board,),
        opening=((-w / 2, w / 2), (z0, z1)),
    )  # fmt: skip


def curtain(rng: Rng) -> Piece:
    w, z1, cover = (
        rng.uniform(0.4, 0.7),
        rng.uniform(2.2, 2.35),
        pick(rng, ("cloth_a", "cloth_b", "linen")),
    )
    folds = [
        Solid(
            shape=CYLINDER,
            center=np.array([x, -0.09, z1 / 2 + 0.03]),
            half=np.array([0.055, 0.05, z1 / 2 - 0.03]),
            turn=np.eye(3),
            material=cover,
        )
        for x in np.arange(-w / 2 + 0.06, w / 2 - 0.04, 0.085)
    ]
    return Piece(name="curtain", size=(w, 0.16, z1), solids=tuple(folds))


def picture(rng: Rng) -> Piece:
    w, h, z = rng.uniform(0.4, 0.9), rng.uniform(0.35, 0.6), rng.uniform(1.3, 1.6)
    solids = (
        box(
            (-w / 2, w / 2),
            (-0.03, 0),
            (z - h / 2, z + h / 2),
            pick(rng, ("wood_b", "black", "white")),
        ),
        box(
            (-w / 2 + 0.04, w / 2 - 0.04),
            (-0.034, -0.03),
            (z - h / 2 + 0.04, z + h / 2 - 0.04),
            "art",
        ),
    )
    return Piece(name="picture", size=(w, 0.04, z + h / 2), solids=solids)


def whiteboard(rng: Rng) -> Piece:
    w, z0 = rng.uniform(1.2, 2.0), rng.uniform(0.85, 1.0)
    solids = (
        box((-w / 2, w / 2), (-0.03, 0), (z0, z0 + 1.1), "metal"),
        box((-w / 2 + 0.03, w / 2 - 0.03), (-0.034, -0.03), (z0 + 0.03, z0 + 1.07), "white"),
        box((-w / 3, w / 3), (-0.09, 0), (z0 - 0.02, z0), "metal"),
    )
    return Piece(name="whiteboard", size=(w, 0.1, z0 + 1.1), solids=solids)


def radiator(rng: Rng, width: float) -> Piece:
    h, paint = rng.uniform(0.5, 0.62), pick(rng, ("white", "white", "wall"))
    solids = [box((-width / 2, width / 2), (-0.1, -0.05), (0.12, 0.12 + h), paint)]
    for x in (-width / 2 + 0.08, width / 2 - 0.08):
        solids.append(box((x - 0.015, x + 0.015), (-0.06, 0.0), (0.2, 0.25), "metal"))
    return Piece(name="radiator", size=(width, 0.1, 0.12 + h), solids=tuple(solids))
