"""What stands along simulated streets and is no instance: trees, poles, signs, fences, houses.

Some consist of several pieces of different classes. Clutter is named `UNLABELLED`: SemanticKITTI
leaves bins, benches and boxes without a class of the benchmark.
"""

import numpy as np

from pointins_engine.geometry import rotation
from pointins_engine.scenes.simulate.outdoor.objects import bar
from pointins_engine.scenes.simulate.pieces import Piece, box, cylinder, ellipsoid
from pointins_engine.scenes.simulate.solids import BOX, Solid

UNLABELLED = "unlabelled"

Rng = np.random.Generator
_ROOT = -0.6  # metres: what stands upright on a slope starts below the ground


def tree(rng: Rng) -> tuple[Piece, Piece]:
    """Trunk with its forks, and crown: two classes."""
    h, r = rng.uniform(1.6, 3.2), rng.uniform(0.07, 0.2)
    spread = rng.uniform(1.4, 3.4)
    lean = rng.normal(0, 0.12, 2)
    trunk = [bar((0, 0, _ROOT), (lean[0], lean[1], h), r, "bark")]
    crown = []
    for _ in range(int(rng.integers(4, 8))):
        middle = (*(lean + rng.normal(0, 0.4 * spread, 2)), h + rng.uniform(0.4, 1.5 * spread))
        radii = spread * np.array([*rng.uniform(0.4, 0.75, 2), rng.uniform(0.35, 0.65)])
        middle = (middle[0], middle[1], max(middle[2], 1.4 + radii[2]))
        crown.append(
            ellipsoid(middle, (radii[0], radii[1], radii[2]), "leaf", rng.uniform(0.4, 0.9))
        )
        if len(trunk) < 4:
            trunk.append(bar((lean[0], lean[1], h - 0.2), middle, 0.4 * r, "bark"))
    top = h + 2.2 * spread
    return (
        Piece(name="trunk", size=(2 * r, 2 * r, h), solids=tuple(trunk)),
        Piece(name="vegetation", size=(2 * spread, 2 * spread, top), solids=tuple(crown)),
    )


def conifer(rng: Rng) -> tuple[Piece, Piece]:
    h, r = rng.uniform(5, 12), rng.uniform(1.0, 1.9)
    trunk = cylinder((0, 0, h / 2 + _ROOT / 2), 0.13, h - _ROOT, "bark")
    levels = np.linspace(0.16, 0.95, 5)
    crown = [
        ellipsoid((0, 0, h * z), ((1.05 - z) * r, (1.05 - z) * r, 0.14 * h), "leaf", 0.3)
        for z in levels
    ]
    return (
        Piece(name="trunk", size=(0.3, 0.3, h), solids=(trunk,)),
        Piece(name="vegetation", size=(2 * r, 2 * r, h), solids=tuple(crown)),
    )


def bush(rng: Rng) -> Piece:
    r = rng.uniform(0.5, 1.4)
    solids = [
        ellipsoid(
            (*rng.normal(0, r / 2, 2), 0.45 * r), (r, r, r * rng.uniform(0.6, 1.1)), "leaf", 0.15
        )
        for _ in range(3)
    ]
    return Piece(name="vegetation", size=(2 * r, 2 * r, 1.5 * r), solids=tuple(solids))


def hedge(length: float, rng: Rng) -> Piece:
    """A cut hedge with an uneven top."""
    h, depth = rng.uniform(1.0, 2.4), rng.uniform(0.3, 0.6)
    count = max(1, round(length / 1.6))
    step = length / count
    solids = [
        Solid(
            shape=BOX,
            center=np.array([-length / 2 + (k + 0.5) * step, rng.normal(0, 0.03), top / 2 - 0.1]),
            half=np.array([step / 2, depth * rng.uniform(0.9, 1.1), top / 2 + 0.1]),
            turn=np.eye(3),
            material="leaf",
            free_path=0.12,
        )
        for k, top in enumerate(h * rng.uniform(0.92, 1.05, count))
    ]
    return Piece(name="vegetation", size=(length, 2 * depth, h), solids=tuple(solids))


