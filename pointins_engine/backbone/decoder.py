"""Point Transformer V3 decoder (m2 variant): stages of an encoder in, features of voxels out.

Pre-training has no decoder; probes and fine-tuning put one on an encoder.

N voxels of a finer stage, M cells of the next coarser one, B clouds, C channels.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from pointins_engine.backbone.blocks import (
    Block,
    StageLayout,
    draw_keep,
    fill_weights,
    rising_rates,
    run_blocks,
)
from pointins_engine.backbone.encoder import EncoderStages
from pointins_engine.config import BackboneConfig
from pointins_engine.errors import ConfigError
from pointins_engine.randomness import StepRandom


@dataclass(frozen=True, kw_only=True, slots=True)
class DecoderConfig:
    """Sizes of a decoder, from the finest stage to the coarsest but one."""

    depths: tuple[int, ...] = (2, 2, 2, 2)  # blocks a stage
    channels: tuple[int, ...] = (64, 64, 128, 256)  # PTv3
    heads: tuple[int, ...] = (4, 4, 8, 16)
    drop_path: float = 0.3  # training only; rises from the finest stage to the coarsest

    def __post_init__(self) -> None:
        if not len(self.depths) == len(self.channels) == len(self.heads):
            raise ConfigError(
                "decoder must have one depth, channel count and head count a stage, got "
                f"{self.depths}, {self.channels}, {self.heads}."
            )
        if any(c % h for c, h in zip(self.channels, self.heads, strict=True)):
            raise ConfigError(
                f"decoder.heads must be divisors of decoder.channels {self.channels}, "
                f"got {self.heads}."
            )


SONATA_DECODER = DecoderConfig(channels=(64, 96, 192, 384), heads=(4, 6, 12, 24))


class Decoder(nn.Module):
    """Stages of an encoder in, features of its input voxels out.

    Args:
        config: Sizes.
        encoder: Of the encoder whose stages come in: channels of the skips, precision, and whether
            blocks are computed again backwards.
        rng: Draws the first weights; without it they are those of seed 0.

    Raises:
        ConfigError: If the decoder does not have one stage less than the encoder.

    Source:
        PTv3 Sec. 4; Sonata for the m2 variant (LayerNorm). Departures: drop path is drawn per cloud
        (PTv3: per point); a stage deeper than the encoder's goes round its curves again.
    """

    def __init__(
        self, config: DecoderConfig, encoder: BackboneConfig, rng: torch.Generator | None = None
    ) -> None:
        super().__init__()
        if len(config.depths) != len(encoder.depths) - 1:
            raise ConfigError(
                f"a decoder on {len(encoder.depths)} encoder stages has {len(encoder.depths) - 1} "
                f"stages, decoder.depths has {len(config.depths)}."
            )
        self.config = config
        self.encoder_config = encoder
        self.drop_rates = _drop_rates(config)
        coarse = (*config.channels[1:], encoder.channels[-1])
        with torch.device("meta"):  # weights are drawn once, from rng, below
            self.stages = nn.ModuleList(
                DecoderStage(
                    coarse[s],
                    encoder.channels[s],
                    config.channels[s],
                    config.heads[s],
                    config.depths[s],
                )
                for s in range(len(config.depths))
            )
        fill_weights(self, rng)

    def forward(
        self, encoded: EncoderStages, rng: StepRandom | None = None
    ) -> Float[Tensor, "n c"]:
        """Features at input resolution, one row a voxel in the order of the encoder's input.

        Args:
            encoded: From `Encoder.encode_stages`.
            rng: Draws drop path, cloud by cloud; needed in training mode unless its rate is 0.
        """
        keep = self._draw_keep(encoded, rng)
        feat = encoded.stages[-1].feat
        enabled = self.encoder_config.dtype == "bfloat16"
        last = sum(self.config.depths)
        with torch.autocast(feat.device.type, dtype=torch.bfloat16, enabled=enabled):
            for s in reversed(range(len(self.stages))):
                fine, coarse = encoded.stages[s], encoded.stages[s + 1]
                first = last - self.config.depths[s]
                feat = self.stages[s](
                    feat,
                    fine.feat,
                    coarse.grid.cell_index,
                    fine.layout,
                    None if keep is None else keep[first:last],
                    recompute=self.encoder_config.activation_checkpointing,
                )
                last = first
        return feat.float()

    def _draw_keep(self, encoded: EncoderStages, rng: StepRandom | None) -> Tensor | None:
        if not self.training or self.config.drop_path == 0:
            return None
        assert rng is not None, "in training mode drop path needs an rng"
        keep = draw_keep(self.drop_rates, rng, "decoder_drop_path", encoded.batch_size)
        return keep.to(encoded.stages[0].feat.device)


class DecoderStage(nn.Module):
    """Unpooling, then blocks."""

    def __init__(
        self, coarse_channels: int, skip_channels: int, channels: int, heads: int, depth: int
    ) -> None:
        super().__init__()
        self.unpool = Unpool(coarse_channels, skip_channels, channels)
        self.blocks = nn.ModuleList(Block(channels, heads) for _ in range(depth))

    def forward(
        self,
        coarse: Tensor,
        skip: Tensor,
        cell_index: Tensor,
        layout: StageLayout,
        keep: Tensor | None,
        *,
        recompute: bool,
    ) -> Tensor:
        feat = self.unpool(coarse, skip, cell_index)
        return run_blocks(self.blocks, feat, layout, keep, recompute=recompute)


class Unpool(nn.Module):
    """Cells hand their features down to their voxels, which add what the encoder had there.

    Linear, LayerNorm and GELU on either side before the sum.
    """

    def __init__(self, coarse_channels: int, skip_channels: int, channels: int) -> None:
        super().__init__()
        self.proj = nn.Linear(coarse_channels, channels)
        self.norm = nn.LayerNorm(channels)
        self.skip_proj = nn.Linear(skip_channels, channels)
        self.skip_norm = nn.LayerNorm(channels)

    def forward(
        self,
        coarse: Float[Tensor, "m c_coarse"],
        skip: Float[Tensor, "n c_skip"],
        cell_index: Int[Tensor, " n"],
    ) -> Float[Tensor, "n c"]:
        from_cells = F.gelu(self.norm(self.proj(coarse)))
        own = F.gelu(self.skip_norm(self.skip_proj(skip)))
        return own + from_cells.index_select(0, cell_index)


def _drop_rates(config: DecoderConfig) -> list[float]:
    """Rates by stage from the finest; the first block of each stage has the stage's highest."""
    rising = rising_rates(config.drop_path, sum(config.depths))
    rates: list[float] = []
    for depth in config.depths:
        stage = rising[len(rates) : len(rates) + depth]
        rates += stage[::-1]
    return rates
