"""Fittings of simulated kitchens and bathrooms; see `furniture.py`."""

import numpy as np

from pointins_engine.scenes.simulate.indoor.materials import PAINTS
from pointins_engine.scenes.simulate.pieces import (
    Board,
    Piece,
    Rng,
    box,
    cylinder,
    ellipsoid,
    pick,
    top_board,
)
from pointins_engine.scenes.simulate.solids import CYLINDER, Solid


def counter(rng: Rng) -> Piece:
    w, d, h = rng.uniform(1.4, 2.2), 0.6, rng.uniform(0.88, 0.93)
    front, top = pick(rng, PAINTS), pick(rng, ("stone", "wood_a", "white"))
    solids = [
        box((-w / 2, w / 2), (-d / 2 + 0.03, d / 2), (0.1, h - 0.04), front),
        box((-w / 2, w / 2), (-d / 2 - 0.02, d / 2), (h - 0.04, h), top),
        box((-w / 2, w / 2), (-d / 2 + 0.08, d / 2), (0, 0.1), "black"),
    ]
    for x in np.arange(-w / 2 + 0.3, w / 2 - 0.1, 0.5):
        solids.append(
            box((x - 0.08, x + 0.08), (-d / 2 - 0.01, -d / 2 + 0.03), (h - 0.16, h - 0.13), "metal")
        )
    return Piece(
        name="counter", size=(w, d + 0.04, h), solids=tuple(solids), boards=(top_board(w, d, h),)
    )


def refrigerator(rng: Rng) -> Piece:
    w, d, h = rng.uniform(0.58, 0.72), rng.uniform(0.6, 0.7), rng.uniform(1.5, 1.9)
    body, split = pick(rng, ("white", "metal", "grey")), h * rng.uniform(0.3, 0.62)
    front = -d / 2
    solids = (
        box((-w / 2, w / 2), (front + 0.05, d / 2), (0, h), body),
        box((-w / 2, w / 2), (front, front + 0.045), (0.06, split - 0.008), body),
        box((-w / 2, w / 2), (front, front + 0.045), (split + 0.008, h), body),
        cylinder((w / 2 - 0.06, front - 0.03, split + 0.25), 0.014, 0.35, "metal"),
    )
    return Piece(
        name="refrigerator", size=(w, d + 0.05, h), solids=solids,
        boards=(Board(x=(-w / 2, w / 2), y=(front + 0.05, d / 2), z=h, clear=0.5),),
    )  # fmt: skip


def sink(rng: Rng) -> Piece:
    w, d, h = rng.uniform(0.5, 0.7), rng.uniform(0.42, 0.5), rng.uniform(0.82, 0.88)
    solids = (
        box((-w / 2, w / 2), (-d / 2, -d / 2 + 0.04), (h - 0.16, h), "ceramic"),
        box((-w / 2, w / 2), (d / 2 - 0.09, d / 2), (h - 0.16, h), "ceramic"),
        box((-w / 2, -w / 2 + 0.04), (-d / 2, d / 2), (h - 0.16, h), "ceramic"),
        box((w / 2 - 0.04, w / 2), (-d / 2, d / 2), (h - 0.16, h), "ceramic"),
        box((-w / 2, w / 2), (-d / 2, d / 2), (h - 0.18, h - 0.15), "ceramic"),
        cylinder((0, 0.05, (h - 0.18) / 2), 0.08, h - 0.18, "ceramic"),
        cylinder((0, d / 2 - 0.05, h + 0.08), 0.018, 0.16, "metal"),
        box((-0.015, 0.015), (d / 2 - 0.19, d / 2 - 0.05), (h + 0.14, h + 0.165), "metal"),
    )
    return Piece(name="sink", size=(w, d, h + 0.16), solids=solids)


def toilet(rng: Rng) -> Piece:
    w, d = rng.uniform(0.37, 0.42), rng.uniform(0.64, 0.7)
    solids = (
        cylinder((0, -0.05, 0.19), 0.12, 0.38, "ceramic"),
        ellipsoid((0, -0.1, 0.38), (w / 2 - 0.01, 0.25, 0.06), "ceramic"),
        ellipsoid((0, -0.1, 0.29), (w / 2 - 0.03, 0.22, 0.14), "ceramic"),
        box((-w / 2, w / 2), (d / 2 - 0.19, d / 2), (0.36, 0.78), "ceramic"),
        box((-w / 2 - 0.01, w / 2 + 0.01), (d / 2 - 0.2, d / 2), (0.78, 0.81), "ceramic"),
    )
    return Piece(name="toilet", size=(w + 0.02, d, 0.81), solids=solids)


def bathtub(rng: Rng) -> Piece:
    w, d, h, rim = rng.uniform(1.5, 1.7), rng.uniform(0.7, 0.78), rng.uniform(0.52, 0.6), 0.07
    solids = (
        box((-w / 2, w / 2), (-d / 2, -d / 2 + rim), (0, h), "ceramic"),
        box((-w / 2, w / 2), (d / 2 - rim, d / 2), (0, h), "ceramic"),
        box((-w / 2, -w / 2 + rim), (-d / 2, d / 2), (0, h), "ceramic"),
        box((w / 2 - rim, w / 2), (-d / 2, d / 2), (0, h), "ceramic"),
        box((-w / 2, w / 2), (-d / 2, d / 2), (0, 0.14), "ceramic"),
    )
    return Piece(name="bathtub", size=(w, d, h), solids=solids)


def shower_curtain(rng: Rng) -> Piece:
    """Hangs from a rail over the rim of a bathtub; the piece is as deep as its folds."""
    w, z1 = rng.uniform(0.7, 1.1), rng.uniform(1.9, 2.05)
    cover = pick(rng, ("linen", "white", "cloth_a", "cloth_b"))
    z0 = rng.uniform(0.22, 0.35)
    folds = [
        Solid(
            shape=CYLINDER,
            center=np.array([x, 0.012 * (-1) ** k, (z0 + z1) / 2]),
            half=np.array([0.05, 0.022, (z1 - z0) / 2]),
            turn=np.eye(3),
            material=cover,
        )
        for k, x in enumerate(np.arange(-w / 2 + 0.05, w / 2 - 0.04, 0.078))
    ]
    return Piece(name="shower curtain", size=(w, 0.07, z1), solids=tuple(folds))
