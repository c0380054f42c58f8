"""Where scenes come from: a file, a folder, or the simulator. Scenes are read when asked for."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Literal

import numpy as np

from pointins_engine.config import SceneConfig
from pointins_engine.errors import SceneError
from pointins_engine.geometry import estimate_normals, voxelize
from pointins_engine.scenes.planes import find_planes
from pointins_engine.scenes.readers import FORMATS, clean_id, ending, read_scene_and_notes
from pointins_engine.scenes.simulate.rooms import simulate_room
from pointins_engine.scenes.simulate.streets import simulate_street
from pointins_engine.types import Scene

Split = Literal["train", "val", "test"]

CACHE_BYTES = 1 << 30  # scenes kept in memory; a room has about 2 MB, a LiDAR sweep 4 MB
_NORMAL_VOXEL = 0.02  # metres: normals are estimated on one point a voxel of this edge, or coarser
_SEEDS_A_RUN = 100_000
_MAX_WARNINGS = 100
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
    """Scenes by number, read lazily; the recently used stay in memory within a byte budget."""

    def __init__(
        self,
        ids: list[str],
        load: Callable[[int], Scene],
        warnings: list[str] | None = None,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.ids = ids
        self.warnings: list[str] = warnings if warnings is not None else []
        self._load = load
        self._cache: OrderedDict[int, Scene] = OrderedDict()
        self._cache_bytes = cache_bytes
        self._held_bytes = 0
        self._lock = threading.Lock()

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
            while self._held_bytes > self._cache_bytes and len(self._cache) > 1:
                self._held_bytes -= scene_bytes(self._cache.popitem(last=False)[1])
        return scene


def scene_bytes(scene: Scene) -> int:
    """Memory of a scene's arrays."""
    values = (getattr(scene, f.name) for f in fields(scene))
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))


def open_scenes(config: SceneConfig, seed: int, split: Split = "train") -> SceneSet:
    """The scenes a configuration names, ready for training.

    Args:
        config: Source, number of simulated scenes, units, domain and features.
        seed: Seed of the run: decides which scenes are simulated, and the plane search.
        split: Simulated scenes only: which of the disjoint ranges of seeds.

    Raises:
        SceneError: If the source does not exist or holds no scene; says what was looked for.
    """
    if config.source.startswith("sim:"):
        return _open_simulated(config, seed, split)
    return _open_path(config, seed)


def open_raw_scenes(source: str, units: Literal["m", "cm", "mm"] = "m") -> SceneSet:
    """The scenes of a source as their files hold them: nothing is estimated or added.

    Raises:
        SceneError: As `open_scenes`.
    """
    config = SceneConfig(source=source, units=units)
    if source.startswith("sim:"):
        return _open_simulated(config, 0, "train")
    return _open_path(config, 0, is_raw=True)


def _open_simulated(config: SceneConfig, seed: int, split: Split) -> SceneSet:
    makers: dict[str, tuple[str, Callable[[int], Scene]]] = {
        "sim:rooms": ("room", simulate_room),
        "sim:streets": ("street", simulate_street),
    }
    if config.source not in makers:
        raise SceneError(
            f"no simulator is called {config.source!r}; there are: {', '.join(makers)}."
        )
    name, make = makers[config.source]
    seeds = [simulated_seed(index, seed, split) for index in range(config.num_simulated)]
    ids = [f"{name}_{number}" for number in seeds]
    return SceneSet(ids, lambda index: complete(make(seeds[index]), config, seeds[index]))


def _open_path(config: SceneConfig, seed: int, *, is_raw: bool = False) -> SceneSet:
    root = Path(config.source).expanduser()
    if not root.exists():
        raise SceneError(
            f"{config.source}: no such file or folder; give a scan, a folder of scans, "
            "sim:rooms or sim:streets."
        )
    paths = find_scans(root)
    ids = _unique_ids(paths, root)
    warnings: list[str] = []

    def load(index: int) -> Scene:
        scene, notes = read_scene_and_notes(paths[index], units=config.units, id=ids[index])
        fresh = [note for note in notes if note not in warnings]
        warnings.extend(fresh[: _MAX_WARNINGS - len(warnings)])
        try:
            return scene if is_raw else complete(scene, config, seed)
        except SceneError as error:
            raise SceneError(f"{paths[index]}: {error}") from error

    return SceneSet(ids, load, warnings)


def find_scans(root: Path) -> list[Path]:
    """Scans below a folder, sorted; nothing is opened.

    A folder with a coord.npy is one scan (Pointcept). Where ScanNet's `*_vh_clean_2.ply` lies, the
    other meshes of that folder are versions of the same scan and are left out; so are the radar
    clouds of nuScenes, and `.bin` files whose size is no whole number of KITTI points.

    Raises:
        SceneError: If there is none; names the formats that were looked for.
    """
    if root.is_file() or (root / "coord.npy").is_file():
        return [root]
    found: list[Path] = []
    seen: set[str] = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen or Path(folder).name.startswith("RADAR_"):
            subfolders.clear()  # a link back to where we were, or no lidar
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        if "coord.npy" in files:
            found.append(Path(folder))
            continue
        scans = [Path(folder, name) for name in files if not name.startswith(".")]
        meshes = [path for path in scans if path.name.endswith("_vh_clean_2.ply")]
        found += meshes or [path for path in scans if _is_scan(path)]
    if not found:
        raise SceneError(f"{root} holds no scan; looked for {FORMATS}.")
    return sorted(found)


def _is_scan(path: Path) -> bool:
    suffix = ending(path)
    if suffix != ".bin" or path.parent.name == "velodyne":
        return suffix is not None
    return path.stat().st_size % 16 == 0


def _unique_ids(paths: list[Path], root: Path) -> list[str]:
    """Ids from paths relative to the root; a number is added where two would be the same."""
    ids: list[str] = []
    taken: set[str] = set()
    for path in paths:
        name = path.name if path == root else path.relative_to(root).as_posix()
        suffix = None if path.is_dir() else ending(path)
        base = clean_id(name[: -len(suffix)] if suffix else name)
        candidate, count = base, 1
        while candidate in taken:
            count += 1
            candidate = f"{base[-90:]}-{count}"
        taken.add(candidate)
        ids.append(candidate)
    return ids


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
