"""Furniture of simulated rooms: each function draws sizes and a build, and returns a `Piece`.

Sizes are those of shops and kitchens. Materials are shared between kinds on purpose (the table and
the shelf are of one wood, the sofa and the curtain of one cloth), so colour alone names no object.
"""

from itertools import pairwise

import numpy as np

from pointins_engine.scenes.simulate.indoor.materials import PAINTS, WOODS
from pointins_engine.scenes.simulate.pieces import (
    Board,
    Piece,
    Rng,
    box,
    cylinder,
    ellipsoid,
    legs,
    pick,
    top_board,
)


def table(rng: Rng, size: tuple[float, float] | None = None) -> Piece:
    w, d = size or (rng.uniform(1.2, 1.8), rng.uniform(0.75, 0.95))
    h, top = rng.uniform(0.72, 0.77), pick(rng, (*WOODS, "white"))
    solids = [box((-w / 2, w / 2), (-d / 2, d / 2), (h - 0.035, h), top)]
    style = rng.random()
    if style < 0.6:
        solids += legs(w, d, h - 0.035, pick(rng, (top, "metal")), 0.03)
        solids.append(box((-w / 2 + 0.1, w / 2 - 0.1), (-0.02, 0.02), (h - 0.13, h - 0.035), top))
    else:  # two trestles
        for x in (-w / 2 + 0.15, w / 2 - 0.15):
            solids.append(
                box((x - 0.02, x + 0.02), (-d / 2 + 0.08, d / 2 - 0.08), (0, h - 0.035), top)
            )
    return Piece(name="table", size=(w, d, h), solids=tuple(solids), boards=(top_board(w, d, h),))


def round_table(rng: Rng) -> Piece:
    r, h = rng.uniform(0.42, 0.6), rng.uniform(0.71, 0.76)
    top = pick(rng, (*WOODS, "white"))
    solids = (
        cylinder((0, 0, h - 0.018), r, 0.036, top),
        cylinder((0, 0, h / 2), 0.045, h - 0.04, "metal"),
        cylinder((0, 0, 0.015), r * 0.55, 0.03, "metal"),
    )
    return Piece(
        name="table", size=(2 * r, 2 * r, h), solids=solids,
        boards=(top_board(1.4 * r, 1.4 * r, h),),
    )  # fmt: skip


def coffee_table(rng: Rng) -> Piece:
    w, d, h = rng.uniform(0.8, 1.2), rng.uniform(0.5, 0.65), rng.uniform(0.36, 0.45)
    top = pick(rng, WOODS)
    solids = [
        box((-w / 2, w / 2), (-d / 2, d / 2), (h - 0.04, h), top),
        *legs(w, d, h - 0.04, top, 0.028),
    ]
    shelf = rng.random() < 0.5
    if shelf:
        solids.append(
            box((-w / 2 + 0.05, w / 2 - 0.05), (-d / 2 + 0.05, d / 2 - 0.05), (0.12, 0.14), top)
        )
    below = (top_board(w - 0.16, d - 0.16, 0.14, h - 0.2),) if shelf else ()
    return Piece(
        name="table", size=(w, d, h), solids=tuple(solids), boards=(top_board(w, d, h), *below)
    )


def desk(rng: Rng) -> Piece:
    w, d, h = rng.uniform(1.2, 1.6), rng.uniform(0.65, 0.8), rng.uniform(0.72, 0.76)
    top = pick(rng, (*WOODS, "white"))
    solids = [
        box((-w / 2, w / 2), (-d / 2, d / 2), (h - 0.03, h), top),
        box((-w / 2, -w / 2 + 0.03), (-d / 2, d / 2), (0, h - 0.03), top),
        box((w / 2 - 0.42, w / 2), (-d / 2 + 0.04, d / 2), (0.04, h - 0.03), top),
        box((-w / 2, w / 2 - 0.42), (d / 2 - 0.03, d / 2 - 0.01), (0.35, h - 0.03), top),
    ]
    for z in (0.2, 0.4, 0.6):
        solids.append(
            box(
                (w / 2 - 0.27, w / 2 - 0.15),
                (-d / 2 + 0.02, -d / 2 + 0.04),
                (z - 0.01, z + 0.01),
                "metal",
            )
        )
    return Piece(name="desk", size=(w, d, h), solids=tuple(solids), boards=(top_board(w, d, h),))


def cabinet(rng: Rng) -> Piece:
    w, d, h = rng.uniform(0.6, 1.2), rng.uniform(0.38, 0.5), rng.uniform(0.7, 1.05)
    return _fronted(rng, "cabinet", w, d, h, doors=2)


def wardrobe(rng: Rng) -> Piece:
    w, d, h = rng.uniform(0.9, 1.5), rng.uniform(0.55, 0.62), rng.uniform(1.85, 2.15)
    return _fronted(rng, "cabinet", w, d, h, doors=2)


def dresser(rng: Rng) -> Piece:
    w, d, h = rng.uniform(0.8, 1.2), rng.uniform(0.42, 0.5), rng.uniform(0.75, 0.95)
    body = _fronted(rng, "dresser", w, d, h, doors=1)
    front = -d / 2
    drawers = [
        box(
            (-w / 2 + 0.02, w / 2 - 0.02),
            (front - 0.015, front),
            (z0 + 0.012, z0 + h / 3.3),
            body.solids[0].material,
        )
        for z0 in (0.06, 0.06 + h * 0.31, 0.06 + h * 0.62)
    ]
    return Piece(
        name="dresser", size=(w, d + 0.03, h), solids=(*body.solids[:2], *drawers),
        boards=(top_board(w, d, h),),
    )  # fmt: skip


