"""Where a tensor lives, and how it gets to a GPU without the host waiting for it."""

import torch
from torch import Tensor


def upload(values: Tensor, device: torch.device) -> Tensor:
    """`values` on `device`; the copy to a GPU is queued behind what the GPU still has to do."""
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


def on_host(tensor: Tensor) -> bool:
    """True if NumPy and SciPy can read the tensor in place; what runs elsewhere is plain torch."""
    return tensor.device.type == "cpu"
