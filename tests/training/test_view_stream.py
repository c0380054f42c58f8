"""Views of a run's steps: the same whoever makes them, in blocks by rank and part."""

from dataclasses import fields, is_dataclass, replace

import pytest
import torch
from torch import Tensor

from pointins_engine.config import RunConfig
from pointins_engine.scenes import open_scenes
from pointins_engine.training import view_stream
from pointins_engine.training.view_stream import ViewStream
from pointins_engine.world import ALONE, World
from tests.training.two_ranks import NUM_SCENES, STEPS, tiny, write_scans


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> RunConfig:
    scans = tmp_path_factory.mktemp("stream") / "scans"
    write_scans(scans)
    return tiny(scans)


def stream(config: RunConfig, world: World = ALONE, told: list[str] | None = None) -> ViewStream:
    scenes = open_scenes(config.scene, config.seed)
    say = [] if told is None else told
    return ViewStream(scenes, config, lambda step, text: say.append(text), world)


def tensors(record: object) -> list[Tensor]:
    """All tensors of a record and of the records and tuples in it."""
    if isinstance(record, Tensor):
        return [record]
    if isinstance(record, tuple):
        return [tensor for part in record for tensor in tensors(part)]
    if is_dataclass(record):
        return [t for f in fields(record) for t in tensors(getattr(record, f.name))]
    return []


def test_several_makers_give_what_one_gives_in_its_order(config, monkeypatch):
    monkeypatch.setattr(view_stream.os, "cpu_count", lambda: 8)
    many = stream(config)
    assert many.makers == 4
    views = list(many.from_step(1))
    assert len(views) == STEPS - 1
    alone = stream(config)
    for number, made in enumerate(views):
        for a, b in zip(tensors(made), tensors(alone.at_step(number + 1)), strict=True):
            assert torch.equal(a, b)


def test_ranks_and_parts_cut_the_batch_into_blocks(config):
    """The linear maps of the views tell which scenes a block holds, and in which order."""
    (whole,) = stream(config).at_step(2)
    halves = replace(config, optim=replace(config.optim, accumulate=2))
    blocks = [part for rank in range(2) for part in stream(halves, World(rank, 2)).at_step(2)]
    assert [part.num_scenes for part in blocks] == [1] * NUM_SCENES
    linear = torch.cat([part.whole.linear for part in blocks])
    assert torch.equal(linear, whole.whole.linear)


def test_a_scan_that_cannot_be_read_is_told_once_by_many_makers(config, tmp_path, monkeypatch):
    scans = tmp_path / "scans"
    write_scans(scans)
    (scans / "room1.npz").write_bytes(b"no archive")
    monkeypatch.setattr(view_stream.os, "cpu_count", lambda: 8)
    told: list[str] = []
    broken = replace(config, scene=replace(config.scene, source=str(scans)))
    views = list(stream(broken, told=told).from_step(0))
    assert len(views) == STEPS
    assert len(told) == 1
    assert "room1" in told[0]
