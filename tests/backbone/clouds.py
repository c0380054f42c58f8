"""Small scenes for the backbone's tests."""

import torch

from pointins_engine.batch import PointBatch
from pointins_engine.config import BackboneConfig


def surface_voxels(count: int, seed: int, extent: int = 24) -> torch.Tensor:
    """Distinct voxels on a floor, a wall and a slanted plane, in random order."""
    rng = torch.Generator().manual_seed(seed)
    u, v = torch.randint(0, extent, (2, 8 * count), generator=rng)
    zero = torch.zeros_like(u)
    sheets = [(u, v, zero), (zero, u, v), (u, v, (u + v) // 2)]
    voxels = torch.unique(torch.cat([torch.stack(sheet, dim=1) for sheet in sheets]), dim=0)
    return voxels[torch.randperm(len(voxels), generator=rng)[:count]]


def point_batch(clouds: list[torch.Tensor], channels: int = 6, seed: int = 0) -> PointBatch:
    """A batch of clouds given by their voxels; each cloud's features depend on its voxels only."""
    feats = []
    for voxels in clouds:
        wave = torch.linspace(0.1, 2.0, 3 * channels).view(3, channels) + seed
        feats.append(torch.sin(voxels.float() @ wave))
    grid_coord = torch.cat(clouds)
    return PointBatch(
        coord=grid_coord * 0.05,
        origin_coord=grid_coord * 0.05 + 1.0,
        grid_coord=grid_coord,
        feat=torch.cat(feats),
        batch_index=torch.cat([torch.full((len(c),), b) for b, c in enumerate(clouds)]),
        is_plane=grid_coord[:, 2] == 0,
        batch_size=len(clouds),
    )


SMALL = BackboneConfig(
    depths=(1, 2, 5),
    channels=(16, 32, 32),
    heads=(1, 2, 2),
    patch_size=16,
    drop_path=0.5,
    loss_stage=1,
)