def fence(length: float, rng: Rng) -> Piece:
    """Pickets, wire mesh between posts, or a garden wall."""
    kind = str(rng.choice(("pickets", "mesh", "wall"), p=(0.4, 0.25, 0.35)))
    h = rng.uniform(0.9, 1.8)
    ends = (-length / 2, length / 2)
    if kind == "wall":
        h = rng.uniform(0.5, 1.9)
        solids = [
            box(ends, (-0.12, 0.12), (-0.2, h), "brick"),
            box(ends, (-0.16, 0.16), (h, h + 0.07), "concrete"),
        ]
    elif kind == "mesh":
        mesh = Solid(
            shape=BOX, center=np.array([0, 0, h / 2]), half=np.array([length / 2, 0.015, h / 2]),
            turn=np.eye(3), material="steel", free_path=0.05,
        )  # fmt: skip
        xs = np.linspace(*ends, max(2, round(length / 2.5)))
        solids = [mesh, *(cylinder((x, 0, h / 2), 0.03, h, "steel") for x in xs)]
    else:
        xs = np.linspace(*ends, max(2, round(length / 0.5)))
        solids = [box((x - 0.05, x + 0.05), (-0.03, 0.03), (0, h), "wood") for x in xs]
        solids += [
            box(ends, (-0.02, 0.02), (z - 0.06, z + 0.06), "wood") for z in (0.3, 0.6 * h, h - 0.1)
        ]
    return Piece(name="fence", size=(length, 0.32, h), solids=tuple(solids))


def guard_rail(length: float, rng: Rng) -> Piece:
    """A crash barrier of steel, or of concrete on motorways; `fence` in SemanticKITTI's sense."""
    ends = (-length / 2, length / 2)
    if rng.random() < 0.3:
        solids = [
            box(ends, (-0.3, 0.3), (-0.1, 0.25), "concrete"),
            box(ends, (-0.12, 0.12), (0.25, 0.85), "concrete"),
        ]
    else:
        xs = np.linspace(*ends, max(2, round(length / 4)))
        solids = [
            box(ends, (-0.03, 0.03), (0.5, 0.81), "steel"),
            *(box((x - 0.05, x + 0.05), (0.0, 0.12), (-0.2, 0.75), "steel") for x in xs),
        ]
    return Piece(name="fence", size=(length, 0.6, 0.85), solids=tuple(solids))


def lamp_post(rng: Rng) -> Piece:
    h = rng.uniform(4.5, 8.5)
    solids = (
        cylinder((0, 0, (h + _ROOT) / 2), 0.08, h - _ROOT, "steel"),
        cylinder((0, 0, 0.5), 0.12, 1.0, "steel"),
        bar((0, 0, h), (0, 1.4, h + 0.2), 0.05, "steel"),
        ellipsoid((0, 1.5, h + 0.2), (0.15, 0.35, 0.08), "steel"),
    )
    return Piece(name="pole", size=(0.24, 0.24, h), solids=solids)


def mast(rng: Rng) -> Piece:
    """A wooden mast that carries wires."""
    h = rng.uniform(7, 9)
    solids = (
        cylinder((0, 0, (h + _ROOT) / 2), 0.13, h - _ROOT, "wood"),
        box((-0.05, 0.05), (-0.9, 0.9), (h - 0.6, h - 0.45), "wood"),
    )
    return Piece(name="pole", size=(0.26, 0.26, h), solids=solids)


def delineator(rng: Rng) -> Piece:
    """The white post beside a country road."""
    solids = (
        box((-0.05, 0.05), (-0.06, 0.06), (-0.3, 0.95), "plastic"),
        box((-0.06, 0.06), (-0.04, 0.04), (0.7, 0.88), "retro"),
    )
    return Piece(name="pole", size=(0.12, 0.12, 0.95), solids=solids)


def bollard(rng: Rng) -> Piece:
    solid = cylinder((0, 0, 0.35), rng.uniform(0.05, 0.1), 1.1, "steel")
    return Piece(name="pole", size=(0.2, 0.2, 0.9), solids=(solid,))


def traffic_light(rng: Rng) -> tuple[Piece, Piece]:
    """Mast and signal head; the head is a traffic sign in SemanticKITTI's sense."""
    h = rng.uniform(2.9, 3.4)
    post = cylinder((0, 0, (h + _ROOT) / 2), 0.07, h - _ROOT, "steel")
    head = box((-0.16, 0.12), (-0.16, 0.16), (h - 0.95, h), "plastic")
    return (
        Piece(name="pole", size=(0.14, 0.14, h), solids=(post,)),
        Piece(name="traffic-sign", size=(0.3, 0.32, h), solids=(head,)),
    )


