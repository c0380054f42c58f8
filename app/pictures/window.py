"""The desktop window: Polyscope with a small panel, following a run while it trains."""

import importlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from app.pictures.drawing import Colouring, Layer, Votes, clear, put
from app.pictures.exhibit import Exhibit, Look
from app.pictures.palette import CANVAS, Theme, rgb
from app.pictures.photograph import fit_radius, prepare_scene
from app.pictures.vantage import Vantage
from pointins_engine.errors import RunError

POLL_S = 0.25  # how often the run folder is asked for something new
MARKED_RADIUS = 0.45  # marks lie inside of things: smaller points let them show
COLOURINGS: tuple[Colouring, ...] = (
    "pseudo_instance", "input", "height", "pca", "segment", "instance"
)  # fmt: skip
VOTES: tuple[Votes, ...] = ("before", "after", "target")
VOTE_NAMES = {
    "before": "teacher, before ODR",
    "after": "teacher, after ODR",
    "target": "pseudo-instance",
}
LAYERS = ["points", "teacher centroids", "pseudo-instance centroids"]


def open_window(
    exhibit: Exhibit,
    look: Look,
    *,
    width: int = 1280,
    height: int = 800,
    backend: str = "openGL3_glfw",
    frames: int | None = None,
) -> None:
    """Show an exhibit until the window is closed, or for a number of frames.

    Args:
        exhibit: A run or a scan; a run is followed.
        look: Where the panel starts.
        width: Pixels.
        height: Pixels.
        backend: Polyscope's name of the window system.
        frames: Close after this many; None = stay open.
    """
    import polyscope as ps

    ps.set_use_prefs_file(False)
    ps.set_verbosity(0)
    ps.set_program_name("PointINS")
    ps.set_window_size(width, height)
    ps.init(backend)  # type: ignore[arg-type]
    prepare_scene()
    panel = Panel(exhibit, look, width=width, height=height)
    ps.set_user_callback(panel.tick)
    panel.redraw()
    try:
        ps.show(frames)
    finally:
        ps.clear_user_callback()


class Panel:
    """The controls, and the drawing that they belong to."""

    def __init__(self, exhibit: Exhibit, look: Look, *, width: int, height: int) -> None:
        self.exhibit = exhibit
        self.look = look
        self.cut = True  # walls towards the first view are taken away
        self.notice = ""
        self._aspect, self._height = width / height, height
        self._scene = ""  # id of the scene that the camera was set for
        self._vantage: Vantage | None = None
        self._polled_at = 0.0

    def tick(self) -> None:
        """Once a frame of the window: look for news, build the panel, draw what has changed."""
        changed = False
        if time.monotonic() - self._polled_at >= POLL_S:
            self._polled_at = time.monotonic()
            changed = self._say(self.exhibit.poll)
        if self._controls() or changed:
            self.redraw()

    def redraw(self) -> None:
        """Bring Polyscope's structures up to date."""
        import polyscope as ps

        ps.set_background_color(tuple(window_background(self.look.theme)))
        if self.exhibit.scene is None:
            return
        if self._scene != self.exhibit.scene.id:
            self._scene = self.exhibit.scene.id
            clear(LAYERS)
            self._vantage = self.exhibit.vantage(self._aspect)
            ps.look_at(tuple(self._vantage.eye), tuple(self._vantage.target))
            ps.set_view_center_raw(tuple(self._vantage.target))
        keep = self._vantage.keep if self.cut and self._vantage is not None else None
        drawing = self.exhibit.drawing(self.look, keep)
        shown = drawing.layers()
        clear([name for name in LAYERS if name not in {layer.name for layer in shown}])
        for layer in shown:
            if layer is drawing.points:
                put(self._thinned(layer), material="clay")
            else:
                put(layer)

    def _thinned(self, layer: Layer) -> Layer:
        """Points of a size that suits the first view; smaller where marks lie among them."""
        assert self._vantage is not None, "the camera is set before anything is drawn"
        layer = fit_radius(layer, self._vantage, self._height)
        return replace(layer, radius=MARKED_RADIUS * layer.radius) if self.look.marks else layer

    def _say(self, action: Callable[[], bool | None]) -> bool:
        """Do something that reads the run folder; what goes wrong stands in the panel."""
        try:
            self.notice = ""
            return action() is not False
        except RunError as error:
            self.notice = str(error)
            return False

    def _controls(self) -> bool:
        """Build the panel; true if something was changed in it."""
        psim = _imgui()
        changed = False
        if self.exhibit.run is not None:
            changed |= self._run_controls()
        if self.exhibit.frame is not None:
            moved, self.look.t = psim.SliderFloat("points .. centroids", self.look.t, 0.0, 1.0)
            names = [VOTE_NAMES[name] for name in VOTES]
            voted, index = psim.Combo("centroids", VOTES.index(self.look.votes), names)
            self.look.votes = VOTES[index]
            marked, self.look.marks = psim.Checkbox("Draw centroids", self.look.marks)
            changed |= moved or voted or marked
        names = [name.replace("_", " ") for name in COLOURINGS]
        painted, index = psim.Combo("colour", COLOURINGS.index(self.look.colouring), names)
        self.look.colouring = COLOURINGS[index]
        cut, self.cut = psim.Checkbox("Take near walls away", self.cut)
        themed, light = psim.Checkbox("Light", self.look.theme == "light")
        self.look.theme = "light" if light else "dark"
        if self.exhibit.scene is not None:
            psim.TextUnformatted(f"{len(self.exhibit.scene.coord_u16):,} points")
        if self.notice:
            psim.TextWrapped(self.notice)
        return changed or painted or cut or themed

    def _run_controls(self) -> bool:
        psim = _imgui()
        run, changed = self.exhibit.run, False
        assert run is not None, "only a run has these controls"
        state = run.state()
        psim.TextUnformatted(f"{run.id}: {state['status']}, step {state['step']}")
        scenes = self.exhibit.scenes()
        if self.exhibit.scene is None:
            psim.TextUnformatted("Waiting for the first scene.")
            return False
        picked, index = psim.Combo("scene", scenes.index(self.exhibit.scene.id), scenes)
        if picked:
            changed |= self._say(lambda: self.exhibit.select_scene(scenes[index]))
        steps = self.exhibit.steps
        if not steps or self.exhibit.step not in steps:
            psim.TextUnformatted("The first frame comes after the first steps.")
            return changed
        at = steps.index(self.exhibit.step)
        sought, at = psim.SliderInt(f"step {steps[at]}###step", at, 0, len(steps) - 1)
        if sought:
            changed |= self._say(lambda: self.exhibit.seek(steps[at]))
        toggled, wants = psim.Checkbox("Follow the run", self.exhibit.following)
        if toggled:
            self.exhibit.following = wants
        return changed


def _imgui() -> Any:
    """Polyscope's panel functions; they have no type stubs."""
    return importlib.import_module("polyscope.imgui")


def window_background(theme: Theme) -> np.ndarray:
    """What to give Polyscope for the canvas colour to come out.

    Its tone mapping brightens the background (not the flat layers) by about 9 % and a gamma of 2.2.
    """
    return rgb(CANVAS[theme]) ** 2.2 / 1.09
