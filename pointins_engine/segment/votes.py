"""A network's votes for a whole scan: one row a voxel of its grid."""

from pointins_engine.segment.cells import Look, cells_of
from pointins_engine.segment.grouping import Tell
from pointins_engine.segment.network import SegmentNetwork
from pointins_engine.segment.records import SceneVotes
from pointins_engine.segment.settings import SegmentSettings
from pointins_engine.types import Scene
from pointins_engine.views import whole_view

_WORDS = {"color": "colour", "intensity": "intensity"}  # normals are estimated


def scene_votes(
    scene: Scene, network: SegmentNetwork, settings: SegmentSettings, tell: Tell | None = None
) -> SceneVotes:
    """Show a scan to a network, in tiles if it is large, and take its offsets to the scan.

    The scan is brought to the size that the network knows. A voxel has the offset of its cell of
    the loss stage, divided by that scale; a point belongs to the voxel nearest to it.

    Args:
        scene: Metres, z up.
        network: That predicts the offsets.
        settings: `scale`, `domain` and `max_tile_points` are used.
        tell: Told the phase (`planes`, `network`), and how many tiles are done.

    Raises:
        SceneError: If hardly a voxel is left of the scan at its scale; says what to change.
    """
    config = network.config.scene

    def look(part: Scene) -> Look:
        view = whole_view(part, config, max_voxels=len(part))
        offset, cell = network.offsets(view)[1:]
        return Look(row=view.point_index, offset=offset[cell])

    return cells_of(scene, config, settings, look, tell)


def notes_on(scene: Scene, network: SegmentNetwork, votes: SceneVotes) -> list[str]:
    """What speaks against the result, or explains it, as sentences for whoever gave the scan."""
    notes = []
    learned = network.config.scene.domain
    if votes.scale != 1:
        notes.append(
            f"The scan was scaled by {votes.scale:.3g} for the network, which saw voxels of "
            f"{100 * votes.grid_size:.2g} cm; --scale 1 leaves it as it is."
        )
    if votes.domain != learned:
        notes.append(
            f"{network.name} learned from {learned} scans, and this one looks {votes.domain}. "
            f"Try --checkpoint builtin:{votes.domain}, or say --domain {learned} if it is not."
        )
    for name in network.config.scene.feats:
        if name not in _WORDS or getattr(scene, name) is not None:
            continue
        is_used_to = getattr(network.config.view, f"drop_{name}") > 0
        notes.append(
            f"The scan has no {_WORDS[name]}; {network.name} "
            + ("has learned to do without." if is_used_to else "has always seen it: expect less.")
        )
    return notes
