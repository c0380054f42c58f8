"""`python -m pointins_engine.segment.job FOLDER`: make what a segmentation's request asks for.

The studio runs this as a child process, so a scan that brings the process down costs that job and
not the studio. Layers that are there are not made again; files are whole or not there. torch is
imported only where a network has to run.
"""

import argparse
import os
import shutil
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pointins_engine.errors import ConfigError, PointinsError, RunError, ScanQuestion, SceneError
from pointins_engine.run_log.files import read_json, write_json
from pointins_engine.scene_index.listing import list_scenes
from pointins_engine.scenes.memory import scene_memory
from pointins_engine.scenes.readers import clean_id, read_scene_and_notes
from pointins_engine.segment.folder import SegmentationFolder, StoredScan, read_scan, write_scan
from pointins_engine.segment.layers import drawn_scene, renumbered, write_scene
from pointins_engine.segment.make_layer import OF_VOTES, LayerMaker
from pointins_engine.segment.settings import SegmentSettings
from pointins_engine.segment.watch import JobProgress, watch
from pointins_engine.types import Scene

_FAILED = 2  # exit status
_MEMORY_SHARE = 3  # quarters of the machine's memory
_DEPENDS_ON = ("source", "units", "up", "checkpoint")  # keys of the request


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m pointins_engine.segment.job")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--memory-mb", type=int, default=_MEMORY_SHARE * scene_memory() >> 20)
    options = parser.parse_args(argv)
    folder = SegmentationFolder(options.folder)
    progress = JobProgress(folder.progress, earlier_failures(folder))
    watch(progress, options.memory_mb << 20)
    return run_job(folder, progress)


def run_job(folder: SegmentationFolder, progress: JobProgress) -> int:
    """Make what is missing; however it ends, the progress says it in a sentence.

    Returns:
        The exit status: 0, or 2 if the scan or a layer failed.
    """
    try:
        _make(folder, progress)
    except ScanQuestion as question:
        progress.close("failed", question.question, question.ask)
    except PointinsError as error:
        progress.close("failed", _without_paths(str(error), folder))
    except MemoryError:
        progress.close("failed", "This scan needs more memory than there is. Cut it into parts.")
    except Exception as error:  # whatever it is, who waits is told, and the log has the trace
        traceback.print_exc()
        reason = f"{type(error).__name__}: {str(error)[:300]}"
        progress.close("failed", f"The segmentation ended with an error of ours ({reason}).")
    else:
        return _closed(progress)
    return _FAILED


def _closed(progress: JobProgress) -> int:
    """The end of a job whose scan was read: finished, if no layer failed just now."""
    failed = progress.failed_now
    if not failed:
        progress.close("finished")
        return 0
    progress.begin(failed[-1])
    progress.close("failed", progress.failures[failed[-1]])
    return _FAILED


def _make(folder: SegmentationFolder, progress: JobProgress) -> None:
    _sweep(folder)
    request = read_json(folder.request)
    scan = _current_scan(folder, request)
    if scan is None:
        scan = _new_scan(folder, request, progress)
    folder.layers.mkdir(exist_ok=True)
    maker = LayerMaker(folder, scan, request, lambda: _read(folder, request)[0], progress.tell)
    while wanted := _missing(folder, progress.failures):
        item = wanted[0]
        layer = str(item["layer"])
        progress.begin(layer)
        try:
            maker.make(item)
        except (PointinsError, MemoryError) as error:
            reason = str(error) or "it needs more memory than there is."
            progress.fail_layer(layer, _without_paths(reason, folder))


def _missing(folder: SegmentationFolder, failures: Mapping[str, str]) -> list[dict[str, Any]]:
    """Wanted layers that are not there; the request may have grown while others were made."""
    wanted = read_json(folder.request).get("wanted", [])
    there = {*folder.layer_names(), *failures}
    return [item for item in wanted if item["layer"] not in there]


def depends_on(request: Mapping[str, Any]) -> dict[str, Any]:
    """What of a request the scan and its votes depend on."""
    asked = {name: request.get(name) for name in _DEPENDS_ON}
    settings = request.get("settings") or {}
    return asked | {name: settings.get(name) for name in OF_VOTES}


