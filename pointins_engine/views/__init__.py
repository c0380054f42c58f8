"""Augmented views of a scene, the blocks hidden from the student, and who matches whom.

A view remembers the linear map that made it, so offsets can be taken back to the scene frame.
"""

from pointins_engine.views.correspondence import match_cells
from pointins_engine.views.masking import visible_voxels
from pointins_engine.views.view import (
    StepViews,
    View,
    ViewBatch,
    collate,
    collate_step,
    make_views,
    missing_features,
    whole_view,
)

__all__ = [
    "StepViews",
    "View",
    "ViewBatch",
    "collate",
    "collate_step",
    "make_views",
    "match_cells",
    "missing_features",
    "visible_voxels",
    "whole_view",
]
