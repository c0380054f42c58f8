"""K-means on the features of each cloud of a batch, reproducible from a generator a cloud.

N rows, B clouds of at most L rows, C channels, K clusters, S rows among which seeds are looked for.
float32 whatever autocast says. On a GPU all clouds go through together, padded to the longest, and
the host waits for nothing; on a CPU one after the other, as a cloud fits into the cache, and what a
round would not change is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from pointins_engine.upload import on_host, upload

SEED_ROWS = 4096  # S: rows among which k-means++ looks for its starting centres
SEED_TRIALS = 4  # rows tried for each starting centre


@torch.no_grad()
def kmeans(
    feat: Float[Tensor, "n c"],
    clouds: Sequence[Int[Tensor, " _"]],
    num_clusters: int,
    iterations: int,
    rng: Sequence[torch.Generator],
    *,
    normalize: bool = True,
    together: bool | None = None,
) -> tuple[Int[Tensor, " n"], Float[Tensor, "b k c"]]:
    """Cut each cloud into segments of similar features.

    A cluster that runs empty restarts at the row that lies farthest from its own centre.

    Args:
        feat: Features.
        clouds: Rows of each cloud; rows of no cloud get no label.
        num_clusters: K; a cloud with no more than K rows gets one cluster a row.
        iterations: Lloyd rounds (assign, then average).
        rng: One generator a cloud; chooses its k-means++ starting centres.
        normalize: Bring rows to unit length first: the squared distance is then 2 - 2 cosine.
        together: All clouds at once, or one by one; by default what suits the device.

    Returns:
        Cluster of each row within its cloud, 0..K-1, -1 in no cloud; and the centres. Every row has
        the label of the nearest centre. Centres without rows in a cloud of fewer than K are zero.

    Source:
        PointINS Alg. 2, step 2; initialisation and normalisation are not stated there.
    """
    if together is None:
        together = not on_host(feat)
    # One place more than rows: padding is row -1, and what it gets is cut off.
    label = torch.full((len(feat) + 1,), -1, dtype=torch.int64, device=feat.device)
    centre = torch.zeros(len(clouds), num_clusters, feat.shape[1], device=feat.device)
    with torch.autocast(feat.device.type, enabled=False):
        large = []
        for b, rows in enumerate(clouds):
            if len(rows) > num_clusters:
                large.append(b)
            else:
                label[rows] = torch.arange(len(rows), device=feat.device)
                centre[b, : len(rows)] = _points(feat[rows], normalize)
        for part in [large] if together and large else [[b] for b in large]:
            rows = pad_sequence([clouds[b] for b in part], batch_first=True, padding_value=-1)
            points = _Points.of(_points(feat[rows], normalize), rows >= 0)
            found = _seed_centres(
                points, [clouds[b].numel() for b in part], num_clusters, [rng[b] for b in part]
            )
            rounds = _rounds if together else _rounds_of_one
            label[rows], found = rounds(points, found, iterations)
            for b, its_centre in zip(part, found, strict=True):
                centre[b] = its_centre
    return label[:-1], centre


def _points(feat: Tensor, normalize: bool) -> Tensor:
    return F.normalize(feat.float(), dim=-1) if normalize else feat.float()


@dataclass(frozen=True, slots=True)
class _Points:
    """Clouds side by side, padded at the end."""

    feat: Tensor  # (B, L, C)
    square: Tensor  # (B, L): squared length
    exists: Tensor  # (B, L)

    @classmethod
    def of(cls, feat: Tensor, exists: Tensor) -> "_Points":
        return cls(feat, feat.square().sum(2), exists)

    def take(self, place: Tensor) -> "_Points":
        """The rows at some places (B, S); a negative place does not exist."""
        batch, longest = self.square.shape
        first = torch.arange(0, batch * longest, longest, device=place.device)[:, None]
        flat = place.clamp_min(0) + first
        feat = self.feat.flatten(0, 1).index_select(0, flat.flatten())
        return _Points(feat.unflatten(0, flat.shape), self.square.take(flat), place >= 0)


def _rounds(points: _Points, centre: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
    """Lloyd's rounds: the number of each row's centre (B, L), and the centres (B, K, C)."""
    for _ in range(iterations):
        nearest, number = _compared(points, centre).min(1)
        centre = _average(points, number, nearest + points.square, centre.shape[1])
    return _compared(points, centre).argmin(1), centre


def _rounds_of_one(points: _Points, centre: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
    """The same for one cloud on the CPU: only centres that moved are compared with the rows again.

    Most stand still after a few rounds.
    """
    compared = _compared(points, centre)
    for _ in range(iterations):
        nearest, number = compared.min(1)
        moved_to = _average(points, number, nearest + points.square, centre.shape[1])
        moved = (moved_to != centre)[0].any(1).nonzero()[:, 0]
        if len(moved) == 0:
            return number, centre
        centre = moved_to
        compared[:, moved] = _compared(points, centre[:, moved])
    return compared.argmin(1), centre


def _compared(points: _Points, centre: Tensor) -> Tensor:
    """Squared distance (B, K, L) of rows and centres, less the rows' own squared lengths."""
    squared = torch.bmm(centre, points.feat.mT).mul_(-2)
    return squared.add_(centre.square().sum(2)[:, :, None])


