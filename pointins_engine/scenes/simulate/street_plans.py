"""Which street a seed is: its kind, lanes, what lines it, who is on it.

Five kinds: residential, city, industrial and country roads, and motorways. A street is a strip of
lanes with a profile of parking bays, verges and sidewalks on each side, and beyond these a row of
plots (`street_plots.py`). One crossing may cut through.
"""

from dataclasses import dataclass

import numpy as np

from pointins_engine.scenes.simulate import street_furniture as f
from pointins_engine.scenes.simulate import street_objects as o
from pointins_engine.scenes.simulate.street_draft import CURB, Street, draw_profile
from pointins_engine.scenes.simulate.street_plots import PLOTS, Plot

REACH = 85.0  # metres of land on each side of the road
_SIGHT = (45.0, 85.0)  # metres of road behind the sensor, and ahead of where it stops

Rng = np.random.Generator


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """How one kind of street is drawn; intervals are metres unless a name says otherwise."""

    chance: float
    lanes: tuple[int, int]  # a direction, from and to
    lane_width: tuple[float, float]
    median: float  # chance of a strip between the directions
    parking: float  # chance of parking bays, each side
    walk: tuple[float, float] | None  # width of the sidewalk
    verge: float  # chance of a green strip between road and sidewalk
    crossing: float  # chance
    speed_m_s: tuple[float, float]  # of the traffic
    gap: tuple[float, float]  # between vehicles of a lane
    trucks: float  # share of trucks and buses in the traffic
    two_wheels: float  # share of bicyclists and motorcyclists in the traffic
    people: tuple[int, int]  # on each sidewalk
    steepness: float  # usual grade
    plots: dict[str, float]  # chance of each kind of plot


KINDS = {
    "residential": Kind(
        chance=0.45, lanes=(1, 1), lane_width=(3.0, 4.2), median=0.0, parking=0.5,
        walk=(2.0, 4.0), verge=0.35, crossing=0.6, speed_m_s=(6.0, 10.0), gap=(35.0, 110.0),
        trucks=0.08, two_wheels=0.3, people=(0, 4), steepness=0.02,
        plots={"house": 0.6, "front": 0.12, "park": 0.1, "lot": 0.03, "woods": 0.15},
    ),
    "city": Kind(
        chance=0.28, lanes=(1, 2), lane_width=(3.0, 3.5), median=0.3, parking=0.7,
        walk=(3.4, 6.5), verge=0.2, crossing=0.75, speed_m_s=(5.0, 11.0), gap=(16.0, 55.0),
        trucks=0.14, two_wheels=0.25, people=(4, 13), steepness=0.01,
        plots={"front": 0.74, "park": 0.09, "lot": 0.09, "house": 0.08},
    ),
    "industrial": Kind(
        chance=0.1, lanes=(1, 2), lane_width=(3.2, 3.8), median=0.15, parking=0.5,
        walk=(1.5, 2.2), verge=0.5, crossing=0.5, speed_m_s=(8.0, 13.0), gap=(25.0, 70.0),
        trucks=0.4, two_wheels=0.1, people=(0, 2), steepness=0.008,
        plots={"yard": 0.6, "lot": 0.22, "park": 0.1, "front": 0.08},
    ),
    "country": Kind(
        chance=0.1, lanes=(1, 1), lane_width=(2.9, 3.6), median=0.0, parking=0.0, walk=None,
        verge=0.0, crossing=0.3, speed_m_s=(14.0, 24.0), gap=(40.0, 110.0),
        trucks=0.15, two_wheels=0.2, people=(0, 0), steepness=0.03,
        plots={"field": 0.5, "woods": 0.4, "house": 0.1},
    ),
    "motorway": Kind(
        chance=0.07, lanes=(2, 3), lane_width=(3.5, 3.75), median=1.0, parking=0.0, walk=None,
        verge=0.0, crossing=0.0, speed_m_s=(22.0, 33.0), gap=(22.0, 70.0),
        trucks=0.25, two_wheels=0.08, people=(0, 0), steepness=0.012,
        plots={"woods": 0.55, "field": 0.35, "yard": 0.1},
    ),
}  # fmt: skip


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
        _side(street, kind, side, edge, gap)
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


