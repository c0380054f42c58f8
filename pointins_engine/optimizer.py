"""AdamW with layer-wise learning rates."""

import torch
from torch import nn

from pointins_engine.backbone.encoder import Block
from pointins_engine.config import RunConfig


def make_optimizer(student: nn.Module, config: RunConfig) -> torch.optim.AdamW:
    """AdamW; a block's rate falls by `layer_decay` for every block above it (Sonata).

    Each group carries `lr_scale`, the factor of the scheduled rate. Weight decay reaches every
    parameter, norms and biases too, as in Sonata.
    """
    blocks = [module for module in student.modules() if isinstance(module, Block)]
    scale_of = {
        parameter: config.optim.layer_decay ** (len(blocks) - number - 1)
        for number, block in enumerate(blocks)
        for parameter in block.parameters()
    }
    groups: dict[float, list[nn.Parameter]] = {}
    for parameter in student.parameters():
        groups.setdefault(scale_of.get(parameter, 1.0), []).append(parameter)
    return torch.optim.AdamW(
        [{"params": params, "lr_scale": scale} for scale, params in groups.items()],
        lr=config.optim.lr,
        weight_decay=config.optim.weight_decay,
    )
