"""Where scenes come from: a dataset, a folder of scans, a file, or the simulator.

Scenes are read when asked for.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Literal

import numpy as np

from pointins_engine.config import SceneConfig, Units, UpAxis
from pointins_engine.errors import SceneError
from pointins_engine.geometry import estimate_normals, voxelize
from pointins_engine.scenes.datasets import Dataset, PlainScans, SceneEntry, open_dataset
from pointins_engine.scenes.memory import scene_memory
from pointins_engine.scenes.parts import Part, cut, whole
from pointins_engine.scenes.planes import find_planes
from pointins_engine.scenes.readers.raw import Taken
from pointins_engine.types import Scene

Split = Literal["train", "val", "test"]

_NORMAL_VOXEL = 0.02  # metres: normals are estimated on one point a voxel of this edge, or coarser
_SEEDS_A_RUN = 100_000
_MAX_WARNINGS = 100
_MAX_TAKEN = 3  # notes on what was taken as given; each file of a folder has one
IN_MEMORY = "memory"  # source of a run whose scenes came from a program
_HELD_OUT = {"train": 0, "val": 1_000_000_000, "test": 2_000_000_000}


def simulated_seed(index: int, seed: int = 0, split: Split = "train") -> int:
    """Seed of the `index`-th simulated scene.

    Training scenes of run seed s have the seeds 100,000 s + index (below 1e9, for s < 10,000);
    validation and test scenes start at 1e9 and 2e9 and are the same for every run seed, so that
    two runs are compared on the same scenes. The three ranges never meet.
    """
    if not 0 <= index < _SEEDS_A_RUN:
        raise SceneError(f"simulated scene {index} does not exist; a split has {_SEEDS_A_RUN:,}.")
    run = seed % 10_000 if split == "train" else 0
    return _HELD_OUT[split] + run * _SEEDS_A_RUN + index


class SceneSet:
    """Scenes by number, read lazily; the recently used stay in memory within a byte budget.

    Attributes:
        ids: Of all scenes.
        paths: File or folder of each scene; None if they are made.
        dataset: Name of the dataset they are from; "" of plain scans and made scenes.
        title: Name and layout of that dataset for a person.
        files: Every file that a scene is read from, by the scene's number.
        split_of: Split of each scene.
        warnings: What reading them brought up; grows while they are read.
        cache_bytes: What may stay in memory of them; one scene always does.
    """

    def __init__(
        self,
        ids: list[str],
        load: Callable[[int], Scene],
        warnings: list[str] | None = None,
        cache_bytes: int | None = None,
        *,
        paths: list[Path] | None = None,
        dataset: str = "",
        title: str = "",
        split_of: list[str] | None = None,
        files: Callable[[int], tuple[Path, ...]] = lambda index: (),
    ) -> None:
        self.ids = ids
        self.warnings: list[str] = warnings if warnings is not None else []
        self.paths = paths
        self.dataset = dataset
        self.title = title
        self.files = files
        self.split_of = split_of if split_of is not None else ["train"] * len(ids)
        self._load = load
        self._cache: OrderedDict[int, Scene] = OrderedDict()
        self.cache_bytes = scene_memory() if cache_bytes is None else cache_bytes
        self._held_bytes = 0
        self._lock = threading.Lock()

    @classmethod
    def of(cls, scenes: Sequence[Scene], config: SceneConfig, seed: int = 0) -> "SceneSet":
        """Scenes that a program holds, made ready for training as those of a source are.

        Raises:
            SceneError: If there is none, or two have the same id.
        """
        ids = [scene.id for scene in scenes]
        double = next((id for id in ids if ids.count(id) > 1), None)
        if double is not None or not ids:
            found = f"{double!r} is the id of several scenes" if ids else "there are no scenes"
            raise SceneError(f"{found}; give at least one scene, each with an id of its own.")
        return cls(ids, lambda index: complete(scenes[index], config, seed))

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Scene]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Scene:
        if not -len(self) <= index < len(self):
            raise IndexError(f"scene {index} of {len(self)}")
        index %= len(self)
        with self._lock:
            if index in self._cache:
                self._cache.move_to_end(index)
                return self._cache[index]
        scene = self._load(index)  # unlocked: views are made by several threads
        with self._lock:
            if index not in self._cache:
                self._cache[index] = scene
                self._held_bytes += scene_bytes(scene)
            while self._held_bytes > self.cache_bytes and len(self._cache) > 1:
                self._held_bytes -= scene_bytes(self._cache.popitem(last=False)[1])
        return scene


def scene_bytes(scene: Scene) -> int:
    """Memory of a scene's arrays."""
    values = (getattr(scene, f.name) for f in fields(scene))
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))


def open_scenes(config: SceneConfig, seed: int, split: Split = "train") -> SceneSet:
    """The scenes a configuration names, ready for training.

    Args:
        config: Source, dataset and splits, number of simulated scenes, units, domain and features.
        seed: Seed of the run: decides which scenes are simulated, and the plane search.
        split: Of simulated scenes, which of the disjoint ranges of seeds. Of a dataset, `train` is
            `config.splits`, or without that the splits it trains on, or without such all; `val` and
            `test` are the splits of these names. A folder of scans has no splits: it is all there.

    Raises:
        SceneError: If the source does not exist, holds no scene or lacks the split; says what was
            looked for.
    """
    if config.source.startswith("sim:"):
        return _open_simulated(config, seed, split)
    dataset = open_dataset(
        config.source,
        config.dataset,
        units=config.units,
        up=config.up,
        is_strict=True,
        sample_meshes=config.sample_meshes,
    )
    entries = _entries(dataset, config.splits, split)
    parts, notes = cut(dataset, entries, config.max_scene_points)
    planes: dict[str, np.ndarray] = {}  # a bit a point: looked for once, not in every epoch

    def finish(scene: Scene) -> Scene:
        if scene.is_plane is None and scene.id in planes:
            is_plane = np.unpackbits(planes[scene.id], count=len(scene)).astype(bool)
            scene = replace(scene, is_plane=is_plane)
        scene = complete(scene, config, seed)
        assert scene.is_plane is not None, "a complete scene knows its planes"
        planes[scene.id] = np.packbits(scene.is_plane)
        return scene

    return _opened(dataset, parts, notes, finish)


