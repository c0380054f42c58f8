"""Augmented views of a scene, the blocks hidden from the student, and who matches whom.

A view remembers the linear map that made it, so offsets can be taken back to the scene frame.
"""

from pointins_engine.views.correspondence import match_cells
from pointins_engine.views.masking import visible_points
from pointins_engine.views.view import View, ViewBatch, collate, make_views, whole_view

__all__ = [
    "View",
    "ViewBatch",
    "collate",
    "make_views",
    "match_cells",
    "visible_points",
    "whole_view",
]
