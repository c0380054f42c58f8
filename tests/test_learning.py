"""A short pre-training on simulated rooms teaches votes that plain geometry does not give."""

import pytest

from pointins_engine.ablation import QUIET_LOG
from pointins_engine.baselines.tuning import classical_figures
from pointins_engine.config import with_values
from pointins_engine.evaluate.networks import evaluate_network, load_teacher, untrained_teacher
from pointins_engine.evaluate.scene_sets import evaluation_scenes
from pointins_engine.recipes import get_recipe
from pointins_engine.trainer import pretrain

STEPS = 400


@pytest.mark.slow
def test_votes_beat_untrained_ones_and_hdbscan_on_unseen_rooms(tmp_path):
    """With planes left in and no colour, so that only the votes can tell objects apart."""
    config = with_values(
        get_recipe("indoor_demo"),
        {**QUIET_LOG, "optim.steps": STEPS},
    )
    pretrain(config, tmp_path / "run", recipe="indoor_demo")
    scenes = evaluation_scenes(config.scene, probe=4, development=4, unseen=6)
    trained = evaluate_network(*load_teacher(tmp_path / "run"), scenes)
    untrained = evaluate_network(untrained_teacher(config), config, scenes)
    classical = classical_figures(
        scenes.development, scenes.unseen, config.scene.grid_size, config.scene.domain
    )
    votes = trained["all"]["votes"]["ap50"]
    assert votes > 1.2 * untrained["all"]["votes"]["ap50"]  # AP on six rooms moves by .03
    assert votes > 2 * classical["HDBSCAN xyz"]["all"]["ap50"]
    assert trained["cosine"] > 0.4
    assert trained["centroid_error"] < 0.95 * untrained["centroid_error"]
    assert trained["linear_accuracy"] > untrained["linear_accuracy"]