def nightstand(rng: Rng) -> Piece:
    return _fronted(rng, "nightstand", rng.uniform(0.4, 0.5), 0.4, rng.uniform(0.45, 0.58), doors=1)


def _fronted(rng: Rng, name: str, w: float, d: float, h: float, doors: int) -> Piece:
    body = pick(rng, PAINTS)
    front = body if rng.random() < 0.6 else pick(rng, PAINTS)
    solids = [
        box((-w / 2, w / 2), (-d / 2, d / 2), (0.05, h), body),
        box((-w / 2 + 0.01, w / 2 - 0.01), (-d / 2 + 0.03, d / 2), (0, 0.05), "black"),
    ]
    step = w / doors
    for k in range(doors):
        x0 = -w / 2 + k * step
        solids.append(
            box((x0 + 0.008, x0 + step - 0.008), (-d / 2 - 0.018, -d / 2), (0.09, h - 0.03), front)
        )
        x = x0 + (step - 0.06 if k % 2 == 0 else 0.06)
        z = min(0.72 * h, 1.05)
        solids.append(
            box(
                (x - 0.012, x + 0.012),
                (-d / 2 - 0.05, -d / 2 - 0.018),
                (z - 0.07, z + 0.07),
                "metal",
            )
        )
    return Piece(
        name=name, size=(w, d + 0.04, h), solids=tuple(solids),
        boards=(top_board(w, d, h, max(0.1, 2.3 - h)),),
    )  # fmt: skip


def bookshelf(rng: Rng) -> Piece:
    """Some compartments hold books that belong to the shelf, the others are free for things."""
    w, d, h = rng.uniform(0.7, 1.1), rng.uniform(0.26, 0.34), rng.uniform(1.2, 2.1)
    board = pick(rng, (*WOODS, "white", "wall"))
    solids = [
        box((-w / 2, -w / 2 + 0.025), (-d / 2, d / 2), (0, h), board),
        box((w / 2 - 0.025, w / 2), (-d / 2, d / 2), (0, h), board),
        box((-w / 2, w / 2), (d / 2 - 0.012, d / 2), (0, h), board),
    ]
    levels = np.linspace(0.05, h - 0.013, round(h / 0.36) + 1)
    for z in levels:
        solids.append(box((-w / 2, w / 2), (-d / 2, d / 2), (z - 0.012, z + 0.012), board))
    free = [top_board(w, d, levels[-1] + 0.012, max(0.1, 2.3 - h))]
    for z, above in pairwise(levels):  # rows of books, some shorter
        if rng.random() < 0.4:
            free.append(
                Board(x=(-w / 2 + 0.03, w / 2 - 0.03), y=(-d / 2, d / 2 - 0.02), z=z + 0.012,
                      clear=above - z - 0.03)
            )  # fmt: skip
            continue
        filled = rng.uniform(0.25, 1.0)
        x0 = -w / 2 + 0.03 + rng.uniform(0, 1 - filled) * (w - 0.06)
        solids.append(
            box((x0, x0 + filled * (w - 0.06)), (-d / 2 + rng.uniform(0.02, 0.07), d / 2 - 0.03),
                (z + 0.012, z + 0.012 + rng.uniform(0.6, 0.9) * (above - z - 0.024)), "books")
        )  # fmt: skip
    return Piece(name="bookshelf", size=(w, d, h), solids=tuple(solids), boards=tuple(free))


def bed(rng: Rng) -> Piece:
    w, d = (
        (rng.uniform(0.9, 1.0) if rng.random() < 0.4 else rng.uniform(1.4, 1.7)),
        rng.uniform(2.0, 2.1),
    )
    h, frame, cover = (
        rng.uniform(0.45, 0.55),
        pick(rng, (*WOODS, "cloth_b", "white")),
        pick(rng, ("cloth_a", "cloth_b", "linen")),
    )
    solids = [
        box((-w / 2, w / 2), (-d / 2, d / 2), (0.12, h - 0.2), frame),
        box((-w / 2 + 0.02, w / 2 - 0.02), (-d / 2 + 0.02, d / 2 - 0.06), (h - 0.2, h), "linen"),
        box(
            (-w / 2 - 0.01, w / 2 + 0.01), (-d / 2 - 0.01, d / 2 - 0.6), (h - 0.17, h + 0.04), cover
        ),
        box((-w / 2, w / 2), (d / 2 - 0.05, d / 2), (0, rng.uniform(0.8, 1.1)), frame),
        *legs(w, d, 0.12, frame, 0.03),
    ]
    for x in (0.0,) if w < 1.2 else (-w / 4, w / 4):
        solids.append(ellipsoid((x, d / 2 - 0.32, h + 0.05), (0.32, 0.2, 0.08), "linen"))
    return Piece(
        name="bed", size=(w + 0.02, d + 0.01, 1.1), solids=tuple(solids),
        boards=(Board(x=(-w / 2, w / 2), y=(-d / 2, d / 2 - 0.62), z=h + 0.04),),
    )  # fmt: skip
