"""Checkpoints: what goes in comes out, and what does not fit is refused with both sizes."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from pointins_engine.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint
from pointins_engine.config import RunConfig
from pointins_engine.errors import RunError
from pointins_engine.run_log.paths import RunPaths
from pointins_engine.student_teacher import make_student_and_teacher
from pointins_engine.training.optimizer import make_optimizer
from tests.training.two_ranks import tiny

CPU = torch.device("cpu")


def networks(config: RunConfig, seed: int = 0):
    student, teacher = make_student_and_teacher(config, torch.Generator().manual_seed(seed))
    return student, teacher, make_optimizer(student, config)


def stepped(config: RunConfig):
    """Networks whose optimiser has a state, for all parameters but one."""
    student, teacher, optimizer = networks(config)
    for number, (name, parameter) in enumerate(student.named_parameters()):
        if not name.endswith("mask_token"):
            parameter.grad = torch.full_like(parameter, 0.1 * (number + 1))
    optimizer.step()
    return student, teacher, optimizer


def saved(config: RunConfig, run: Path):
    made = stepped(config)
    student, teacher, optimizer = made
    paths = RunPaths(run)
    save_checkpoint(paths, 7, student=student, teacher=teacher, optimizer=optimizer, keep=2)
    found = latest_checkpoint(paths)
    assert found is not None
    return found.path, made


@pytest.fixture
def config(tmp_path) -> RunConfig:
    return tiny(tmp_path)


def test_weights_and_optimiser_come_back_bit_for_bit(config, tmp_path):
    path, (student, teacher, optimizer) = saved(config, tmp_path / "run")
    again, teacher_again, optimizer_again = networks(config, seed=1)
    load_checkpoint(
        path, student=again, teacher=teacher_again, optimizer=optimizer_again, device=CPU
    )
    for mine, theirs in ((student, again), (teacher, teacher_again)):
        for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
            assert torch.equal(a, b)
    ours, theirs = optimizer.state_dict()["state"], optimizer_again.state_dict()["state"]
    assert ours.keys() == theirs.keys()
    for number, entries in ours.items():
        for name, value in entries.items():
            assert torch.equal(value, theirs[number][name])


def test_the_optimiser_state_is_kept_by_parameter_and_a_resting_one_has_none(config, tmp_path):
    path, (student, _, _) = saved(config, tmp_path / "run")
    with safe_open(path / "optimizer.safetensors", "pt") as file:
        names = {key.rpartition(":")[0] for key in file.keys()}
    assert names == {name for name, _ in student.named_parameters()} - {"encoder.mask_token"}


def test_a_network_of_another_size_is_refused_with_both_sizes(config, tmp_path):
    path, _ = saved(config, tmp_path / "run")
    wider = replace(config, semantic=replace(config.semantic, embed=24))
    student, teacher, optimizer = networks(wider)
    with pytest.raises(RunError, match=r"semantic_head\.\S+ is 16( x \d+)? there and 24") as error:
        load_checkpoint(path, student=student, teacher=teacher, optimizer=optimizer, device=CPU)
    assert "student.safetensors" in str(error.value)


@pytest.mark.parametrize("name", ["student", "optimizer"])
def test_a_broken_file_is_named_with_the_way_out(config, tmp_path, name):
    path, (student, teacher, optimizer) = saved(config, tmp_path / "run")
    file = path / f"{name}.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(RunError, match=rf"{name}\.safetensors cannot be read .*Remove the folder"):
        load_checkpoint(path, student=student, teacher=teacher, optimizer=optimizer, device=CPU)
