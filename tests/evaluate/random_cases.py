"""Random predictions and ground truth for the evaluators, the same for one seed on any machine."""

import numpy as np

from pointins_engine.evaluate.instance_ap import Proposals, TrueInstances

NUM_CLASSES = 5  # of a panoptic case, the ignored one not among them


def instance_case(seed):
    """One to three scenes with void, tiny instances, tied scores, overlapping proposals.

    Returns proposals, truths, the classes that count and the smallest region.
    """
    rng = np.random.default_rng(seed)
    num_classes, num_scenes = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    min_region = int(rng.choice([1, 10, 30]))
    proposals, truths = [], []
    for _ in range(num_scenes):
        count, num_instances = int(rng.integers(100, 400)), int(rng.integers(1, 9))
        instance = np.sort(rng.integers(-1, num_instances, count))
        class_of = rng.integers(2, 3 + num_classes, num_instances + 1)  # class 2 is not counted
        semantic = np.where(instance >= 0, class_of[instance], 2)
        rows = []
        for _ in range(int(rng.integers(0, 12))):
            kept = (instance == rng.integers(0, num_instances)) & (
                rng.random(count) < rng.choice([0.5, 0.8, 0.95, 1.0])
            )
            kept |= rng.random(count) < rng.choice([0, 0.02, 0.1])
            rows.append(np.flatnonzero(kept) if kept.any() else np.array([0]))
        score = rng.random(len(rows))
        if rng.random() < 0.5:
            score = rng.choice([0.1, 0.5, 0.5, 0.9, 0.3], len(rows))
        label = [
            class_of[rng.integers(0, num_instances)]
            if rng.random() < 0.3
            else semantic[members[len(members) // 2]]
            for members in rows
        ]
        proposals.append(
            Proposals(rows=rows, score=score, semantic_label=np.array(label, np.int64))
        )
        truths.append(TrueInstances(instance_label=instance, semantic_label=semantic))
    return proposals, truths, tuple(range(3, 3 + num_classes)), min_region


def panoptic_case(seed):
    """One to three scans of (predicted class, predicted id, true class, true id), and min_points.

    Classes are 1..NUM_CLASSES and 0 is ignored. There are tiny segments, segments that halves
    match, ids that classes share, classes that nobody has, and points without a prediction.
    """
    rng = np.random.default_rng(10_000 + seed)
    scans = []
    for _ in range(int(rng.integers(1, 4))):
        count = int(rng.integers(50, 500))
        num_segments = int(rng.integers(1, 12))
        segment = np.sort(rng.integers(0, num_segments, count))
        class_of = rng.integers(0, NUM_CLASSES + int(rng.integers(0, 2)), num_segments)
        id_of = rng.integers(0, 2 + num_segments // 2, num_segments)  # shared over classes
        true_class, true_id = class_of[segment], id_of[segment]
        shift = int(rng.choice([0, 0, 1, 3, 10, 30]))
        found = np.roll(segment, shift)
        halved = rng.random(num_segments) < 0.2
        pred_id = id_of[found] + 100 * (halved[found] & (np.arange(count) % 2 == 1))
        pred_class = class_of[found]
        wrong = rng.random(num_segments) < rng.choice([0.0, 0.3])
        pred_class = np.where(
            wrong[found], rng.integers(0, NUM_CLASSES + 1, num_segments)[found], pred_class
        )
        noisy = rng.random(count) < rng.choice([0.0, 0.05, 0.3])
        pred_class = np.where(noisy, rng.integers(0, NUM_CLASSES + 1, count), pred_class)
        scans.append((pred_class, pred_id, true_class, true_id))
    return scans, int(rng.choice([1, 5, 15, 50]))
