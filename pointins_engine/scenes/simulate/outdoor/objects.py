"""Vehicles and people of simulated streets: the instances (SemanticKITTI's "things").

They point along +x of their own frame. Sizes are metres.
"""

import numpy as np

from pointins_engine.geometry import rotation, rotation_between
from pointins_engine.scenes.simulate.pieces import Piece, Triple, box, cylinder, ellipsoid
from pointins_engine.scenes.simulate.solids import CYLINDER, Solid

Rng = np.random.Generator
_LYING = rotation("x", np.pi / 2)  # a cylinder's axis across the vehicle
_PAINTS = ("paint_dark", "paint_mid", "paint_light")


def paint(rng: Rng) -> str:
    return str(rng.choice(_PAINTS, p=(0.45, 0.25, 0.3)))


def bar(a: Triple, b: Triple, radius: float, material: str) -> Solid:
    """Round bar from point a to point b."""
    way = np.array(b, float) - np.array(a, float)
    length = float(np.sqrt(way @ way))
    turn = rotation_between(np.array([0.0, 0.0, 1.0]), way)
    middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2)
    return cylinder(middle, radius, length, material, turn)


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
    belt, body = 0.56 * top, paint(rng)
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
    for side in (-1, 1):  # rear lamps reflect
        y = side * (width / 2 - 0.2)
        solids.append(box((x0 + 0.03, x0 + 0.07), (y - 0.1, y + 0.1), (belt - 0.2, belt), "retro"))
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
    """A box truck, or a tractor with its trailer."""
    is_long = rng.random() < 0.3
    length = rng.uniform(13.0, 16.0) if is_long else rng.uniform(6.5, 9.0)
    width, top = 2.45, rng.uniform(3.6, 4.0) if is_long else rng.uniform(2.9, 3.5)
    cab, body = length / 2 - 1.9, paint(rng)
    load = "paint_light" if rng.random() < 0.7 else "plastic"
    rear = -length / 2
    axles = (rear + 1.2, rear + 2.4) + ((length / 2 - 4.2,) if is_long else ())
    solids = [
        box((cab, length / 2), (-width / 2, width / 2), (0.45, 0.72 * top), body),
        box((length / 2 - 0.02, length / 2 + 0.01), (-1.0, 1.0), (1.5, 2.2), "glass"),
        box((rear, cab - (0.7 if is_long else 0.15)), (-width / 2, width / 2), (1.0, top), load),
        box((rear + 0.2, cab), (-0.5, 0.5), (0.6, 1.0), "steel"),
        box((rear - 0.02, rear), (-1.1, 1.1), (1.0, 1.12), "retro"),
        *_wheels((*axles, length / 2 - 1.1), width / 2 - 0.16, 0.48, 0.3),
    ]
    return Piece(name="truck", size=(length, width, top), solids=tuple(solids))


def van(rng: Rng) -> Piece:
    """A delivery van, a bus or a caravan: `other-vehicle` in SemanticKITTI's sense."""
    kind = str(rng.choice(("van", "bus", "trailer"), p=(0.5, 0.3, 0.2)))
    length, width, top = {
        "van": (rng.uniform(5.2, 6), 2.0, rng.uniform(2.1, 2.6)),
        "bus": (rng.uniform(10, 12), 2.5, 3.0),
        "trailer": (rng.uniform(2.6, 5.5), rng.uniform(1.5, 2.2), rng.uniform(1.2, 2.4)),
    }[kind]
    body, side = paint(rng), 0.02
    solids = [
        box((-length / 2, length / 2), (-width / 2, width / 2), (0.35, top), body),
        *_wheels(
            (-length / 2 + 1.2, length / 2 - 1.1) if kind != "trailer" else (0.0,),
            width / 2 - 0.1,
            0.38,
            0.25,
        ),
        box((-length / 2 - 0.01, -length / 2), (-0.26, 0.26), (0.6, 0.71), "retro"),
    ]
    across = (-width / 2 - side, width / 2 + side)
    if kind != "trailer":
        front = (length / 2 - 0.5, length / 2 + 0.01)
        solids.append(box(front, across, (0.5 * top, 0.8 * top), "glass"))
    if kind == "bus":
        long = (-length / 2 + 0.5, length / 2 - 0.6)
        solids.append(box(long, across, (1.3, 2.4), "glass"))
    return Piece(name="other-vehicle", size=(length, width, top), solids=tuple(solids))


