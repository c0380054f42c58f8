"""Segmentations on disk: a folder each, looked up by its id; no request ever becomes a path.

    <id>/request.json         what was asked for        <id>/upload/      the scan, if one was sent
    <id>/progress.json        how far the job is        <id>/job.json     which process does it
    <id>/facts.json           what the scan holds       <id>/downloads/   files made on demand
    <id>/scene.safetensors    what is drawn             <id>/layers/      one labelling each
    .new-<id>, .gone-<id>     being made, being deleted; never shown

Links inside a folder are not followed: what is served is a file of the folder or not there.
"""

import contextlib
import datetime
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pointins_engine.errors import RunError
from pointins_engine.run_log.files import read_json, write_json

MAX_KEPT = 500  # segmentations; further ones are refused until some are deleted
STALE_S = 3600.0  # a folder that has been in the making for so long was left behind
_ID = re.compile(r"\d{8}T\d{6}-[0-9a-f]{6}")
_LAYER = re.compile(r"[a-z][a-z_]{0,40}(-\d{1,4})?")


class Refused(Exception):
    """Something is not done; `status` is HTTP's, the message says why and what to do."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Found(NamedTuple):
    """A file of a segmentation and the version that its content has."""

    path: Path
    stat: os.stat_result
    version: str


class SegmentationStore:
    """The folder of segmentations; made when the first one is.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def ids(self) -> list[str]:
        """All segmentations, newest first."""
        try:
            with os.scandir(self.root) as entries:
                found = [
                    entry.name
                    for entry in entries
                    if _ID.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
                ]
        except OSError:
            return []
        return sorted(found, reverse=True)

    def folder(self, id: str) -> Path:
        """Where a segmentation lies.

        Raises:
            RunError: If there is none of that id.
        """
        folder = self.root / id if _ID.fullmatch(id) else None
        if folder is None or not _is_folder(folder):
            raise RunError(f"there is no segmentation {id[:60]!r}; it may have been deleted.")
        return folder

    def open_new(self) -> Path:
        """A fresh folder that nobody sees until it is kept.

        Raises:
            Refused: If there are too many already.
            RunError: If it cannot be made.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep()
            if len(self.ids()) >= MAX_KEPT:
                raise Refused(409, f"There are {MAX_KEPT} segmentations; delete some of them.")
            now = datetime.datetime.now(datetime.UTC)
            folder = self.root / f".new-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise RunError(f"{self.root} cannot be written ({error.strerror}).") from error
        return folder

    def keep(self, folder: Path) -> str:
        """Show a fresh folder under its id, which is returned."""
        id = folder.name.removeprefix(".new-")
        folder.rename(self.root / id)
        return id

    def drop(self, folder: Path) -> None:
        """Delete a fresh folder that is not to be kept."""
        shutil.rmtree(folder, ignore_errors=True)

    def delete(self, id: str) -> None:
        """Delete a segmentation with its scan.

        Raises:
            RunError: If there is none of that id, or it cannot be deleted.
        """
        gone = self.root / f".gone-{id}-{secrets.token_hex(3)}"
        try:
            self.folder(id).rename(gone)
        except OSError as error:
            raise RunError(f"segmentation {id} cannot be deleted ({error.strerror}).") from error
        shutil.rmtree(gone, ignore_errors=True)

    def file(self, id: str, *parts: str) -> Found:
        """A file of a segmentation, by names that the program has chosen.

        Raises:
            RunError: If it is not there, or is reached by a link.
        """
        folder = self.folder(id)
        path = folder.joinpath(*parts)
        try:
            is_inside = all(_is_folder(above) for above in path.parents if folder in above.parents)
            found = path.lstat()
        except OSError:
            is_inside, found = False, None
        if not is_inside or found is None or not stat.S_ISREG(found.st_mode):
            raise RunError(f"segmentation {id} has no {'/'.join(parts)} (yet).")
        return Found(path, found, f"{found.st_mtime_ns:x}-{found.st_size:x}")

    def record(self, id: str, name: str) -> dict[str, Any]:
        """A JSON file of a segmentation; empty if it is not there, or damaged."""
        try:
            return read_json(self.file(id, name).path)
        except RunError:
            return {}

    def write(self, id: str, name: str, values: Mapping[str, Any]) -> None:
        """Replace a JSON file of a segmentation.

        Raises:
            RunError: If the segmentation is gone, or it cannot be written.
        """
        write_json(self.folder(id) / name, values)

    def layer_names(self, id: str) -> list[str]:
        """Layers that are whole, by name."""
        names: set[str] = set()
        with contextlib.suppress(OSError), os.scandir(self.folder(id) / "layers") as entries:
            names = {entry.name for entry in entries if entry.is_file(follow_symlinks=False)}
        return [
            name
            for name in sorted(Path(entry).stem for entry in names if entry.endswith(".json"))
            if _LAYER.fullmatch(name) and f"{name}.safetensors" in names
        ]

    def layer(self, id: str, name: str) -> dict[str, Any]:
        """What the record of a layer says, with the version of its arrays.

        Raises:
            RunError: If there is none of that name, or its record is damaged.
        """
        names = self.layer_names(id)
        if name not in names:
            there = ", ".join(names) or "none yet"
            raise RunError(f"segmentation {id} has no layer {name[:60]!r}; there are: {there}.")
        record = read_json(self.file(id, "layers", f"{name}.json").path)
        version = self.file(id, "layers", f"{name}.safetensors").version
        return {**record, "layer": name, "v": version}

    def layers(self, id: str) -> list[dict[str, Any]]:
        """All layers in the order they were made; one that is damaged is left out."""
        found = []
        for name in self.layer_names(id):
            with contextlib.suppress(RunError):
                found.append(self.layer(id, name))
        return sorted(found, key=_when_made)

    def _sweep(self) -> None:
        """Delete what was left in the making, or half deleted, by a studio that was killed."""
        for path in self.root.glob(".*-*"):
            with contextlib.suppress(OSError):
                made = path.name.startswith(".new-")
                recent = made and time.time() - max(_times(path)) < STALE_S
                if path.name.startswith((".new-", ".gone-")) and not recent:
                    shutil.rmtree(path, ignore_errors=True)


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _when_made(record: Mapping[str, Any]) -> float:
    made = record.get("made")
    return float(made) if isinstance(made, int | float) else 0.0


def _times(folder: Path) -> list[float]:
    return [path.lstat().st_mtime for path in (folder, *folder.glob("*/*"))]
