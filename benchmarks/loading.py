"""Which share of its steps the training waits for views, where scenes are converted or simulated.

Trains `indoor_demo` on simulated rooms: once simulated as they are asked for, once from converted
files. The first epoch reads or makes every scene and finds its planes; later ones take scenes from
memory, or read them again where memory does not hold them all. Waiting is `time/data_s` over
`time/step_s`, as a run's log has them.
"""

import statistics
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import torch

from pointins_engine.config import RunConfig
from pointins_engine.objectives.priors import LogNormal
from pointins_engine.randomness import StepRandom
from pointins_engine.recipes import get_recipe
from pointins_engine.scenes import SceneSet, open_scenes
from pointins_engine.scenes.datasets.cached import Index, scene_path, write_index, write_scene
from pointins_engine.scenes.datasets.dataset import ClassTable
from pointins_engine.scenes.memory import scene_memory
from pointins_engine.scenes.simulate.indoor.rooms import simulate_room
from pointins_engine.student_teacher import make_student_and_teacher
from pointins_engine.trainer import Trainer
from pointins_engine.training.optimizer import make_optimizer
from pointins_engine.training.view_stream import ViewStream
from pointins_engine.world import ALONE

SCENES = 16
EPOCHS = 6
MAKERS = (1, 2)


def table(folder: Path) -> str:
    rows = [
        "| scenes | makers | step, median | waiting: median | mean | first epoch, mean |",
        "|---|---|---|---|---|---|",
    ]
    config = get_recipe("indoor_demo", "paper")
    config = replace(
        config,
        scene=replace(config.scene, num_simulated=SCENES),
        optim=replace(config.optim, steps=EPOCHS * SCENES // config.optim.batch_scenes),
    )
    _write_converted(folder / "rooms")
    for name, source, cache_bytes in (
        ("converted", str(folder / "rooms"), scene_memory()),
        ("converted, more than memory holds", str(folder / "rooms"), 0),
        ("simulated", "sim:rooms", scene_memory()),
    ):
        chosen = replace(config, scene=replace(config.scene, source=source))
        rows += [_row(name, chosen, cache_bytes, makers) for makers in MAKERS]
    return "\n".join(rows)


def _write_converted(root: Path) -> None:
    """Rooms as files, with their normals and without their planes, as a scan is converted."""
    rooms = [simulate_room(seed) for seed in range(SCENES)]
    for room in rooms:
        write_scene(scene_path(root, "train", room.id), room, [])
    index = Index(
        name="rooms",
        title="simulated rooms",
        licence="",
        classes=ClassTable(names=rooms[0].class_names),
        splits={"train": tuple(room.id for room in rooms)},
        lists={},
        aliases={},
        notes=(),
        provenance={},
    )
    write_index(root, index)


def _row(name: str, config: RunConfig, cache_bytes: int, makers: int) -> str:
    epoch = SCENES // config.optim.batch_scenes
    scenes = open_scenes(config.scene, config.seed)
    scenes.cache_bytes = cache_bytes
    times = list(_times(config, scenes, makers))
    shares = [waited / step for waited, step in times]
    later = shares[epoch:]
    step_s = statistics.median(step for _, step in times[epoch:])
    waited = sum(w for w, _ in times[epoch:]) / sum(step for _, step in times[epoch:])
    first = sum(w for w, _ in times[:epoch]) / sum(step for _, step in times[:epoch])
    return (
        f"| {name} | {makers} | {step_s:.2f} s | {statistics.median(later):.1%} | {waited:.1%} "
        f"| {first:.1%} |"
    )


def _times(config: RunConfig, scenes: SceneSet, makers: int) -> Iterator[tuple[float, float]]:
    """Seconds that each step waited for its views, and that it took."""
    torch.manual_seed(0)
    rng = StepRandom(config.seed, 0).shared("weights")
    student, teacher = make_student_and_teacher(config, rng)
    optimizer = make_optimizer(student, config)
    trainer = Trainer(config, scenes, LogNormal(-1.0, 0.8), student, teacher, optimizer, ALONE)
    stream = ViewStream(scenes, config, lambda step, text: None, makers=makers)
    with closing(stream.from_step(0)) as views:
        for step in range(config.optim.steps):
            result = trainer.step(step, views, stream, is_looked_at=True)
            yield result.times.figures()["time/data_s"], result.step_s
