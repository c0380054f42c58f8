"""What stands, parks and walks on simulated streets. Vehicles point along +x of their own frame.

Only vehicles and people are instances (SemanticKITTI's "things"); trees, poles, signs, fences and
buildings are stuff and may consist of several pieces of different classes.
"""

import numpy as np

from pointins_engine.geometry import rotation
from pointins_engine.scenes.simulate.pieces import Piece, Triple, box, cylinder, ellipsoid
from pointins_engine.scenes.simulate.solids import BOX, CYLINDER, Solid

Rng = np.random.Generator
_LYING = rotation("x", np.pi / 2)  # a cylinder's axis across the vehicle

# Reflectivity at right angles (0..1) and share of returns lost, by material.
REFLECTIVITY = {
    "asphalt": (0.36, 0.02), "paving": (0.4, 0.01), "grass": (0.42, 0.02), "facade": (0.42, 0.01),
    "brick": (0.3, 0.01), "wood": (0.33, 0.02), "leaf": (0.42, 0.1), "bark": (0.3, 0.02),
    "paint_light": (0.5, 0.06), "paint_dark": (0.12, 0.3), "paint_mid": (0.3, 0.12),
    "glass": (0.08, 0.75), "tyre": (0.07, 0.12), "steel": (0.45, 0.03), "retro": (0.97, 0.0),
    "cloth": (0.3, 0.03), "skin": (0.35, 0.02), "line": (0.6, 0.01),
}  # fmt: skip


def _paint(rng: Rng) -> str:
    return ("paint_light", "paint_dark", "paint_mid")[int(rng.integers(3))]


