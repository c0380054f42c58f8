"""Where things stand in a simulated room.

A room draws a kind (living room, office, ...), then fills walls, middle, table tops and corners in
that order, and leaves out what finds no free place. The kinds ask for what makes instances hard:
chairs pushed under tables, cabinets of one build side by side, things on top of other things.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int32

from pointins_engine.scenes.simulate import furniture as f
from pointins_engine.scenes.simulate.pieces import Piece, Placed, box, overlap
from pointins_engine.scenes.simulate.solids import Solid

Rng = np.random.Generator
Rect = tuple[float, float, float, float]
WALL_YAW = (0.0, np.pi / 2, np.pi, -np.pi / 2)  # walls at +y, -x, -y, +x: a piece's back faces it


@dataclass(frozen=True, kw_only=True, slots=True)
class RoomPlan:
    """A furnished room; its corner is the origin, floor at z = 0. S solids."""

    size: tuple[float, float, float]  # metres
    placed: tuple[Placed, ...]
    solids: list[Solid]
    class_name: list[str]  # of every solid
    instance: Int32[np.ndarray, " s"]  # -1 = wall, floor, ceiling
    is_glass: Bool[np.ndarray, " s"]
    sun_window: tuple[Float[np.ndarray, "2 3"], int, float]  # corners, axis of its wall, sign inwards
    blocked: tuple[Rect, ...]  # footprints a person cannot stand on

    def free_places(self, rng: Rng, count: int) -> Float[np.ndarray, "k 2"]:
        """Spots on the floor where a person with a camera can stand; the middle if there is none."""
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


@dataclass
class _Draft:
    """A plan in the making."""

    size: tuple[float, float, float]
    rng: Rng
    placed: list[Placed] = field(default_factory=list)
    floor: list[Rect] = field(default_factory=list)  # taken floor
    blocked: list[Rect] = field(default_factory=list)
    on_wall: list[tuple[int, float, float, float, float]] = field(default_factory=list)  # wall s z

    def wall_length(self, wall: int) -> float:
        return self.size[0] if wall % 2 == 0 else self.size[1]

    def at_wall(self, wall: int, along: float, away: float) -> tuple[float, float]:
        """Plan position `along` the wall (0 = its middle) and `away` from it, in metres."""
        yaw = WALL_YAW[wall]
        x_axis, back = (np.cos(yaw), np.sin(yaw)), (-np.sin(yaw), np.cos(yaw))
        half = (self.size[1] if wall % 2 == 0 else self.size[0]) / 2 - away
        return (
            self.size[0] / 2 + x_axis[0] * along + back[0] * half,
            self.size[1] / 2 + x_axis[1] * along + back[1] * half,
        )

    def wall_is_free(self, wall: int, s0: float, s1: float, z0: float, z1: float) -> bool:
        return not any(
            w == wall and s0 < b and a < s1 and z0 < d and c < z1 for w, a, b, c, d in self.on_wall
        )

    def add(self, piece: Piece, x: float, y: float, yaw: float, z: float = 0.0) -> Placed:
        placed = Placed(piece=piece, position=(float(x), float(y), float(z)), yaw_rad=float(yaw))
        self.placed.append(placed)
        return placed

    def stand_at_wall(self, pieces: list[Piece], gap: float, clear: float = 0.35) -> list[Placed]:
        """Put pieces side by side against some wall; nothing happens where none has room."""
        width = sum(p.size[0] for p in pieces) + gap * (len(pieces) - 1)
        depth = max(p.size[1] for p in pieces)
        for _ in range(40):
            wall = int(self.rng.integers(4))
            slack = (self.wall_length(wall) - width) / 2 - 0.03
            if slack < 0:
                continue
            middle = self.rng.uniform(-slack, slack)
            if self.rng.random() < 0.35:  # into the corner
                middle = slack * self.rng.choice([-1, 1])
            tall = [p for p in pieces if p.size[2] > 0.8]
            if tall and not self.wall_is_free(wall, middle - width / 2, middle + width / 2, 0, 2):
                continue
            x, y = self.at_wall(wall, middle, depth / 2)
            along, across = (width, depth) if wall % 2 == 0 else (depth, width)
            rect = (x - along / 2, y - across / 2, x + along / 2, y + across / 2)
            front = self.at_wall(wall, middle, depth + clear / 2)
            long, short = (width, clear) if wall % 2 == 0 else (clear, width)
            room = (front[0] - long / 2, front[1] - short / 2, front[0] + long / 2, front[1] + short / 2)
            if any(overlap(rect, taken) or overlap(room, taken) for taken in self.blocked):
                continue
            if any(overlap(rect, taken) for taken in self.floor):
                continue
            return self._fill_wall(pieces, gap, wall, middle - width / 2, rect)
        return []

    def _fill_wall(
        self, pieces: list[Piece], gap: float, wall: int, s: float, rect: Rect
    ) -> list[Placed]:
        placed = []
        for piece in pieces:
            away = piece.size[1] / 2 + self.rng.uniform(0.005, 0.03)
            x, y = self.at_wall(wall, s + piece.size[0] / 2, away)
            placed.append(self.add(piece, x, y, WALL_YAW[wall]))
            self.on_wall.append((wall, s, s + piece.size[0], 0.0, piece.size[2]))
            s += piece.size[0] + gap
        self.floor.append(rect)
        self.blocked.append(rect)
        return placed

    def mount(self, piece: Piece, z0: float, clear: float = 0.0) -> tuple[int, float] | None:
        """Hang a piece on some wall from height `z0` up; returns wall and place along it."""
        for _ in range(30):
            wall = int(self.rng.integers(4))
            slack = (self.wall_length(wall) - piece.size[0]) / 2 - 0.15
            if slack < 0:
                continue
            s = float(self.rng.uniform(-slack, slack))
            half = piece.size[0] / 2 + 0.04
            if not self.wall_is_free(wall, s - half, s + half, z0, piece.size[2]):
                continue
            x, y = self.at_wall(wall, s, 0.0)
            if clear:
                cx, cy = self.at_wall(wall, s, clear / 2)
                w, d = (piece.size[0], clear) if wall % 2 == 0 else (clear, piece.size[0])
                self.floor.append((cx - w / 2, cy - d / 2, cx + w / 2, cy + d / 2))
            self.add(piece, x, y, WALL_YAW[wall])
            self.on_wall.append((wall, s - half, s + half, z0, piece.size[2]))
            return wall, s
        return None

    def stand_free(self, piece: Piece, around: float, yaw: float | None = None) -> Placed | None:
        """Put a piece on free floor with `around` metres of air, or nowhere."""
        for _ in range(40):
            turn = (
                float(self.rng.choice(WALL_YAW) + self.rng.normal(0, 0.12)) if yaw is None else yaw
            )
            x, y = self.rng.uniform(0, self.size[0]), self.rng.uniform(0, self.size[1])
            trial = Placed(piece=piece, position=(float(x), float(y), 0.0), yaw_rad=turn)
            wide, tight = trial.footprint(around), trial.footprint()
            if wide[0] < 0.03 or wide[1] < 0.03:
                continue
            if wide[2] > self.size[0] - 0.03 or wide[3] > self.size[1] - 0.03:
                continue
            if any(overlap(wide, taken) for taken in self.floor):
                continue
            self.floor.append(wide)
            self.blocked.append(tight)
            self.placed.append(trial)
            return trial
        return None

    def put_on(self, base: Placed | None, pieces: list[Piece], edge: float = 0.03) -> None:
        """Things on the top of a piece, apart from each other; what finds no place is left out."""
        if base is None:
            return
        w, d, h = base.piece.size
        taken: list[Rect] = []
        c, s = np.cos(base.yaw_rad), np.sin(base.yaw_rad)
        for piece in pieces:
            for _ in range(15):
                turn = float(self.rng.choice([0.0, np.pi / 2]) + self.rng.normal(0, 0.2))
                if piece.name in ("monitor", "television"):
                    turn = float(self.rng.normal(0, 0.12))
                here = Placed(piece=piece, position=(0.0, 0.0, 0.0), yaw_rad=turn)
                _, _, half_x, half_y = here.footprint()
                if half_x + edge > w / 2 or half_y + edge > d / 2:
                    continue
                x = self.rng.uniform(-(w / 2 - half_x - edge), w / 2 - half_x - edge)
                y = self.rng.uniform(-(d / 2 - half_y - edge), d / 2 - half_y - edge)
                rect = (x - half_x, y - half_y, x + half_x, y + half_y)
                if any(overlap(rect, other) for other in taken):
                    continue
                taken.append(rect)
                px, py = base.position[0] + c * x - s * y, base.position[1] + s * x + c * y
                self.add(piece, px, py, base.yaw_rad + turn, base.position[2] + h)
                break

    def seat(self, base: Placed | None, maker: f.Maker, count: int) -> None:
        """Chairs of one build around a table, most of them pushed in until they touch it."""
        if base is None or count == 0:
            return
        w, d, _ = base.piece.size
        spots = [(sx * w * k, sy * d / 2, 0.0 if sy > 0 else np.pi)
                 for sy in (1, -1) for sx, k in (((1, 0.25), (-1, 0.25)) if w > 1.15 else ((1, 0.0),))]  # fmt: skip
        spots += [(w / 2, 0.0, -np.pi / 2), (-w / 2, 0.0, np.pi / 2)]
        model_seed = int(self.rng.integers(1 << 31))
        for k in self.rng.permutation(len(spots))[:count]:
            x, y, yaw = spots[int(k)]
            chair = maker(np.random.default_rng(model_seed))  # one build for the whole table
            out = chair.size[1] / 2 - self.rng.uniform(0.02, 0.2)
            if self.rng.random() < 0.15:
                out += 0.35  # somebody left it pulled out
            direction = np.array([-np.sin(yaw), np.cos(yaw)])
            local = np.array([x, y]) + out * direction
            c, s = np.cos(base.yaw_rad), np.sin(base.yaw_rad)
            px = base.position[0] + c * local[0] - s * local[1]
            py = base.position[1] + s * local[0] + c * local[1]
            turn = base.yaw_rad + yaw + float(self.rng.normal(0, 0.15))
            trial = Placed(piece=chair, position=(float(px), float(py), 0.0), yaw_rad=turn)
            rect = trial.footprint(-0.02)
            others = [r for r in self.blocked if r != base.footprint()]
            inside = rect[0] > 0 and rect[1] > 0 and rect[2] < self.size[0] and rect[3] < self.size[1]
            if not inside or any(overlap(rect, other) for other in others):
                continue
            self.placed.append(trial)
            self.blocked.append(rect)


def plan_room(rng: Rng) -> RoomPlan:
    """Draw a furnished room."""
    kind = rng.choice(["living", "office", "bedroom", "kitchen", "meeting", "bathroom"],
                      p=[0.26, 0.22, 0.2, 0.14, 0.1, 0.08])  # fmt: skip
    low, high = ((2.8, 3.5), (3.7, 4.9))[kind != "bathroom"]
    size = (float(rng.uniform(low, high)), float(rng.uniform(low, high * 0.9)), float(rng.uniform(2.45, 2.8)))
    draft = _Draft(size=size, rng=rng)
    draft.mount(f.door(rng), 0.0, clear=0.85)
    sun = _windows(draft, int(rng.integers(1, 3)))
    _FILL[str(kind)](draft)
    for _ in range(int(rng.integers(0, 3))):
        draft.mount(f.picture(rng), 1.0)
    for maker in (f.plant, f.carton, f.bin_):
        if rng.random() < 0.4:
            draft.stand_free(maker(rng), 0.02, yaw=float(rng.uniform(-np.pi, np.pi)))
    return _finish(draft, sun)


def _windows(draft: _Draft, count: int):  # noqa: ANN202
    sun = (np.array([[1.0, 0.0, 0.9], [2.0, 0.0, 2.0]]), 1, 1.0)
    for _ in range(count):
        window = f.window(draft.rng)
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
                curtain = f.curtain(np.random.default_rng(model))
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


def _twins(draft: _Draft, maker: f.Maker, count: int) -> list[Piece]:
    """Pieces of one build."""
    model = int(draft.rng.integers(1 << 31))
    return [maker(np.random.default_rng(model)) for _ in range(count)]


def _first(placed: list[Placed]) -> Placed | None:
    return placed[0] if placed else None


def _living(draft: _Draft) -> None:
    rng = draft.rng
    couch = _first(draft.stand_at_wall([f.sofa(rng)], 0.0, clear=1.1))
    if couch is not None:
        for _ in range(int(rng.integers(0, 3))):
            _pillow_on(draft, couch)
        low = f.coffee_table(rng)
        c, s = np.cos(couch.yaw_rad), np.sin(couch.yaw_rad)
        away = couch.piece.size[1] / 2 + 0.42 + low.size[1] / 2
        spot = draft.add(low, couch.position[0] + s * away, couch.position[1] - c * away, couch.yaw_rad)
        draft.floor.append(spot.footprint(0.25))
        draft.blocked.append(spot.footprint())
        draft.put_on(spot, [f.pile_of_books(rng), f.vase(rng)][: int(rng.integers(1, 3))])
    board = _first(draft.stand_at_wall(_twins(draft, f.cabinet, 1), 0.0))
    draft.put_on(board, [f.television(rng)])
    draft.stand_at_wall(_twins(draft, f.bookshelf, int(rng.integers(1, 3))), _gap(rng))
    meal = draft.stand_free(f.table(rng) if rng.random() < 0.6 else f.round_table(rng), 0.5)
    draft.seat(meal, f.chair, int(rng.integers(2, 5)))
    draft.put_on(meal, [f.vase(rng)])
    draft.stand_free(f.armchair(rng), 0.05)
    draft.stand_free(f.floor_lamp(rng), 0.02, yaw=0.0)


def _pillow_on(draft: _Draft, couch: Placed) -> None:
    rng = draft.rng
    x = rng.uniform(-0.5, 0.5) * (couch.piece.size[0] - 0.7)
    c, s = np.cos(couch.yaw_rad), np.sin(couch.yaw_rad)
    y = 0.02
    position = (couch.position[0] + c * x - s * y, couch.position[1] + s * x + c * y)
    draft.add(f.pillow(rng), *position, couch.yaw_rad, 0.44)


def _office(draft: _Draft) -> None:
    rng = draft.rng
    for _ in range(int(rng.integers(2, 4))):
        for spot in draft.stand_at_wall(_twins(draft, f.desk, int(rng.integers(1, 3))), _gap(rng), 0.9):
            draft.put_on(spot, [f.monitor(rng), f.pile_of_books(rng), f.table_lamp(rng)][: int(rng.integers(1, 4))])
            _chair_before(draft, spot)
    draft.stand_at_wall(_twins(draft, f.bookshelf, int(rng.integers(1, 3))), _gap(rng))
    low = draft.stand_at_wall(_twins(draft, f.cabinet, int(rng.integers(1, 4))), _gap(rng))
    for spot in low:
        draft.put_on(spot, [f.carton(rng) if rng.random() < 0.5 else f.pile_of_books(rng)])
    draft.mount(f.whiteboard(rng), 0.85)
    draft.stand_free(f.bin_(rng), 0.02, yaw=0.0)


def _chair_before(draft: _Draft, spot: Placed) -> None:
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


def _bedroom(draft: _Draft) -> None:
    rng = draft.rng
    stands = _twins(draft, f.nightstand, 2)
    row = [stands[0], f.bed(rng), stands[1]] if rng.random() < 0.7 else [f.bed(rng), stands[0]]
    for spot in draft.stand_at_wall(row, _gap(rng), 0.5):
        if spot.piece.name == "nightstand" and rng.random() < 0.7:
            draft.put_on(spot, [f.table_lamp(rng)])
    draft.stand_at_wall(_twins(draft, f.wardrobe, int(rng.integers(1, 3))), _gap(rng), 0.5)
    chest = _first(draft.stand_at_wall([f.dresser(rng)], 0.0, 0.5))
    draft.put_on(chest, [f.vase(rng), f.carton(rng), f.pile_of_books(rng)][: int(rng.integers(1, 4))])
    work = _first(draft.stand_at_wall([f.desk(rng)], 0.0, 0.8))
    if work is not None:
        draft.put_on(work, [f.monitor(rng), f.table_lamp(rng)])
        _chair_before(draft, work)
    draft.stand_free(f.armchair(rng), 0.05)


def _kitchen(draft: _Draft) -> None:
    rng = draft.rng
    row = [f.refrigerator(rng), f.counter(rng), *_twins(draft, f.cabinet, int(rng.integers(0, 2)))]
    placed = draft.stand_at_wall(row, _gap(rng), 0.6)
    for spot in placed[1:]:
        draft.put_on(spot, [f.carton(rng), f.vase(rng), f.pile_of_books(rng)][: int(rng.integers(1, 4))])
    draft.stand_at_wall([f.sink(rng), *_twins(draft, f.cabinet, 1)], _gap(rng), 0.5)
    meal = draft.stand_free(f.table(rng) if rng.random() < 0.7 else f.round_table(rng), 0.5)
    draft.seat(meal, f.chair, int(rng.integers(3, 7)))
    draft.put_on(meal, [f.vase(rng), f.pile_of_books(rng)])
    draft.stand_at_wall(_twins(draft, f.bookshelf, 1), 0.0)
    draft.stand_free(f.bin_(rng), 0.02, yaw=0.0)


def _meeting(draft: _Draft) -> None:
    rng = draft.rng
    big = f.table(rng, (float(rng.uniform(1.7, 2.3)), float(rng.uniform(0.9, 1.1))))
    along = 0.0 if draft.size[0] > draft.size[1] else np.pi / 2
    middle = draft.stand_free(big, 0.6, yaw=along)
    draft.seat(middle, f.office_chair if rng.random() < 0.5 else f.chair, int(rng.integers(4, 7)))
    draft.put_on(middle, [f.pile_of_books(rng), f.vase(rng)])
    draft.mount(f.whiteboard(rng), 0.85)
    board = draft.stand_at_wall(_twins(draft, f.cabinet, int(rng.integers(2, 4))), _gap(rng))
    draft.put_on(_first(board), [f.television(rng)])
    draft.stand_free(f.plant(rng), 0.02)


def _bathroom(draft: _Draft) -> None:
    rng = draft.rng
    draft.stand_at_wall([f.bathtub(rng)], 0.0, 0.4)
    draft.stand_at_wall([f.toilet(rng)], 0.0, 0.4)
    draft.stand_at_wall([f.sink(rng), *_twins(draft, f.cabinet, 1)], _gap(rng), 0.4)
    low = _first(draft.stand_at_wall([f.cabinet(rng)], 0.0))
    draft.put_on(low, [f.vase(rng), f.carton(rng)])
    draft.stand_at_wall([f.wardrobe(rng)], 0.0, 0.4)
    draft.stand_free(f.chair(rng), 0.03)
    draft.stand_free(f.bin_(rng), 0.02, yaw=0.0)


_FILL = {
    "living": _living,
    "office": _office,
    "bedroom": _bedroom,
    "kitchen": _kitchen,
    "meeting": _meeting,
    "bathroom": _bathroom,
}


def _finish(draft: _Draft, sun_window) -> RoomPlan:  # noqa: ANN001
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
