"""Where things stand in a simulated room.

A room draws a kind (living room, office, ...), then fills walls, middle, table tops and corners in
that order, and leaves out what finds no free place. The kinds ask for what makes instances hard:
chairs pushed under tables, cabinets of one build side by side, things on top of other things.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int32

from pointins_engine.scenes.simulate import furnishings as g
from pointins_engine.scenes.simulate import furniture as f
from pointins_engine.scenes.simulate.pieces import Piece, Placed, Rect, box, overlap
from pointins_engine.scenes.simulate.placing import WALL_YAW, Draft
from pointins_engine.scenes.simulate.solids import Solid

Rng = np.random.Generator
SunWindow = tuple[Float[np.ndarray, "2 3"], int, float]  # corners, axis of its wall, sign inwards


@dataclass(frozen=True, kw_only=True, slots=True)
class RoomPlan:
    """A furnished room; its corner is the origin, floor at z = 0. S solids."""

    size: tuple[float, float, float]  # metres
    placed: tuple[Placed, ...]
    solids: list[Solid]
    class_name: list[str]  # of every solid
    instance: Int32[np.ndarray, " s"]  # -1 = wall, floor, ceiling
    is_glass: Bool[np.ndarray, " s"]
    sun_window: SunWindow
    blocked: tuple[Rect, ...]  # footprints a person cannot stand on

    def free_places(self, rng: Rng, count: int) -> Float[np.ndarray, "k 2"]:
        """Spots where a person with a camera can stand; the middle if there is none."""
        margin = 0.3
        low, high = np.full(2, margin), np.array(self.size[:2]) - margin
        spots = rng.uniform(low, high, (count, 2))
        ok = np.ones(count, bool)
        for x0, y0, x1, y1 in self.blocked:
            ok &= ~(
                (spots[:, 0] > x0 - margin) & (spots[:, 0] < x1 + margin)
                & (spots[:, 1] > y0 - margin) & (spots[:, 1] < y1 + margin)
            )  # fmt: skip
        return spots[ok] if ok.any() else np.array([[self.size[0] / 2, self.size[1] / 2]])


def plan_room(rng: Rng) -> RoomPlan:
    """Draw a furnished room."""
    kind = rng.choice(["living", "office", "bedroom", "kitchen", "meeting", "bathroom"],
                      p=[0.26, 0.22, 0.2, 0.14, 0.1, 0.08])  # fmt: skip
    low, high = ((2.8, 3.4), (3.5, 4.7))[kind != "bathroom"]
    size = (
        float(rng.uniform(low, high)),
        float(rng.uniform(low, high * 0.9)),
        float(rng.uniform(2.45, 2.8)),
    )
    draft = Draft(size=size, rng=rng)
    draft.mount(g.door(rng), 0.0, clear=0.85)
    sun = _windows(draft, int(rng.integers(1, 3)))
    _FILL[str(kind)](draft)
    for _ in range(int(rng.integers(0, 3))):
        draft.mount(g.picture(rng), 1.0)
    for maker in (g.plant, g.carton, g.bin_):
        if rng.random() < 0.4:
            draft.stand_free(maker(rng), 0.02, yaw=float(rng.uniform(-np.pi, np.pi)))
    return _finish(draft, sun)


def _windows(draft: Draft, count: int) -> SunWindow:
    """Windows and curtains; returns the last window for the sun to shine through."""
    sun = (np.array([[1.0, 0.0, 0.9], [2.0, 0.0, 2.0]]), 1, 1.0)
    for _ in range(count):
        window = g.window(draft.rng)
        place = draft.mount(window, 0.8)
        if place is None:
            continue
        wall, s = place
        half = window.size[0] / 2
        a, b = draft.at_wall(wall, s - half, 0.0), draft.at_wall(wall, s + half, 0.0)
        axis = 1 if wall % 2 == 0 else 0
        inward = -1.0 if wall in (0, 3) else 1.0
        sun = (np.array([[*a, 0.9], [*b, window.size[2]]]), axis, inward)
        if draft.rng.random() < 0.6:
            model = int(draft.rng.integers(1 << 31))
            for side in (-1, 1):
                curtain = g.curtain(np.random.default_rng(model))
                edge = s + side * (half + curtain.size[0] / 2)
                width = curtain.size[0] / 2
                if abs(edge) + width > draft.wall_length(wall) / 2:
                    continue
                if draft.wall_is_free(wall, edge - width + 0.1, edge + width - 0.1, 0.0, 2.2):
                    x, y = draft.at_wall(wall, edge, 0.0)
                    draft.add(curtain, x, y, WALL_YAW[wall])
                    draft.on_wall.append((wall, edge - width, edge + width, 0.0, 2.3))
    return sun


def _gap(rng: Rng) -> float:
    """Metres between neighbours of one row: often they touch."""
    return float(rng.uniform(0.0, 0.05))


def _twins(draft: Draft, maker: f.Maker, count: int) -> list[Piece]:
    """Pieces of one build."""
    model = int(draft.rng.integers(1 << 31))
    return [maker(np.random.default_rng(model)) for _ in range(count)]


def _first(placed: list[Placed]) -> Placed | None:
    return placed[0] if placed else None


def _living(draft: Draft) -> None:
    rng = draft.rng
    couch = _first(draft.stand_at_wall([f.sofa(rng)], 0.0, clear=1.1))
    if couch is not None:
        for _ in range(int(rng.integers(0, 3))):
            _pillow_on(draft, couch)
        low = f.coffee_table(rng)
        c, s = np.cos(couch.yaw_rad), np.sin(couch.yaw_rad)
        away = couch.piece.size[1] / 2 + 0.42 + low.size[1] / 2
        spot = draft.add(
            low, couch.position[0] + s * away, couch.position[1] - c * away, couch.yaw_rad
        )
        draft.floor.append(spot.footprint(0.25))
        draft.blocked.append(spot.footprint())
        draft.put_on(spot, [g.pile_of_books(rng), g.vase(rng)][: int(rng.integers(1, 3))])
    board = _first(draft.stand_at_wall(_twins(draft, f.cabinet, 1), 0.0))
    draft.put_on(board, [g.television(rng)])
    draft.stand_at_wall(_twins(draft, f.bookshelf, int(rng.integers(1, 3))), _gap(rng))
    meal = draft.stand_free(f.table(rng) if rng.random() < 0.6 else f.round_table(rng), 0.5)
    draft.seat(meal, f.chair, int(rng.integers(2, 5)))
    draft.put_on(meal, [g.vase(rng)])
    draft.stand_free(f.armchair(rng), 0.05)
    draft.stand_free(g.floor_lamp(rng), 0.02, yaw=0.0)


def _pillow_on(draft: Draft, couch: Placed) -> None:
    rng = draft.rng
    x = rng.uniform(-0.5, 0.5) * (couch.piece.size[0] - 0.7)
    c, s = np.cos(couch.yaw_rad), np.sin(couch.yaw_rad)
    y = 0.02
    position = (couch.position[0] + c * x - s * y, couch.position[1] + s * x + c * y)
    draft.add(g.pillow(rng), *position, couch.yaw_rad, 0.44)


def _office(draft: Draft) -> None:
    rng = draft.rng
    for _ in range(int(rng.integers(2, 4))):
        for spot in draft.stand_at_wall(
            _twins(draft, f.desk, int(rng.integers(1, 3))), _gap(rng), 0.9
        ):
            draft.put_on(
                spot,
                [g.monitor(rng), g.pile_of_books(rng), g.table_lamp(rng)][
                    : int(rng.integers(1, 4))
                ],
            )
            _chair_before(draft, spot)
    draft.stand_at_wall(_twins(draft, f.bookshelf, int(rng.integers(1, 3))), _gap(rng))
    low = draft.stand_at_wall(_twins(draft, f.cabinet, int(rng.integers(1, 4))), _gap(rng))
    for spot in low:
        draft.put_on(spot, [g.carton(rng) if rng.random() < 0.5 else g.pile_of_books(rng)])
    draft.mount(g.whiteboard(rng), 0.85)
    draft.stand_free(g.bin_(rng), 0.02, yaw=0.0)


def _chair_before(draft: Draft, spot: Placed) -> None:
    rng = draft.rng
    chair = f.office_chair(rng)
    c, s = np.cos(spot.yaw_rad), np.sin(spot.yaw_rad)
    away = spot.piece.size[1] / 2 + chair.size[1] / 2 - rng.uniform(-0.15, 0.22)
    x, y = rng.uniform(-0.25, 0.1), -away
    px, py = spot.position[0] + c * x - s * y, spot.position[1] + s * x + c * y
    turn = spot.yaw_rad + np.pi + float(rng.normal(0, 0.5))
    trial = Placed(piece=chair, position=(float(px), float(py), 0.0), yaw_rad=turn)
    others = [rect for rect in draft.blocked if not overlap(rect, spot.footprint(-0.05))]
    if not any(overlap(trial.footprint(-0.08), rect) for rect in others):
        draft.placed.append(trial)
        draft.blocked.append(trial.footprint(-0.05))


def _bedroom(draft: Draft) -> None:
    rng = draft.rng
    stands = _twins(draft, f.nightstand, 2)
    row = [stands[0], f.bed(rng), stands[1]] if rng.random() < 0.7 else [f.bed(rng), stands[0]]
    for spot in draft.stand_at_wall(row, _gap(rng), 0.5):
        if spot.piece.name == "nightstand" and rng.random() < 0.7:
            draft.put_on(spot, [g.table_lamp(rng)])
    draft.stand_at_wall(_twins(draft, f.wardrobe, int(rng.integers(1, 3))), _gap(rng), 0.5)
    chest = _first(draft.stand_at_wall([f.dresser(rng)], 0.0, 0.5))
    draft.put_on(
        chest, [g.vase(rng), g.carton(rng), g.pile_of_books(rng)][: int(rng.integers(1, 4))]
    )
    work = _first(draft.stand_at_wall([f.desk(rng)], 0.0, 0.8))
    if work is not None:
        draft.put_on(work, [g.monitor(rng), g.table_lamp(rng)])
        _chair_before(draft, work)
    draft.stand_free(f.armchair(rng), 0.05)


def _kitchen(draft: Draft) -> None:
    rng = draft.rng
    row = [f.refrigerator(rng), f.counter(rng), *_twins(draft, f.cabinet, int(rng.integers(0, 2)))]
    placed = draft.stand_at_wall(row, _gap(rng), 0.6)
    for spot in placed[1:]:
        draft.put_on(
            spot, [g.carton(rng), g.vase(rng), g.pile_of_books(rng)][: int(rng.integers(1, 4))]
        )
    draft.stand_at_wall([f.sink(rng), *_twins(draft, f.cabinet, 1)], _gap(rng), 0.5)
    meal = draft.stand_free(f.table(rng) if rng.random() < 0.7 else f.round_table(rng), 0.5)
    draft.seat(meal, f.chair, int(rng.integers(3, 7)))
    draft.put_on(meal, [g.vase(rng), g.pile_of_books(rng)])
    draft.stand_at_wall(_twins(draft, f.bookshelf, 1), 0.0)
    draft.stand_free(g.bin_(rng), 0.02, yaw=0.0)


def _meeting(draft: Draft) -> None:
    rng = draft.rng
    big = f.table(rng, (float(rng.uniform(1.7, 2.3)), float(rng.uniform(0.9, 1.1))))
    along = 0.0 if draft.size[0] > draft.size[1] else np.pi / 2
    middle = draft.stand_free(big, 0.6, yaw=along)
    draft.seat(middle, f.office_chair if rng.random() < 0.5 else f.chair, int(rng.integers(4, 7)))
    draft.put_on(middle, [g.pile_of_books(rng), g.vase(rng)])
    draft.mount(g.whiteboard(rng), 0.85)
    board = draft.stand_at_wall(_twins(draft, f.cabinet, int(rng.integers(2, 4))), _gap(rng))
    draft.put_on(_first(board), [g.television(rng)])
    draft.stand_free(g.plant(rng), 0.02)


def _bathroom(draft: Draft) -> None:
    rng = draft.rng
    draft.stand_at_wall([f.bathtub(rng)], 0.0, 0.4)
    draft.stand_at_wall([f.toilet(rng)], 0.0, 0.4)
    draft.stand_at_wall([f.sink(rng), *_twins(draft, f.cabinet, 1)], _gap(rng), 0.4)
    low = _first(draft.stand_at_wall([f.cabinet(rng)], 0.0))
    draft.put_on(low, [g.vase(rng), g.carton(rng)])
    draft.stand_at_wall([f.wardrobe(rng)], 0.0, 0.4)
    draft.stand_free(f.chair(rng), 0.03)
    draft.stand_free(g.bin_(rng), 0.02, yaw=0.0)


_FILL = {
    "living": _living,
    "office": _office,
    "bedroom": _bedroom,
    "kitchen": _kitchen,
    "meeting": _meeting,
    "bathroom": _bathroom,
}


def _finish(draft: Draft, sun_window: SunWindow) -> RoomPlan:
    w, d, h = draft.size
    floor = str(draft.rng.choice(["wood_a", "wood_b", "carpet", "tiles", "stone"]))
    t = 0.2
    shell = [
        ("floor", box((-t, w + t), (-t, d + t), (-t, 0), floor)),
        ("ceiling", box((-t, w + t), (-t, d + t), (h, h + t), "ceiling")),
        ("wall", box((-t, 0), (-t, d + t), (0, h), "wall")),
        ("wall", box((w, w + t), (-t, d + t), (0, h), "wall")),
        ("wall", box((0, w), (-t, 0), (0, h), "wall")),
        ("wall", box((0, w), (d, d + t), (0, h), "wall")),
    ]
    solids = [solid for _, solid in shell]
    names = [name for name, _ in shell]
    instance = [-1] * len(shell)
    for k, placed in enumerate(draft.placed):
        parts = placed.solids()
        solids += parts
        names += [placed.piece.name] * len(parts)
        instance += [k] * len(parts)
    return RoomPlan(
        size=draft.size,
        placed=tuple(draft.placed),
        solids=solids,
        class_name=names,
        instance=np.array(instance, np.int32),
        is_glass=np.array([s.material == "glass" for s in solids]),
        sun_window=sun_window,
        blocked=tuple(draft.blocked),
    )