def _side(street: Street, kind: Kind, side: int, edge: float, gap: tuple[float, float]) -> None:
    """Bays, verge, sidewalk and plots on one side of the road."""
    rng, reach = street.rng, street.reach
    stretches = [x for x in ((reach[0], gap[0]), (gap[1], reach[1])) if x[1] > x[0]]
    y = edge
    if rng.random() < kind.parking:
        bay = float(rng.uniform(2.1, 2.4))
        paving = "asphalt" if rng.random() < 0.6 else "paving"
        for x in stretches:
            street.ground("parking", x, (y, y + side * bay), 0.0, paving)
        _parked(street, y + side * bay / 2, side, gap)
        y += side * bay
    if kind.walk is None:
        y = _shoulder(street, side, y, kind is KINDS["motorway"])
    else:
        if rng.random() < kind.verge:
            strip = float(rng.uniform(1.2, 2.5))
            for x in stretches:
                street.ground("terrain", x, (y, y + side * strip), CURB, "grass")
            _avenue(street, side, y + side * strip / 2, gap, trees=True)
            _shrubs(street, y + side * strip / 2, gap)
            y += side * strip
        walk = float(rng.uniform(*kind.walk))
        for x in stretches:
            street.ground("sidewalk", x, (y, y + side * walk), CURB, "paving")
        _avenue(street, side, y + side * 0.4, gap, trees=walk > 2.4 and rng.random() < 0.6)
        _sidewalk(street, kind, side, y, walk, gap)
        y += side * walk
    level = CURB + 0.02
    # Plots end short of the crossing: its own sidewalks lie between.
    for x in stretches:
        street.ground("terrain", x, (y, side * (REACH + 30)), level, "grass")
    if kind.walk is not None:
        for x in ((gap[0] - 1.8, gap[0]), (gap[1], gap[1] + 1.8)):
            street.ground("sidewalk", x, (y, side * REACH), level + 0.01, "paving")
    names = list(kind.plots)
    x = reach[0]
    while x < reach[1]:
        name = str(rng.choice(names, p=[kind.plots[k] for k in names]))
        length = float(rng.uniform(*PLOTS[name].length))
        outside = x + length < gap[0] - 2.2 or x > gap[1] + 2.2
        if outside:
            plot = Plot(street=street, side=side, x0=x, x1=x + length, edge=y, level=level)
            PLOTS[name].fill(plot)
            x += length
        else:
            x += 2.0


def _shoulder(street: Street, side: int, edge: float, is_motorway: bool) -> float:
    """Verge, ditch or bank beside a road without sidewalks; returns where the land begins."""
    rng, reach = street.rng, street.reach
    verge = float(rng.uniform(0.8, 2.0))
    street.ground("terrain", reach, (edge, edge + side * verge), 0.02, "grass")
    y = edge + side * verge
    if is_motorway or rng.random() < 0.35:
        for start in np.arange(reach[0], reach[1] - 12, 12.0):
            street.add(f.guard_rail(12.0, rng), start + 6, edge + side * 0.5)
    else:
        for x in np.arange(reach[0] + rng.uniform(0, 20), reach[1], 25.0):
            street.add(f.delineator(rng), x, edge + side * 0.6)
    kind = str(rng.choice(("ditch", "bank", "level"), p=(0.4, 0.4, 0.2)))
    if kind == "ditch":
        depth = float(rng.uniform(0.4, 0.9))
        street.ground("terrain", reach, (y, y + side * 1.5), (0.02, -depth), "grass")
        street.ground("terrain", reach, (y + side * 1.5, y + side * 3), (-depth, CURB), "grass")
        y += side * 3
    elif kind == "bank":
        run, rise = float(rng.uniform(4, 9)), float(rng.uniform(0.6, 2.0))
        street.ground("terrain", reach, (y, y + side * run), (0.02, rise), "grass")
        street.ground("terrain", reach, (y + side * run, side * (REACH + 30)), rise, "grass")
        for _ in range(int(rng.integers(4, 16))):
            along = rng.uniform(*reach)
            share = rng.uniform(0.2, 1.0)
            street.add(f.bush(rng), along, y + side * share * run, 0.0, share * rise)
        y += side * run
    for x in np.arange(reach[0] + rng.uniform(10, 60), reach[1], rng.uniform(45, 90)):
        pieces = f.gantry_sign(rng) if is_motorway else f.traffic_sign(rng)
        facing = 0.0 if side < 0 else np.pi
        for piece in pieces:
            street.add(piece, x, edge + side * (verge + 0.9), facing)
    return y


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


def _parked(street: Street, y: float, side: int, gap: tuple[float, float]) -> None:
    """A row in the bays: gaps, the odd van, and places given to bicycles and motorcycles."""
    rng, x = street.rng, street.reach[0] + 8
    share = rng.uniform(0.15, 0.8)
    while x < street.reach[1] - 8:
        chance = rng.random()
        maker = o.van if chance < 0.06 else o.truck if chance < 0.08 else o.car
        piece = maker(rng)
        x += piece.size[0] / 2
        clear = x + piece.size[0] / 2 < gap[0] - 3 or x - piece.size[0] / 2 > gap[1] + 3
        if clear and rng.random() < share:
            yaw = (0.0 if side < 0 else np.pi) + rng.normal(0, 0.03)
            street.try_add(piece, x, y + rng.normal(0, 0.08), yaw)
        elif clear and rng.random() < 0.12:
            kind = o.motorcycle if rng.random() < 0.4 else o.bicycle
            for k in range(int(rng.integers(1, 4))):
                street.try_add(kind(rng), x - 0.9 + 0.9 * k, y, np.pi / 2 + rng.normal(0, 0.1))
        x += piece.size[0] / 2 + rng.uniform(0.4, 1.6)


