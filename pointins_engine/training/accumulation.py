"""The gradient of a batch whose parts go through the student one after another.

The losses are those of the whole batch: softmaps, Sinkhorn and means run over all of its cells. So
the parts are predicted first without gradient, one loss of all predictions gives the gradient of
each, and the parts are predicted again to take it to the weights. That costs a second forward pass
and the memory of one part.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pointins_engine.config import RunConfig
from pointins_engine.losses import LossTerms
from pointins_engine.randomness import StepRandom
from pointins_engine.student_teacher import Prediction, concat_predictions
from pointins_engine.views import StepViews
from pointins_engine.watching.health import StageTimes


@dataclass(frozen=True, slots=True)
class StudentPrediction:
    """What the student says of views and of local views, if there are any."""

    whole: Prediction
    local: Prediction | None

    def outputs(self) -> list[Tensor]:
        """The tensors that the loss is a function of."""
        both = (self.whole, self.local)
        return [tensor for prediction in both if prediction for tensor in prediction.outputs()]


def predict(
    student: nn.Module, part: StepViews, first_scene: int, rng: StepRandom, config: RunConfig
) -> StudentPrediction:
    """The student's prediction for a part of a step's batch.

    Args:
        student: In training mode.
        part: Views.
        first_scene: Place of the part's first scene in the step's whole batch.
        rng: Of the step.
        config: Run configuration.
    """
    whole, local = part.whole, part.local
    prediction = student(whole.student_points, whole, rng.starting_at(2 * first_scene))
    if local is None:
        return StudentPrediction(prediction, None)
    own = rng.starting_at(config.view.num_local * first_scene)
    return StudentPrediction(prediction, student(local.student_points, local, own, local=True))


def loss_and_gradients(
    predict_part: Callable[[int], StudentPrediction],
    num_parts: int,
    loss: Callable[[StudentPrediction], LossTerms],
    times: StageTimes,
) -> LossTerms:
    """The loss of all parts, and its gradient in the student's parameters.

    Args:
        predict_part: Predicts a part by number, with the same random numbers every time.
        num_parts: With one there is nothing to predict again.
        loss: Of the predictions of all parts.
        times: Takes the seconds of the losses and of the way back.
    """
    if num_parts == 1:
        predicted = predict_part(0)
        with times("loss"):
            terms = loss(predicted)
            terms.total.backward()
        return terms
    with torch.no_grad():
        parts = [predict_part(number) for number in range(num_parts)]
    joined = _as_leaves(parts)
    with times("loss"):
        terms = loss(joined)
        terms.total.backward()
    rows = zip(*([len(tensor) for tensor in part.outputs()] for part in parts), strict=True)
    gradients = [
        None if leaf.grad is None else leaf.grad.split(list(counts))
        for leaf, counts in zip(joined.outputs(), rows, strict=True)
    ]
    for number in range(num_parts):
        outputs = predict_part(number).outputs()
        reached = [(o, g[number]) for o, g in zip(outputs, gradients, strict=True) if g is not None]
        with times("loss"):
            torch.autograd.backward([o for o, _ in reached], [g for _, g in reached])
    return terms


def _as_leaves(parts: Sequence[StudentPrediction]) -> StudentPrediction:
    """All parts as one, cut from the networks that made them; their gradient is kept."""

    local = [part.local for part in parts if part.local is not None]
    return StudentPrediction(
        concat_predictions([part.whole for part in parts]).leaves(),
        concat_predictions(local).leaves() if local else None,
    )
