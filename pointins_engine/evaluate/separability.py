"""Linear separability: can one linear layer on frozen features tell the classes apart?"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

MAX_ITERATIONS = 60  # of L-BFGS over all rows
WEIGHT_DECAY = 1e-4  # of the standardised weights: half of it times their squared sum


@dataclass(frozen=True, kw_only=True, slots=True)
class LinearProbe:
    """A multinomial logistic regression on standardised features."""

    mean: Float[Tensor, " c"]
    scale: Float[Tensor, " c"]
    weight: Float[Tensor, "k c"]
    bias: Float[Tensor, " k"]

    def classes(self, feat: Float[Tensor, "n c"]) -> Int[Tensor, " n"]:
        """The likeliest class of each row."""
        standard = (feat.float() - self.mean) / self.scale
        return (standard @ self.weight.T + self.bias).argmax(1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Separability:
    """How well a linear probe does on rows it was not fitted on."""

    accuracy: float
    miou: float  # mean over the classes that occur there, unweighted


def fit_linear_probe(feat: Float[Tensor, "n c"], label: Int[Tensor, " n"]) -> LinearProbe:
    """Fit a linear probe; rows labelled -1 take no part.

    Full-batch L-BFGS from zero: nothing random, and no learning rate to choose.
    """
    known = label >= 0
    rows, target = feat[known].float(), label[known]
    mean = rows.mean(0)
    scale = rows.std(0).clamp_min(1e-6)
    standard = (rows - mean) / scale
    weight = torch.zeros(int(target.max()) + 1, rows.shape[1], device=feat.device)
    weight.requires_grad_()
    bias = torch.zeros(len(weight), device=feat.device, requires_grad=True)
    solver = torch.optim.LBFGS(
        [weight, bias], max_iter=MAX_ITERATIONS, history_size=10, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        solver.zero_grad()
        loss = F.cross_entropy(standard @ weight.T + bias, target)
        loss = loss + 0.5 * WEIGHT_DECAY * weight.square().sum()
        loss.backward()
        return loss

    solver.step(closure)
    return LinearProbe(mean=mean, scale=scale, weight=weight.detach(), bias=bias.detach())


def separability(
    probe: LinearProbe, feat: Float[Tensor, "n c"], label: Int[Tensor, " n"]
) -> Separability:
    """Accuracy and mean IoU of a probe on labelled rows; rows labelled -1 take no part."""
    known = label >= 0
    truth, found = label[known], probe.classes(feat[known])
    count = max(int(truth.max()) + 1, len(probe.bias))
    hits = torch.bincount(truth[truth == found], minlength=count)
    union = torch.bincount(truth, minlength=count) + torch.bincount(found, minlength=count) - hits
    occurs = torch.bincount(truth, minlength=count) > 0
    return Separability(
        accuracy=float((truth == found).double().mean()),
        miou=float((hits[occurs] / union[occurs]).mean()),
    )