def traffic_sign(rng: Rng) -> tuple[Piece, Piece]:
    """Post and plate, two classes; the plate looks along -x and its back is bare metal."""
    h = rng.uniform(2.1, 2.8)
    across = rotation("y", np.pi / 2)
    post = cylinder((0, 0, (h + _ROOT) / 2), 0.035, h - _ROOT, "steel")
    if rng.random() < 0.5:
        r = rng.uniform(0.3, 0.42)
        plate = (
            cylinder((-0.06, 0, h), r, 0.012, "retro", across),
            cylinder((-0.045, 0, h), r, 0.012, "steel", across),
        )
    else:
        y, z = rng.uniform(0.25, 0.5), rng.uniform(0.25, 0.45)
        plate = (
            box((-0.066, -0.054), (-y, y), (h - z, h + z), "retro"),
            box((-0.051, -0.039), (-y, y), (h - z, h + z), "steel"),
        )
    return (
        Piece(name="pole", size=(0.1, 0.1, h), solids=(post,)),
        Piece(name="traffic-sign", size=(0.1, 0.8, h), solids=plate),
    )


def gantry_sign(rng: Rng) -> tuple[Piece, Piece]:
    """A large direction sign on two posts, beside a main road; looks along -x."""
    posts = tuple(cylinder((0, y, 1.6), 0.09, 4.4, "steel") for y in (-1.3, 1.3))
    plate = (
        box((-0.13, -0.11), (-1.8, 1.8), (1.9, 3.7), "retro"),
        box((-0.105, -0.09), (-1.8, 1.8), (1.9, 3.7), "steel"),
    )
    return (
        Piece(name="pole", size=(0.2, 2.8, 3.8), solids=posts),
        Piece(name="traffic-sign", size=(0.2, 3.6, 3.8), solids=plate),
    )


def clutter(rng: Rng) -> Piece:
    """A bin, a switch cabinet, a bench, a planter, a hydrant or cones: things without a class."""
    kind = int(rng.integers(6))
    if kind == 0:
        size, solids = (0.6, 0.75, 1.1), [
            box((-0.28, 0.28), (-0.35, 0.35), (0.05, 1.0), "plastic"),
            box((-0.3, 0.3), (-0.38, 0.38), (1.0, 1.08), "plastic"),
        ]  # fmt: skip
    elif kind == 1:
        size, solids = (1.2, 0.4, 1.3), [
            box((-0.6, 0.6), (-0.18, 0.18), (0, 1.25), "paint_mid"),
            box((-0.62, 0.62), (-0.2, 0.2), (1.25, 1.3), "paint_mid"),
        ]  # fmt: skip
    elif kind == 2:
        size, solids = (1.8, 0.6, 0.85), [
            box((-0.9, 0.9), (-0.22, 0.22), (0.42, 0.47), "wood"),
            box((-0.9, 0.9), (0.2, 0.24), (0.5, 0.85), "wood"),
            *(box((x - 0.04, x + 0.04), (-0.2, 0.2), (0, 0.42), "steel") for x in (-0.7, 0.7)),
        ]  # fmt: skip
    elif kind == 3:
        size, solids = (1.0, 1.0, 0.9), [
            box((-0.45, 0.45), (-0.45, 0.45), (0, 0.5), "concrete"),
            ellipsoid((0, 0, 0.62), (0.42, 0.42, 0.3), "leaf", 0.12),
        ]  # fmt: skip
    elif kind == 4:
        size, solids = (0.35, 0.35, 0.9), [
            cylinder((0, 0, 0.4), 0.11, 0.8, "paint_mid"),
            ellipsoid((0, 0, 0.8), (0.13, 0.13, 0.1), "paint_mid"),
        ]  # fmt: skip
    else:
        size, solids = (2.4, 0.4, 0.75), [
            cylinder((x, 0, 0.36), 0.13, 0.7, "retro") for x in (-1.1, 0, 1.1)
        ]  # fmt: skip
    return Piece(name=UNLABELLED, size=size, solids=tuple(solids))


def shelter(rng: Rng) -> Piece:
    """A bus stop: glass walls under a roof, open towards -y; SemanticKITTI's other structure."""
    w = rng.uniform(2.8, 4.2)
    solids = [
        box((-w / 2, w / 2), (0.6, 0.63), (0.3, 2.2), "glass"),
        box((-w / 2, -w / 2 + 0.03), (-0.5, 0.6), (0.3, 2.2), "paint_light"),
        box((-w / 2 - 0.2, w / 2 + 0.2), (-0.8, 0.7), (2.3, 2.42), "steel"),
        box((-w / 3, w / 3), (0.2, 0.55), (0.42, 0.48), "wood"),
        *(cylinder((x, 0.6, 1.15), 0.05, 2.3, "steel") for x in (-w / 2, 0, w / 2)),
    ]
    return Piece(name=UNLABELLED, size=(w, 1.5, 2.4), solids=tuple(solids))


