"""Pictures without a screen: Polyscope in a process of its own.

An EGL context belongs to one thread and does not survive a fork, and a graphics driver may crash.
So the studio talks to a spawned child over a pipe, starts it on the first picture, and starts
another one when it dies. `python -m app.pictures.renderer` says in one line of JSON whether it
works here.
"""

import atexit
import ctypes
import json
import multiprocessing
import os
import signal
import sys
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Any, get_args

from app.pictures.drawing import Colouring, Votes
from app.pictures.palette import Theme
from pointins_engine.errors import PointinsError

BACKEND = "openGL3_egl"
PACKAGES = "libegl1 libgl1 libgl1-mesa-dri libx11-6 libgbm1"
START_TIMEOUT_S = 60.0  # a first start compiles nothing but may wait for a cold disk
PICTURE_TIMEOUT_S = 60.0
SIZE_RANGE = (16, 4096)  # pixels a side
_GL_VERSION = 0x1F02


class RendererUnavailable(PointinsError):
    """Polyscope cannot draw on this machine; `reason` says why and what to install."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def unavailable(backend: str, cause: object) -> RendererUnavailable:
    """The error that says what Polyscope missed, and the packages that bring it."""
    said = str(cause).strip().rstrip(".") or type(cause).__name__
    return RendererUnavailable(
        f"Polyscope cannot draw with {backend}: {said}. "
        f"On Debian or Ubuntu this helps: apt install {PACKAGES}"
    )


class PictureError(PointinsError):
    """One picture could not be made; the renderer itself goes on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureRequest:
    """What to photograph, and how."""

    scene_path: Path
    frame_path: Path | None = None
    width: int = 480
    height: int = 300
    t: float = 0.0
    colouring: Colouring = "pseudo_instance"
    votes: Votes = "before"
    marks: bool = False
    theme: Theme = "dark"
    transparent: bool = False

    def __post_init__(self) -> None:
        low, high = SIZE_RANGE
        if not (low <= self.width <= high and low <= self.height <= high):
            raise PictureError(
                f"a picture of {self.width} x {self.height} pixels was asked for; "
                f"each side must be {low} to {high}."
            )
        if not 0 <= self.t <= 1:
            raise PictureError(f"t must be from 0 (points) to 1 (centroids), got {self.t:g}.")
        for name, kind in (("colouring", Colouring), ("votes", Votes), ("theme", Theme)):
            if getattr(self, name) not in get_args(kind):
                known = ", ".join(get_args(kind))
                raise PictureError(f"{name} is {getattr(self, name)!r}, expected one of {known}.")


class Renderer:
    """Owner of the child process that draws. Calls from several threads take turns.

    Example:
        >>> with Renderer() as renderer:
        ...     png = renderer.render_scene_png(run.paths.scene("room_0001"), width=480, height=300)
    """

    def __init__(self, *, backend: str = BACKEND) -> None:
        self._backend = backend
        self._lock = threading.Lock()
        self._process: Any = None  # multiprocessing's SpawnProcess
        self._pipe: Connection | None = None
        self._gl = ""
        self._unavailable: RendererUnavailable | None = None

    def render_scene_png(
        self,
        scene_path: Path,
        frame_path: Path | None = None,
        *,
        width: int = 480,
        height: int = 300,
        t: float = 0.0,
        colouring: Colouring = "pseudo_instance",
        votes: Votes = "before",
        marks: bool = False,
        theme: Theme = "dark",
        transparent: bool = False,
    ) -> bytes:
        """A PNG of an inspected scene, with a frame of it where one is given.

        Args:
            scene_path: `scenes/<id>.safetensors` of a run folder.
            frame_path: `frames/<id>/<step>.safetensors`; without one the points stay in place and
                show their input colour.
            width: Pixels.
            height: Pixels.
            t: 0 = points, 1 = the centroids they vote for.
            colouring: What the colour of a point says.
            votes: Centroids before ODR, after ODR, or of the pseudo-instances.
            marks: Whether the centroids themselves are drawn over the points.
            theme: Decides the canvas colour.
            transparent: Whether there is no canvas, so that the picture suits both themes.

        Raises:
            RendererUnavailable: If Polyscope cannot draw on this machine at all.
            PictureError: If this picture cannot be made.
        """
        request = PictureRequest(
            scene_path=scene_path,
            frame_path=frame_path,
            width=width,
            height=height,
            t=t,
            colouring=colouring,
            votes=votes,
            marks=marks,
            theme=theme,
            transparent=transparent,
        )
        with self._lock:
            try:
                return self._ask(request)
            except ChildProcessError:  # it died, now or since the last picture: once more
                try:
                    return self._ask(request)
                except ChildProcessError as error:
                    raise PictureError(f"{scene_path.name} crashes the renderer: {error}") from None

    def gl_version(self) -> str:
        """What the graphics driver calls itself; starts the child where it is not running.

        Raises:
            RendererUnavailable: If it does not start.
        """
        with self._lock:
            self._start()
            return self._gl

    def close(self) -> None:
        """End the child. A later picture starts a new one."""
        with self._lock:
            self._stop()

    def __enter__(self) -> "Renderer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # -- the child, from the outside; all under the lock ----------------------------------------

    def _start(self) -> None:
        if self._unavailable is not None:
            raise self._unavailable
        if self._process is not None and self._process.is_alive():
            return
        self._stop()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, self._backend), name="renderer", daemon=True
        )
        self._process.start()
        theirs.close()
        try:
            kind, value = self._receive(START_TIMEOUT_S)
        except (ChildProcessError, PictureError) as error:
            kind, value = "unavailable", str(error)
        if kind != "ready":
            self._stop()
            self._unavailable = unavailable(self._backend, value)
            raise self._unavailable
        self._gl = value

    def _ask(self, request: PictureRequest) -> bytes:
        self._start()
        assert self._pipe is not None, "a started renderer has a pipe"
        try:
            self._pipe.send(request)
        except OSError:
            self._stop()
            raise ChildProcessError("its process had ended") from None
        kind, value = self._receive(PICTURE_TIMEOUT_S)
        if kind == "error":
            raise PictureError(value)
        return value

    def _receive(self, timeout_s: float) -> tuple[str, Any]:
        """The child's answer.

        Raises:
            ChildProcessError: If it died instead.
            PictureError: If it took too long; it is ended then.
        """
        assert self._pipe is not None, "a started renderer has a pipe"
        if not wait([self._pipe, self._process.sentinel], timeout_s):
            self._stop()
            raise PictureError(f"the renderer gave no answer for {timeout_s:g} s and was ended.")
        try:
            return self._pipe.recv()
        except (EOFError, OSError):
            self._process.join(1.0)
            code = self._process.exitcode
            self._stop()
            raise ChildProcessError(f"its process ended with code {code}") from None

    def _stop(self) -> None:
        if self._pipe is not None:
            self._pipe.close()  # the child leaves its loop at the end of the pipe
            self._pipe = None
        if self._process is not None:
            self._process.join(2.0)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
            self._process.close()
            self._process = None


