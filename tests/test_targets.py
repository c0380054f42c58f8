"""The chain from the teacher's offsets to targets, whole and with parts of it switched off."""

import pytest
import torch

from pointins_engine.objectives.priors import Exponential
from pointins_engine.targets import half_diagonal
from tests.small_steps import PRIOR, SmallStep, predict, small_config, views_of


def step_of(room, **changes) -> SmallStep:
    config = small_config(**changes)
    return predict(views_of([room], config), config)


def lengths_are_the_priors(offset, batch_index) -> bool:
    for view in (0, 1):
        length = offset[batch_index == view].norm(dim=1).sort()[0]
        torch.testing.assert_close(
            length, PRIOR.midpoint_quantiles(len(length)), atol=1e-5, rtol=1e-4
        )
    return True


def test_plane_cells_get_the_target_zero_and_objects_their_centroid(room):
    step = step_of(room)
    targets, cells = step.targets(odr_active=False), step.teacher.cells
    clusters = targets.clusters
    assert cells.is_plane.any()
    assert (targets.target[cells.is_plane] == 0).all()
    assert targets.valid[cells.is_plane].all()
    member = clusters.pseudo_instance >= 0
    assert member.any()
    reached = cells.origin_coord[member] + targets.target[member]
    torch.testing.assert_close(reached, clusters.centroid[clusters.pseudo_instance[member]])


def test_odr_gives_the_off_plane_offsets_the_lengths_of_the_prior(room):
    step = step_of(room)
    targets, cells = step.targets(), step.teacher.cells
    off = ~cells.is_plane
    assert torch.equal(targets.regularized[~off], step.teacher.offset[~off])
    assert lengths_are_the_priors(targets.regularized[off], cells.batch_index[off])


def test_scr_groups_offsets_after_odr_once_odr_takes_part(room):
    """Long random offsets of an untrained teacher leave no clump of votes; its raw ones do."""
    step = step_of(room)
    before, after = step.targets(odr_active=False), step.targets(odr_active=True)
    assert torch.equal(before.regularized, after.regularized)
    assert not torch.equal(before.clusters.pseudo_instance, after.clusters.pseudo_instance)


def test_without_odr_scr_groups_the_raw_offsets(room):
    off, late = step_of(room, odr__enabled=False).targets(), step_of(room).targets(odr_active=False)
    assert torch.equal(off.regularized, off.offset)
    assert torch.equal(off.clusters.pseudo_instance, late.clusters.pseudo_instance)
    assert torch.equal(off.target, late.target)


def test_without_scr_the_target_is_the_teachers_offset_after_odr(room):
    step = step_of(room, scr__enabled=False, scr__planes="keep")
    targets = step.targets()
    assert torch.equal(targets.target, targets.regularized)
    assert not torch.equal(targets.target, targets.offset)
    assert targets.valid.all()
    assert (targets.clusters.pseudo_instance == -1).all()
    assert len(targets.clusters.centroid) == 0


def test_without_both_the_target_is_the_teachers_own_offset(room):
    step = step_of(room, scr__enabled=False, odr__enabled=False, scr__planes="keep")
    assert torch.equal(step.targets().target, step.teacher.offset)


@pytest.mark.parametrize("planes", ["zero", "drop"])
def test_without_scr_planes_are_handled_as_with_it(room, planes):
    step = step_of(room, scr__enabled=False, scr__planes=planes)
    targets, plane = step.targets(), step.teacher.cells.is_plane
    assert (targets.target[plane] == 0).all()
    assert torch.equal(targets.valid, torch.ones_like(plane) if planes == "zero" else ~plane)


def test_segments_can_be_looked_at_without_scr(room):
    step = step_of(room, scr__enabled=False)
    segment = step.targets(with_segments=True).clusters.segment
    assert set(segment.tolist()) == set(range(step.config.scr.num_segments))
    assert (step.targets().clusters.segment == -1).all()


def test_without_an_offset_branch_nothing_is_grouped(room):
    targets = step_of(room, offset__enabled=False).targets(with_segments=True)
    assert (targets.regularized == 0).all()
    assert len(targets.clusters.centroid) == 0
    assert (targets.clusters.segment >= 0).all()


def test_after_scr_the_targets_of_members_get_the_prior_and_planes_stay(room):
    step = step_of(room, odr__order="after_scr")
    targets, cells = step.targets(), step.teacher.cells
    raw = step_of(room, odr__enabled=False).targets()
    member = targets.clusters.pseudo_instance >= 0
    assert torch.equal(targets.clusters.pseudo_instance, raw.clusters.pseudo_instance)
    assert (targets.target[cells.is_plane] == 0).all()
    assert lengths_are_the_priors(targets.target[member], cells.batch_index[member])
    for view in (0, 1):
        rows = member & (cells.batch_index == view)
        order = raw.target[rows].norm(dim=1).argsort()
        assert (targets.target[rows].norm(dim=1)[order].diff() > -1e-6).all()
    assert torch.equal(step.targets(odr_active=False).target, raw.target)


def test_odr_on_the_student_leaves_the_teachers_offsets_alone(room):
    targets = step_of(room, odr__side="student").targets()
    raw = step_of(room, odr__enabled=False).targets()
    assert torch.equal(targets.regularized, targets.offset)
    assert torch.equal(targets.target, raw.target)


def test_a_clip_ends_offsets_at_half_the_views_diagonal(room):
    step, free = step_of(room, odr__clip=True), step_of(room)
    cells, prior = step.teacher.cells, Exponential(2.0)
    bound = half_diagonal(cells)
    for view in (0, 1):
        coord = cells.origin_coord[cells.batch_index == view]
        torch.testing.assert_close(bound[view], (coord.amax(0) - coord.amin(0)).norm() / 2)
    clipped, whole = (s.targets(prior).regularized.norm(dim=1) for s in (step, free))
    bound = bound[cells.batch_index]
    assert (whole > bound).any()
    torch.testing.assert_close(clipped, whole.minimum(bound))


def test_batch_scope_ranks_both_views_together(room):
    step = step_of(room, odr__scope="batch")
    off = ~step.teacher.cells.is_plane
    length = step.targets().regularized[off].norm(dim=1).sort()[0]
    wanted = PRIOR.midpoint_quantiles(len(length))
    torch.testing.assert_close(length, wanted, atol=1e-5, rtol=1e-4)
