"""K-means on the features of one cloud, reproducible from a generator.

N rows, C channels, K clusters. float32 whatever autocast says; no host read-back on a GPU.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

SEED_ROWS = 4096  # rows among which k-means++ looks for its starting centres
SEED_TRIALS = 4  # rows tried for each starting centre


@torch.no_grad()
def kmeans(
    feat: Float[Tensor, "n c"], num_clusters: int, iterations: int, rng: torch.Generator
) -> tuple[Int[Tensor, " n"], Float[Tensor, "k c"]]:
    """Cut a cloud into segments of similar features.

    Rows are brought to unit length first, so that the squared distance is 2 - 2 cosine. A cluster
    that runs empty restarts at the row that lies farthest from its own centre.

    Args:
        feat: Features of one cloud.
        num_clusters: K; a cloud with no more than K rows gets one cluster a row.
        iterations: Lloyd rounds (assign, then average).
        rng: Chooses the k-means++ starting centres.

    Returns:
        Cluster of each row, 0..K-1, and the centres (min(K, n), c); every row has the label of the
        nearest centre.

    Source:
        PointINS Alg. 2, step 2; initialisation and normalisation are not stated there.
    """
    with torch.autocast(feat.device.type, enabled=False):
        feat = F.normalize(feat.float(), dim=1)
        if len(feat) <= num_clusters:
            return torch.arange(len(feat), device=feat.device), feat
        centre = _seed_centres(feat, num_clusters, rng)
        for _ in range(iterations):
            distance, label = _assign(feat, centre)
            centre = _average(feat, label, distance, num_clusters)
        return _assign(feat, centre)[1], centre


def _assign(feat: Tensor, centre: Tensor) -> tuple[Tensor, Tensor]:
    """Squared distance to the nearest centre, up to the constant |feat|^2 = 1, and its number."""
    squared = (centre @ feat.T).mul_(-2).add_(centre.square().sum(1)[:, None])  # (K, N)
    return squared.min(0)


def _average(feat: Tensor, label: Tensor, distance: Tensor, num_clusters: int) -> Tensor:
    count = torch.bincount(label, minlength=num_clusters)
    total = feat.new_zeros(num_clusters, feat.shape[1]).index_add_(0, label, feat)
    is_empty = count == 0
    farthest = distance.topk(num_clusters)[1]
    restart = feat[farthest[(is_empty.cumsum(0) - 1).clamp_min(0)]]  # (K, C)
    return torch.where(is_empty[:, None], restart, total / count.clamp_min(1)[:, None])


def _seed_centres(feat: Tensor, num_clusters: int, rng: torch.Generator) -> Tensor:
    """Greedy k-means++: of a few rows drawn by squared distance, the one that lowers it most."""
    if len(feat) > SEED_ROWS:
        chosen = torch.randperm(len(feat), generator=rng, device=rng.device)[:SEED_ROWS]
        feat = feat[chosen.to(feat.device)]
    draws = torch.rand(num_clusters, SEED_TRIALS, generator=rng, device=rng.device).to(feat.device)
    row = (draws[0, :1] * len(feat)).long()
    rows = [row]
    squared = (2 - 2 * (feat @ feat[row].T)).clamp_min(0)  # (N, 1)
    for draw in draws[1:]:
        total = squared.flatten().cumsum(0)
        trial = torch.searchsorted(total, draw * total[-1]).clamp_max(len(feat) - 1)
        left = torch.minimum(squared, (2 - 2 * (feat @ feat[trial].T)).clamp_min(0))  # (N, trials)
        best = left.sum(0).argmin(keepdim=True)
        squared = left.index_select(1, best)
        rows.append(trial[best])
    return feat[torch.cat(rows)]
