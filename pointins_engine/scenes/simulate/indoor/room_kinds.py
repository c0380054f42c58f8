"""What stands in which kind of simulated room.

A kind fills walls, middle and table tops in that order and leaves out what finds no free place. The
kinds ask for what makes instances hard: chairs pushed under tables, cabinets of one build side by
side, things on top of other things and in shelves. How much lies about is the clutter of the room.
"""

from collections.abc import Sequence

import numpy as np

from pointins_engine.scenes.simulate.indoor import fixtures as x
from pointins_engine.scenes.simulate.indoor import furnishings as g
from pointins_engine.scenes.simulate.indoor import furniture as f
from pointins_engine.scenes.simulate.indoor import seats as s
from pointins_engine.scenes.simulate.indoor import wall_pieces as w
from pointins_engine.scenes.simulate.indoor.placing import Draft, Maker
from pointins_engine.scenes.simulate.pieces import Piece, Placed, Rng

_ON_FLOOR: tuple[Maker, ...] = (
    g.carton, g.carton, g.bag, g.pile_of_books, g.cushion, g.bin_, g.plant, g.small_box,
)  # fmt: skip
_ON_SHELF: tuple[Maker, ...] = (g.row_of_books, g.row_of_books, g.small_box, g.vase)


def furnish(draft: Draft, kind: str) -> None:
    """Fill a room of a kind (one of `KINDS`)."""
    KINDS[kind](draft)
    rng = draft.rng
    for base in [p for p in draft.placed if p.piece.name == "bookshelf"]:
        _fill_shelf(draft, base)
    for _ in range(int(rng.integers(0, 3))):
        draft.mount(w.picture(rng), 1.0)
    for _ in range(rng.poisson(0.1 + 2.2 * draft.clutter)):
        thing = _ON_FLOOR[int(rng.integers(len(_ON_FLOOR)))](rng)
        if rng.random() < 0.75:
            placed = draft.stand_beside(thing)
        else:
            placed = draft.stand_free(thing, 0.0, yaw=float(rng.uniform(-np.pi, np.pi)))
        if placed is not None and thing.name == "box" and rng.random() < 0.5:
            draft.put_on(placed, [g.small_box(rng)])
    if rng.random() < 0.3 * draft.clutter:
        draft.stand_at_wall([g.leaning_frame(rng)], 0.0, clear=0.05)


def _some(draft: Draft, makers: Sequence[Maker]) -> list[Piece]:
    """Some of the things that may lie here, more of them where there is clutter."""
    share = 0.2 + 0.55 * draft.clutter
    return [maker(draft.rng) for maker in makers if draft.rng.random() < share]


def _fill_shelf(draft: Draft, base: Placed) -> None:
    rng = draft.rng
    if rng.random() < draft.clutter:
        draft.put_on(base, [_pick(rng, (g.small_box, g.vase, g.carton))(rng)])
    for board in range(1, len(base.piece.boards)):
        things = [_pick(rng, _ON_SHELF)(rng) for _ in range(1 + (rng.random() < 0.3))]
        if rng.random() < 0.15 + 0.5 * draft.clutter:
            draft.put_on(base, things, board)


def _pick(rng: Rng, makers: tuple[Maker, ...]) -> Maker:
    return makers[int(rng.integers(len(makers)))]


def _gap(rng: Rng) -> float:
    """Metres between neighbours of one row: often they touch."""
    return float(rng.uniform(0.0, 0.025))


def _twins(draft: Draft, maker: Maker, count: int) -> list[Piece]:
    """Pieces of one build."""
    model = int(draft.rng.integers(1 << 31))
    return [maker(np.random.default_rng(model)) for _ in range(count)]


def _first(placed: list[Placed]) -> Placed | None:
    return placed[0] if placed else None


def _living(draft: Draft) -> None:
    rng = draft.rng
    couch = _first(draft.stand_at_wall([s.sofa(rng)], 0.0, clear=1.1))
    if couch is not None:
        draft.put_on(couch, [g.pillow(rng) for _ in range(int(rng.integers(0, 3)))])
        low = f.coffee_table(rng)
        away = couch.piece.size[1] / 2 + 0.42 + low.size[1] / 2
        spot = draft.add(low, *couch.world(0.0, -away), couch.yaw_rad)
        draft.floor.append(spot.footprint(0.25))
        draft.blocked.append(spot.footprint())
        draft.put_on(spot, _some(draft, (g.pile_of_books, g.vase, g.small_box)))
        draft.put_on(spot, _some(draft, (g.pile_of_books,)), board=1)
    board = _first(draft.stand_at_wall(_twins(draft, f.cabinet, 1), 0.0))
    draft.put_on(board, [g.television(rng)])
    draft.stand_at_wall(_twins(draft, f.bookshelf, int(rng.integers(1, 3))), _gap(rng))
    meal = draft.stand_free(f.table(rng) if rng.random() < 0.6 else f.round_table(rng), 0.5)
    draft.seat(meal, s.chair, int(rng.integers(2, 5)))
    draft.put_on(meal, _some(draft, (g.vase, g.pile_of_books, g.small_box)))
    lounge = draft.stand_free(s.armchair(rng), 0.05)
    draft.put_on(lounge, _some(draft, (g.pillow,)))
    draft.stand_free(g.floor_lamp(rng), 0.02, yaw=0.0)