def _average(points: _Points, number: Tensor, distance: Tensor, num_clusters: int) -> Tensor:
    sums = _sums_by_index if on_host(number) else _sums_by_product
    total, count = sums(points, torch.where(points.exists, number, num_clusters), num_clusters)
    is_empty = count == 0
    mean = total / count.clamp_min(1)[:, :, None]
    if on_host(number) and not is_empty.any():
        return mean
    distance = distance.masked_fill(~points.exists, -torch.inf)
    farthest = distance.topk(num_clusters)[1].gather(1, (is_empty.cumsum(1) - 1).clamp_min(0))
    return torch.where(is_empty[:, :, None], points.take(farthest).feat, mean)


def _sums_by_index(points: _Points, number: Tensor, num_clusters: int) -> tuple[Tensor, Tensor]:
    """Sum (B, K, C) and count (B, K) of the rows of each cluster; rows of number K are left out."""
    total = points.feat.new_zeros(len(number), num_clusters + 1, points.feat.shape[2])
    count = number.new_zeros(len(number), num_clusters + 1)
    for b, its_number in enumerate(number):
        total[b].index_add_(0, its_number, points.feat[b])
        count[b] = torch.bincount(its_number, minlength=num_clusters + 1)
    return total[:, :-1], count[:, :-1]


def _sums_by_product(points: _Points, number: Tensor, num_clusters: int) -> tuple[Tensor, Tensor]:
    """The same for a GPU, where the order of a scattered sum changes from call to call."""
    cluster = torch.arange(num_clusters, device=number.device)
    member = (number[:, None] == cluster[:, None]).float()  # (B, K, L)
    return torch.bmm(member, points.feat), member.sum(2)


def _seed_centres(
    points: _Points, sizes: list[int], num_clusters: int, rng: Sequence[torch.Generator]
) -> Tensor:
    """Greedy k-means++: of a few rows drawn by squared distance, the one that lowers it most."""
    chosen, draws = [], []
    for size, cloud_rng in zip(sizes, rng, strict=True):
        if size > SEED_ROWS:
            chosen.append(torch.randperm(size, generator=cloud_rng)[:SEED_ROWS])
        else:
            chosen.append(torch.arange(size))
        draws.append(torch.rand(num_clusters, SEED_TRIALS, generator=cloud_rng))
    device = points.feat.device
    if max(sizes) > SEED_ROWS or len(sizes) > 1:
        place = pad_sequence(chosen, batch_first=True, padding_value=-1)
        points = points.take(upload(place, device))
    counts = upload(torch.tensor([len(c) for c in chosen]), device)[:, None]  # (B, 1)
    last = counts - 1
    draw = upload(torch.stack(draws, dim=1), device)  # (K, B, trials)

    place = (draw[0, :, :1] * counts).long()  # (B, 1)
    places = [place]
    squared = _squared_distance(points, place)  # (B, 1, S)
    for share in draw[1:]:
        total = squared.squeeze(1).cumsum(1)
        trial = torch.searchsorted(total, share * total[:, -1:])
        trial = torch.minimum(trial, last)  # (B, trials)
        left = torch.minimum(squared, _squared_distance(points, trial))  # (B, trials, S)
        best = left.sum(2).argmin(1, keepdim=True)  # (B, 1)
        squared = left.take_along_dim(best[:, :, None], 1)
        places.append(trial.gather(1, best))
    return points.take(torch.cat(places, dim=1)).feat


def _squared_distance(points: _Points, place: Tensor) -> Tensor:
    """From the rows at some places (B, T) to every row: (B, T, S), 0 for padding."""
    there = points.take(place)
    squared = torch.baddbmm(points.square[:, None], there.feat, points.feat.mT, alpha=-2)
    return squared.add_(there.square[:, :, None]).clamp_min_(0).mul_(points.exists[:, None])
