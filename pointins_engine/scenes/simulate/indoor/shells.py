"""Floor, ceiling and walls of simulated rooms, with holes for doors and windows."""

import numpy as np

from pointins_engine.scenes.simulate.indoor.placing import WALL_YAW, Draft, Opening
from pointins_engine.scenes.simulate.pieces import box
from pointins_engine.scenes.simulate.solids import BOX, Solid

Part = tuple[str, Solid]  # class and solid of a wall, floor or ceiling
Span = tuple[float, float, float, float]  # from and to along a wall, from and to in z; metres

WALL_THICKNESS = 0.12  # metres, between two rooms


def shell(draft: Draft) -> list[Part]:
    """Floor, ceiling, and walls around their openings."""
    width, depth, height = draft.size
    floor = str(draft.rng.choice(["wood_a", "wood_b", "carpet", "tiles", "stone"]))
    t = WALL_THICKNESS / 2
    across = ((-t, width + t), (-t, depth + t))
    parts = [
        ("floor", box(across[0], across[1], (-0.1, 0.0), floor)),
        ("ceiling", box(across[0], across[1], (height, height + 0.1), "ceiling")),
    ]
    for wall in range(4):
        holes = sorted(o[1:] for o in draft.openings if o[0] == wall)
        for s0, s1, z0, z1 in _around_holes(draft.wall_length(wall), height, holes):
            solid = wall_box(draft, wall, (s0, s1), (0.0, t), (z0, z1), "wall")
            parts.append(("wall", solid))
    return parts


def _around_holes(length: float, height: float, holes: list[Span]) -> list[Span]:
    """Rectangles that cover a wall except for holes in rising order along it."""
    left, spans = -length / 2 - WALL_THICKNESS / 2, []
    for s0, s1, z0, z1 in holes:
        spans.append((left, s0, 0.0, height))
        if z0 > 0:
            spans.append((s0, s1, 0.0, z0))
        spans.append((s0, s1, z1, height))
        left = s1
    return [*spans, (left, length / 2 + WALL_THICKNESS / 2, 0.0, height)]


def hall(draft: Draft, opening: Opening) -> list[Part]:
    """A piece of corridor behind an open door, closed on all sides."""
    rng, height, t = draft.rng, draft.size[2], WALL_THICKNESS / 2
    wall, s0, s1, _, _ = opening
    a, b = s0 - float(rng.uniform(0.1, 0.6)), s1 + float(rng.uniform(0.1, 0.6))
    end = t + float(rng.uniform(0.5, 0.9))
    floor = str(rng.choice(["wood_a", "tiles", "stone"]))
    sides = [
        ("floor", (a, b), (t, end), (-0.1, 0.0), floor),
        ("ceiling", (a, b), (t, end), (height, height + 0.1), "ceiling"),
        ("wall", (a, b), (end, end + 0.1), (0.0, height), "wall"),
        ("wall", (a - 0.1, a), (0.0, end + 0.1), (0.0, height), "wall"),
        ("wall", (b, b + 0.1), (0.0, end + 0.1), (0.0, height), "wall"),
    ]
    return [(name, wall_box(draft, wall, x, y, z, looks)) for name, x, y, z, looks in sides]


def wall_box(
    draft: Draft,
    wall: int,
    along: tuple[float, float],
    out: tuple[float, float],
    z: tuple[float, float],
    material: str,
) -> Solid:
    """A box by its bounds along a wall, outwards from its face, and upwards."""
    x, y = draft.at_wall(wall, sum(along) / 2, -sum(out) / 2)
    yaw = WALL_YAW[wall]
    c, s = round(np.cos(yaw)), round(np.sin(yaw))
    return Solid(
        shape=BOX,
        center=np.array([x, y, sum(z) / 2]),
        half=np.array([along[1] - along[0], out[1] - out[0], z[1] - z[0]]) / 2,
        turn=np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]),
        material=material,
    )
