"""What a desktop window or a screenshot shows: a run that may still grow, or a single scan."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.pictures.drawing import Colouring, Drawing, Votes, compose, point_radius
from app.pictures.palette import Theme
from app.pictures.vantage import Vantage, choose_vantage
from pointins_engine.config import Units, UpAxis
from pointins_engine.errors import RunError
from pointins_engine.run_log.scenes import InspectedScene, make_inspected_scene
from pointins_engine.run_log.store import Run

OUTDOOR_EXTENT_M = 30.0  # a scan wider than this has a ground rather than a floor and walls
MAX_SCAN_POINTS = 400_000  # points of a scan that are drawn
_SCAN_CELLS = 4.0  # cell edge of a scan in median spacings of its points


@dataclass(slots=True)
class Look:
    """How a scene is to be drawn; a panel changes it."""

    t: float = 0.0
    colouring: Colouring = "pseudo_instance"
    votes: Votes = "before"
    marks: bool = False
    theme: Theme = "dark"


class Exhibit:
    """One scene at a time, at one step.

    A run is followed: `poll` moves on to its newest frame until somebody seeks an older one.
    """

    def __init__(self, *, run: Run | None = None, scan: InspectedScene | None = None) -> None:
        self.run = run
        self.scene: InspectedScene | None = None
        self.frame: dict[str, np.ndarray] | None = None
        self.step: int | None = None
        self.steps: list[int] = []
        self.following = run is not None
        self._radius: np.ndarray | None = None
        if scan is not None:
            self._enter(scan)

    def scenes(self) -> list[str]:
        """Ids to choose from."""
        if self.run is not None:
            return self.run.scenes()
        return [self.scene.id] if self.scene is not None else []

    def select_scene(self, scene: str) -> None:
        """Go to another inspected scene of the run, at its newest frame.

        Raises:
            RunError: If the run has no such scene; names those it has.
        """
        known = self.scenes()
        if scene not in known:
            raise RunError(f"there is no scene {scene!r} here, only {', '.join(known) or 'none'}.")
        if self.run is None:
            return
        self._enter(self.run.load_scene(scene))
        self.following = True
        self.poll()

    def seek(self, step: int) -> None:
        """Show the frame of one step and stop following; `follow` goes on.

        Raises:
            RunError: If there is no frame of that step; names those there are.
        """
        if self.run is None or self.scene is None:
            raise RunError("a scan has no steps; give a run folder to look at one.")
        self.steps = self.run.frames(self.scene.id)
        if step not in self.steps:
            kept = ", ".join(map(str, self.steps[-8:])) or "none yet"
            raise RunError(f"scene {self.scene.id} has no frame of step {step}; newest: {kept}.")
        self.frame = self.run.load_frame(self.scene.id, step)
        self.step, self.following = step, False

    def follow(self) -> None:
        self.following = True

    def poll(self) -> bool:
        """Look for something new; true if what is shown has changed.

        Cheap enough for several times a second: only what was appended is read.
        """
        if self.run is None:
            return False
        if self.scene is None:
            scenes = self.run.scenes()
            if not scenes:
                return False
            self._enter(self.run.load_scene(scenes[0]))
            self.poll()
            return True
        newest = self.run.latest_frame(self.scene.id)
        if newest is None or (self.steps and newest == self.steps[-1] and newest == self.step):
            return False
        if not self.steps or newest != self.steps[-1]:
            self.steps = self.run.frames(self.scene.id)
        if not self.following or not self.steps or self.steps[-1] == self.step:
            return False
        self.frame, self.step = self.run.load_frame(self.scene.id, self.steps[-1]), self.steps[-1]
        return True

    def vantage(self, aspect: float) -> Vantage:
        assert self.scene is not None, "there is a scene to look at"
        return choose_vantage(self.scene, aspect)

    def drawing(self, look: Look, keep: np.ndarray | None = None) -> Drawing:
        """The scene at its step, as layers."""
        assert self.scene is not None, "there is a scene to draw"
        if self._radius is None:
            self._radius = point_radius(self.scene)
        return compose(
            self.scene,
            self.frame,
            t=look.t,
            colouring=look.colouring,
            votes=look.votes,
            marks=look.marks,
            theme=look.theme,
            keep=keep,
            radius=self._radius,
        )

    def _enter(self, scene: InspectedScene) -> None:
        self.scene, self._radius = scene, None
        self.frame, self.step, self.steps = None, None, []


def read_scan(path: Path, *, units: Units = "auto", up: UpAxis = "auto") -> InspectedScene:
    """A scan from disk in the form of an inspected scene, with its planes marked.

    Raises:
        SceneError: If it cannot be read.
    """
    from pointins_engine.geometry import median_spacing, voxelize
    from pointins_engine.scenes.planes import find_planes
    from pointins_engine.scenes.readers import read_scene

    scan = read_scene(path, units=units, up=up, is_strict=False)
    rng = np.random.default_rng(0)
    coord = scan.coord
    extent = float(np.ptp(coord, axis=0)[:2].max())
    sample = rng.choice(len(coord), min(2000, len(coord)), replace=False)
    spacing = median_spacing(coord, sample)
    cell_size = max(_SCAN_CELLS * spacing, extent / 2000)
    _, chosen, cell_index = voxelize(coord, cell_size)
    is_plane = scan.is_plane
    if is_plane is None:
        domain = "outdoor" if extent > OUTDOOR_EXTENT_M else "indoor"
        is_plane = find_planes(coord, domain, rng)
    counts = np.bincount(cell_index, minlength=len(chosen))
    cell_coord = np.stack(
        [np.bincount(cell_index, coord[:, axis], len(chosen)) / counts for axis in range(3)], axis=1
    )
    return make_inspected_scene(
        id=scan.id,
        coord=coord,
        cell_index=cell_index,
        cell_coord=cell_coord.astype(np.float32),
        cell_is_plane=2 * np.bincount(cell_index, is_plane, len(chosen)) >= counts,
        cell_size=cell_size,
        color=scan.color,
        intensity=scan.intensity,
        semantic_label=scan.semantic_label,
        instance_label=scan.instance_label,
        class_names=scan.class_names,
        max_points=MAX_SCAN_POINTS,
    )