_shared: Renderer | None = None
_shared_lock = threading.Lock()


def render_scene_png(scene_path: Path, frame_path: Path | None = None, **options: Any) -> bytes:
    """`Renderer.render_scene_png` of the one renderer that this process shares.

    It starts with the first picture and ends with the process.
    """
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = Renderer()
            atexit.register(_shared.close)
    return _shared.render_scene_png(scene_path, frame_path, **options)


# -- inside the child ---------------------------------------------------------------------------


def _serve(pipe: Connection, backend: str) -> None:
    """Answer requests until the other end of the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the studio, which then closes us
    try:
        from app.pictures.photograph import open_polyscope

        open_polyscope(backend)
    except Exception as error:
        pipe.send(("unavailable", str(error) or type(error).__name__))
        return
    pipe.send(("ready", _gl_version()))
    while True:
        try:
            request = pipe.recv()
        except EOFError:
            break
        try:
            answer = ("picture", picture_png(request))
        except Exception as error:
            said = isinstance(error, PointinsError)
            answer = ("error", str(error) if said else f"{type(error).__name__}: {error}")
        pipe.send(answer)
    pipe.close()
    sys.stdout.flush()
    os._exit(0)  # some drivers crash while they are unloaded


def picture_png(request: PictureRequest) -> bytes:
    """The requested PNG; Polyscope must be open in this thread.

    Raises:
        RunError: If a file is missing, damaged, or the two do not belong together.
    """
    from app.pictures.drawing import compose
    from app.pictures.photograph import encode_png, photograph
    from app.pictures.vantage import choose_vantage
    from pointins_engine.run_log.files import read_arrays
    from pointins_engine.run_log.scenes import InspectedScene

    scene = InspectedScene.from_arrays(*read_arrays(request.scene_path))
    frame = read_arrays(request.frame_path)[0] if request.frame_path is not None else None
    vantage = choose_vantage(scene, request.width / request.height)
    drawing = compose(
        scene,
        frame,
        t=request.t,
        colouring=request.colouring,
        votes=request.votes,
        marks=request.marks,
        theme=request.theme,
        keep=vantage.keep,
    )
    image = photograph(
        drawing,
        vantage,
        width=request.width,
        height=request.height,
        theme=request.theme,
        transparent=request.transparent,
    )
    return encode_png(image)


def _gl_version() -> str:
    """The driver's own version sentence, or an empty one where it cannot be asked."""
    try:
        get_string = ctypes.CDLL("libGL.so.1").glGetString
    except (OSError, AttributeError):
        return ""
    get_string.restype = ctypes.c_char_p
    version = get_string(_GL_VERSION)
    return version.decode(errors="replace") if version else ""


def describe(*, backend: str = BACKEND) -> dict[str, Any]:
    """Whether pictures can be made here: `backend`, `ok`, `reason` and the driver's version."""
    with Renderer(backend=backend) as renderer:
        try:
            return {"backend": backend, "ok": True, "reason": "", "gl": renderer.gl_version()}
        except RendererUnavailable as error:
            return {"backend": backend, "ok": False, "reason": error.reason, "gl": ""}


if __name__ == "__main__":
    print(json.dumps(describe()))
