"""What lies behind the sidewalk: houses with gardens, shop fronts, parks, car parks, yards, fields.

Each plot fills one stretch of one side of a street.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pointins_engine.scenes.simulate.outdoor import furniture as f
from pointins_engine.scenes.simulate.outdoor import objects as o
from pointins_engine.scenes.simulate.outdoor.draft import Street
from pointins_engine.scenes.simulate.pieces import Piece

_DETAIL = 50.0  # metres: facades beyond have no relief


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """A stretch of land beside the road."""

    street: Street
    side: int  # 1 = left, -1 = right
    x0: float
    x1: float
    edge: float  # y where the plot begins
    level: float  # metres above the road

    @property
    def middle(self) -> float:
        return (self.x0 + self.x1) / 2

    @property
    def length(self) -> float:
        return self.x1 - self.x0

    @property
    def facing(self) -> float:
        """Yaw under which the front of a piece looks at the road."""
        return 0.0 if self.side > 0 else np.pi

    def y(self, depth: float) -> float:
        """Across position `depth` metres behind the edge."""
        return self.edge + self.side * depth

    def put(self, piece: Piece, x: float, depth: float, yaw: float | None = None) -> None:
        yaw = self.facing if yaw is None else yaw
        self.street.add(piece, x, self.y(depth), yaw, self.level)

    def ground(
        self, name: str, x: tuple[float, float], depth: tuple[float, float], material: str
    ) -> None:
        y = (self.y(depth[0]), self.y(depth[1]))
        self.street.ground(name, x, y, self.level + 0.01, material)


def _tree(plot: Plot, x: float, depth: float, conifers: float = 0.2) -> None:
    rng = plot.street.rng
    make = f.conifer if rng.random() < conifers else f.tree
    turn = rng.uniform(0, 2 * np.pi)
    for piece in make(rng):
        plot.put(piece, x, depth, turn)


def _border(plot: Plot, x: tuple[float, float], depth: float) -> None:
    """A hedge or a fence along the sidewalk."""
    length, rng = x[1] - x[0] - 0.4, plot.street.rng
    if length < 1.0:
        return
    if rng.random() < 0.6:
        plot.street.add(
            f.hedge(length, rng), sum(x) / 2, plot.y(depth), 0.0, plot.level, leans=True
        )
    else:
        plot.put(f.fence(length, rng), sum(x) / 2, depth, 0.0)


def _house(plot: Plot) -> None:
    """A house behind its front garden, with a driveway."""
    rng = plot.street.rng
    drive = float(rng.uniform(2.6, 3.6)) if rng.random() < 0.6 else 0.0
    garden = float(rng.choice((1.2, 4.0, 7.0)) + rng.uniform(0, 1.5))
    depth = float(rng.uniform(7, 11))
    width = plot.length - drive - rng.uniform(0.4, 3)
    body = f.building(width, depth, int(rng.integers(1, 4)), rng, detail=abs(plot.middle) < _DETAIL)
    plot.put(body, plot.x0 + drive + width / 2, garden + depth / 2)
    if drive:
        plot.ground("parking", (plot.x0, plot.x0 + drive), (0.0, garden + 5), "paving")
        if rng.random() < 0.6 and garden > 3:
            yaw = plot.side * np.pi / 2 + (np.pi if rng.random() < 0.5 else 0)
            piece = o.van(rng) if rng.random() < 0.08 else o.car(rng)
            if piece.size[0] < 6:
                y = plot.y(0.5 + piece.size[0] / 2)
                plot.street.try_add(piece, plot.x0 + drive / 2, y, yaw, plot.level + 0.01)
    if garden > 2:
        _border(plot, (plot.x0 + drive + 0.2, plot.x1), 0.4)
        for _ in range(int(rng.integers(4, 12))):
            x, d = plot.x0 + drive + rng.uniform(0.8, width), rng.uniform(1.0, garden - 0.6)
            if rng.random() < 0.75:
                plot.put(f.bush(rng), x, d)
            else:
                _tree(plot, x, d)
    if rng.random() < 0.6:  # a hedge to the neighbour
        line = f.hedge(garden + 0.6 * depth, rng)
        plot.put(line, plot.x1 - 0.4, line.size[0] / 2 + 0.3, np.pi / 2)
    for _ in range(int(rng.integers(2, 7))):  # trees behind the house
        _tree(plot, rng.uniform(plot.x0, plot.x1), garden + depth + rng.uniform(3, 15))
    _second_row(plot, garden + depth + 22)


def _second_row(plot: Plot, depth: float) -> None:
    """Another house behind: what is seen through the gaps of the first row."""
    rng = plot.street.rng
    body = f.building(plot.length * rng.uniform(0.5, 0.95), 10.0, int(rng.integers(2, 4)), rng,
                      detail=False)  # fmt: skip
    plot.put(body, plot.middle, depth)


def _front(plot: Plot) -> None:
    """A block that stands at the sidewalk, wall to wall with the next."""
    rng = plot.street.rng
    depth = float(rng.uniform(9, 14))
    passage = rng.uniform(2.5, 4) if rng.random() < 0.12 else 0.0
    width = plot.length - passage
    body = f.building(width, depth, int(rng.integers(2, 7)), rng, detail=abs(plot.middle) < _DETAIL)
    plot.put(body, plot.x0 + width / 2, 0.15 + depth / 2)
    plot.ground("sidewalk", (plot.x0, plot.x1), (0.0, 2.0), "paving")


def _park(plot: Plot) -> None:
    rng = plot.street.rng
    if rng.random() < 0.5:
        _border(plot, (plot.x0, plot.x1), 0.3)
    path = rng.uniform(5, 15)
    plot.ground("sidewalk", (plot.x0, plot.x1), (path, path + 2), "paving")
    for _ in range(int(plot.length / 2)):
        x, d = rng.uniform(plot.x0, plot.x1), rng.uniform(1.5, 32)
        if abs(d - path - 1) < 1.6:
            continue
        if rng.random() < 0.4:
            _tree(plot, x, d)
        else:
            plot.put(f.bush(rng), x, d)
    for _ in range(int(rng.integers(0, 3))):
        x, y = rng.uniform(plot.x0, plot.x1), plot.y(path + 1 + rng.normal(0, 0.4))
        yaw = float(rng.choice((0.0, np.pi)))
        plot.street.try_add(o.person(rng), x, y, yaw, plot.level + 0.01, speed=1.2)
    if rng.random() < 0.5:
        plot.put(f.clutter(rng), rng.uniform(plot.x0, plot.x1), path + 2.4)
    _second_row(plot, 42.0)


def _lot(plot: Plot) -> None:
    """A car park with rows at right angles to the road."""
    rng = plot.street.rng
    plot.ground("parking", (plot.x0, plot.x1), (1.0, 33.0), "asphalt")
    share, pitch = rng.uniform(0.3, 0.9), 2.6
    for depth in (4.0, 10.5, 21.0, 27.0):
        for x in np.arange(plot.x0 + 1.5, plot.x1 - 1.2, pitch):
            if rng.random() < share:
                yaw = plot.side * np.pi / 2 + (np.pi if rng.random() < 0.4 else 0.0)
                piece = o.car(rng) if rng.random() < 0.93 else o.van(rng)
                if piece.size[0] < 6.1:
                    y = plot.y(depth) + rng.normal(0, 0.15)
                    plot.street.try_add(
                        piece, x + rng.normal(0, 0.06), y, yaw + rng.normal(0, 0.02),
                        plot.level + 0.01,
                    )  # fmt: skip
    for x in np.arange(plot.x0 + 4, plot.x1, 14.0):
        plot.put(f.lamp_post(rng), x, 7.3)
    if rng.random() < 0.8:
        _border(plot, (plot.x0, plot.x1 - 5), 0.5)
    plot.put(f.hall(plot.length, 15.0, rng), plot.middle, 43.0)


def _yard(plot: Plot) -> None:
    """A yard with a hall, containers and trucks behind a fence."""
    rng = plot.street.rng
    set_back = float(rng.uniform(10, 22))
    material = "concrete" if rng.random() < 0.6 else "soil"
    plot.ground("other-ground", (plot.x0, plot.x1), (0.8, set_back + 20), material)
    plot.put(f.hall(plot.length * 0.8, 18.0, rng), plot.middle, set_back + 9)
    gate = rng.uniform(0.3, 0.7) * plot.length + plot.x0
    _border(plot, (plot.x0, gate - 4), 0.5)
    _border(plot, (gate + 4, plot.x1), 0.5)
    for _ in range(int(rng.integers(2, 7))):
        x, y = rng.uniform(plot.x0 + 3, plot.x1 - 3), plot.y(rng.uniform(3, set_back - 1.5))
        maker = (o.truck, o.van, f.container, o.car)[int(rng.integers(4))]
        yaw = float(rng.choice((0.0, np.pi / 2))) + rng.normal(0, 0.05)
        plot.street.try_add(maker(rng), x, y, yaw, plot.level + 0.01)


def _field(plot: Plot) -> None:
    rng = plot.street.rng
    if rng.random() < 0.4:
        _border(plot, (plot.x0, plot.x1), rng.uniform(0.5, 3))
    for x in np.arange(plot.x0 + 5, plot.x1, 38.0):
        plot.put(f.mast(rng), x, 3.5, np.pi / 2)
    for _ in range(int(rng.integers(0, 6))):
        _tree(plot, rng.uniform(plot.x0, plot.x1), rng.uniform(3, 45))
    for _ in range(int(rng.integers(1, 7))):
        plot.put(f.bush(rng), rng.uniform(plot.x0, plot.x1), rng.uniform(1, 20))


def _woods(plot: Plot) -> None:
    rng = plot.street.rng
    conifers = rng.uniform(0, 0.8)
    for _ in range(int(plot.length * 1.2)):
        _tree(plot, rng.uniform(plot.x0, plot.x1), 1.5 + 28 * rng.random() ** 1.5, conifers)
    for _ in range(int(plot.length * 0.5)):
        plot.put(f.bush(rng), rng.uniform(plot.x0, plot.x1), rng.uniform(0.8, 8))


@dataclass(frozen=True, kw_only=True, slots=True)
class Filling:
    """A kind of plot: its usual length in metres, and who fills it."""

    length: tuple[float, float]
    fill: Callable[[Plot], None]


PLOTS = {
    "house": Filling(length=(10.0, 18.0), fill=_house),
    "front": Filling(length=(12.0, 26.0), fill=_front),
    "park": Filling(length=(14.0, 40.0), fill=_park),
    "lot": Filling(length=(18.0, 34.0), fill=_lot),
    "yard": Filling(length=(30.0, 50.0), fill=_yard),
    "field": Filling(length=(30.0, 70.0), fill=_field),
    "woods": Filling(length=(14.0, 45.0), fill=_woods),
}
