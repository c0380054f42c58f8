"""Names and places inside a run folder."""

import re
from pathlib import Path

from pointins_engine.errors import RunError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
STEP_DIGITS = 8


def checked_name(name: str, what: str) -> str:
    """`name` if it may name a file or folder of a run.

    Raises:
        RunError: If it holds anything but letters, digits, dot, dash and underscore.
    """
    if not NAME.fullmatch(name):
        raise RunError(
            f"{what} {name!r} cannot name a file: use 1-100 letters, digits, '.', '_' or '-', "
            "starting with a letter or digit."
        )
    return name


def step_name(step: int) -> str:
    return f"{step:0{STEP_DIGITS}d}"


class RunPaths:
    """Where the parts of one run folder lie."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.run = root / "run.json"
        self.prior = root / "prior.json"
        self.state = root / "state.json"
        self.events = root / "events.jsonl"
        self.stats = root / "stats.jsonl"
        self.log = root / "log.txt"
        self.scenes = root / "scenes"
        self.frames = root / "frames"
        self.checkpoints = root / "checkpoints"
        self.control = root / "control"
        self.tensorboard = root / "tensorboard"

    def scene(self, scene: str) -> Path:
        return self.scenes / f"{checked_name(scene, 'scene')}.safetensors"

    def frame(self, scene: str, step: int) -> Path:
        return self.frames / checked_name(scene, "scene") / f"{step_name(step)}.safetensors"

    def checkpoint(self, step: int) -> Path:
        return self.checkpoints / step_name(step)
