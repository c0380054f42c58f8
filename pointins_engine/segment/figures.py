"""How a layer compares with the true instances of its scan, where they are known. No torch."""

import math

from pointins_engine.evaluate.scene_figures import scene_figures
from pointins_engine.segment.folder import StoredScan
from pointins_engine.segment.result import Segmentation


def figures_of(segmentation: Segmentation, scan: StoredScan) -> dict[str, float | None] | None:
    """Figures over points, None for one that is not defined; None without truth."""
    if scan.truth is None:
        return None
    figures = scene_figures(segmentation.label, segmentation.score, scan.truth)
    return {
        name: round(value, 5) if math.isfinite(value) else None for name, value in figures.items()
    }
