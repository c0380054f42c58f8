"""The offset head: from cell features to the vector that ends at the instance's centroid."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pointins_engine.batch import HyperColumns
from pointins_engine.heads.first_layer import first_layer


class OffsetHead(nn.Module):
    """Linear, LayerNorm, GELU, Linear to three metres.

    The last layer starts small, so that the first votes stay at their points.

    Args:
        in_channels: Width of `CellBatch.feat`.
        hidden: Width of the hidden layer.
        rng: Draws the first weights; without it they are those of seed 0.

    Source:
        PointINS Sec. 3.1; width, norm and activation are not in the paper.
    """

    def __init__(self, in_channels: int, hidden: int, rng: torch.Generator | None = None) -> None:
        super().__init__()
        with torch.device("meta"):  # weights are drawn once, from rng, below
            self.fc1 = nn.Linear(in_channels, hidden)
            self.norm = nn.LayerNorm(hidden)
            self.fc2 = nn.Linear(hidden, 3)
        self.to_empty(device=torch.get_default_device())
        self.init_weights(rng)

    @torch.no_grad()
    def init_weights(self, rng: torch.Generator | None = None) -> None:
        """Draw the weights: std 0.02, in the last layer 0.01; biases 0."""
        rng = torch.Generator().manual_seed(0) if rng is None else rng
        nn.init.trunc_normal_(self.fc1.weight, std=0.02, generator=rng)
        nn.init.trunc_normal_(self.fc2.weight, std=0.01, generator=rng)
        self.norm.weight.fill_(1.0)
        for bias in (self.fc1.bias, self.norm.bias, self.fc2.bias):
            bias.zero_()

    def forward(self, feat: Float[Tensor, "m c"] | HyperColumns) -> Float[Tensor, "m 3"]:
        """Offsets in metres, in the frame of the view that the features come from; float32."""
        hidden = nn.functional.gelu(self.norm(first_layer(self.fc1, feat)))
        return self.fc2(hidden).float()
