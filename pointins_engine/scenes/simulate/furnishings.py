"""Small things of simulated rooms, and what hangs on their walls; see `furniture.py`.

Pieces for walls have their back (y = 0) on the wall, and z counts from the floor of the room.
"""

import numpy as np

from pointins_engine.geometry import rotation
from pointins_engine.scenes.simulate.furniture import PAINTS, Rng, pick
from pointins_engine.scenes.simulate.pieces import Piece, box, cylinder, ellipsoid
from pointins_engine.scenes.simulate.solids import CYLINDER, Solid


def plant(rng: Rng) -> Piece:
    r, h = rng.uniform(0.13, 0.19), rng.uniform(0.26, 0.38)
    solids = [
        cylinder((0, 0, h / 2), r, h, pick(rng, ("ceramic", "grey", "wood_b"))),
        cylinder((0, 0, h + 0.2), 0.02, 0.4, "wood_b"),
    ]
    for _ in range(4):
        x, y = rng.normal(0, 0.09, 2)
        z = h + rng.uniform(0.3, 0.7)
        half = (rng.uniform(0.13, 0.22), rng.uniform(0.13, 0.22), rng.uniform(0.12, 0.26))
        solids.append(ellipsoid((x, y, z), half, "leaf", free_path=0.06))
    return Piece(name="plant", size=(0.5, 0.5, h + 0.9), solids=tuple(solids))


def floor_lamp(rng: Rng) -> Piece:
    h, r = rng.uniform(1.45, 1.7), rng.uniform(0.15, 0.21)
    solids = (
        cylinder((0, 0, 0.015), 0.14, 0.03, "metal"),
        cylinder((0, 0, h / 2), 0.017, h, "metal"),
        cylinder((0, 0, h), r, rng.uniform(0.22, 0.3), pick(rng, ("linen", "cloth_a", "white"))),
    )
    return Piece(name="lamp", size=(2 * r, 2 * r, h + 0.15), solids=solids)


def table_lamp(rng: Rng) -> Piece:
    h, r = rng.uniform(0.34, 0.48), rng.uniform(0.11, 0.15)
    solids = (
        cylinder((0, 0, 0.012), 0.08, 0.024, "metal"),
        ellipsoid((0, 0, h * 0.3), (0.055, 0.055, h * 0.3), pick(rng, ("ceramic", "wood_b"))),
        cylinder((0, 0, h - 0.09), r, 0.18, pick(rng, ("linen", "cloth_b"))),
    )
    return Piece(name="lamp", size=(2 * r, 2 * r, h), solids=solids)


def monitor(rng: Rng) -> Piece:
    w, h = rng.uniform(0.5, 0.68), rng.uniform(0.3, 0.38)
    solids = (
        box((-w / 2, w / 2), (-0.02, 0.02), (0.12, 0.12 + h), "screen"),
        box((-0.025, 0.025), (0.02, 0.05), (0.01, 0.3), "black"),
        box((-0.13, 0.13), (-0.08, 0.1), (0, 0.015), "black"),
    )
    return Piece(name="monitor", size=(w, 0.2, 0.12 + h), solids=solids)


def television(rng: Rng) -> Piece:
    w = rng.uniform(0.9, 1.25)
    h = w * 0.58
    solids = (
        box((-w / 2, w / 2), (-0.025, 0.025), (0.06, 0.06 + h), "screen"),
        box((-w / 3, w / 3), (-0.1, 0.1), (0, 0.02), "black"),
        box((-0.1, 0.1), (-0.02, 0.03), (0.02, 0.08), "black"),
    )
    return Piece(name="television", size=(w, 0.22, 0.06 + h), solids=solids)


def pile_of_books(rng: Rng) -> Piece:
    solids, z = [], 0.0
    for _ in range(int(rng.integers(2, 5))):
        h, turn = rng.uniform(0.03, 0.055), rotation("z", rng.uniform(-0.4, 0.4))
        solids.append(box((-0.14, 0.14), (-0.1, 0.1), (z, z + h), "books", turn))
        z += h
    return Piece(name="books", size=(0.32, 0.26, z), solids=tuple(solids))


def carton(rng: Rng) -> Piece:
    w, d, h = rng.uniform(0.25, 0.5), rng.uniform(0.25, 0.4), rng.uniform(0.2, 0.4)
    solids = (box((-w / 2, w / 2), (-d / 2, d / 2), (0, h), pick(rng, ("card", "card", "white"))),)
    return Piece(name="box", size=(w, d, h), solids=solids)


def bin_(rng: Rng) -> Piece:
    r, h = rng.uniform(0.12, 0.17), rng.uniform(0.28, 0.45)
    solids = (cylinder((0, 0, h / 2), r, h, pick(rng, ("grey", "black", "metal"))),)
    return Piece(name="bin", size=(2 * r, 2 * r, h), solids=solids)


def vase(rng: Rng) -> Piece:
    r, h = rng.uniform(0.07, 0.1), rng.uniform(0.2, 0.3)
    solids = (
        ellipsoid((0, 0, h / 2), (r, r, h / 2), pick(rng, ("ceramic", "stone"))),
        ellipsoid((0, 0, h + 0.1), (0.11, 0.11, 0.13), "leaf", free_path=0.05),
    )
    return Piece(name="plant", size=(0.24, 0.24, h + 0.23), solids=solids)


def pillow(rng: Rng) -> Piece:
    turn = rotation("z", rng.uniform(-0.5, 0.5)) @ rotation("x", 0.9)
    solid = ellipsoid(
        (0, 0, 0.17), (0.22, 0.2, 0.075), pick(rng, ("cloth_a", "cloth_b", "linen")), 0.0, turn
    )
    return Piece(name="pillow", size=(0.44, 0.3, 0.36), solids=(solid,))


def door(rng: Rng) -> Piece:
    w, h, leaf = rng.uniform(0.82, 0.95), rng.uniform(1.98, 2.08), pick(rng, PAINTS)
    solids = (
        box((-w / 2, w / 2), (-0.03, 0), (0, h), leaf),
        box((-w / 2 - 0.08, -w / 2), (-0.05, 0), (0, h + 0.08), "white"),
        box((w / 2, w / 2 + 0.08), (-0.05, 0), (0, h + 0.08), "white"),
        box((-w / 2, w / 2), (-0.05, 0), (h, h + 0.08), "white"),
        box((w / 2 - 0.16, w / 2 - 0.05), (-0.09, -0.05), (1.0, 1.03), "metal"),
    )
    return Piece(name="door", size=(w + 0.16, 0.1, h), solids=solids)


def window(rng: Rng) -> Piece:
    w, z0, z1 = rng.uniform(0.9, 1.6), rng.uniform(0.8, 0.95), rng.uniform(1.95, 2.15)
    bars = [(-w / 2, -w / 2 + 0.07), (w / 2 - 0.07, w / 2), (-0.035, 0.035)]
    solids = [box((x0, x1), (-0.06, 0), (z0, z1), "white") for x0, x1 in bars]
    solids += [box((-w / 2, w / 2), (-0.06, 0), (z, z + 0.07), "white") for z in (z0, z1 - 0.07)]
    solids.append(box((-w / 2 - 0.05, w / 2 + 0.05), (-0.16, 0), (z0 - 0.04, z0), "stone"))
    solids.append(box((-w / 2, w / 2), (-0.012, 0), (z0, z1), "glass"))
    return Piece(name="window", size=(w + 0.1, 0.16, z1), solids=tuple(solids))


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
        for x in np.arange(-w / 2 + 0.05, w / 2, 0.085)
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
