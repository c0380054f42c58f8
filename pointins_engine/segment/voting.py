"""A scan shown to a network by its name. Imports torch. M cells."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pointins_engine.segment.grouping import Tell
from pointins_engine.segment.network import open_network
from pointins_engine.segment.pipeline import provenance_of
from pointins_engine.segment.records import SceneVotes
from pointins_engine.segment.settings import SegmentSettings, checkpoint_for
from pointins_engine.segment.votes import notes_on, scene_votes
from pointins_engine.types import Scene


@dataclass(frozen=True, kw_only=True, slots=True)
class Voted:
    """Votes, and what there is to say of them."""

    votes: SceneVotes
    notes: list[str]
    provenance: Mapping[str, Any]
    seconds: Mapping[str, float]


def votes_of(scene: Scene, checkpoint: str, settings: SegmentSettings, tell: Tell) -> Voted:
    """Votes of a scan.

    Args:
        scene: Metres, z up.
        checkpoint: As `open_network` takes it, or `auto`.
        settings: Of the segmentation.
        tell: Told the phase and how many tiles are done.

    Raises:
        WeightsError, RunError, SceneError: As `open_network` and `scene_votes`.
    """
    network = open_network(checkpoint_for(checkpoint, scene.coord, settings))
    began = time.perf_counter()
    votes = scene_votes(scene, network, settings, tell)
    notes = notes_on(scene, network, votes)
    return Voted(
        votes=votes,
        notes=notes,
        provenance=provenance_of(network, votes, notes),
        seconds={"votes": round(time.perf_counter() - began, 3)},
    )
