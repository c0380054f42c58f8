"""One side of a simulated street: bays, verge, sidewalk, who and what is on it, plots behind."""

import numpy as np

from pointins_engine.scenes.simulate.outdoor import furniture as f
from pointins_engine.scenes.simulate.outdoor import objects as o
from pointins_engine.scenes.simulate.outdoor.draft import CURB, Street
from pointins_engine.scenes.simulate.outdoor.kinds import KINDS, Kind
from pointins_engine.scenes.simulate.outdoor.plots import PLOTS, Plot
from pointins_engine.scenes.simulate.pieces import Piece

REACH = 85.0  # metres of land on each side of the road


def fill_side(street: Street, kind: Kind, side: int, edge: float, gap: tuple[float, float]) -> None:
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
        pieces: tuple[Piece, ...] = ()
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
