"""What can be done with segmentations: asked for, looked at, gone on with, edited, deleted."""

import base64
import binascii
import contextlib
import datetime
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
from safetensors import SafetensorError, safe_open

from app.access import only_looks, visitor
from app.runs import Runs
from app.scenes.collections import Collections
from app.segmenting.downloads import Downloads
from app.segmenting.jobs import Command, Jobs
from app.segmenting.methods import EDITED, OURS, add_wanted, checked_settings, offered
from app.segmenting.networks import Networks, network_name
from app.segmenting.store import Refused, SegmentationStore
from app.segmenting.uploads import UploadLimits, Uploads, shown_name
from pointins_engine.config import Units, UpAxis
from pointins_engine.errors import ConfigError, RunError
from pointins_engine.run_log.files import write_json
from pointins_engine.segment.edits import apply_edits
from pointins_engine.segment.edits import delete_edits as remove_edits
from pointins_engine.segment.settings import SegmentSettings

MAX_LAYERS = 40  # of one scan
AT_WORK = ("waiting", "running")
CELL_ARRAY = "cell_coord_u16"


class Segmenter:
    """Everything that pages and API ask about segmentations, in one place.

    Args:
        root: Folder of the segmentations.
        runs: Runs whose networks can be chosen.
        collections: Where scenes are picked from.
        limits: Of uploads; None = no files are taken.
        command: The words of a job for a folder; a test may pass its own.
    """

    def __init__(
        self,
        root: Path,
        runs: Runs,
        collections: Collections,
        limits: UploadLimits | None,
        command: Command | None = None,
    ) -> None:
        self.store = SegmentationStore(root)
        self.jobs = Jobs(self.store, command)
        self.uploads = None if limits is None else Uploads(limits)
        self.downloads = Downloads(self.store)
        self.networks = Networks(runs)
        self._collections = collections
        self._changes = threading.RLock()  # requests and edits are read, changed and written

    def max_upload_bytes(self) -> int:
        """0 where no files are taken."""
        return 0 if self.uploads is None else self.uploads.limits.max_bytes

    def why_no_upload(self) -> str:
        """Why whoever asks may send no file; empty if they may."""
        if self.uploads is None:
            return "This studio takes no files (--no-upload); pick a scene instead."
        return "This link may look only; it starts nothing." if only_looks() else ""

    def rows(self) -> list[dict[str, Any]]:
        """A row a segmentation, newest first."""
        return [self._row(id) for id in self.store.ids()]

    def facts(self, id: str) -> dict[str, Any]:
        """All about a segmentation but its arrays.

        Raises:
            RunError: If there is none of that id.
        """
        self.store.folder(id)
        request, facts = self.store.record(id, "request.json"), self._scan_facts(id)
        progress, layers = self._progress(id, request), self.store.layers(id)
        made = {layer["layer"]: layer for layer in layers}
        edits = made.get(EDITED)
        source = request.get("source") or {}
        return {
            **self._row(id),
            "progress": progress,
            "source": {"kind": source.get("kind"), "label": source.get("scene") or ""},
            "cells": facts.get("cells"),
            "has_truth": bool(facts.get("has_truth")),
            "notes": [_with_its_name(note, request) for note in facts.get("notes") or []],
            "settings": request.get("settings") or {},
            "units": request.get("units"),
            "up": request.get("up"),
            "checkpoint": network_name(request.get("checkpoint")),
            "scene_v": self._scene_version(id),
            "layers": layers,
            "wanted": _wanted(request, list(made), progress),
            "methods": offered(facts, has_truth=bool(facts.get("has_truth"))),
            "checkpoints": self.networks.names(),
            "edits": None
            if edits is None
            else {"version": edits.get("version", 0), "base": edits.get("base", "")},
            "max_upload_bytes": self.max_upload_bytes(),
        }

    def request(
        self,
        name: str,
        *,
        settings: Mapping[str, Any],
        checkpoint: str = "auto",
        units: str | None = None,
        up: str | None = None,
    ) -> dict[str, Any]:
        """What a job is to do with a fresh segmentation, checked.

        Raises:
            ConfigError: If a value is not possible.
        """
        checked = SegmentSettings.from_values(settings).values()
        asking = visitor.get()
        return {
            "name": shown_name(name),
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "by": "" if asking is None else asking.id,
            "settings": checked,
            "checkpoint": self.networks.checkpoint(checkpoint),
            "units": _choice("units", units, get_args(Units)),
            "up": _choice("up", up, get_args(UpAxis)),
            "wanted": [{"layer": OURS, "method": OURS, "settings": checked}],
        }

    def start_scene(
        self, collection: str, scene: str, settings: Mapping[str, Any], checkpoint: str
    ) -> str:
        """Segment a scene of a collection; returns the id.

        Raises:
            SceneError: If there is no such scene.
            ConfigError: If a value is not possible.
            Refused: If nothing more can wait.
        """
        found = self._collections.get(collection)
        found.row(scene)
        source = {"kind": "scene", "source": found.source, "scene": scene}
        request = self.request(scene, settings=settings, checkpoint=checkpoint)
        self.jobs.check_line()
        return self.start(self.store.open_new(), source, request)

    def start(self, folder: Path, source: Mapping[str, str], request: Mapping[str, Any]) -> str:
        """Show a fresh folder and have its job started; returns the id."""
        try:
            id = folder.name.removeprefix(".new-")
            write_json(folder / "request.json", {"id": id, "source": dict(source), **request})
            self.store.keep(folder)
        except (OSError, RunError):
            self.store.drop(folder)
            raise
        self.jobs.ask(id)
        return id

    def add_layer(
        self, id: str, method: str, settings: Mapping[str, Any], checkpoint: str | None
    ) -> tuple[str, bool]:
        """Ask for another layer; returns its name, and whether it is there already.

        Raises:
            RunError: If there is no such segmentation.
            ConfigError: If the method or a value is not possible.
            Refused: If the scan could not be read, or there are too many layers.
        """
        self.store.folder(id)
        chosen = checked_settings(method, settings)
        network = None if checkpoint is None else self.networks.checkpoint(checkpoint)
        with self._changes:
            progress = self.jobs.progress(id)
            if self._scene_version(id) is None and progress["status"] not in AT_WORK:
                raise Refused(409, f"The scan is not read: {progress['detail']}")
            request = self._request(id)
            if progress["status"] not in AT_WORK:
                request = self._without_dropped(id, request, progress)
            wanted, layer = add_wanted(request["wanted"], method, chosen, network)
            if len(wanted) > MAX_LAYERS:
                raise Refused(409, f"There are {MAX_LAYERS} layers; segment the scan once more.")
            if layer in self.store.layer_names(id):
                return layer, True
            self.store.write(id, "request.json", {**request, "wanted": wanted})
            if layer in progress["failures"] and progress["status"] != "running":
                said = self.store.record(id, "progress.json")
                said["failures"] = {k: v for k, v in progress["failures"].items() if k != layer}
                self.store.write(id, "progress.json", said)
            self.jobs.ask(id)
        return layer, False

    def retry(self, id: str, changes: Mapping[str, str | None]) -> None:
        """Have the job done again, with an answer to what it asked, or with other values.

        Args:
            id: Of the segmentation.
            changes: New units, up, checkpoint, domain; those that are None stay.

        Raises:
            RunError: If there is no such segmentation.
            ConfigError: If a value is not possible.
            Refused: If it is at work.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        with self._changes:
            if self.jobs.progress(id)["status"] in AT_WORK:
                raise Refused(409, "It is at work already; stop it first.")
            request = self._request(id)
            if "checkpoint" in given:
                request["checkpoint"] = self.networks.checkpoint(given["checkpoint"])
            for name, choices in (("units", get_args(Units)), ("up", get_args(UpAxis))):
                if name in given:
                    request[name] = _choice(name, given[name], choices)
            if "domain" in given:
                values = {**request["settings"], "domain": given["domain"]}
                request["settings"] = SegmentSettings.from_values(values).values()
                for item in request["wanted"]:
                    if item["method"] == OURS:
                        item["settings"] = {**item["settings"], "domain": given["domain"]}
            self.store.write(id, "request.json", request)
            (self.store.folder(id) / "progress.json").unlink(missing_ok=True)
            self.jobs.ask(id)

    def cancel(self, id: str) -> None:
        """Stop what is at work or waits; layers that are made stay, others are no longer wanted.

        Raises:
            RunError: If there is no such segmentation.
            Refused: If there is nothing to stop.
        """
        with self._changes:
            request = self._request(id)
            self.jobs.cancel(id)
            left = self._without_dropped(id, request, self.jobs.progress(id))
            self.store.write(id, "request.json", left)

    def save_edits(
        self, id: str, base: str, version: int, labels: str, names: Mapping[str, str]
    ) -> dict[str, Any]:
        """Keep what somebody has changed by hand; returns the layer.

        Args:
            id: Of the segmentation.
            base: The layer that the edits began with.
            version: Of the edits that these build on; 0 = there were none.
            labels: Instance of each cell, -1 = none: int32, little endian, base64.
            names: What instances are called, by id.

        Raises:
            RunError: If there is no such segmentation or layer; StaleEdits if somebody else has
                changed it meanwhile.
            ConfigError: If the labels do not fit the scan.
        """
        self.store.layer(id, base)
        label = _labels(labels, self._num_cells(id))
        with self._changes:
            apply_edits(self.store.folder(id), base, label, dict(names), version)
        return self.store.layer(id, EDITED)

    def delete_edits(self, id: str) -> None:
        """Go back to what was found."""
        with self._changes:
            remove_edits(self.store.folder(id))

    def delete(self, id: str) -> None:
        """Delete a segmentation with its scan, and end its job."""
        self.store.folder(id)
        self.jobs.end(id)
        self.store.delete(id)

    # -- inside -------------------------------------------------------------------------------

    def _row(self, id: str) -> dict[str, Any]:
        request = self.store.record(id, "request.json")
        progress = self._progress(id, request)
        told = ("status", "phase", "done", "total", "eta_s", "detail", "ahead")
        return {
            "id": id,
            "name": str(request.get("name") or id),
            "created": request.get("created"),
            "points": self._scan_facts(id).get("points"),
            "instances": self._num_instances(id),
            **{name: progress[name] for name in told},
        }

    def _num_instances(self, id: str) -> int | None:
        """Instances that somebody would see first; None before anything is found."""
        there = self.store.layer_names(id)
        for name in (EDITED, OURS):
            if name in there:
                with contextlib.suppress(RunError):
                    return len(self.store.layer(id, name).get("instances") or ())
        return None

    def _progress(self, id: str, request: Mapping[str, Any]) -> dict[str, Any]:
        told = self.jobs.progress(id)
        failures = {k: _with_its_name(text, request) for k, text in told["failures"].items()}
        detail = _with_its_name(told["detail"], request)
        return {**told, "detail": detail, "failures": failures}

    def _request(self, id: str) -> dict[str, Any]:
        self.store.folder(id)
        request = self.store.record(id, "request.json")
        if not isinstance(request.get("wanted"), list):
            raise RunError(f"segmentation {id} is damaged (request.json); delete it.")
        return request

    def _without_dropped(
        self, id: str, request: Mapping[str, Any], progress: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The request without layers that were given up, which would come before a new one."""
        kept = {OURS, *self.store.layer_names(id), *progress["failures"]}
        return {**request, "wanted": [i for i in request["wanted"] if i["layer"] in kept]}

    def _scan_facts(self, id: str) -> dict[str, Any]:
        return self.store.record(id, "facts.json")

    def _scene_version(self, id: str) -> str | None:
        try:
            return self.store.file(id, "scene.safetensors").version
        except RunError:
            return None

    def _num_cells(self, id: str) -> int:
        path = self.store.file(id, "scene.safetensors").path
        try:
            with safe_open(path, framework="numpy") as file:
                return file.get_slice(CELL_ARRAY).get_shape()[0]
        except (OSError, SafetensorError) as error:
            raise RunError(f"{path.name} of {id} cannot be read ({error}).") from error


