"""A scan and a network in, instances out."""

import platform
import time

import numpy as np
import torch

from pointins_engine import __version__
from pointins_engine.segment.grouping import Tell, group_votes
from pointins_engine.segment.network import SegmentNetwork
from pointins_engine.segment.records import SceneVotes
from pointins_engine.segment.result import Segmentation
from pointins_engine.segment.settings import SegmentSettings
from pointins_engine.segment.votes import notes_on, scene_votes
from pointins_engine.types import Scene


def segment_scene(
    scene: Scene,
    network: SegmentNetwork,
    settings: SegmentSettings,
    tell: Tell | None = None,
) -> Segmentation:
    """Find the objects of a scan without labels.

    The same scan, network and settings give the same instances.

    Args:
        scene: Metres, z up; labels are not looked at.
        network: That predicts the offsets.
        settings: What is not left to the scan.
        tell: Told the phase (`planes`, `network`, `grouping`), and how many tiles are done.

    Returns:
        Instances with `provenance` (network, scale, domain, versions, and under `notes` sentences
        for whoever gave the scan) and `seconds` (of `votes` and `grouping`).

    Raises:
        SceneError: If hardly a voxel is left of the scan at its scale; says what to change.

    Source:
        PointINS App. C. Scale, planes, tiles and scores are ours.
    """
    began = time.perf_counter()
    votes = scene_votes(scene, network, settings, tell)
    voted = time.perf_counter()
    grouped = group_votes(votes, settings, tell)
    seconds = {"votes": voted - began, "grouping": time.perf_counter() - voted}
    notes = notes_on(scene, network, votes)
    if not len(grouped.score):
        notes.append(nothing_found(votes, settings))
    provenance = provenance_of(network, votes, notes)
    return Segmentation(
        scan=scene.id,
        coord=scene.coord,
        color=scene.color,
        origin=scene.origin,
        cell_of_point=votes.cell_of_point,
        cell_coord=votes.coord,
        cell_offset=votes.offset,
        cell_is_plane=votes.is_plane,
        cell_label=grouped.label,
        score=grouped.score,
        method="pointins",
        settings=settings.values(),
        provenance=provenance | {"source": scene.source},
        seconds={name: round(value, 3) for name, value in seconds.items()},
    )


def nothing_found(votes: SceneVotes, settings: SegmentSettings) -> str:
    """Why a scan has no instance, as a sentence with what to try."""
    share = float(votes.is_plane.mean())
    if settings.planes == "remove" and share > 0.5:
        return (
            f"No objects found: {share:.0%} of the scan was taken for floor, walls or ground. "
            "Try --planes keep."
        )
    smaller = "a smaller --min-size or a larger --radius"
    return f"No objects found: no group of votes is large enough. Try {smaller}, or --scale."


def provenance_of(
    network: SegmentNetwork, votes: SceneVotes, notes: list[str]
) -> dict[str, object]:
    """Where instances come from, ready for JSON."""
    return {
        "network": {"checkpoint": network.name, **network.provenance},
        "domain": votes.domain,
        "scale": votes.scale,
        "cell_size_m": votes.grid_size,
        "notes": notes,
        "device": str(network.device),
        "version": __version__,
        "libraries": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
    }
