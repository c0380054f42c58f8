"""The parts of a read-out: mean-shift, what scores measure, which groups are chosen."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from pointins_engine.segment.bends import OUTWARDS, bends, stretched
from pointins_engine.segment.candidates import nearest_links
from pointins_engine.segment.mean_shift import mean_shift
from pointins_engine.segment.scores import agreement, overlaps, seclusion, survival
from pointins_engine.segment.selection import best_apart


def as_members(groups, count):
    members = np.zeros((count, len(groups)))
    for column, rows in enumerate(groups):
        members[rows, column] = 1
    return csr_array(members)


def test_mean_shift_gathers_votes_that_fall_short():
    rng = np.random.default_rng(0)
    centre = np.repeat([[0.0, 0, 0], [1.0, 0, 0]], 100, axis=0)
    votes = centre + rng.uniform(-0.12, 0.12, (200, 3))
    moved = mean_shift(votes, 0.3, 3)
    assert np.linalg.norm(moved - centre, axis=1).max() < 0.05


def test_one_round_of_mean_shift_is_the_mean_of_all_within_the_radius():
    place = np.array([[0.0, 0, 0], [0.2, 0, 0], [0.9, 0, 0], [3.0, 0, 0]])
    moved = mean_shift(place, 1.0, 1)
    np.testing.assert_allclose(moved[:, 0], [1.1 / 3, 1.1 / 3, 1.1 / 3, 3.0], atol=1e-12)
    assert place[0, 0] == 0.0


def test_survival_is_the_mean_best_iou_over_views():
    members = as_members([[0, 1, 2, 3], [0, 1], [2, 3]], 4)
    is_of_view = np.array([[True, False], [False, True], [False, True]])
    np.testing.assert_allclose(
        survival(overlaps(members), is_of_view), [(1 + 0.5) / 2, (0.5 + 1) / 2, (0.5 + 1) / 2]
    )


def test_agreement_is_1_for_a_whole_object_and_less_for_halves_and_pairs():
    rng = np.random.default_rng(1)
    coord = rng.uniform(0, 1, (300, 3)) + np.repeat([[0, 0, 0], [2.0, 0, 0]], 150, axis=0)
    middle = np.repeat([coord[:150].mean(axis=0), coord[150:].mean(axis=0)], 150, axis=0)
    half = np.flatnonzero(coord[:150, 0] < 0.5)
    members = as_members([np.arange(150), half, np.arange(300)], 300)
    whole, part, pair = agreement(coord, 0.4 * (middle - coord), members)  # votes fall short
    assert whole == pytest.approx(1)
    assert part < 0.95
    assert pair < 0.95
    assert agreement(coord, np.zeros_like(coord), members) == pytest.approx(0.5)


def test_a_group_that_stands_alone_keeps_to_itself():
    rng = np.random.default_rng(2)
    coord = rng.uniform(0, 1, (200, 3)) + np.repeat([[0, 0, 0], [9.0, 0, 0]], 100, axis=0)
    half = np.flatnonzero(coord[:100, 2] < 0.5)
    alone, cut = seclusion(coord, as_members([np.arange(100), half], 200))
    assert alone == 1
    assert cut < 0.95


def test_a_neighbour_round_an_inner_corner_counts_less():
    steps = np.arange(0, 1, 0.05)
    a, b = (axis.ravel() for axis in np.meshgrid(steps, steps))
    floor, wall = np.stack([a + 0.05, b, 0 * a], 1), np.stack([0 * a, b, a + 0.05], 1)
    coord = np.concatenate([floor, wall])
    normal = np.repeat([[0.0, 0, 1], [1.0, 0, 0]], 400, axis=0)
    members = as_members([np.arange(400)], 800)
    plain, inner = seclusion(coord, members)[0], seclusion(coord, members, normal)[0]
    outer = seclusion(coord, members, -normal)[0]  # seen from behind the corner is an edge
    assert plain < outer < inner < 1


def test_links_are_longer_by_the_bend_that_they_cross():
    coord = np.array([[0.0, 0, 0], [0.1, 0, 0], [0.15, 0, 0.05]])
    normal = np.array([[0.0, 0, 1], [0.0, 0, 1], [-1.0, 0, 0]])  # a step up after the second
    links = nearest_links(coord, 5, 0.12)
    bend = bends(links, coord, normal)
    np.testing.assert_allclose(bend[0], [0, 0, 0])  # the third is out of reach
    np.testing.assert_allclose(bend[1], [0, 1, 0])  # itself, the third, the first
    np.testing.assert_allclose(bends(links, coord, -normal)[1], [0, OUTWARDS, 0])
    np.testing.assert_allclose(stretched(links, bend, 4.0).length[1, 1], 5 * links.length[1, 1])


@pytest.mark.parametrize(("whole", "expected"), [(0.9, {0}), (0.7, {1, 2})])
def test_pieces_replace_the_whole_if_they_are_surer_together(whole, expected):
    members = as_members([range(20), range(10), range(10, 20)], 20)
    assert set(best_apart(overlaps(members), np.array([whole, 0.4, 0.4]))) == expected


def test_of_groups_that_lie_in_each_other_the_best_sum_is_found():
    rng = np.random.default_rng(3)
    groups, pending = [], [range(64)]
    while pending:
        group = pending.pop()
        groups.append(group)
        if len(group) > 4:
            cut = int(rng.integers(2, len(group) - 1))
            pending += [group[:cut], group[cut:]]
    score = rng.uniform(0.05, 1, len(groups))

    def best(group):
        inner = [other for other in groups if set(other) < set(group)]
        outermost = [a for a in inner if not any(set(a) < set(b) for b in inner)]
        return max(score[groups.index(group)], sum(map(best, outermost)))

    kept = best_apart(overlaps(as_members(groups, 64)), score)
    assert sum(score[kept]) == pytest.approx(best(groups[0]))
    assert len(np.concatenate([groups[number] for number in kept])) <= 64


def test_groups_across_each_other_are_not_both_taken():
    members = as_members([range(10), range(5, 15)], 15)
    assert best_apart(overlaps(members), np.array([0.5, 0.6])) == [1]
