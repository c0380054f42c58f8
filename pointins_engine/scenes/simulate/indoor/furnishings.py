"""Small things of simulated rooms; see `furniture.py`."""

import numpy as np

from pointins_engine.geometry import rotation
from pointins_engine.scenes.simulate.indoor.materials import CLOTHS
from pointins_engine.scenes.simulate.pieces import (
    Piece,
    Rng,
    box,
    cylinder,
    ellipsoid,
    pick,
    top_board,
)
from pointins_engine.scenes.simulate.solids import BOX, Solid


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


def row_of_books(rng: Rng) -> Piece:
    """Upright on a shelf."""
    w, d, h = rng.uniform(0.15, 0.4), rng.uniform(0.14, 0.2), rng.uniform(0.19, 0.27)
    solids = (box((-w / 2, w / 2), (-d / 2, d / 2), (0, h), "books"),)
    return Piece(name="books", size=(w, d, h), solids=solids)


def carton(rng: Rng) -> Piece:
    w, d, h = rng.uniform(0.25, 0.5), rng.uniform(0.25, 0.4), rng.uniform(0.2, 0.4)
    side = pick(rng, ("card", "card", "print", "white", "wood_a"))
    solids = (box((-w / 2, w / 2), (-d / 2, d / 2), (0, h), side),)
    return Piece(name="box", size=(w, d, h), solids=solids, boards=(top_board(w, d, h, 0.5),))


def small_box(rng: Rng) -> Piece:
    w, d, h = rng.uniform(0.12, 0.26), rng.uniform(0.12, 0.22), rng.uniform(0.1, 0.22)
    side = pick(rng, ("print", "print", "card", "white", "cloth_a", "wood_b"))
    solids = (box((-w / 2, w / 2), (-d / 2, d / 2), (0, h), side),)
    return Piece(name="box", size=(w, d, h), solids=solids)


def bag(rng: Rng) -> Piece:
    w, d, h = rng.uniform(0.28, 0.4), rng.uniform(0.16, 0.24), rng.uniform(0.3, 0.45)
    cover = pick(rng, CLOTHS)
    solids = (
        ellipsoid((0, 0, h * 0.5), (w / 2, d / 2, h * 0.5), cover),
        box((-w / 4, w / 4), (-d / 2 - 0.02, -d / 4), (h * 0.15, h * 0.5), pick(rng, CLOTHS)),
    )
    return Piece(name="bag", size=(w, d + 0.04, h), solids=solids)


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
    """A pillow that leans back."""
    lean, half = rng.uniform(0.25, 0.5), np.array([0.21, 0.07, 0.19])
    turn = rotation("z", rng.uniform(-0.2, 0.2)) @ rotation("x", -lean)
    low = np.sqrt(((turn[2] * half) ** 2).sum())  # half height of the turned ellipsoid
    deep = np.sqrt(((turn[1] * half) ** 2).sum())
    cover = pick(rng, ("cloth_a", "cloth_b", "linen"))
    solid = ellipsoid((0, 0, low), tuple(half), cover, 0.0, turn)
    return Piece(name="pillow", size=(0.44, 2 * deep, 2 * low), solids=(solid,))


def cushion(rng: Rng) -> Piece:
    """A pillow that lies flat."""
    r, h = rng.uniform(0.19, 0.24), rng.uniform(0.1, 0.14)
    cover = pick(rng, ("cloth_a", "cloth_b", "linen"))
    solids = (ellipsoid((0, 0, h / 2), (r, r, h / 2), cover),)
    return Piece(name="pillow", size=(2 * r, 2 * r, h), solids=solids)


def leaning_frame(rng: Rng) -> Piece:
    """A picture that stands on the floor and leans back against a wall."""
    w, h, lean = rng.uniform(0.4, 0.8), rng.uniform(0.5, 0.9), rng.uniform(0.1, 0.22)
    turn = rotation("x", -lean)
    depth, thick = h * np.sin(lean), 0.03
    middle = np.array([0.0, 0.0, h / 2 * np.cos(lean) + thick / 2 * np.sin(lean)])
    frame = Solid(
        shape=BOX, center=middle, half=np.array([w / 2, thick / 2, h / 2]), turn=turn,
        material=pick(rng, ("wood_b", "black", "white")),
    )  # fmt: skip
    canvas = Solid(
        shape=BOX, center=middle - turn @ np.array([0.0, thick / 2 + 0.002, 0.0]),
        half=np.array([w / 2 - 0.04, 0.003, h / 2 - 0.04]), turn=turn, material="art",
    )  # fmt: skip
    size = (w, depth + thick * np.cos(lean) + 0.01, h * np.cos(lean) + thick)
    return Piece(name="picture", size=size, solids=(frame, canvas))
