"""AdamW with layer-wise learning rates."""

import torch
from torch import nn

from pointins_engine.backbone.blocks import Block
from pointins_engine.config import RunConfig
from pointins_engine.schedules import StepSchedule


def make_optimizer(student: nn.Module, config: RunConfig) -> torch.optim.AdamW:
    """AdamW; a block's rate falls by `layer_decay` for every block above it (Sonata).

    Each group carries `lr_scale`, the factor of the scheduled rate. Weight decay reaches every
    parameter, norms and biases too, as in Sonata. On a CPU all of a parameter's arithmetic is one
    operation (torch's fused step), which takes a fifth of the time of one operation a term.
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
        weight_decay=config.optim.weight_decay[0],
        fused=all(parameter.device.type == "cpu" for parameter in student.parameters()) or None,
    )


def follow_schedule(optimizer: torch.optim.Optimizer, now: StepSchedule) -> None:
    """Give every group its learning rate and weight decay of the step."""
    for group in optimizer.param_groups:
        group["lr"] = now.lr * group["lr_scale"]
        group["weight_decay"] = now.weight_decay