def _current_scan(folder: SegmentationFolder, request: Mapping[str, Any]) -> StoredScan | None:
    """The stored scan, unless it is missing, damaged, or of another request."""
    if not (folder.scene.is_file() and folder.facts.is_file()):
        return None
    try:
        scan = read_scan(folder)
    except RunError:
        return None
    return scan if dict(scan.asked) == depends_on(request) else None


def _new_scan(
    folder: SegmentationFolder, request: Mapping[str, Any], progress: JobProgress
) -> StoredScan:
    """Read the scan, show it to the network, and store what everything else starts from."""
    for part in (folder.layers, folder.votes, folder.downloads):
        shutil.rmtree(part, ignore_errors=True)
    for path in (folder.points, folder.scene, folder.facts):
        path.unlink(missing_ok=True)
    progress.tell("reading", 0, 1)
    scene, notes = _read(folder, request)
    from pointins_engine.segment.voting import votes_of  # imports torch

    settings = SegmentSettings.from_values(request.get("settings") or {})
    checkpoint = str(request.get("checkpoint") or "auto")
    voted = votes_of(scene, checkpoint, settings, progress.tell)
    truth, names = renumbered(scene.instance_label, scene.semantic_label, scene.class_names)
    scan = StoredScan(
        id=scene.id,
        coord=scene.coord,
        origin=scene.origin,
        color=scene.color,
        truth=truth,
        truth_names=names,
        votes=voted.votes,
        provenance=voted.provenance,
        seconds=voted.seconds,
        asked=depends_on(request),
    )
    progress.tell("writing", 0, 1)
    write_scan(folder, scan)
    write_scene(folder, drawn_scene(scene, scan))
    write_json(
        folder.facts,
        {
            "points": len(scan.coord),
            "cells": len(scan.votes.coord),
            "has_truth": truth is not None,
            "domain": scan.votes.domain,
            "scale": scan.votes.scale,
            "grid_size": scan.votes.grid_size,
            "has_color": scan.votes.color is not None,
            "notes": [_without_paths(note, folder) for note in (*notes, *voted.notes)],
        },
    )
    return scan


def _read(folder: SegmentationFolder, request: Mapping[str, Any]) -> tuple[Scene, list[str]]:
    """The scan of a request, with sentences for its owner.

    Raises:
        SceneError: If it cannot be read; a ScanQuestion if its unit or up axis is in doubt.
    """
    source = request.get("source") or {}
    if source.get("kind") == "upload":
        name = clean_id(Path(str(request.get("name") or "scan")).stem)
        return read_scene_and_notes(
            folder.root / str(source["file"]),
            units=request.get("units") or "auto",
            up=request.get("up") or "auto",
            id=name,
        )
    if source.get("kind") == "scene":
        listing = list_scenes(str(source["source"]))
        if source["scene"] not in listing.ids:
            raise SceneError(
                f"{source['source']} has no scene called {source['scene']!r} any more; pick "
                "another one."
            )
        scene, notes = listing.read(list(listing.ids).index(source["scene"]))
        return scene, notes
    raise ConfigError(f"the request names no scan: source is {source!r}.")


def _without_paths(text: str, folder: SegmentationFolder) -> str:
    """A sentence without the place of our own folder, which means nothing to who reads it."""
    return text.replace(f"{folder.root / 'upload'}{os.sep}", "").replace(str(folder.root), "")


def earlier_failures(folder: SegmentationFolder) -> dict[str, str]:
    """Layers that failed before and are not tried again until somebody asks."""
    with suppress(RunError):
        failures = read_json(folder.progress).get("failures")
        if isinstance(failures, dict):
            return failures
    return {}


def _sweep(folder: SegmentationFolder) -> None:
    """Remove temporary files of processes that were killed while they wrote."""
    for place in (folder.root, folder.layers, folder.votes):
        for path in place.glob(".*.tmp"):
            pid = path.name.removesuffix(".tmp").rpartition(".")[2]
            if not (pid.isdecimal() and _is_alive(int(pid))):
                path.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()


if __name__ == "__main__":
    sys.exit(main())
