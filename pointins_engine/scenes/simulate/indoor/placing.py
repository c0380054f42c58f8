"""Finding free places in a simulated room: against walls, on them, in the middle, on boards."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from pointins_engine.scenes.simulate.pieces import Board, Piece, Placed, Rect, Rng, overlap
from pointins_engine.scenes.simulate.solids import BOX, CYLINDER, SolidSet

WALL_YAW = (0.0, np.pi / 2, np.pi, -np.pi / 2)  # walls at +y, -x, -y, +x: a piece's back faces it

Maker = Callable[[Rng], Piece]
Opening = tuple[int, float, float, float, float]  # wall, from and to along it, from and to in z

_LATTICE = np.stack(np.meshgrid(*[np.linspace(-1, 1, 5)] * 3), axis=-1).reshape(-1, 3)
_FLAT = ("door", "window", "curtain", "picture", "whiteboard", "radiator", "shower curtain")
_MAY_CLASH = 0.015  # metres that solids may reach into each other: cushions, rounded edges


@dataclass
class Draft:
    """A plan in the making; its corner is the origin."""

    size: tuple[float, float, float]
    rng: Rng
    clutter: float  # 0 = tidy, 1 = things everywhere
    placed: list[Placed] = field(default_factory=list)
    floor: list[Rect] = field(default_factory=list)  # taken floor
    blocked: list[Rect] = field(default_factory=list)  # where nobody can stand
    on_wall: list[Opening] = field(default_factory=list)  # taken parts of walls
    openings: list[Opening] = field(default_factory=list)  # holes in walls

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

    def strip(self, wall: int, along: float, width: float, depth: float) -> Rect:
        """Floor of a strip along a wall."""
        x, y = self.at_wall(wall, along, depth / 2)
        w, d = (width, depth) if wall % 2 == 0 else (depth, width)
        return x - w / 2, y - d / 2, x + w / 2, y + d / 2

    def wall_is_free(self, wall: int, s0: float, s1: float, z0: float, z1: float) -> bool:
        return not any(
            w == wall and s0 < b and a < s1 and z0 < d and c < z1 for w, a, b, c, d in self.on_wall
        )

    def add(self, piece: Piece, x: float, y: float, yaw: float, z: float = 0.0) -> Placed:
        placed = Placed(piece=piece, position=(float(x), float(y), float(z)), yaw_rad=float(yaw))
        self.placed.append(placed)
        return placed

    def hang(self, piece: Piece, wall: int, along: float, z0: float, margin: float = 0.0) -> Placed:
        """Put a piece on a wall, or into it if it has an opening; takes that part of it."""
        half = piece.size[0] / 2 + margin
        self.on_wall.append((wall, along - half, along + half, z0, piece.size[2]))
        if piece.opening is not None:
            (x0, x1), (low, high) = piece.opening
            self.openings.append((wall, along + x0, along + x1, low, high))
        return self.add(piece, *self.at_wall(wall, along, 0.0), WALL_YAW[wall])

    def stand_at_wall(
        self, pieces: Sequence[Piece], gap: float, clear: float = 0.35
    ) -> list[Placed]:
        """Put pieces side by side against some wall; nothing happens where none has room."""
        width = sum(p.size[0] for p in pieces) + gap * (len(pieces) - 1)
        depth = max(p.size[1] for p in pieces)
        height = max(p.size[2] for p in pieces)
        for _ in range(40):
            wall = int(self.rng.integers(4))
            slack = (self.wall_length(wall) - width) / 2 - 0.03
            if slack < 0:
                continue
            middle = self._place_along(wall, width, slack)
            if not self.wall_is_free(wall, middle - width / 2, middle + width / 2, 0.0, height):
                continue
            rect = self.strip(wall, middle, width, depth)
            front = self.strip(wall, middle, width, depth + clear)
            if any(overlap(front, taken) for taken in self.blocked):
                continue
            if any(overlap(rect, taken) for taken in self.floor):
                continue
            return self._fill_wall(pieces, gap, wall, middle - width / 2, rect)
        return []

    def _place_along(self, wall: int, width: float, slack: float) -> float:
        """Middle of a row of pieces along a wall: anywhere, in a corner or next to a neighbour."""
        middle, chance = float(self.rng.uniform(-slack, slack)), self.rng.random()
        standing = [(a, b) for w, a, b, low, _ in self.on_wall if w == wall and low == 0.0]
        if chance < 0.5 and standing:
            a, b = standing[int(self.rng.integers(len(standing)))]
            gap = width / 2 + float(self.rng.uniform(0.003, 0.02))
            beside = b + gap if self.rng.random() < 0.5 else a - gap
            return beside if abs(beside) <= slack else middle
        return slack * float(self.rng.choice([-1, 1])) if chance > 0.75 else middle

    def _fill_wall(
        self, pieces: Sequence[Piece], gap: float, wall: int, s: float, rect: Rect
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
        """Hang a piece on some wall from height `z0` up; returns wall and place along it.

        With `clear`, that many metres of floor before it must be free and stay so.
        """
        for _ in range(30):
            wall = int(self.rng.integers(4))
            slack = (self.wall_length(wall) - piece.size[0]) / 2 - 0.15
            if slack < 0:
                continue
            s = float(self.rng.uniform(-slack, slack))
            half = piece.size[0] / 2 + 0.04
            if not self.wall_is_free(wall, s - half, s + half, z0, piece.size[2]):
                continue
            if clear:
                self.floor.append(self.strip(wall, s, piece.size[0], clear))
            self.hang(piece, wall, s, z0, 0.04)
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
            if not self.is_inside(wide, 0.03) or any(overlap(wide, r) for r in self.floor):
                continue
            if any(overlap(tight, r) for r in self.blocked):
                continue
            self.floor.append(wide)
            self.blocked.append(tight)
            self.placed.append(trial)
            return trial
        return None

    def stand_beside(self, piece: Piece) -> Placed | None:
        """Put a piece on the floor so that it all but touches another one, or nowhere."""
        standing = [p for p in self.placed if p.position[2] == 0 and p.piece.name not in _FLAT]
        for _ in range(40 if standing else 0):
            base = standing[int(self.rng.integers(len(standing)))]
            turn = base.yaw_rad + float(self.rng.choice(WALL_YAW) + self.rng.normal(0, 0.06))
            trial = Placed(piece=piece, position=(0.0, 0.0, 0.0), yaw_rad=turn)
            x0, y0, x1, y1 = base.footprint(float(self.rng.uniform(0.0, 0.02)))
            _, _, half_x, half_y = trial.footprint()
            along = self.rng.random()
            if self.rng.random() < 0.5:
                x = x0 - half_x if self.rng.random() < 0.5 else x1 + half_x
                y = y0 + along * (y1 - y0)
            else:
                y = y0 - half_y if self.rng.random() < 0.5 else y1 + half_y
                x = x0 + along * (x1 - x0)
            trial = Placed(piece=piece, position=(float(x), float(y), 0.0), yaw_rad=turn)
            rect = trial.footprint()
            others = [r for r in (*self.floor, *self.blocked) if not overlap(r, base.footprint())]
            if not self.is_inside(rect, 0.01) or any(overlap(rect, r) for r in others):
                continue
            near = [p for p in self.placed if overlap(p.footprint(0.01), rect)]
            if any(clash(trial, other) for other in near):
                continue
            self.blocked.append(rect)
            self.placed.append(trial)
            return trial
        return None

    def is_inside(self, rect: Rect, margin: float = 0.0) -> bool:
        """Whether a footprint keeps `margin` metres from all walls."""
        x0, y0, x1, y1 = rect
        far_x, far_y = self.size[0] - margin, self.size[1] - margin
        return bool(x0 >= margin and y0 >= margin and x1 <= far_x and y1 <= far_y)

    def put_on(
        self, base: Placed | None, pieces: Sequence[Piece], board: int = 0, edge: float = 0.01
    ) -> list[Placed]:
        """Things on a board of a piece, apart from each other; what does not fit is left out."""
        if base is None or board >= len(base.piece.boards):
            return []
        on = base.piece.boards[board]
        taken: list[Rect] = []
        found = []
        for piece in pieces:
            place = None if piece.size[2] > on.clear else self._place_on(on, piece, taken, edge)
            if place is not None:
                x, y, turn = place
                z = base.position[2] + on.z
                found.append(self.add(piece, *base.world(x, y), base.yaw_rad + turn, z))
        return found

    def _place_on(
        self, on: Board, piece: Piece, taken: list[Rect], edge: float
    ) -> tuple[float, float, float] | None:
        for _ in range(15):
            turn = float(self.rng.choice([0.0, np.pi / 2]) + self.rng.normal(0, 0.2))
            if piece.name in ("monitor", "television", "pillow"):
                turn = float(self.rng.normal(0, 0.12))
            elif on.clear < 0.5:  # on a shelf things stand in line
                turn = float(self.rng.normal(0, 0.04))
            here = Placed(piece=piece, position=(0.0, 0.0, 0.0), yaw_rad=turn)
            _, _, half_x, half_y = here.footprint(edge)
            x0, x1, y0, y1 = on.x[0] + half_x, on.x[1] - half_x, on.y[0] + half_y, on.y[1] - half_y
            if x0 > x1 or y0 > y1:
                continue
            x, y = self.rng.uniform(x0, x1), self.rng.uniform(y0, y1)
            rect = (x - half_x, y - half_y, x + half_x, y + half_y)
            if not any(overlap(rect, other) for other in taken):
                taken.append(rect)
                return float(x), float(y), turn
        return None

    def seat(self, base: Placed | None, maker: Maker, count: int) -> None:
        """Chairs of one build around a table, most of them pushed in until they touch it."""
        if base is None or count == 0:
            return
        w, d, _ = base.piece.size
        along = (-w / 4, w / 4) if w > 1.15 else (0.0,)
        spots = [(x, d / 2, 0.0) for x in along] + [(x, -d / 2, np.pi) for x in along]
        spots += [(w / 2, 0.0, -np.pi / 2), (-w / 2, 0.0, np.pi / 2)]
        model_seed = int(self.rng.integers(1 << 31))
        for k in self.rng.permutation(len(spots))[:count]:
            x, y, yaw = spots[int(k)]
            chair = maker(np.random.default_rng(model_seed))  # one build for the whole table
            out = chair.size[1] / 2 - self.rng.uniform(0.02, 0.25)
            if self.rng.random() < 0.15:
                out += 0.35  # somebody left it pulled out
            turn = base.yaw_rad + yaw + float(self.rng.normal(0, 0.15))
            self.push_in(chair, base, (x, y), (-np.sin(yaw), np.cos(yaw)), out, turn)

    def push_in(
        self,
        piece: Piece,
        base: Placed,
        edge: tuple[float, float],
        direction: tuple[float, float],
        out: float,
        yaw: float,
    ) -> None:
        """Put a piece partly under another, pulled out until nothing is in anything.

        Args:
            piece: The chair.
            base: The table.
            edge: Point on the edge of the table, in its frame.
            direction: Unit vector away from the table, in its frame.
            out: Metres from the edge to the middle of the chair, at first.
            yaw: Turn of the chair in the room.
        """
        own = base.footprint()
        for step in (0.0, 0.07, 0.14, 0.22, 0.3):
            x, y = base.world(*(np.array(edge) + (out + step) * np.array(direction)))
            trial = Placed(piece=piece, position=(float(x), float(y), 0.0), yaw_rad=yaw)
            rect = trial.footprint(-0.02)
            others = [r for r in self.blocked if not overlap(r, own)]
            if not self.is_inside(rect, 0.01) or any(overlap(rect, r) for r in others):
                return
            near = [p for p in self.placed if overlap(p.footprint(), trial.footprint())]
            if not any(clash(trial, other) for other in near):
                self.placed.append(trial)
                self.blocked.append(rect)
                return


def clash(a: Placed, b: Placed, depth: float = _MAY_CLASH) -> bool:
    """Whether two pieces reach into each other by more than `depth` metres, on a lattice."""
    parts_a, parts_b = SolidSet(a.solids()), SolidSet(b.solids())
    return bool(
        parts_b.contains(_lattice(parts_a), depth).any()
        or parts_a.contains(_lattice(parts_b), depth).any()
    )


def _lattice(parts: SolidSet) -> Float[np.ndarray, "k 3"]:
    """Points on and in every solid."""
    points = []
    for s in range(len(parts)):
        unit = _LATTICE
        if parts.shape[s] == CYLINDER:
            unit = unit[np.hypot(unit[:, 0], unit[:, 1]) <= 1.0]
        elif parts.shape[s] != BOX:
            unit = unit[np.linalg.norm(unit, axis=1) <= 1.0]
        points.append(parts.center[s] + (unit * parts.half[s]) @ parts.turn[s].T)
    return np.concatenate(points)
