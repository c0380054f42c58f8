"""PointINS: instance-aware self-supervised pre-training on 3D point clouds.

The engine reads scenes, trains a student and its EMA teacher, and writes a run folder. It knows
nothing of the studio that reads the folder. Importing the package imports no torch.
"""

__version__ = "0.1.0"