def container(rng: Rng) -> Piece:
    length = float(rng.choice((6.1, 12.2)))
    solids = [box((-length / 2, length / 2), (-1.2, 1.2), (-0.1, 2.6), "paint_mid")]
    solids += [  # ribs
        box((x - 0.1, x + 0.1), (-1.24, 1.24), (0.1, 2.5), "paint_mid")
        for x in np.arange(-length / 2 + 0.3, length / 2, 0.6)
    ]
    return Piece(name=UNLABELLED, size=(length, 2.5, 2.6), solids=tuple(solids))


def building(width: float, depth: float, floors: int, rng: Rng, *, detail: bool = True) -> Piece:
    """House whose facade looks towards -y: windows, sills, a door, balconies, a bay, a roof.

    Args:
        width: Along the street, metres.
        depth: Away from it, metres.
        floors: Storeys of 3 m; up to two end in a gable, more in a flat roof.
        rng: Materials and what the facade has.
        detail: Whether the facade has relief; far houses are plain boxes.
    """
    h, wall = 3.0 * floors + rng.uniform(0.2, 0.8), ("facade", "brick")[int(rng.integers(2))]
    front, x0, x1 = -depth / 2, -width / 2, width / 2
    solids = [box((x0, x1), (front, depth / 2), (-1.5, h), wall)]
    if floors <= 2:
        half = depth / 2 + 0.4
        pitch = rng.uniform(0.5, 0.85)
        reach = half / np.cos(pitch) / 2
        for side in (-1, 1):
            solids.append(
                Solid(
                    shape=BOX,
                    center=np.array([0, side * half / 2, h + half * np.tan(pitch) / 2]),
                    half=np.array([width / 2 + 0.3, reach, 0.12]),
                    turn=rotation("x", -side * pitch),
                    material="brick",
                )
            )
    else:
        solids.append(box((x0 - 0.1, x1 + 0.1), (front - 0.35, depth / 2), (h, h + 0.3), wall))
    if not detail:
        return Piece(name="building", size=(width, depth, h), solids=tuple(solids))
    door = rng.uniform(-0.3, 0.3) * width
    solids.append(box((door - 0.6, door + 0.6), (front - 0.1, front), (0, 2.3), "wood"))
    solids.append(box((door - 0.9, door + 0.9), (front - 0.9, front), (2.5, 2.62), wall))
    solids.append(box((door - 0.8, door + 0.8), (front - 0.8, front), (-0.2, 0.15), "concrete"))
    step, balconies = rng.uniform(2.0, 3.2), rng.random() < 0.35
    for floor in range(min(floors, 4)):
        for x in np.arange(x0 + 1.1, x1 - 0.7, step):
            z = 3.0 * floor + 0.95
            if floor == 0 and abs(x - door) < 1.3:
                continue
            solids.append(box((x - 0.5, x + 0.5), (front - 0.02, front), (z, z + 1.4), "window"))
            if balconies and floor > 0 and rng.random() < 0.5:
                solids.append(box((x - 1, x + 1), (front - 1.2, front), (z - 1, z - 0.8), wall))
                solids.append(
                    box((x - 1, x + 1), (front - 1.2, front - 1.14), (z - 0.8, z + 0.1), "steel")
                )
            elif floor < 2:
                frame = box((x - 0.65, x + 0.65), (front - 0.15, front), (z - 0.1, z), "concrete")
                solids.append(frame)
    if floors > 2 and rng.random() < 0.5:  # a bay over all upper floors
        x = rng.uniform(x0 + 1.5, x1 - 1.5)
        solids.append(box((x - 1.2, x + 1.2), (front - 0.9, front), (2.9, h - 1), wall))
    return Piece(name="building", size=(width, depth, h), solids=tuple(solids))


def hall(width: float, depth: float, rng: Rng) -> Piece:
    """A factory or a supermarket: large, low, with gates."""
    h, front = rng.uniform(5, 9), -depth / 2
    solids = [
        box((-width / 2, width / 2), (front, depth / 2), (-1.5, h), "paint_light"),
        box((-width / 2 - 0.1, width / 2 + 0.1), (front - 0.15, depth / 2), (h - 0.8, h), "steel"),
    ]
    solids += [
        box((x - 1.6, x + 1.6), (front - 0.06, front), (0, 3.6), "steel")
        for x in np.arange(-width / 2 + 3, width / 2 - 2, 6.0)
    ]
    return Piece(name="building", size=(width, depth, h), solids=tuple(solids))
