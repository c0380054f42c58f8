"""The first layer of a head, whichever way its features come."""

from jaxtyping import Float
from torch import Tensor, nn

from pointins_engine.batch import HyperColumns


def first_layer(
    layer: nn.Linear, feat: Float[Tensor, "m c"] | HyperColumns
) -> Float[Tensor, "m h"]:
    """`layer` of rows of features, or of the stages that such rows repeat."""
    if isinstance(feat, HyperColumns):
        return feat.linear(layer.weight, layer.bias)
    return layer(feat)