def _avenue(street: Street, side: int, y: float, gap: tuple[float, float], *, trees: bool) -> None:
    """What stands in a row between road and sidewalk: trees, lamps, signs, lights, bollards."""
    rng = street.rng
    facing = 0.0 if side < 0 else np.pi
    for x in np.arange(street.reach[0] + 6, street.reach[1] - 6, rng.uniform(7, 13)):
        if gap[0] - 2.5 < x < gap[1] + 2.5:
            continue
        roll = rng.random()
        pieces: tuple = ()
        if trees and roll < 0.6:
            pieces = f.tree(rng)
        elif roll < 0.72:
            pieces = (f.lamp_post(rng),)
        elif roll < 0.84:
            pieces = f.traffic_sign(rng)
        elif roll < 0.9:
            pieces = (f.clutter(rng),)
        elif roll < 0.94:
            pieces = tuple(f.bollard(rng) for _ in range(3))
        for k, piece in enumerate(pieces):
            shift = 1.5 * k if piece.name == "pole" and len(pieces) == 3 else 0.0
            if street.fits(piece, x + shift, y, facing, 0.0) or piece.name != f.UNLABELLED:
                street.add(piece, x + shift, y, facing, CURB)
    for x, faces in ((gap[0] - 1.2, 0.0), (gap[1] + 1.2, np.pi)):
        if x < street.reach[1] and rng.random() < 0.6:
            for piece in f.traffic_light(rng):
                street.add(piece, x, y, faces, CURB)


def _shrubs(street: Street, y: float, gap: tuple[float, float]) -> None:
    """Low hedges along a green strip."""
    rng = street.rng
    for x in np.arange(street.reach[0] + 8, street.reach[1] - 8, 16.0):
        length = rng.uniform(3, 11)
        if rng.random() < 0.5 and not gap[0] - 10 < x < gap[1] + 10:
            street.add(f.hedge(length, rng), x, y, 0.0, CURB, leans=True)


def _sidewalk(
    street: Street, kind: Kind, side: int, curb: float, walk: float, gap: tuple[float, float]
) -> None:
    """People alone or in pairs that nearly touch, bicycles in racks, things left standing."""
    rng = street.rng
    house_line = curb + side * (walk - 0.5)
    for _ in range(int(rng.integers(0, 4))):  # bicycles and scooters in a row
        x0 = rng.uniform(-32, 32)
        maker = o.motorcycle if rng.random() < 0.15 else o.bicycle
        for k in range(int(rng.integers(1, 6))):
            x = x0 + 0.75 * k
            if not gap[0] - 3 < x < gap[1] + 3:
                turn = side * np.pi / 2 + rng.normal(0, 0.12)
                street.try_add(maker(rng), x, house_line - side * 0.3, turn, CURB)
    for _ in range(int(rng.integers(2, 11))):
        x = rng.uniform(-45, 45)
        piece = f.clutter(rng)
        if not gap[0] - 3 < x < gap[1] + 3 and street.fits(piece, x, house_line, 0.0):
            street.add(piece, x, house_line, 0.0 if side > 0 else np.pi, CURB)
    if walk > 2.6 and rng.random() < 0.35:
        x, piece = rng.uniform(-35, 35), f.shelter(rng)
        yaw = 0.0 if side > 0 else np.pi
        if not gap[0] - 4 < x < gap[1] + 4 and street.fits(piece, x, house_line, yaw):
            street.add(piece, x, house_line - side * 0.4, yaw, CURB)
    for _ in range(int(rng.integers(kind.people[0], kind.people[1] + 1))):
        x, way = rng.uniform(-40, 40), float(rng.choice([-1, 1]))
        if gap[0] < x < gap[1]:
            continue
        y = curb + side * (0.95 + 0.45 * (way > 0) * min(walk - 1.4, 1.2)) + rng.normal(0, 0.08)
        yaw = (0.0 if way > 0 else np.pi) + rng.normal(0, 0.1)
        speed = 0.0 if rng.random() < 0.25 else 1.3
        street.try_add(o.person(rng), x, y, yaw, CURB, speed=speed)
        if rng.random() < 0.35:
            beside = y + side * 0.68
            street.try_add(o.person(rng), x + rng.normal(0, 0.1), beside, yaw, CURB, speed=speed)


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
