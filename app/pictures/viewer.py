"""A desktop window, or one picture, of a run or a scan.

python -m app.pictures.viewer runs/rooms                              window that follows the run
python -m app.pictures.viewer runs/rooms --t 1 --screenshot out.png   picture, no screen needed
python -m app.pictures.viewer kitchen.ply                             a scan, before any training
"""

import argparse
import os
import sys
from pathlib import Path
from typing import get_args

from app.pictures.drawing import Colouring, Votes
from app.pictures.exhibit import Exhibit, Look, read_scan
from app.pictures.palette import Theme
from app.pictures.renderer import BACKEND, PictureRequest, unavailable
from pointins_engine.config import Units, UpAxis
from pointins_engine.errors import PointinsError, RunError, SceneError
from pointins_engine.run_log.files import write_bytes
from pointins_engine.run_log.store import Run


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        look = Look(
            t=options.t,
            colouring=options.colour,
            votes=options.votes,
            marks=options.marks,
            theme=options.theme,
        )
        PictureRequest(  # one set of limits for the studio's pictures and for these
            scene_path=options.target, width=options.width, height=options.height, t=look.t
        )
        exhibit = open_exhibit(
            options.target, options.scene, options.step, options.units, options.up
        )
        if options.screenshot is not None:
            write_screenshot(exhibit, look, options.screenshot, options.width, options.height)
            print(f"wrote {options.screenshot}")
        else:
            _show(exhibit, look, options.width, options.height)
    except PointinsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def open_exhibit(
    target: Path,
    scene: str | None = None,
    step: int | None = None,
    units: Units = "auto",
    up: UpAxis = "auto",
) -> Exhibit:
    """What lies at `target`: a run folder, or a scan.

    Raises:
        RunError, SceneError: If there is nothing to show; says what was looked for.
    """
    if not target.exists():
        raise SceneError(f"{target} does not exist; expected a run folder or a scan.")
    if (target / "run.json").exists():
        exhibit = Exhibit(run=Run(target))
        exhibit.poll()
        if scene is not None:
            exhibit.select_scene(scene)
        if step is not None:
            exhibit.seek(step)
        return exhibit
    runs = sorted(path.parent.name for path in target.glob("*/run.json"))
    if runs:
        raise RunError(f"{target} holds several runs; name one of them: {', '.join(runs[:8])}.")
    exhibit = Exhibit(scan=read_scan(target, units=units, up=up))
    if step is not None:
        raise SceneError(f"{target} is a scan and has no steps; leave --step out.")
    if scene is not None:
        exhibit.select_scene(scene)
    return exhibit


def write_screenshot(exhibit: Exhibit, look: Look, path: Path, width: int, height: int) -> None:
    """Write one PNG through EGL; needs no screen.

    Raises:
        RunError: If the run has no scene yet, or the file cannot be written.
        RendererUnavailable: If Polyscope cannot draw here.
    """
    from app.pictures.photograph import encode_png, open_polyscope, photograph

    if exhibit.scene is None:
        raise RunError("the run has no inspected scene yet; try again after its first step.")
    vantage = exhibit.vantage(width / height)
    drawing = exhibit.drawing(look, vantage.keep)
    try:
        open_polyscope(BACKEND)
    except (ImportError, RuntimeError) as error:
        raise unavailable(BACKEND, error) from error
    image = photograph(drawing, vantage, width=width, height=height, theme=look.theme)
    write_bytes(path, encode_png(image))


def _show(exhibit: Exhibit, look: Look, width: int, height: int) -> None:
    screens = ("DISPLAY", "WAYLAND_DISPLAY")
    if sys.platform == "linux" and not any(os.environ.get(name) for name in screens):
        raise RunError(
            "there is no screen here (DISPLAY is not set). Add --screenshot FILE for a picture, "
            "or watch the run in a browser with the studio."
        )
    from app.pictures.window import open_window

    try:
        open_window(exhibit, look, width=width, height=height)
    except (ImportError, RuntimeError) as error:
        raise unavailable("openGL3_glfw", error) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m app.pictures.viewer",
        description="Look at a run or a scan in a desktop window, or write one picture of it.",
    )
    parser.add_argument("target", type=Path, help="run folder, scan file, or folder of one scan")
    parser.add_argument("--screenshot", type=Path, metavar="FILE", help="write a PNG, no window")
    parser.add_argument("--scene", help="inspected scene of the run (default: the first)")
    parser.add_argument("--step", type=int, help="frame to show (default: newest, and follow)")
    parser.add_argument("--t", type=float, default=0.0, help="0 = points, 1 = their centroids")
    parser.add_argument("--colour", choices=get_args(Colouring), default="pseudo_instance")
    parser.add_argument("--votes", choices=get_args(Votes), default="before", help="which centroid")
    parser.add_argument("--marks", action="store_true", help="draw the centroids too")
    parser.add_argument("--theme", choices=get_args(Theme), default="dark")
    parser.add_argument("--units", choices=get_args(Units), default="auto", help="of a scan's file")
    parser.add_argument("--up", choices=get_args(UpAxis), default="auto", help="axis of that file")
    parser.add_argument("--width", type=int, default=1280, help="pixels")
    parser.add_argument("--height", type=int, default=800, help="pixels")
    return parser


if __name__ == "__main__":
    sys.exit(main())
