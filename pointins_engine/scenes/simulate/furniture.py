"""Furniture of simulated rooms: each function draws sizes and a build, and returns a `Piece`.

Sizes are those of shops and kitchens. Materials are shared between kinds on purpose (the table and
the shelf are of one wood, the sofa and the curtain of one cloth), so colour alone names no object.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from pointins_engine.geometry import rotation
from pointins_engine.scenes.simulate.pieces import Piece, box, cylinder, ellipsoid, legs
from pointins_engine.scenes.simulate.solids import BOX, Solid

Rng = np.random.Generator
Maker = Callable[[Rng], Piece]
WOODS = ("wood_a", "wood_a", "wood_b")  # the first is the wood most of the room is made of
CLOTHS = ("cloth_a", "cloth_b", "cloth_b", "leather")
PAINTS = ("white", "wood_a", "wood_b", "white", "grey")


def pick(rng: Rng, names: tuple[str, ...]) -> str:
    return names[int(rng.integers(len(names)))]


def chair(rng: Rng) -> Piece:
    w, d = rng.uniform(0.42, 0.5), rng.uniform(0.43, 0.52)
    seat, top = rng.uniform(0.43, 0.48), rng.uniform(0.8, 0.98)
    frame, cover = pick(rng, (*WOODS, "metal")), pick(rng, (*CLOTHS, *WOODS))
    solids = [
        *legs(w, d, seat, frame),
        box((-w / 2, w / 2), (-d / 2, d / 2), (seat - 0.045, seat + 0.01), cover),
    ]
    back = d / 2 - 0.025
    if rng.random() < 0.5:  # closed back
        solids.append(box((-w / 2, w / 2), (back - 0.02, back + 0.02), (seat + 0.1, top), cover))
    else:  # slats between two posts
        for x in (-w / 2 + 0.025, w / 2 - 0.025):
            solids.append(cylinder((x, back, (seat + top) / 2), 0.018, top - seat, frame))
        for z in np.linspace(seat + 0.16, top - 0.03, 3):
            solids.append(
                box((-w / 2, w / 2), (back - 0.012, back + 0.012), (z - 0.035, z + 0.035), frame)
            )
    return Piece(name="chair", size=(w, d, top), solids=tuple(solids))


def office_chair(rng: Rng) -> Piece:
    w, seat, top = rng.uniform(0.48, 0.54), rng.uniform(0.44, 0.52), rng.uniform(0.9, 1.12)
    cover = pick(rng, CLOTHS)
    solids: list[Solid] = [
        cylinder((0, 0, seat / 2 + 0.02), 0.03, seat - 0.06, "metal"),
        ellipsoid((0, 0, seat), (w / 2, w / 2, 0.055), cover),
        box((-w * 0.42, w * 0.42), (w / 2 - 0.06, w / 2), (seat + 0.12, top), cover),
        box((-0.03, 0.03), (w / 2 - 0.03, w / 2 + 0.01), (seat, seat + 0.2), "black"),
    ]
    for k in range(5):
        turn = rotation("z", 2 * np.pi * k / 5)
        x, y, _ = turn @ np.array([0.15, 0, 0])
        solids.append(
            Solid(
                shape=BOX,
                center=np.array([x, y, 0.06]),
                half=np.array([0.15, 0.022, 0.02]),
                turn=turn,
                material="black",
            )
        )
    if rng.random() < 0.6:
        for x in (-w / 2 - 0.01, w / 2 + 0.01):
            solids.append(
                box((x - 0.025, x + 0.025), (-0.15, 0.14), (seat + 0.2, seat + 0.24), "black")
            )
            solids.append(box((x - 0.02, x + 0.02), (-0.02, 0.03), (seat, seat + 0.2), "black"))
    return Piece(name="chair", size=(0.62, 0.62, top), solids=tuple(solids))


def armchair(rng: Rng) -> Piece:
    return _upholstered(rng, "chair", rng.uniform(0.78, 0.95))


def sofa(rng: Rng) -> Piece:
    return _upholstered(rng, "sofa", rng.uniform(1.5, 2.2))


def _upholstered(rng: Rng, name: str, w: float) -> Piece:
    d, seat, top = rng.uniform(0.8, 0.95), rng.uniform(0.38, 0.45), rng.uniform(0.72, 0.9)
    arm, cover = rng.uniform(0.12, 0.2), pick(rng, CLOTHS)
    inner = w / 2 - arm
    solids = [
        box((-w / 2, w / 2), (-d / 2, d / 2), (0.06, seat - 0.12), cover),
        box((-w / 2, w / 2), (d / 2 - 0.2, d / 2), (0.06, top), cover),
        *[
            box((s * w / 2 - (arm if s > 0 else 0), s * w / 2 + (arm if s < 0 else 0)),
                (-d / 2, d / 2), (0.06, seat + 0.18), cover)
            for s in (-1, 1)
        ],
    ]  # fmt: skip
    count = max(1, round(2 * inner / 0.7))
    step = 2 * inner / count
    for k in range(count):
        x0 = -inner + k * step
        solids.append(
            box(
                (x0 + 0.01, x0 + step - 0.01),
                (-d / 2 - 0.02, d / 2 - 0.2),
                (seat - 0.12, seat),
                cover,
            )
        )
        lean = rotation("x", -0.18)
        solids.append(
            box(
                (x0 + 0.02, x0 + step - 0.02),
                (d / 2 - 0.33, d / 2 - 0.2),
                (seat, top + 0.04),
                cover,
                lean,
            )
        )
    return Piece(name=name, size=(w, d, top + 0.04), solids=tuple(solids))


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
    return Piece(name="table", size=(w, d, h), solids=tuple(solids))


def round_table(rng: Rng) -> Piece:
    r, h = rng.uniform(0.42, 0.6), rng.uniform(0.71, 0.76)
    top = pick(rng, (*WOODS, "white"))
    solids = (
        cylinder((0, 0, h - 0.018), r, 0.036, top),
        cylinder((0, 0, h / 2), 0.045, h - 0.04, "metal"),
        cylinder((0, 0, 0.015), r * 0.55, 0.03, "metal"),
    )
    return Piece(name="table", size=(2 * r, 2 * r, h), solids=solids)


def coffee_table(rng: Rng) -> Piece:
    w, d, h = rng.uniform(0.8, 1.2), rng.uniform(0.5, 0.65), rng.uniform(0.36, 0.45)
    top = pick(rng, WOODS)
    solids = [
        box((-w / 2, w / 2), (-d / 2, d / 2), (h - 0.04, h), top),
        *legs(w, d, h - 0.04, top, 0.028),
    ]
    if rng.random() < 0.5:
        solids.append(
            box((-w / 2 + 0.05, w / 2 - 0.05), (-d / 2 + 0.05, d / 2 - 0.05), (0.12, 0.14), top)
        )
    return Piece(name="table", size=(w, d, h), solids=tuple(solids))


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
    return Piece(name="desk", size=(w, d, h), solids=tuple(solids))


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
    return Piece(name="dresser", size=(w, d + 0.03, h), solids=(*body.solids[:1], *drawers))


def nightstand(rng: Rng) -> Piece:
    return _fronted(rng, "nightstand", rng.uniform(0.4, 0.5), 0.4, rng.uniform(0.45, 0.58), doors=1)


def _fronted(rng: Rng, name: str, w: float, d: float, h: float, doors: int) -> Piece:
    body = pick(rng, PAINTS)
    front = body if rng.random() < 0.6 else pick(rng, PAINTS)
    solids = [box((-w / 2, w / 2), (-d / 2, d / 2), (0.05, h), body)]
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
    return Piece(name=name, size=(w, d + 0.04, h), solids=tuple(solids))


def bookshelf(rng: Rng) -> Piece:
    w, d, h = rng.uniform(0.7, 1.1), rng.uniform(0.26, 0.34), rng.uniform(1.5, 2.1)
    board = pick(rng, (*WOODS, "white"))
    solids = [
        box((-w / 2, -w / 2 + 0.025), (-d / 2, d / 2), (0, h), board),
        box((w / 2 - 0.025, w / 2), (-d / 2, d / 2), (0, h), board),
        box((-w / 2, w / 2), (d / 2 - 0.012, d / 2), (0, h), board),
    ]
    levels = np.linspace(0.05, h - 0.013, round(h / 0.36) + 1)
    for z in levels:
        solids.append(box((-w / 2, w / 2), (-d / 2, d / 2), (z - 0.012, z + 0.012), board))
    for z, above in pairwise(levels):  # rows of books, some shorter
        filled = rng.uniform(0.25, 1.0)
        x0 = -w / 2 + 0.03 + rng.uniform(0, 1 - filled) * (w - 0.06)
        solids.append(
            box((x0, x0 + filled * (w - 0.06)), (-d / 2 + rng.uniform(0.02, 0.07), d / 2 - 0.03),
                (z + 0.012, z + 0.012 + rng.uniform(0.6, 0.9) * (above - z - 0.024)), "books")
        )  # fmt: skip
    return Piece(name="bookshelf", size=(w, d, h), solids=tuple(solids))


def bed(rng: Rng) -> Piece:
    w, d = (
        (rng.uniform(0.9, 1.0) if rng.random() < 0.4 else rng.uniform(1.4, 1.7)),
        rng.uniform(2.0, 2.1),
    )
    h, frame, cover = (
        rng.uniform(0.45, 0.55),
        pick(rng, WOODS),
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
    return Piece(name="bed", size=(w, d, 1.0), solids=tuple(solids))


def counter(rng: Rng) -> Piece:
    w, d, h = rng.uniform(1.4, 2.2), 0.6, rng.uniform(0.88, 0.93)
    front, top = pick(rng, PAINTS), pick(rng, ("stone", "wood_a", "white"))
    solids = [
        box((-w / 2, w / 2), (-d / 2 + 0.03, d / 2), (0.1, h - 0.04), front),
        box((-w / 2, w / 2), (-d / 2 - 0.02, d / 2), (h - 0.04, h), top),
    ]
    for x in np.arange(-w / 2 + 0.3, w / 2 - 0.1, 0.5):
        solids.append(
            box((x - 0.08, x + 0.08), (-d / 2 - 0.01, -d / 2 + 0.03), (h - 0.16, h - 0.13), "metal")
        )
    return Piece(name="counter", size=(w, d + 0.04, h), solids=tuple(solids))


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


def refrigerator(rng: Rng) -> Piece:
    w, d, h = rng.uniform(0.58, 0.72), rng.uniform(0.6, 0.7), rng.uniform(1.5, 1.9)
    body, split = pick(rng, ("white", "metal", "grey")), h * rng.uniform(0.3, 0.62)
    front = -d / 2
    solids = (
        box((-w / 2, w / 2), (front + 0.05, d / 2), (0.03, h), body),
        box((-w / 2, w / 2), (front, front + 0.045), (0.06, split - 0.008), body),
        box((-w / 2, w / 2), (front, front + 0.045), (split + 0.008, h), body),
        cylinder((w / 2 - 0.06, front - 0.03, split + 0.25), 0.014, 0.35, "metal"),
    )
    return Piece(name="refrigerator", size=(w, d + 0.05, h), solids=solids)
