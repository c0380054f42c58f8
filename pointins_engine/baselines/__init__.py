"""Classical ways to find instances in the cells of a scan: what a network has to beat. No torch."""

from pointins_engine.baselines.cells import CellCloud
from pointins_engine.baselines.methods import METHODS, Method, Parameter, cluster, resolved

__all__ = ["METHODS", "CellCloud", "Method", "Parameter", "cluster", "resolved"]
