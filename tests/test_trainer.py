"""Pre-training end to end on simulated rooms: same seed, resume, failures, a folder to replay."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pointins_engine import trainer
from pointins_engine.config import LogConfig, PriorConfig, RunConfig
from pointins_engine.errors import ConfigError, RunError
from pointins_engine.losses import training_loss
from pointins_engine.offset_prior.files import read_prior, write_prior
from pointins_engine.progress import ProgressBar
from pointins_engine.recipes import get_recipe
from pointins_engine.run_log.store import Run
from pointins_engine.schedules import schedule
from pointins_engine.student_teacher import make_student_and_teacher
from pointins_engine.targets import teacher_targets
from pointins_engine.trainer import pretrain
from pointins_engine.training.optimizer import follow_schedule, make_optimizer
from pointins_engine.training.recorder import Progress
from pointins_engine.watching.inspection import FrameClock
from tests.training.two_ranks import tiny, write_scans

ROOT = Path(__file__).parents[1]
NO_PROBE = {"probe_every": 0}


def small(steps: int, **log: int) -> RunConfig:
    """The demo on two rooms, with a network of two stages."""
    base = get_recipe("indoor_demo")
    backbone = replace(base.backbone, depths=(1, 1), channels=(16, 32), heads=(1, 2), patch_size=64)
    return replace(
        base,
        scene=replace(base.scene, num_simulated=2),
        view=replace(base.view, max_points=2048),
        backbone=backbone,
        semantic=replace(base.semantic, num_prototypes=32, hidden=32, embed=16),
        optim=replace(base.optim, steps=steps, batch_scenes=1),
        log=replace(
            base.log,
            **{"num_inspected": 1, "frame_every": 2, "watch_budget": 1.0, **NO_PROBE, **log},
        ),
    )


def losses(run: Path) -> list[float | None]:
    return Run(run).scalars()["loss/total"][1]


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trainer") / "scans"
    write_scans(folder)
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "rooms"
    pretrain(small(6, checkpoint_every=3), run, recipe="indoor_demo", command="pointins ...")
    return run


def test_a_run_leaves_a_folder_that_can_be_replayed(finished):
    run = Run(finished)
    assert run.state()["status"] == "finished"
    assert run.state()["step"] == 6
    (scene,) = run.scenes()
    assert run.frames(scene) == [0, 2, 4, 6]
    shown, frame = run.load_scene(scene), run.load_frame(scene, 6)
    assert len(shown.coord_u16) > 40_000
    assert len(frame["offset_teacher"]) == len(shown.cell_coord_u16)
    distance = np.linalg.norm(shown.coord - shown.cell_coord[shown.cell_index], axis=1)
    assert np.quantile(distance, 0.99) < 2 * shown.cell_size, "points lie in their cells"
    assert frame["pseudo_instance"].max() < len(frame["centroid"])
    stats = run.stats(scene, 6)
    assert stats["odr"]["w1_after_m"] < stats["odr"]["w1_before_m"]
    assert sum(stats["odr"]["prior"]) == pytest.approx(1.0, abs=1e-3)
    assert all(value is not None and np.isfinite(value) for value in losses(finished))


def test_only_the_newest_checkpoints_stay(finished):
    assert sorted(p.name for p in (finished / "checkpoints").iterdir()) == ["00000003", "00000006"]


def test_the_same_seed_gives_the_same_losses_and_frames(finished, tmp_path):
    again = tmp_path / "again"
    pretrain(small(6, checkpoint_every=3), again, recipe="indoor_demo")
    assert losses(again) == losses(finished)
    (scene,) = Run(again).scenes()
    a, b = Run(again).load_frame(scene, 6), Run(finished).load_frame(scene, 6)
    for name, values in a.items():
        np.testing.assert_array_equal(values, b[name], err_msg=name)


def test_another_seed_gives_other_losses(finished, tmp_path):
    pretrain(replace(small(2), seed=1), tmp_path / "other", recipe="indoor_demo")
    assert losses(tmp_path / "other")[0] != losses(finished)[0]


def test_watching_does_not_change_what_is_learned(finished, tmp_path):
    run = tmp_path / "watched"
    config = small(6, checkpoint_every=3, frame_every=5, probe_every=4, num_probed=2)
    pretrain(config, run, recipe="indoor_demo")
    assert Run(run).scalars()["probe/nn_accuracy"][0] == [0, 4, 6]
    assert losses(run) == losses(finished)
    (scene,) = Run(run).scenes()
    assert "student" in Run(run).stats(scene, 5)["odr"], "the student was looked at too"


def test_a_killed_run_goes_on_from_its_checkpoint_as_if_nothing_had_happened(finished, tmp_path):
    """The process is killed by SIGKILL while it trains; its continuation has the same losses."""
    run = tmp_path / "rooms"
    config = small(6, checkpoint_every=3)
    code = (
        "import os, signal, torch\n"
        "torch.set_num_threads(1)\n"
        "from pathlib import Path\n"
        "from pointins_engine.trainer import pretrain\n"
        "from tests.test_trainer import small\n"
        "def kill(now):\n"
        "    if now.step == 4: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"pretrain(small(6, checkpoint_every=3), Path({str(run)!r}), recipe='x', report=kill)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert Run(run).state()["status"] == "lost"
    assert Run(run).frames(Run(run).scenes()[0]) == [0, 2, 4]

    said: list[str] = []
    pretrain(config, run, recipe="x", resume=True, say=said.append)
    assert f"Going on with {run} from step 3." in said
    assert losses(run) == losses(finished)
    marks = [mark for mark in Run(run).marks() if mark["kind"] == "resume"]
    assert [mark["from_step"] for mark in marks] == [3]
    assert Run(run).state()["status"] == "finished"
    (scene,) = Run(run).scenes()
    assert Run(run).stats(scene, 3)["scr"]["before_step"] == 2, "the last frame that was kept"
    mine, theirs = Run(run).load_frame(scene, 6), Run(finished).load_frame(scene, 6)
    np.testing.assert_array_equal(mine["pca_color"], theirs["pca_color"])


def test_resuming_with_another_configuration_is_refused(finished):
    config = small(6, checkpoint_every=3)
    changed = replace(config, optim=replace(config.optim, lr=1e-4))
    with pytest.raises(RunError, match=r"optim\.lr = 0\.002, and 0\.0001 was asked for"):
        pretrain(changed, finished, recipe="indoor_demo", resume=True)


def test_a_signal_ends_the_step_saves_and_says_so(tmp_path):
    run = tmp_path / "rooms"

    def interrupt(now) -> None:
        if now.step == 2:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.05)

    with pytest.raises(KeyboardInterrupt):
        pretrain(small(6), run, recipe="indoor_demo", report=interrupt)
    assert Run(run).state()["status"] == "stopped"
    assert Run(run).state()["detail"] == "Stopped at step 2 as asked."
    assert (run / "checkpoints" / "00000002" / "trainer.json").exists()


def test_a_loss_that_is_not_finite_fails_the_run_and_keeps_the_last_checkpoint(
    scans, tmp_path, monkeypatch
):
    """Found by the next step, long before the next log step and the next checkpoint."""

    def broken(student, local, teacher, targets, config, now, world):
        terms = training_loss(student, local, teacher, targets, config, now, world)
        spoilt = torch.nan if now.lr == schedule(3, config).lr else 1.0
        return replace(terms, total=terms.total * spoilt)

    monkeypatch.setattr(trainer, "training_loss", broken)
    config = tiny(scans)
    config = replace(config, optim=replace(config.optim, steps=20))
    config = replace(config, log=replace(config.log, scalars_every=20, checkpoint_every=3))
    run = tmp_path / "run"
    with pytest.raises(RunError, match=r"not finite at step 4.*--resume"):
        pretrain(config, run, recipe="indoor_demo")
    state = Run(run).state()
    assert state["status"] == "failed"
    assert "not finite" in state["detail"]
    (kept,) = (run / "checkpoints").iterdir()
    assert kept.name == "00000003"
    assert all(bool(t.isfinite().all()) for t in load_file(kept / "student.safetensors").values())


def test_a_run_in_parts_goes_on_bit_for_bit_and_another_number_of_parts_is_welcome(scans, tmp_path):
    config = tiny(scans, accumulate=2)
    run, again = tmp_path / "run", tmp_path / "again" / "run"
    pretrain(config, run, recipe="x")
    for parts, same in ((2, True), (4, False)):
        shutil.rmtree(again, ignore_errors=True)
        shutil.copytree(run, again)
        shutil.rmtree(again / "checkpoints" / "00000005")
        pretrain(tiny(scans, accumulate=parts), again, recipe="x", resume=True)
        if same:
            assert losses(again) == losses(run)
        else:  # sums in another order
            np.testing.assert_allclose(losses(again), losses(run), rtol=1e-5)


def test_between_log_steps_nothing_is_read_and_no_targets_are_made(scans, tmp_path, monkeypatch):
    """Before the offset loss joins ODR and SCR run only where somebody looks."""
    made: list[int] = []

    def counted(*args, **kwargs):
        made.append(len(told))
        return teacher_targets(*args, **kwargs)

    monkeypatch.setattr(trainer, "teacher_targets", counted)
    told: list[float | None] = []
    config = tiny(scans)
    config = replace(
        config,
        offset=replace(config.offset, start=0.8),
        log=replace(config.log, scalars_every=2),
    )
    pretrain(config, tmp_path / "run", recipe="x", report=lambda now: told.append(now.loss))
    assert Run(tmp_path / "run").scalars()["loss/total"][0] == [2, 4, 5]
    assert told[0] is None
    assert told[1] == told[2] == pytest.approx(losses(tmp_path / "run")[0], rel=1e-5)
    assert made == [1, 3, 4], "steps 2 and 4 are logged, step 5 learns offsets"


def test_without_the_offset_branch_a_run_is_whole_and_has_no_figures_of_it(scans, tmp_path):
    config = tiny(scans)
    config = replace(
        config,
        offset=replace(config.offset, enabled=False),
        optim=replace(config.optim, steps=2),
    )
    pretrain(config, tmp_path / "run", recipe="x")
    run = Run(tmp_path / "run")
    assert run.frames(run.scenes()[0]) == [0, 2]
    keys = set(run.scalars())
    assert "loss/semantic" in keys
    assert not {key for key in keys if key.startswith(("odr/", "scr/", "loss/offset"))}


def test_the_progress_line_leaves_out_a_loss_that_nobody_has_read_yet(capsys):
    now = Progress(
        step=9,
        total_steps=9,
        loss=None,
        offset_loss=0.0,
        step_s=2.0,
        eta_s=0.0,
        frame_written=False,
    )
    bar = ProgressBar(Path("runs/x"))
    bar.update(now)
    bar.update(replace(now, loss=1.5))
    first, second = capsys.readouterr().err.splitlines()
    assert first == "step 9/9  2.00 s/step  0 s left"
    assert second == "step 9/9  loss 1.500  offset 0.000  2.00 s/step  0 s left"


def test_every_group_follows_the_schedule(scans):
    config = replace(tiny(scans), optim=replace(tiny(scans).optim, weight_decay=(0.04, 0.2)))
    student, _ = make_student_and_teacher(config, torch.Generator().manual_seed(0))
    optimizer = make_optimizer(student, config)
    now = schedule(3, config)
    follow_schedule(optimizer, now)
    assert 0.04 < now.weight_decay < 0.2
    for group in optimizer.param_groups:
        assert group["weight_decay"] == now.weight_decay
        assert group["lr"] == now.lr * group["lr_scale"]


def test_a_checkpoint_holds_tensors_and_json_only(finished):
    names = {path.name for path in (finished / "checkpoints" / "00000006").iterdir()}
    assert names == {
        "student.safetensors",
        "teacher.safetensors",
        "optimizer.safetensors",
        "trainer.json",
    }
    record = json.loads((finished / "checkpoints" / "00000006" / "trainer.json").read_text())
    assert record == {"step": 6}


def test_a_run_keeps_its_prior_and_where_it_comes_from(finished):
    record = read_prior(finished / "prior.json")
    assert record.kind == "empirical"
    assert record.provenance.method == "hdbscan"
    assert not record.provenance.labels_used
    assert len(record.provenance.scenes) > 0


def test_a_run_takes_its_prior_from_a_file_and_needs_the_file_no_more(finished, tmp_path):
    path = tmp_path / "measured.json"
    record = read_prior(finished / "prior.json")
    write_prior(path, record)
    base = small(2, checkpoint_every=1)
    prior = PriorConfig(kind="file", path=str(path))
    config = replace(base, odr=replace(base.odr, prior=prior, direction_prior="empirical"))
    run = tmp_path / "from-file"
    pretrain(config, run, recipe="indoor_demo")
    assert read_prior(run / "prior.json") == record
    path.unlink()
    shutil.rmtree(run / "checkpoints" / "00000002")
    pretrain(config, run, recipe="indoor_demo", resume=True)
    assert Run(run).state()["status"] == "finished"


def test_a_prior_file_that_is_not_there_stops_a_run_before_it_begins(tmp_path):
    base = small(2)
    prior = PriorConfig(kind="file", path=str(tmp_path / "none.json"))
    with pytest.raises(ConfigError, match=r"none.json.*pointins prior fit"):
        pretrain(replace(base, odr=replace(base.odr, prior=prior)), tmp_path / "run", recipe="x")
    assert not (tmp_path / "run").exists()


def test_layer_decay_slows_the_blocks_below():
    config = get_recipe("indoor_demo")
    decayed = replace(config, optim=replace(config.optim, layer_decay=0.5))
    student, _ = make_student_and_teacher(decayed, torch.Generator().manual_seed(0))
    scales = sorted(group["lr_scale"] for group in make_optimizer(student, decayed).param_groups)
    blocks = sum(config.backbone.depths)
    assert scales == [0.5**k for k in range(blocks - 1, 0, -1)] + [1.0]


def test_the_frame_clock_keeps_to_its_share():
    """Frames of 0.3 s between steps of 0.6 s at 10 %: every 4.5 steps, so every fifth."""
    clock = FrameClock(LogConfig(frame_every=1, watch_budget=0.1))
    assert clock.is_due(0)
    clock.took(10, frame_s=0.3, step_s=0.6)
    assert not clock.is_due(14)
    assert clock.is_due(15)
    share = 0.3 / (0.3 + 5 * 0.6)
    assert share <= 0.1
