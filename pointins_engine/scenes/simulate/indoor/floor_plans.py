"""Simulated rooms: walls with doors and windows, furniture, and rooms side by side.

A room draws a size, cuts doors and windows into its walls and is furnished by its kind
(`room_kinds.py`). A flat is a row of rooms with openings between them.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int32

from pointins_engine.errors import ConfigError
from pointins_engine.scenes.simulate.indoor import wall_pieces as w
from pointins_engine.scenes.simulate.indoor.placing import WALL_YAW, Draft, Opening
from pointins_engine.scenes.simulate.indoor.room_kinds import KINDS, furnish
from pointins_engine.scenes.simulate.indoor.shells import (
    WALL_THICKNESS,
    Part,
    hall,
    shell,
    wall_box,
)
from pointins_engine.scenes.simulate.pieces import Placed, Rect, Rng, overlap
from pointins_engine.scenes.simulate.solids import Solid

MAX_ROOMS = 3
_SHARE_OF_FLATS = 0.08  # of the seeds: two rooms instead of one
_KINDS = tuple(KINDS)
_KIND_SHARES = (0.26, 0.22, 0.2, 0.14, 0.1, 0.08)  # in that order
_DOOR_OPEN = 0.15  # share of doors that stand open


@dataclass(frozen=True, kw_only=True, slots=True)
class RoomPlan:
    """A furnished room in the frame of its flat, floor at z = 0. S solids."""

    corner: tuple[float, float]  # metres: lowest x and y of its floor
    size: tuple[float, float, float]  # metres
    placed: tuple[Placed, ...]
    solids: list[Solid]
    class_name: list[str]  # of every solid
    instance: Int32[np.ndarray, " s"]  # index into placed; -1 = wall, floor, ceiling
    window: Float[np.ndarray, "2 3"]  # corners of an opening that daylight comes through
    window_axis: int  # 0 or 1: at right angles to its wall
    inward: float  # sign of that axis towards the room
    blocked: tuple[Rect, ...]  # footprints a person cannot stand on

    @property
    def throws_shadow(self) -> Bool[np.ndarray, " s"]:
        """Solids that shade the light of the window: what stands in the room."""
        shut = [name in ("window", "door", "curtain") for name in self.class_name]
        return (self.instance >= 0) & ~np.array(shut)

    def free_places(self, rng: Rng, count: int) -> Float[np.ndarray, "k 2"]:
        """Spots where a person with a camera can stand; the middle if there is none."""
        margin = 0.3
        corner, size = np.array(self.corner), np.array(self.size[:2])
        spots = rng.uniform(corner + margin, corner + size - margin, (count, 2))
        ok = np.ones(count, bool)
        for x0, y0, x1, y1 in self.blocked:
            ok &= ~(
                (spots[:, 0] > x0 - margin) & (spots[:, 0] < x1 + margin)
                & (spots[:, 1] > y0 - margin) & (spots[:, 1] < y1 + margin)
            )  # fmt: skip
        return spots[ok] if ok.any() else (corner + size / 2)[None]


def plan_flat(
    rng: Rng, num_rooms: int | None = None, clutter: float | None = None
) -> tuple[RoomPlan, ...]:
    """One room, or rooms in a row with openings between them.

    Args:
        rng: Draws everything.
        num_rooms: 1 to 3; by default one, and two for one seed in twelve.
        clutter: 0 (tidy) to 1 (things everywhere); drawn by default.

    Raises:
        ConfigError: If `num_rooms` or `clutter` is out of range.
    """
    if num_rooms is not None and not 1 <= num_rooms <= MAX_ROOMS:
        raise ConfigError(f"num_rooms must be 1 to {MAX_ROOMS}, got {num_rooms}.")
    if clutter is not None and not 0 <= clutter <= 1:
        raise ConfigError(f"clutter must lie in 0 (tidy) to 1, got {clutter}.")
    drawn = 2 if rng.random() < _SHARE_OF_FLATS else 1
    count, level = num_rooms or drawn, float(rng.uniform(0, 1))
    if clutter is not None:
        level = clutter
    if count == 1:
        return (plan_room(rng, level),)
    kinds = [str(kind) for kind in rng.choice(_KINDS, count, p=_KIND_SHARES)]
    height = _height(rng)
    sizes = [(*_plan_size(rng, kind), height) for kind in kinds]
    passages = []  # y of the middle and width, between neighbours
    for (_, depth, _), (_, next_depth, _) in pairwise(sizes):
        width = float(rng.uniform(0.85, 1.3))
        reach = min(depth, next_depth) - width / 2 - 0.2
        passages.append((float(rng.uniform(width / 2 + 0.2, reach)), width))
    rooms, x = [], 0.0
    for k, (kind, size) in enumerate(zip(kinds, sizes, strict=True)):
        openings: list[Opening] = []
        if k > 0:  # in the wall at -x
            y, width = passages[k - 1]
            openings.append((1, *_around(y - size[1] / 2, width), 0.0, 2.05))
        if k < count - 1:  # in the wall at +x, which runs the other way
            y, width = passages[k]
            openings.append((3, *_around(size[1] / 2 - y, width), 0.0, 2.05))
        rooms.append(_furnished(rng, kind, size, level, openings, (x, 0.0)))
        x += size[0] + WALL_THICKNESS
    return tuple(rooms)


def plan_room(rng: Rng, clutter: float = 0.5) -> RoomPlan:
    """Draw one furnished room that is closed on all sides."""
    kind = str(rng.choice(_KINDS, p=_KIND_SHARES))
    size = (*_plan_size(rng, kind), _height(rng))
    return _furnished(rng, kind, size, clutter, [], (0.0, 0.0))


def _plan_size(rng: Rng, kind: str) -> tuple[float, float]:
    low, high = ((2.8, 3.4), (3.5, 4.7))[kind != "bathroom"]
    return float(rng.uniform(low, high)), float(rng.uniform(low, high * 0.9))


def _height(rng: Rng) -> float:
    return float(rng.uniform(2.45, 2.8))


def _around(middle: float, width: float) -> tuple[float, float]:
    return middle - width / 2, middle + width / 2


def _furnished(
    rng: Rng,
    kind: str,
    size: tuple[float, float, float],
    clutter: float,
    passages: list[Opening],
    corner: tuple[float, float],
) -> RoomPlan:
    """A room with given openings towards its neighbours."""
    draft = Draft(size=size, rng=rng, clutter=clutter)
    draft.openings += passages
    for wall, s0, s1, _, _ in passages:
        draft.floor.append(draft.strip(wall, (s0 + s1) / 2, s1 - s0, 0.7))
        length = draft.wall_length(wall)  # nothing else is set into a wall between rooms
        draft.on_wall.append((wall, -length, length, 0.0, size[2]))
    stuff = _door_and_pillar(draft)
    window, axis, inward = _windows(draft, int(rng.integers(1, 3)))
    furnish(draft, kind)
    stuff += shell(draft)
    shift = np.array([*corner, 0.0])
    placed = [
        Placed(
            piece=p.piece,
            position=(p.position[0] + corner[0], p.position[1] + corner[1], p.position[2]),
            yaw_rad=p.yaw_rad,
        )
        for p in draft.placed
    ]
    solids = [
        Solid(shape=s.shape, center=s.center + shift, half=s.half, turn=s.turn, material=s.material)
        for _, s in stuff
    ]
    names = [name for name, _ in stuff]
    instance = [-1] * len(stuff)
    for k, spot in enumerate(placed):
        parts = spot.solids()
        solids += parts
        names += [spot.piece.name] * len(parts)
        instance += [k] * len(parts)
    return RoomPlan(
        corner=corner,
        size=size,
        placed=tuple(placed),
        solids=solids,
        class_name=names,
        instance=np.array(instance, np.int32),
        window=window + shift,
        window_axis=axis,
        inward=inward,
        blocked=tuple(
            (x0 + corner[0], y0 + corner[1], x1 + corner[0], y1 + corner[1])
            for x0, y0, x1, y1 in draft.blocked
        ),
    )


def _door_and_pillar(draft: Draft) -> list[Part]:
    """The door, the hall behind it where it stands open, and now and then a pillar."""
    rng = draft.rng
    parts: list[Part] = []
    is_open = rng.random() < _DOOR_OPEN
    place = draft.mount(w.door(rng, float(rng.uniform(0.5, 1.7)) if is_open else 0.0), 0.0, 0.85)
    if place is not None and is_open:
        wall, s = place
        draft.blocked.append(draft.strip(wall, s, 0.9, 0.85))
        parts += hall(draft, draft.openings[-1])
    if rng.random() < 0.2:  # a pillar, or the breast of a chimney
        width, depth = float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.1, 0.3))
        wall = int(rng.integers(4))
        slack = (draft.wall_length(wall) - width) / 2
        s = float(rng.uniform(-slack, slack))
        rect = draft.strip(wall, s, width, depth)
        taken = any(overlap(rect, r) for r in draft.floor)
        if not taken and draft.wall_is_free(wall, s - width / 2, s + width / 2, 0.0, 2.0):
            draft.floor.append(rect)
            draft.blocked.append(rect)
            for near in range(4):  # in a corner it takes some of the other wall too
                side = draft.strip(near, 0.0, draft.wall_length(near), 0.05)
                if overlap(side, rect):
                    draft.on_wall.append(_shadow(draft, near, rect))
            parts.append(
                ("wall", wall_box(draft, wall, (s - width / 2, s + width / 2), (-depth, 0.0),
                                   (0.0, draft.size[2]), "wall"))
            )  # fmt: skip
    return parts


def _shadow(draft: Draft, wall: int, rect: Rect) -> Opening:
    """The part of a wall that a footprint stands before."""
    middle = np.array([(rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2])
    yaw = WALL_YAW[wall]
    along = (middle - np.array(draft.size[:2]) / 2) @ np.array([np.cos(yaw), np.sin(yaw)])
    half = ((rect[2] - rect[0]) if wall % 2 == 0 else (rect[3] - rect[1])) / 2
    return wall, float(along - half), float(along + half), 0.0, draft.size[2]


def _windows(draft: Draft, count: int) -> tuple[Float[np.ndarray, "2 3"], int, float]:
    """Windows, radiators and curtains; returns the opening that daylight comes through."""
    rng = draft.rng
    light = (np.array([[1.0, 0.0, 0.9], [2.0, 0.0, 2.0]]), 1, 1.0)
    for _ in range(count):
        window = w.window(rng)
        z0 = window.boards[0].z
        place = draft.mount(window, z0 - 0.06)
        if place is None:
            continue
        wall, s = place
        half = window.size[0] / 2
        if rng.random() < 0.5 and draft.wall_is_free(wall, s - half, s + half, 0.0, 0.7):
            draft.hang(w.radiator(rng, float(rng.uniform(0.6, 2 * half - 0.1))), wall, s, 0.0)
            draft.floor.append(draft.strip(wall, s, 2 * half, 0.14))
        a, b = draft.at_wall(wall, s - half, 0.0), draft.at_wall(wall, s + half, 0.0)
        axis = 1 if wall % 2 == 0 else 0
        light = (np.array([[*a, z0], [*b, window.size[2]]]), axis, -1.0 if wall in (0, 3) else 1.0)
        if rng.random() < 0.6:
            model = int(rng.integers(1 << 31))
            for side in (-1, 1):
                curtain = w.curtain(np.random.default_rng(model))
                edge, width = s + side * (half + curtain.size[0] / 2), curtain.size[0] / 2
                if abs(edge) + width > draft.wall_length(wall) / 2:
                    continue
                if draft.wall_is_free(wall, edge - width + 0.1, edge + width - 0.1, 0.0, 2.2):
                    draft.hang(curtain, wall, edge, 0.0)
                    draft.floor.append(draft.strip(wall, edge, 2 * width, 0.17))
    return light