def _office(draft: Draft) -> None:
    rng = draft.rng
    for _ in range(int(rng.integers(2, 4))):
        for spot in draft.stand_at_wall(
            _twins(draft, f.desk, int(rng.integers(1, 3))), _gap(rng), 0.9
        ):
            draft.put_on(
                spot,
                [g.monitor(rng), *_some(draft, (g.pile_of_books, g.table_lamp, g.small_box))],
            )
            _chair_before(draft, spot)
    draft.stand_at_wall(_twins(draft, f.bookshelf, int(rng.integers(1, 3))), _gap(rng))
    low = draft.stand_at_wall(_twins(draft, f.cabinet, int(rng.integers(1, 4))), _gap(rng))
    for spot in low:
        draft.put_on(spot, _some(draft, (g.carton, g.pile_of_books, g.vase)))
    draft.mount(w.whiteboard(rng), 0.85)
    draft.stand_free(g.bin_(rng), 0.02, yaw=0.0)


def _chair_before(draft: Draft, spot: Placed) -> None:
    rng = draft.rng
    chair = s.office_chair(rng)
    out = chair.size[1] / 2 - rng.uniform(-0.15, 0.22)
    edge = (float(rng.uniform(-0.25, 0.1)), -spot.piece.size[1] / 2)
    turn = spot.yaw_rad + np.pi + float(rng.normal(0, 0.5))
    draft.push_in(chair, spot, edge, (0.0, -1.0), out, turn)


def _bedroom(draft: Draft) -> None:
    rng = draft.rng
    stands = _twins(draft, f.nightstand, 2)
    row = [stands[0], f.bed(rng), stands[1]] if rng.random() < 0.7 else [f.bed(rng), stands[0]]
    for spot in draft.stand_at_wall(row, _gap(rng), 0.5):
        if spot.piece.name == "nightstand":
            draft.put_on(spot, _some(draft, (g.table_lamp, g.pile_of_books)))
        else:
            draft.put_on(spot, _some(draft, (g.cushion, g.bag)))
    draft.stand_at_wall(_twins(draft, f.wardrobe, int(rng.integers(1, 3))), _gap(rng), 0.5)
    chest = _first(draft.stand_at_wall([f.dresser(rng)], 0.0, 0.5))
    draft.put_on(chest, _some(draft, (g.vase, g.carton, g.pile_of_books, g.small_box)))
    work = _first(draft.stand_at_wall([f.desk(rng)], 0.0, 0.8))
    if work is not None:
        draft.put_on(work, [g.monitor(rng), *_some(draft, (g.table_lamp, g.pile_of_books))])
        _chair_before(draft, work)
    draft.put_on(draft.stand_free(s.armchair(rng), 0.05), _some(draft, (g.pillow,)))


def _kitchen(draft: Draft) -> None:
    rng = draft.rng
    row = [x.refrigerator(rng), x.counter(rng), *_twins(draft, f.cabinet, int(rng.integers(0, 2)))]
    for spot in draft.stand_at_wall(row, _gap(rng), 0.6)[1:]:
        draft.put_on(spot, _some(draft, (g.carton, g.vase, g.small_box, g.small_box)))
    draft.stand_at_wall([x.sink(rng), *_twins(draft, f.cabinet, 1)], _gap(rng), 0.5)
    meal = draft.stand_free(f.table(rng) if rng.random() < 0.7 else f.round_table(rng), 0.5)
    draft.seat(meal, s.chair, int(rng.integers(3, 7)))
    draft.put_on(meal, _some(draft, (g.vase, g.pile_of_books, g.small_box)))
    draft.stand_at_wall(_twins(draft, f.bookshelf, 1), 0.0)
    draft.stand_free(g.bin_(rng), 0.02, yaw=0.0)


def _meeting(draft: Draft) -> None:
    rng = draft.rng
    big = f.table(rng, (float(rng.uniform(1.7, 2.3)), float(rng.uniform(0.9, 1.1))))
    along = 0.0 if draft.size[0] > draft.size[1] else np.pi / 2
    middle = draft.stand_free(big, 0.6, yaw=along)
    draft.seat(middle, s.office_chair if rng.random() < 0.5 else s.chair, int(rng.integers(4, 7)))
    draft.put_on(middle, _some(draft, (g.pile_of_books, g.vase, g.bag, g.small_box)))
    draft.mount(w.whiteboard(rng), 0.85)
    board = draft.stand_at_wall(_twins(draft, f.cabinet, int(rng.integers(2, 4))), _gap(rng))
    draft.put_on(_first(board), [g.television(rng)])
    draft.stand_free(g.plant(rng), 0.02)


def _bathroom(draft: Draft) -> None:
    rng = draft.rng
    tub = _first(draft.stand_at_wall([x.bathtub(rng)], 0.0, 0.4))
    if tub is not None and rng.random() < 0.8:
        curtain = x.shower_curtain(rng)
        side = rng.choice([-1, 1]) * (tub.piece.size[0] - curtain.size[0]) / 2
        front = -tub.piece.size[1] / 2 - 0.04  # outside of the rim
        draft.add(curtain, *tub.world(side, front), tub.yaw_rad)
    draft.stand_at_wall([x.toilet(rng)], 0.0, 0.4)
    draft.stand_at_wall([x.sink(rng), *_twins(draft, f.cabinet, 1)], _gap(rng), 0.4)
    low = _first(draft.stand_at_wall([f.cabinet(rng)], 0.0))
    draft.put_on(low, _some(draft, (g.vase, g.carton, g.small_box)))
    draft.stand_at_wall([f.wardrobe(rng)], 0.0, 0.4)
    draft.stand_free(s.chair(rng), 0.03)
    draft.stand_free(g.bin_(rng), 0.02, yaw=0.0)


KINDS = {
    "living": _living,
    "office": _office,
    "bedroom": _bedroom,
    "kitchen": _kitchen,
    "meeting": _meeting,
    "bathroom": _bathroom,
}
