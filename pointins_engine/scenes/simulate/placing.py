"""Finding free places in a simulated room: against walls, on them, in the middle, on table tops."""

from dataclasses import dataclass, field

import numpy as np

from pointins_engine.scenes.simulate.furniture import Maker, Rng
from pointins_engine.scenes.simulate.pieces import Piece, Placed, Rect, overlap

WALL_YAW = (0.0, np.pi / 2, np.pi, -np.pi / 2)  # walls at +y, -x, -y, +x: a piece's back faces it


@dataclass
class Draft:
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
            if tall and not self.wall_is_free(
                wall, middle - width / 2, middle + width / 2, 0.0, 2.0
            ):
                continue
            x, y = self.at_wall(wall, middle, depth / 2)
            along, across = (width, depth) if wall % 2 == 0 else (depth, width)
            rect = (x - along / 2, y - across / 2, x + along / 2, y + across / 2)
            front = self.at_wall(wall, middle, depth + clear / 2)
            long, short = (width, clear) if wall % 2 == 0 else (clear, width)
            room = (
                front[0] - long / 2,
                front[1] - short / 2,
                front[0] + long / 2,
                front[1] + short / 2,
            )
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
            inside = (
                rect[0] > 0 and rect[1] > 0 and rect[2] < self.size[0] and rect[3] < self.size[1]
            )
            if not inside or any(overlap(rect, other) for other in others):
                continue
            self.placed.append(trial)
            self.blocked.append(rect)
