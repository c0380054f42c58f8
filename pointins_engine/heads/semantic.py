"""The semantic head: cosine similarities of cells to prototypes."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pointins_engine.batch import HyperColumns
from pointins_engine.heads.first_layer import first_layer


class SemanticHead(nn.Module):
    """MLP to an embedding of unit length, then the cosine to every prototype.

    Args:
        in_channels: Width of `CellBatch.feat`.
        hidden: Width of the hidden layer.
        embed: Width of the embedding.
        num_prototypes: K; their index is their rank under the Zipf prior.
        rng: Draws the first weights; without it they are those of seed 0.

    Source:
        Sonata's projection head (its prototypes are weight-normalised with a fixed norm of one).
    """

    def __init__(
        self,
        in_channels: int,
        hidden: int,
        embed: int,
        num_prototypes: int,
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        with torch.device("meta"):  # weights are drawn once, from rng, below
            self.fc1 = nn.Linear(in_channels, hidden)
            self.fc2 = nn.Linear(hidden, embed)
            self.prototypes = nn.Parameter(torch.empty(num_prototypes, embed))  # any length
        self.to_empty(device=torch.get_default_device())
        self.init_weights(rng)

    @torch.no_grad()
    def init_weights(self, rng: torch.Generator | None = None) -> None:
        """Draw the weights: std 0.02, biases 0; prototypes uniform on the sphere."""
        rng = torch.Generator().manual_seed(0) if rng is None else rng
        for layer in (self.fc1, self.fc2):
            nn.init.trunc_normal_(layer.weight, std=0.02, generator=rng)
            layer.bias.zero_()
        nn.init.normal_(self.prototypes, generator=rng)
        self.prototypes.copy_(self.unit_prototypes())

    def unit_prototypes(self) -> Float[Tensor, "k d"]:
        """The prototypes, each of length one."""
        return F.normalize(self.prototypes.float(), dim=1)

    def forward(self, feat: Float[Tensor, "m c"] | HyperColumns) -> Float[Tensor, "m k"]:
        """Cosine similarities in [-1, 1]; float32, since temperatures divide them by 0.04."""
        embedding = self.fc2(F.gelu(first_layer(self.fc1, feat)))
        embedding = F.normalize(embedding.float(), dim=1)
        with torch.autocast(embedding.device.type, enabled=False):
            return embedding @ self.unit_prototypes().T