def person(rng: Rng) -> Piece:
    h = rng.uniform(1.55, 1.88) if rng.random() < 0.85 else rng.uniform(1.0, 1.45)
    stride, k = rng.uniform(0.03, 0.22) * h / 1.7, h / 1.7
    hip, shoulder = 0.5 * h, 0.81 * h
    solids = [
        bar((stride, 0.09 * k, 0.02), (0, 0.09 * k, hip), 0.075 * k, "cloth"),
        bar((-stride, -0.09 * k, 0.02), (0, -0.09 * k, hip), 0.075 * k, "cloth"),
        ellipsoid((0, 0, (hip + shoulder) / 2), (0.14 * k, 0.21 * k, 0.24 * h), "cloth"),
        bar((-stride, 0.25 * k, hip), (0, 0.2 * k, shoulder), 0.05 * k, "cloth"),
        bar((stride, -0.25 * k, hip), (0, -0.2 * k, shoulder), 0.05 * k, "cloth"),
        ellipsoid((0, 0, 0.93 * h), (0.1 * k, 0.085 * k, 0.075 * h), "skin"),
    ]
    carries = rng.random()
    if carries < 0.2:  # a rucksack
        solids.append(ellipsoid((-0.2 * k, 0, 0.68 * h), (0.11, 0.15, 0.2), "plastic"))
    elif carries < 0.3:  # a bag in the hand
        solids.append(box((-0.15, 0.15), (0.26, 0.36), (0.25, 0.55), "plastic"))
    return Piece(name="person", size=(0.5, 0.55, h), solids=tuple(solids))


def _two_wheeler(tyre: float, base: float, material: str, heavy: bool) -> list[Solid]:
    x = base / 2
    wheels = [
        Solid(
            shape=CYLINDER,
            center=np.array([s * x, 0, tyre]),
            half=np.array([tyre, tyre, 0.06 if heavy else 0.025]),
            turn=_LYING,
            material="tyre",
            free_path=0.0 if heavy else 0.09,  # spokes: most rays pass between them
        )
        for s in (-1, 1)
    ]
    thick = 0.09 if heavy else 0.022
    return [
        *wheels,
        bar((-x, 0, tyre), (-0.1, 0, 0.8), thick * 0.7, material),
        bar((-0.1, 0, 0.78), (x - 0.2, 0, 0.85), thick, material),
        bar((-0.05, 0, 0.3), (x - 0.2, 0, 0.82), thick, material),
        bar((-0.05, 0, 0.3), (-0.2, 0, 0.9), thick, material),
        bar((x, 0, tyre), (x - 0.22, 0, 1.0), thick * 0.7, material),
        bar((x - 0.24, -0.3, 1.02), (x - 0.24, 0.3, 1.02), 0.018, material),
        ellipsoid((-0.2, 0, 0.95), (0.16, 0.09, 0.05), "tyre"),
    ]


def bicycle(rng: Rng) -> Piece:
    solids = _two_wheeler(0.34, rng.uniform(1.0, 1.1), "steel", heavy=False)
    if rng.random() < 0.4:
        solids.append(box((0.45, 0.75), (-0.17, 0.17), (0.8, 1.02), "plastic"))  # a basket
    return Piece(name="bicycle", size=(1.8, 0.6, 1.05), solids=tuple(solids))


def motorcycle(rng: Rng) -> Piece:
    """A motorcycle or a scooter."""
    body = paint(rng)
    solids = _two_wheeler(0.31, rng.uniform(1.3, 1.45), body, heavy=True)
    solids += [
        ellipsoid((0.15, 0, 0.75), (0.28, 0.15, 0.16), body),
        box((-0.15, 0.3), (-0.16, 0.16), (0.22, 0.6), "steel"),
    ]
    if rng.random() < 0.5:  # leg shield and case of a scooter
        solids.append(box((0.35, 0.42), (-0.22, 0.22), (0.25, 0.9), body))
        solids.append(box((-0.75, -0.4), (-0.2, 0.2), (0.75, 1.1), "plastic"))
    return Piece(name="motorcycle", size=(2.1, 0.7, 1.1), solids=tuple(solids))


def _rider(lean: float) -> list[Solid]:
    return [
        ellipsoid((-0.02, 0, 1.25), (0.15, 0.2, 0.34), "cloth", 0.0, rotation("y", lean)),
        ellipsoid((0.16, 0, 1.66), (0.11, 0.09, 0.13), "skin"),
        bar((-0.15, 0.12, 0.98), (0.15, 0.13, 0.6), 0.075, "cloth"),
        bar((-0.15, -0.12, 0.98), (0.2, -0.13, 0.75), 0.075, "cloth"),
        bar((0.15, 0.13, 0.6), (0.0, 0.13, 0.25), 0.06, "cloth"),
        bar((0.2, -0.13, 0.75), (0.05, -0.13, 0.4), 0.06, "cloth"),
        bar((0.08, 0.2, 1.45), (0.35, 0.25, 1.05), 0.045, "cloth"),
        bar((0.08, -0.2, 1.45), (0.35, -0.25, 1.05), 0.045, "cloth"),
    ]


def bicyclist(rng: Rng) -> Piece:
    """Rider and bicycle are one instance, as SemanticKITTI labels them."""
    solids = (*bicycle(rng).solids, *_rider(0.35))
    return Piece(name="bicyclist", size=(1.8, 0.6, 1.8), solids=solids)


def motorcyclist(rng: Rng) -> Piece:
    solids = (*motorcycle(rng).solids, *_rider(0.2))
    return Piece(name="motorcyclist", size=(2.1, 0.7, 1.8), solids=solids)
