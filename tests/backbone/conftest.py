"""An encoder that is small, and far enough from its first weights for errors to show."""

from collections.abc import Callable

import pytest
import torch

from pointins_engine.backbone.encoder import Encoder
from pointins_engine.config import BackboneConfig

from .clouds import SMALL


@pytest.fixture
def make_encoder() -> Callable[..., Encoder]:
    """Builds a small encoder with weights well away from their small initial values."""

    def make(config: BackboneConfig = SMALL, channels: int = 6) -> Encoder:
        encoder = Encoder(config, channels)
        rng = torch.Generator().manual_seed(11)
        with torch.no_grad():
            for parameter in encoder.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=rng), alpha=0.05)
        return encoder

    return make
