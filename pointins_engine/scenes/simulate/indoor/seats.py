"""Seats of simulated rooms; see `furniture.py`."""

import numpy as np

from pointins_engine.geometry import rotation
from pointins_engine.scenes.simulate.indoor.materials import CLOTHS, WOODS
from pointins_engine.scenes.simulate.pieces import (
    Board,
    Piece,
    Rng,
    box,
    cylinder,
    ellipsoid,
    legs,
    pick,
)
from pointins_engine.scenes.simulate.solids import BOX, Solid


def chair(rng: Rng) -> Piece:
    w, d = rng.uniform(0.42, 0.5), rng.uniform(0.43, 0.52)
    seat, top = rng.uniform(0.43, 0.48), rng.uniform(0.8, 0.98)
    frame, cover = pick(rng, (*WOODS, "metal", "white")), pick(rng, (*CLOTHS, *WOODS))
    rest = cover if rng.random() < 0.5 else pick(rng, (*CLOTHS, frame))
    solids = [
        *legs(w, d, seat, frame),
        box((-w / 2, w / 2), (-d / 2, d / 2), (seat - 0.045, seat + 0.01), cover),
    ]
    back = d / 2 - 0.025
    if rng.random() < 0.5:  # closed back
        solids.append(box((-w / 2, w / 2), (back - 0.02, back + 0.02), (seat + 0.1, top), rest))
        posts, top_of_post = (-w / 4, w / 4), seat + 0.12
    else:  # slats between two posts
        posts, top_of_post = (-w / 2 + 0.025, w / 2 - 0.025), top
        for z in np.linspace(seat + 0.16, top - 0.03, 3):
            solids.append(
                box((-w / 2, w / 2), (back - 0.012, back + 0.012), (z - 0.035, z + 0.035), rest)
            )
    for x in posts:
        middle, length = (seat + top_of_post) / 2, top_of_post - seat
        solids.append(cylinder((x, back, middle), 0.018, length, frame))
    return Piece(
        name="chair", size=(w, d, top), solids=tuple(solids),
        boards=(Board(x=(-w / 2, w / 2), y=(-d / 2, d / 2 - 0.06), z=seat + 0.01),),
    )  # fmt: skip


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
                center=np.array([x, y, 0.035]),
                half=np.array([0.15, 0.022, 0.035]),
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
    cushion = cover if rng.random() < 0.5 else pick(rng, CLOTHS)
    inner = w / 2 - arm
    solids = [
        box((-w / 2 + 0.06, w / 2 - 0.06), (-d / 2 + 0.06, d / 2 - 0.06), (0, 0.06), "black"),
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
                cushion,
            )
        )
        lean = rotation("x", -0.18)
        solids.append(
            box(
                (x0 + 0.02, x0 + step - 0.02),
                (d / 2 - 0.33, d / 2 - 0.2),
                (seat, top + 0.04),
                cushion,
                lean,
            )
        )
    seat_board = Board(x=(-inner, inner), y=(-d / 2, d / 2 - 0.36), z=seat)
    return Piece(
        name=name, size=(w, d + 0.02, top + 0.04), solids=tuple(solids), boards=(seat_board,)
    )
