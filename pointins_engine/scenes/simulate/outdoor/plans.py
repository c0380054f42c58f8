"""Which street a seed is: its kind, lanes, median, crossing, ends and traffic.

A street is a strip of lanes, lined on both sides by `sides.py`; one crossing may cut it.
"""

from dataclasses import dataclass

import numpy as np

from pointins_engine.scenes.simulate.outdoor import furniture as f
from pointins_engine.scenes.simulate.outdoor import objects as o
from pointins_engine.scenes.simulate.outdoor.draft import CURB, Street, draw_profile
from pointins_engine.scenes.simulate.outdoor.kinds import KINDS, Kind
from pointins_engine.scenes.simulate.outdoor.sides import REACH, fill_side

_SIGHT = (45.0, 85.0)  # metres of road behind the sensor, and ahead of where it stops

Rng = np.random.Generator


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A street, and how the sensor drives on it."""

    street: Street
    kind: str  # key of KINDS
    speed: float  # metres a second: of the sensor, and of its lane
    is_wet: bool
    salt: int  # decides the bumps of the ground


def plan_street(rng: Rng, drive_s: float = 0.0) -> Plan:
    """Draw a street, long enough for a sensor that drives for `drive_s` seconds."""
    names = list(KINDS)
    name = str(rng.choice(names, p=[KINDS[k].chance for k in names]))
    kind = KINDS[name]
    speed = float(rng.uniform(*kind.speed_m_s))
    reach = (-float(rng.uniform(*_SIGHT)), float(rng.uniform(*_SIGHT)) + speed * drive_s)
    street = Street(rng, draw_profile(rng, kind.steepness, reach), reach)
    lanes = int(rng.integers(kind.lanes[0], kind.lanes[1] + 1))
    width = float(rng.uniform(*kind.lane_width))
    own = int(rng.integers(lanes))  # 0 = next to the middle of the road
    divide = float((own + 0.5) * width + rng.normal(0, 0.15))  # y of our side's left edge
    median = float(rng.uniform(1.2, 4.5)) if rng.random() < kind.median else 0.0
    shoulder = 2.5 if name == "motorway" else 0.5
    right, left = divide - lanes * width - shoulder, divide + median + lanes * width + shoulder
    crossing = float(rng.uniform(14, 38) * rng.choice([-1, 1]))
    half = float(rng.uniform(3.2, 5.5))
    has_crossing = rng.random() < kind.crossing
    gap = (crossing - half, crossing + half) if has_crossing else (reach[1] + 50, reach[1] + 51)
    _carriageway(street, (right, left), (divide, divide + median), width, lanes, gap)
    if has_crossing:
        _crossing(street, right, left, gap)
    for side, edge in ((1, left), (-1, right)):
        fill_side(street, kind, side, edge, gap)
    _traffic(street, kind, divide, median, width, lanes, speed)
    if has_crossing:
        _at_crossing(street, right, left, gap)
    _close(street, kind, (right, left))
    return Plan(
        street=street, kind=name, speed=speed, is_wet=bool(rng.random() < 0.12),
        salt=int(rng.integers(1 << 30)),
    )  # fmt: skip


def _carriageway(
    street: Street,
    edges: tuple[float, float],
    median: tuple[float, float],
    width: float,
    lanes: int,
    gap: tuple[float, float],
) -> None:
    """Asphalt with its lines, and the strip between the directions."""
    rng, reach = street.rng, street.reach
    street.ground("road", reach, edges, 0.0, "asphalt")
    line = 0.003  # metres above the asphalt
    for y in (edges[0] + 0.15, edges[1] - 0.15):
        street.ground("road", reach, (y - 0.07, y + 0.07), line, "line")
    dashed = [median[0] - k * width for k in range(1, lanes)]
    dashed += [median[1] + k * width for k in range(1, lanes)]
    strip = median[1] - median[0]
    if strip < 0.1:
        dashed.append(median[0])
    for y in dashed:
        for x in np.arange(reach[0], reach[1], 9.0):
            street.ground("road", (x, x + 3.0), (y - 0.07, y + 0.07), line, "line")
    if strip < 0.1:
        return
    is_green = strip > 1.8 and rng.random() < 0.6
    material = "grass" if is_green else "concrete"
    name = "terrain" if is_green else "other-ground"
    for x in ((reach[0], gap[0] - 3), (gap[1] + 3, reach[1])):
        street.ground(name, x, median, CURB, material)
        is_railed = not is_green or rng.random() < 0.3
        middle, trees = sum(median) / 2, is_green and strip > 2.5
        for start in np.arange(x[0], min(x[1], reach[1]) - 12, 12.0):
            if is_railed:
                street.add(f.guard_rail(12.0, rng), start + 6, middle, 0.0, CURB)
            elif trees and rng.random() < 0.6:
                for piece in f.tree(rng):
                    street.add(piece, start + 6, middle, rng.uniform(0, 6), CURB)
            elif rng.random() < 0.5:
                street.add(f.bush(rng), start + rng.uniform(0, 12), middle, 0.0, CURB)


def _crossing(street: Street, right: float, left: float, gap: tuple[float, float]) -> None:
    """A side road with sidewalks, zebra stripes and perhaps a refuge of its own."""
    rng = street.rng
    for near, far in ((left, REACH), (-REACH, right)):
        street.ground("road", gap, (near, far), 0.0, "asphalt")
    if rng.random() < 0.6:
        for y in np.arange(right + 0.6, left - 0.6, 1.0):
            street.ground("road", (gap[0] - 3.2, gap[0] - 0.6), (y, y + 0.5), 0.004, "line")
    if rng.random() < 0.45:  # an island that divides the side road
        middle, outer = (gap[0] + gap[1]) / 2, left if rng.random() < 0.5 else right
        end = outer + np.sign(outer) * 7.0
        begin = outer + np.sign(outer) * 2.0
        street.ground("other-ground", (middle - 0.7, middle + 0.7), (begin, end), CURB, "concrete")
        for piece in f.traffic_sign(rng):
            street.add(piece, middle, begin + np.sign(outer) * 0.6, np.pi / 2, CURB)


def _at_crossing(street: Street, right: float, left: float, gap: tuple[float, float]) -> None:
    """Somebody waits, somebody walks over, a row is parked along the side road."""
    rng, middle = street.rng, (gap[0] + gap[1]) / 2
    quarter = (gap[1] - gap[0]) / 4
    if rng.random() < 0.6:
        street.try_add(o.car(rng), middle - quarter, left + 4.5, -np.pi / 2)
    if rng.random() < 0.4:
        street.try_add(o.car(rng), middle + quarter, right - 4.5, np.pi / 2)
    for _ in range(int(rng.integers(0, 4))):
        y, way = rng.uniform(right, left), float(rng.choice([-1, 1]))
        x = gap[0] - 2 + rng.normal(0, 0.6)
        street.try_add(o.person(rng), x, y, way * np.pi / 2, speed=1.3)
    for edge, out in ((left, 1.0), (right, -1.0)):
        if rng.random() < 0.5:
            y = edge + out * 12.0
            while abs(y) < 60:
                if rng.random() < 0.7:
                    x = gap[1] - 1.0 if out > 0 else gap[0] + 1.0
                    street.try_add(o.car(rng), x, y, np.pi / 2 + rng.normal(0, 0.03))
                y += out * rng.uniform(5.2, 7.0)


def _close(street: Street, kind: Kind, edges: tuple[float, float]) -> None:
    """What the road bends behind, at both of its ends: houses or trees across it."""
    rng, is_open = street.rng, kind.walk is None
    for x, out in ((street.reach[0], -1.0), (street.reach[1], 1.0)):
        land = (min(x, x + out * 60), max(x, x + out * 60))
        street.land(land, (-REACH - 30, REACH + 30), CURB)
        y = edges[0] - 25.0
        while y < edges[1] + 25.0:
            if is_open or rng.random() < 0.35:
                width, away = rng.uniform(3, 6), 3 + 12 * rng.random() ** 2
                for piece in f.tree(rng) if rng.random() < 0.7 else f.conifer(rng):
                    street.add(piece, x + out * away, y, 0.0, CURB)
                street.add(f.bush(rng), x + out * rng.uniform(1, 4), y + 1, 0.0, CURB)
            else:
                width = rng.uniform(9, 18)
                house = f.building(width - 0.5, 10.0, int(rng.integers(2, 5)), rng, detail=False)
                street.add(house, x + out * 11, y + width / 2, -out * np.pi / 2, CURB)
            y += width


def _traffic(
    street: Street,
    kind: Kind,
    divide: float,
    median: float,
    width: float,
    lanes: int,
    speed: float,
) -> None:
    """Vehicles in every lane; those of a lane share a speed, so that they never meet."""
    rng, reach = street.rng, street.reach
    for ahead in (True, False):
        for lane in range(lanes):
            across = (lane + 0.5) * width
            y = divide - across if ahead else divide + median + across
            own = abs(y) < width / 2
            lane_speed = speed if own else speed * rng.uniform(0.8, 1.15)
            x = reach[0] + rng.uniform(0, kind.gap[1])
            while x < reach[1]:
                roll = rng.random()
                maker = o.car
                if roll < kind.trucks:
                    maker = o.truck if rng.random() < 0.55 else o.van
                elif roll < kind.trucks + kind.two_wheels:
                    slow = kind.speed_m_s[1] < 15
                    maker = o.bicyclist if slow and rng.random() < 0.7 else o.motorcyclist
                piece = maker(rng)
                yaw = (0.0 if ahead else np.pi) + rng.normal(0, 0.02)
                side = (0.3 * width if piece.size[1] < 1 else 0.0) * (-1 if ahead else 1)
                if not own or abs(x) > 7 + piece.size[0] / 2:
                    offset = side + rng.normal(0, 0.15)
                    street.try_add(piece, x, y + offset, yaw, speed=lane_speed)
                x += piece.size[0] / 2 + rng.uniform(*kind.gap)