def _wanted(
    request: Mapping[str, Any], made: Sequence[str], progress: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Layers that were asked for: made, failed, or waiting for the job."""
    comes = "waiting" if progress["status"] in AT_WORK else "failed"
    rows = []
    for item in request.get("wanted") or []:
        layer = item.get("layer")
        state = "made" if layer in made else "failed" if layer in progress["failures"] else comes
        rows.append({"layer": layer, "method": item.get("method"), "state": state})
    return rows


def _with_its_name(text: Any, request: Mapping[str, Any]) -> str:
    """A sentence of the job, which knows a scan that was sent by the name it has on disk."""
    source = request.get("source") or {}
    on_disk = Path(str(source.get("file") or "")).name
    shown = str(request.get("name") or on_disk)
    return str(text).replace(on_disk, shown) if on_disk else str(text)


def _choice(name: str, value: str | None, choices: tuple[str, ...]) -> str | None:
    if value is None or value in choices:
        return value
    raise ConfigError(f"{name} is {value[:40]!r}, expected one of {', '.join(choices)}.")


def _labels(text: str, num_cells: int) -> np.ndarray:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigError(f"labels must be base64 ({error}).") from error
    if len(data) != 4 * num_cells:
        raise ConfigError(
            f"labels hold {len(data)} bytes, expected {4 * num_cells}: an int32 for each of "
            f"{num_cells} cells. Reload the page."
        )
    return np.frombuffer(data, "<i4").astype(np.int32)