def _bar(a: Triple, b: Triple, radius: float, material: str) -> Solid:
    """Round bar from point a to point b."""
    start, end = np.array(a), np.array(b)
    axis = (end - start) / np.linalg.norm(end - start)
    side = np.cross(axis, [0.0, 1.0, 0.0] if abs(axis[1]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    turn = np.stack([side, np.cross(axis, side), axis], axis=1)
    middle = (start + end) / 2
    length = float(np.linalg.norm(end - start))
    return cylinder((middle[0], middle[1], middle[2]), radius, length, material, turn)


def _wheels(xs: tuple[float, ...], y: float, radius: float, width: float) -> list[Solid]:
    return [
        cylinder((x, s * y, radius), radius, width, "tyre", _LYING) for x in xs for s in (-1, 1)
    ]


def car(rng: Rng) -> Piece:
    kind = ("small", "sedan", "estate", "suv")[int(rng.integers(4))]
    length = {"small": 3.8, "sedan": 4.55, "estate": 4.6, "suv": 4.7}[kind] * rng.uniform(
        0.96, 1.04
    )
    width, top = rng.uniform(1.7, 1.86), {"suv": 1.72, "small": 1.5}.get(kind, 1.46)
    belt, body = 0.56 * top, _paint(rng)
    nose = {"small": 0.85, "sedan": 1.25, "estate": 1.2, "suv": 1.2}[kind]
    tail = {"small": 0.1, "sedan": 0.75, "estate": 0.1, "suv": 0.1}[kind]
    x0, x1 = -length / 2, length / 2
    cabin0, cabin1 = x0 + tail, x1 - nose
    slope, glazed = rotation("y", 0.55), width / 2 - 0.09
    solids = [
        box((x0 + 0.06, x1 - 0.06), (-width / 2, width / 2), (0.24, belt), body),
        box((x0, x1), (-width / 2 + 0.1, width / 2 - 0.1), (0.3, belt - 0.12), body),
        box((cabin0 + 0.1, cabin1 - 0.3), (-glazed, glazed), (belt, top - 0.06), "glass"),
        ellipsoid(
            ((cabin0 + cabin1) / 2 - 0.1, 0, top - 0.12),
            ((cabin1 - cabin0) / 2 - 0.15, width / 2 - 0.1, 0.12),
            body,
        ),
        box(
            (cabin1 - 0.62, cabin1 + 0.12),
            (-glazed, glazed),
            (belt + 0.18, belt + 0.22),
            "glass",
            slope,
        ),
        *_wheels((x0 + 0.75, x1 - 0.82), width / 2 - 0.1, 0.31, 0.2),
        box((x0 - 0.01, x0 + 0.02), (-0.26, 0.26), (0.5, 0.61), "retro"),
        box((x1 - 0.02, x1 + 0.01), (-0.26, 0.26), (0.42, 0.53), "retro"),
    ]
    for x in (cabin0 + 0.12, (cabin0 + cabin1) / 2 - 0.1, cabin1 - 0.34):  # roof posts
        solids.append(
            box(
                (x - 0.05, x + 0.05),
                (-width / 2 + 0.07, width / 2 - 0.07),
                (belt, top - 0.08),
                body,
            )
        )
    return Piece(name="car", size=(length, width, top), solids=tuple(solids))


def truck(rng: Rng) -> Piece:
    length, width, top = rng.uniform(6.5, 9.0), 2.4, rng.uniform(2.9, 3.5)
    cab, body = length / 2 - 1.9, _paint(rng)
    solids = [
        box((cab, length / 2), (-width / 2, width / 2), (0.45, 2.5), body),
        box((length / 2 - 0.02, length / 2 + 0.01), (-1.0, 1.0), (1.5, 2.3), "glass"),
        box((-length / 2, cab - 0.15), (-width / 2, width / 2), (0.95, top), "paint_light"),
        box((-length / 2 + 0.2, cab), (-0.5, 0.5), (0.6, 0.95), "steel"),
        *_wheels(
            (-length / 2 + 1.2, -length / 2 + 2.4, length / 2 - 1.1), width / 2 - 0.16, 0.48, 0.3
        ),
    ]
    return Piece(name="truck", size=(length, width, top), solids=tuple(solids))


def van(rng: Rng) -> Piece:
    """A delivery van or a bus: `other-vehicle` in SemanticKITTI's sense."""
    bus = rng.random() < 0.35
    length, width, top = (rng.uniform(9, 11), 2.5, 3.0) if bus else (rng.uniform(5.2, 6), 2.0, 2.5)
    body = _paint(rng)
    side = 0.02
    solids = [
        box((-length / 2, length / 2), (-width / 2, width / 2), (0.35, top), body),
        box(
            (length / 2 - 0.5, length / 2 + 0.01),
            (-width / 2 - side, width / 2 + side),
            (1.3, top - 0.5),
            "glass",
        ),
        *_wheels((-length / 2 + 1.2, length / 2 - 1.1), width / 2 - 0.1, 0.38, 0.25),
        box((-length / 2 - 0.01, -length / 2), (-0.26, 0.26), (0.6, 0.71), "retro"),
    ]
    if bus:
        solids.append(
            box(
                (-length / 2 + 0.5, length / 2 - 0.6),
                (-width / 2 - side, width / 2 + side),
                (1.3, 2.4),
                "glass",
            )
        )
    return Piece(name="other-vehicle", size=(length, width, top), solids=tuple(solids))


def person(rng: Rng) -> Piece:
    h, stride = rng.uniform(1.55, 1.88), rng.uniform(0.03, 0.22)
    hip, shoulder = 0.5 * h, 0.81 * h
    solids = (
        _bar((stride, 0.09, 0.02), (0, 0.09, hip), 0.075, "cloth"),
        _bar((-stride, -0.09, 0.02), (0, -0.09, hip), 0.075, "cloth"),
        ellipsoid((0, 0, (hip + shoulder) / 2), (0.14, 0.21, 0.24 * h), "cloth"),
        _bar((-stride, 0.25, hip), (0, 0.2, shoulder), 0.05, "cloth"),
        _bar((stride, -0.25, hip), (0, -0.2, shoulder), 0.05, "cloth"),
        ellipsoid((0, 0, 0.93 * h), (0.1, 0.085, 0.075 * h), "skin"),
    )
    return Piece(name="person", size=(0.5, 0.55, h), solids=solids)


def _two_wheeler(tyre: float, base: float, material: str, heavy: bool) -> list[Solid]:
    x = base / 2
    wheels = [
        Solid(
            shape=CYLINDER,
            center=np.array([s * x, 0, tyre]),
            half=np.array([tyre, tyre, 0.05 if heavy else 0.025]),
            turn=_LYING,
            material="tyre",
            free_path=0.0 if heavy else 0.09,  # spokes: most rays pass between them
        )
        for s in (-1, 1)
    ]
    bar = 0.09 if heavy else 0.022
    return [
        *wheels,
        _bar((-x, 0, tyre), (-0.1, 0, 0.8), bar * 0.7, material),
        _bar((-0.1, 0, 0.78), (x - 0.2, 0, 0.85), bar, material),
        _bar((-0.05, 0, 0.3), (x - 0.2, 0, 0.82), bar, material),
        _bar((-0.05, 0, 0.3), (-0.2, 0, 0.9), bar, material),
        _bar((x, 0, tyre), (x - 0.22, 0, 1.0), bar * 0.7, material),
        _bar((x - 0.24, -0.3, 1.02), (x - 0.24, 0.3, 1.02), 0.018, material),
        ellipsoid((-0.2, 0, 0.95), (0.16, 0.09, 0.05), "tyre"),
    ]


def bicycle(rng: Rng) -> Piece:
    solids = _two_wheeler(0.34, rng.uniform(1.0, 1.1), "steel", heavy=False)
    return Piece(name="bicycle", size=(1.8, 0.6, 1.05), solids=tuple(solids))


def motorcycle(rng: Rng) -> Piece:
    solids = _two_wheeler(0.31, rng.uniform(1.3, 1.45), _paint(rng), heavy=True)
    solids += [
        ellipsoid((0.15, 0, 0.75), (0.28, 0.15, 0.16), _paint(rng)),
        box((-0.15, 0.3), (-0.16, 0.16), (0.22, 0.6), "steel"),
    ]
    return Piece(name="motorcycle", size=(2.1, 0.7, 1.1), solids=tuple(solids))


def _rider(lean: float) -> list[Solid]:
    return [
        ellipsoid((-0.02, 0, 1.25), (0.15, 0.2, 0.34), "cloth", 0.0, rotation("y", lean)),
        ellipsoid((0.16, 0, 1.66), (0.11, 0.09, 0.13), "skin"),
        _bar((-0.15, 0.12, 0.98), (0.15, 0.13, 0.6), 0.075, "cloth"),
        _bar((-0.15, -0.12, 0.98), (0.2, -0.13, 0.75), 0.075, "cloth"),
        _bar((0.15, 0.13, 0.6), (0.0, 0.13, 0.25), 0.06, "cloth"),
        _bar((0.2, -0.13, 0.75), (0.05, -0.13, 0.4), 0.06, "cloth"),
        _bar((0.08, 0.2, 1.45), (0.35, 0.25, 1.05), 0.045, "cloth"),
        _bar((0.08, -0.2, 1.45), (0.35, -0.25, 1.05), 0.045, "cloth"),
    ]


def bicyclist(rng: Rng) -> Piece:
    """Rider and bicycle are one instance, as SemanticKITTI labels them."""
    solids = (*bicycle(rng).solids, *_rider(0.35))
    return Piece(name="bicyclist", size=(1.8, 0.6, 1.8), solids=solids)


def motorcyclist(rng: Rng) -> Piece:
    solids = (*motorcycle(rng).solids, *_rider(0.2))
    return Piece(name="motorcyclist", size=(2.1, 0.7, 1.8), solids=solids)


def tree(rng: Rng) -> tuple[Piece, Piece]:
    """Trunk and crown, two classes."""
    h, r = rng.uniform(2.0, 3.2), rng.uniform(0.1, 0.24)
    trunk = cylinder((0, 0, h / 2 + 0.3), r, h + 0.6, "bark")
    spread = rng.uniform(1.1, 2.2)
    crown = [
        ellipsoid(
            (*rng.normal(0, 0.4 * spread, 2), h + rng.uniform(0.5, 1.4 * spread)),
            (*(spread * rng.uniform(0.6, 1, 2)), spread * rng.uniform(0.5, 0.9)),
            "leaf",
            free_path=0.7,
        )
        for _ in range(int(rng.integers(3, 6)))
    ]
    top = h + 3 * spread
    return (
        Piece(name="trunk", size=(2 * r, 2 * r, h), solids=(trunk,)),
        Piece(name="vegetation", size=(2 * spread, 2 * spread, top), solids=tuple(crown)),
    )


def bush(rng: Rng) -> Piece:
    r = rng.uniform(0.4, 0.9)
    solids = [
        ellipsoid(
            (*rng.normal(0, r / 2, 2), 0.45 * r), (r, r, r * rng.uniform(0.6, 1.0)), "leaf", 0.15
        )
        for _ in range(3)
    ]
    return Piece(name="vegetation", size=(2 * r, 2 * r, 1.5 * r), solids=tuple(solids))


def hedge(length: float, rng: Rng) -> Piece:
    h = rng.uniform(0.9, 1.7)
    solid = Solid(
        shape=BOX, center=np.array([0, 0, h / 2]), half=np.array([length / 2, 0.35, h / 2]),
        turn=np.eye(3), material="leaf", free_path=0.12,
    )  # fmt: skip
    return Piece(name="vegetation", size=(length, 0.7, h), solids=(solid,))


def fence(length: float, rng: Rng) -> Piece:
    h, count = rng.uniform(0.9, 1.5), max(2, round(length / 0.5))
    xs = np.linspace(-length / 2, length / 2, count)
    solids = [box((x - 0.04, x + 0.04), (-0.03, 0.03), (0, h), "wood") for x in xs]
    solids += [
        box((-length / 2, length / 2), (-0.02, 0.02), (z - 0.06, z + 0.06), "wood")
        for z in (0.3, 0.6 * h, h - 0.1)
    ]
    return Piece(name="fence", size=(length, 0.1, h), solids=tuple(solids))


def lamp_post(rng: Rng) -> Piece:
    h = rng.uniform(5.5, 8.0)
    solids = (
        cylinder((0, 0, h / 2), 0.08, h, "steel"),
        _bar((0, 0, h), (0, 1.4, h + 0.2), 0.05, "steel"),
        ellipsoid((0, 1.5, h + 0.2), (0.15, 0.35, 0.08), "steel"),
    )
    return Piece(name="pole", size=(0.2, 0.2, h), solids=solids)


def traffic_sign(rng: Rng) -> tuple[Piece, Piece]:
    """Post and plate, two classes; the plate looks along -x."""
    h = rng.uniform(2.1, 2.6)
    across = rotation("y", np.pi / 2)
    post = cylinder((0, 0, h / 2), 0.035, h, "steel")
    if rng.random() < 0.5:
        plate = cylinder((-0.05, 0, h), 0.32, 0.02, "retro", across)
    else:
        plate = box((-0.06, -0.04), (-0.3, 0.3), (h - 0.35, h + 0.35), "retro")
    return (
        Piece(name="pole", size=(0.1, 0.1, h), solids=(post,)),
        Piece(name="traffic-sign", size=(0.1, 0.64, h), solids=(plate,)),
    )


def building(width: float, depth: float, rng: Rng) -> Piece:
    """House whose facade looks towards -y, with windows set back, a door and a cornice."""
    floors = int(rng.integers(2, 5))
    h, wall = 3.0 * floors + rng.uniform(0.2, 0.8), ("facade", "brick")[int(rng.integers(2))]
    front = -depth / 2
    solids = [
        box((-width / 2, width / 2), (front, depth / 2), (0, h), wall),
        box((-width / 2 - 0.15, width / 2 + 0.15), (front - 0.3, depth / 2), (h, h + 0.3), wall),
        box((-0.6, 0.6), (front - 0.12, front), (0, 2.4), "wood"),
    ]
    for floor in range(min(floors, 3)):
        for x in np.arange(-width / 2 + 1.2, width / 2 - 0.7, 2.2):
            if floor == 0 and abs(x) < 1.4:
                continue
            z = 3.0 * floor + 1.0
            solids.append(box((x - 0.5, x + 0.5), (front - 0.02, front), (z, z + 1.4), "glass"))
            solids.append(box((x - 0.6, x + 0.6), (front - 0.14, front), (z - 0.1, z), wall))
    return Piece(name="building", size=(width, depth, h), solids=tuple(solids))