def open_raw_scenes(
    source: str,
    units: Units = "auto",
    up: UpAxis = "auto",
    dataset: str = "",
    *,
    sample_meshes: bool = False,
) -> SceneSet:
    """All scenes of a source as their files hold them: nothing is estimated, added or refused.

    Raises:
        SceneError: As `open_scenes`.
    """
    if source.startswith("sim:"):
        return _open_simulated(SceneConfig(source=source), 0, "train")
    found = open_dataset(source, dataset, units=units, up=up, sample_meshes=sample_meshes)
    return _opened(found, whole(found.entries), [], lambda scene: scene)


def has_held_out(config: SceneConfig) -> bool:
    """Whether the source is a dataset with a `val` split that the run does not train on."""
    if config.source.startswith("sim:"):
        return True
    if config.source == IN_MEMORY:
        return False
    dataset = open_dataset(config.source, config.dataset)
    if _is_plain(dataset) or not dataset.has("val"):
        return False
    trained = {entry.id for entry in _entries(dataset, config.splits, "train")}
    return not any(entry.id in trained for entry in dataset.entries_of("val"))


def _is_plain(dataset: Dataset) -> bool:
    """Whether it is a folder of scans, converted or not, which has no splits to hold out."""
    return dataset.name == PlainScans.name


def _entries(dataset: Dataset, splits: Sequence[str], split: Split) -> tuple[SceneEntry, ...]:
    if split == "train" and splits:
        return dataset.entries_of(*splits)
    if _is_plain(dataset) or (split == "train" and not dataset.has("train")):
        return dataset.entries
    return dataset.entries_of(split)


def _open_simulated(config: SceneConfig, seed: int, split: Split) -> SceneSet:
    # Here, so that processes that only read files start sooner.
    from pointins_engine.scenes.simulate.indoor.rooms import simulate_room
    from pointins_engine.scenes.simulate.outdoor.sequences import add_up, simulate_sequence
    from pointins_engine.scenes.simulate.outdoor.streets import simulate_street

    def street(number: int) -> Scene:
        if config.num_sweeps == 1:
            return simulate_street(number, config.sensor)
        sweeps = list(simulate_sequence(number, config.num_sweeps, config.sensor))
        return add_up(sweeps, f"street_{number}")

    makers: dict[str, tuple[str, Callable[[int], Scene]]] = {
        "sim:rooms": ("room", simulate_room),
        "sim:streets": ("street", street),
    }
    if config.source not in makers:
        raise SceneError(
            f"no simulator is called {config.source!r}; there are: {', '.join(makers)}."
        )
    name, make = makers[config.source]
    seeds = [simulated_seed(index, seed, split) for index in range(config.num_simulated)]
    ids = [f"{name}_{number}" for number in seeds]
    return SceneSet(
        ids,
        lambda index: complete(make(seeds[index]), config, seeds[index]),
        split_of=[split] * len(ids),
    )


def _opened(
    dataset: Dataset, parts: Sequence[Part], notes: list[str], finish: Callable[[Scene], Scene]
) -> SceneSet:
    warnings = [*dataset.notes, *notes]

    def load(index: int) -> Scene:
        part = parts[index]
        path = part.entry.path
        try:
            scene, notes = dataset.read(part.entry)
        except OSError as error:
            raise SceneError(
                f"{error.filename or path} cannot be read: {error.strerror}."
            ) from error
        for note in notes:
            taken = sum(isinstance(known, Taken) for known in warnings)
            room = taken < _MAX_TAKEN if isinstance(note, Taken) else len(warnings) < _MAX_WARNINGS
            if room and note not in warnings:
                warnings.append(note)
        try:
            return finish(part.of(scene))
        except SceneError as error:
            raise SceneError(f"{path}: {error}") from error

    return SceneSet(
        [part.id for part in parts],
        load,
        warnings,
        paths=[part.entry.path for part in parts],
        dataset="" if _is_plain(dataset) else dataset.name,
        title="" if _is_plain(dataset) else dataset.title,
        files=lambda index: dataset.files(parts[index].entry),
        split_of=[part.entry.split for part in parts],
    )


def complete(scene: Scene, config: SceneConfig, seed: int) -> Scene:
    """Add what training needs and the file lacks: normals if they are a feature, and planes.

    Raises:
        SceneError: If the scene is too large for the grid, here and not in the middle of a run.
    """
    voxelize(np.stack([scene.coord.min(axis=0), scene.coord.max(axis=0)]), config.grid_size)
    if scene.normal is None and "normal" in config.feats:
        scene = replace(scene, normal=normals_of(scene, config.grid_size))
    if scene.is_plane is None:
        rng = np.random.default_rng([seed, len(scene)])
        is_plane = find_planes(scene.coord, config.domain, rng, scene.normal)
        scene = replace(scene, is_plane=is_plane)
    return scene


def normals_of(scene: Scene, grid_size: float) -> np.ndarray:
    """Normals estimated on one point a voxel; the others take the normal of their voxel."""
    _, chosen, inverse = voxelize(scene.coord, max(_NORMAL_VOXEL, grid_size / 2))
    return estimate_normals(scene.coord[chosen])[inverse]
