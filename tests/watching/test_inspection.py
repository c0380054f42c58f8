"""Frames say what the networks say of a scene, go on where a run goes on, and touch nothing."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from pointins_engine.config import RunConfig
from pointins_engine.objectives.priors import prior_of
from pointins_engine.offset_prior.record import record_of
from pointins_engine.run_log import files
from pointins_engine.run_log.records import FRAME_ARRAYS, ODR_STATS, SCR_STATS
from pointins_engine.run_log.store import Run
from pointins_engine.run_log.writer import RunWriter
from pointins_engine.student_teacher import PointNetwork, make_student_and_teacher
from pointins_engine.types import Scene
from pointins_engine.views import collate, whole_view
from pointins_engine.watching.inspection import Inspector
from tests.small_steps import small_config

CONFIG = small_config(
    odr__prior__kind="lognormal", odr__prior__mu=-1.0, odr__points="off_planes", scr__min_size=4
)
PRIOR = prior_of(record_of(CONFIG.odr.prior))
STUDENT_KEYS = {"student", "w1_student_m", "ks_student", "mean_student_m"}


class Watched:
    """A run folder, two networks, and an inspector that writes frames of one room."""

    def __init__(self, folder: Path, room: Scene, config: RunConfig = CONFIG) -> None:
        self.room, self.config = room, config
        self.student, self.teacher = make_student_and_teacher(
            config, torch.Generator().manual_seed(3)
        )
        disturb(self.student, seed=4)  # no longer the same network
        self.student.train()
        self.writer = RunWriter.create(
            folder, recipe="x", config=config, device="cpu", libraries={}
        )
        self.begin()

    def begin(self) -> None:
        """A new process: nothing is remembered."""
        self.inspector = Inspector(
            [self.room], self.config, PRIOR, torch.device("cpu"), self.student
        )

    def write(self, step: int) -> None:
        self.inspector.write_frames(self.teacher, step, self.writer, odr_active=True)

    def frame(self, step: int) -> dict[str, np.ndarray]:
        return Run(self.writer.paths.root).load_frame("room", step)

    def stats(self, step: int, name: str) -> dict:
        return Run(self.writer.paths.root).stats("room", step)[name]


def disturb(network: PointNetwork, seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.05 * weight.std().nan_to_num() * torch.randn(weight.shape, generator=rng)


@pytest.fixture
def watched(tmp_path, room):
    made = Watched(tmp_path / "run", room)
    yield made
    made.writer.close("finished")


def test_a_frame_holds_every_key_and_its_level_leads_to_the_length_that_odr_gave(watched):
    watched.write(0)
    frame, plane = watched.frame(0), Run(watched.writer.paths.root).load_scene("room").cell_is_plane
    assert set(frame) == set(FRAME_ARRAYS)
    assert set(watched.stats(0, "odr")) == set(ODR_STATS)
    assert set(watched.stats(0, "scr")) == set(SCR_STATS)
    mapped = frame["odr_level"] > 0
    assert_array_equal(mapped, plane == 0)
    assert mapped.sum() == watched.stats(0, "odr")["num_offsets"]
    num = mapped.sum()
    rank = np.rint(frame["odr_level"][mapped] / 65535 * num - 0.5)
    assert_array_equal(np.sort(rank), np.arange(num))
    level = torch.from_numpy((rank + 0.5) / num)
    length = np.linalg.norm(frame["offset_regularized"].astype(np.float64), axis=1)
    assert_allclose(length[mapped], PRIOR.quantile(level).numpy(), rtol=1e-3, atol=1e-4)
    assert_array_equal(frame["offset_regularized"][~mapped], frame["offset_teacher"][~mapped])


def test_the_students_lengths_are_those_of_a_clean_look_at_the_scene(watched, room):
    watched.write(0)
    views = collate([whole_view(room, CONFIG.scene, CONFIG.log.max_inspected_voxels)])
    clean = copy.deepcopy(watched.student).eval()
    with torch.no_grad():
        prediction = clean(views.points, views)
    length = prediction.offset[~prediction.cells.is_plane].norm(dim=1).double()
    odr = watched.stats(0, "odr")
    assert odr["mean_student_m"] == pytest.approx(length.mean().item(), abs=2e-5)
    assert odr["quantiles"]["student"][50] == pytest.approx(length.quantile(0.5).item(), abs=2e-5)
    assert odr["mean_student_m"] != odr["mean_m"]


def test_looking_at_the_student_leaves_it_and_the_random_numbers_as_they_were(watched):
    before = copy.deepcopy(watched.student.state_dict())
    numbers = torch.get_rng_state()
    watched.write(0)
    assert watched.student.training
    assert all(torch.equal(before[name], t) for name, t in watched.student.state_dict().items())
    assert all(weight.grad is None for weight in watched.student.parameters())
    assert torch.equal(numbers, torch.get_rng_state())


def test_without_inspect_student_a_frame_says_nothing_of_the_student(tmp_path, room):
    quiet = replace(CONFIG, log=replace(CONFIG.log, inspect_student=False))
    watched = Watched(tmp_path / "run", room, quiet)
    watched.write(0)
    assert set(watched.stats(0, "odr")) == set(ODR_STATS) - STUDENT_KEYS
    assert "student" not in watched.stats(0, "odr")["quantiles"]
    watched.writer.close("finished")


def test_a_run_that_goes_on_has_the_colours_and_changes_of_one_that_never_stopped(watched):
    for step in (0, 10):
        watched.write(step)
        disturb(watched.teacher, seed=step)
    watched.write(20)
    straight, changes = watched.frame(20), watched.stats(20, "scr")
    assert changes["before_step"] == 10
    watched.begin()
    watched.write(20)
    again = watched.frame(20)
    assert watched.stats(20, "scr") == changes
    for name, values in straight.items():
        assert_array_equal(again[name], values, err_msg=name)


def test_the_first_frame_is_compared_with_the_truth_alone(watched):
    watched.write(0)
    scr = watched.stats(0, "scr")
    assert scr["transitions"] == []
    assert {scr[name] for name in ("before_step", "merges", "splits", "ari_before")} == {None}
    assert -1 <= scr["ari_truth"] <= 1
    watched.write(10)  # the same teacher
    scr = watched.stats(10, "scr")
    assert (scr["before_step"], scr["merges"], scr["splits"], scr["ari_before"]) == (0, 0, 0, 1.0)
    assert sum(cells for _, _, cells in scr["transitions"]) == sum(scr["sizes"])


def test_a_damaged_or_older_frame_in_the_folder_does_not_stop_a_run(watched):
    watched.write(0)
    watched.write(10)
    path = watched.writer.paths.frame("room", 0)
    arrays, _ = files.read_arrays(path)
    files.write_arrays(path, {k: v for k, v in arrays.items() if k not in ("feature", "odr_level")})
    watched.writer.paths.frame("room", 10).write_bytes(b"cut off")
    watched.begin()
    watched.write(20)
    assert watched.stats(20, "scr")["before_step"] is None
    assert len(watched.frame(20)["feature"]) == len(arrays["segment"])


def test_following_another_configuration_changes_the_frames_from_then_on(watched):
    watched.write(0)
    other = small_config(odr__prior__kind="lognormal", odr__prior__mu=1.0, scr__num_segments=3)
    watched.inspector.follow(other, prior_of(record_of(other.odr.prior)))
    watched.write(10)
    assert watched.stats(10, "odr")["max_m"] > watched.stats(0, "odr")["max_m"]
    assert watched.stats(10, "scr")["num_segments"] == 3
    assert set(watched.frame(10)["segment"].tolist()) <= {0, 1, 2, 255}
