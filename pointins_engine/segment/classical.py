"""Objects of a scan by a method that learns nothing. No torch."""

import time

import numpy as np

from pointins_engine import __version__
from pointins_engine.baselines import METHODS, CellCloud, cluster, resolved
from pointins_engine.segment.cells import plain_cells
from pointins_engine.segment.grouping import Tell, ranked
from pointins_engine.segment.records import SceneVotes
from pointins_engine.segment.result import Segmentation
from pointins_engine.segment.settings import SegmentSettings
from pointins_engine.types import Scene


def cluster_scene(
    scene: Scene, method: str, settings: SegmentSettings, tell: Tell | None = None
) -> Segmentation:
    """What a classical method finds on the cells that a network would see.

    Args:
        scene: Metres, z up.
        method: A name of `baselines.METHODS`; its numbers are chosen for the scan.
        settings: `planes`, `scale`, `domain` and `max_tile_points` are used.
        tell: Told the phase, and how many tiles are done.

    Raises:
        ConfigError: If there is no such method.
        SceneError: If the scan has too many cells for it, or hardly any.
    """
    tell = tell or (lambda phase, done, total: None)
    began = time.perf_counter()
    cells = plain_cells(scene, settings, tell)
    tell("grouping", 0, 1)
    cloud = cell_cloud(cells)
    found = cluster(method, cloud, planes=settings.planes)
    label = found.label(len(cloud))
    grouped = ranked(label, np.append(found.score, 0.0)[label], min_size=1)
    tell("grouping", 1, 1)
    notes = []
    if not len(grouped.score):
        kept = "" if settings.planes == "keep" else " Try --planes keep."
        notes.append(f"{METHODS[method].label} found no objects.{kept}")
    return Segmentation(
        scan=scene.id,
        coord=scene.coord,
        color=scene.color,
        origin=scene.origin,
        cell_of_point=cells.cell_of_point,
        cell_coord=cells.coord,
        cell_offset=cells.offset,
        cell_is_plane=cells.is_plane,
        cell_label=grouped.label,
        score=grouped.score,
        method=method,
        settings={"planes": settings.planes, **resolved(method, cloud)},
        provenance={
            "domain": cells.domain,
            "scale": cells.scale,
            "cell_size_m": cells.grid_size,
            "notes": notes,
            "version": __version__,
            "source": scene.source,
        },
        seconds={"grouping": round(time.perf_counter() - began, 3)},
    )


def cell_cloud(votes: SceneVotes) -> CellCloud:
    """The cells of a scan as classical methods take them."""
    return CellCloud(
        coord=votes.coord,
        color=votes.color,
        normal=votes.normal,
        is_plane=votes.is_plane,
        grid_size=votes.grid_size,
        domain=votes.domain,
    )
