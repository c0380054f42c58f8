"""Priors as text for a terminal of 80 columns: tables, distances and densities."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from pointins_engine.offset_prior.distance import kolmogorov_smirnov, wasserstein_m
from pointins_engine.offset_prior.record import FamilyFit, PriorRecord, Provenance

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
SHORT_M = (0.01, 0.05, 0.1)  # metres below which the mass is told
BLOCKS = " ▁▂▃▄▅▆▇█"
SHORTEST_M, LONGEST_M = 0.01, 20.0  # ends of the chart's axis
TICKS = {
    0.01: "1 cm",
    0.03: "3 cm",
    0.1: "10 cm",
    0.3: "30 cm",
    1.0: "1 m",
    3.0: "3 m",
    10.0: "10 m",
}


def comparison(priors: Mapping[str, PriorRecord], width: int = 80) -> str:
    """All that `pointins prior show` says: figures, provenance, densities and distances."""
    parts = [figures(priors), densities(priors, width), provenances(priors)]
    if len(priors) > 1:
        parts.append(distances(priors))
    return "\n\n".join(parts)


def figures(priors: Mapping[str, PriorRecord]) -> str:
    """Mean, quantiles in metres and the mass of short offsets, one row a prior."""
    head = ["", "mean", "median", *(f"{level:.0%}" for level in LEVELS if level != 0.5)]
    head += [f"<{round(100 * short)}cm" for short in SHORT_M]
    rows = [head]
    for name, record in priors.items():
        quantiles = dict(zip(LEVELS, record.quantile(np.array(LEVELS)), strict=True))
        lengths = [record.mean(), quantiles.pop(0.5), *quantiles.values()]
        shares = record.cdf(np.array(SHORT_M))
        rows.append([name, *map(metres, lengths), *(f"{share:.0%}" for share in shares)])
    return "lengths in metres\n" + _columns(rows)


def provenances(priors: Mapping[str, PriorRecord]) -> str:
    """What each prior is and where it comes from."""
    lines = []
    for name, record in priors.items():
        lines.append(f"{name}: {record.describe()}; {origin(record.provenance)}")
        lines += [f"  fit: {fitted(fit)}" for fit in record.provenance.fits]
    return "\n".join(lines)


def origin(made_of: Provenance) -> str:
    """Where a prior comes from, in a sentence without its full stop."""
    ways = {
        "printed": "printed in {source}",
        "stand-in": "{source}",
        "configured": "as configured",
        "labels": "labelled objects of {source}",
        "sample": "labelled objects of a sample of {source}",
        "hdbscan": "clusters found by HDBSCAN in {source}",
    }
    text = ways[made_of.method].format(source=made_of.source)
    if made_of.scenes:
        number = len(made_of.scenes)
        text += f", {number} scene{'s' if number > 1 else ''}, {made_of.num_lengths:,} offsets"
    return text + ("; labels were used" if made_of.labels_used else "; no labels")


def fitted(fit: FamilyFit) -> str:
    """A family with its parameters, and how far it is from what was measured."""
    record = PriorRecord(
        name=fit.kind.replace("_", "-"),
        kind=fit.kind,
        parameters=fit.parameters,
        provenance=Provenance(method="configured", source="", labels_used=False),
    )
    return f"{record.describe()}, KS {fit.ks:.3f}, W1 {metres(fit.w1_m)} m"


def distances(priors: Mapping[str, PriorRecord]) -> str:
    """Wasserstein-1 distances in metres above the diagonal, KS distances below it."""
    names = list(priors)
    rows = [["", *(str(number + 1) for number in range(len(names)))]]
    for row, first in enumerate(names):
        cells = []
        for column, second in enumerate(names):
            if row == column:
                cells.append("·")
            elif row < column:
                cells.append(f"{metres(wasserstein_m(priors[first], priors[second]))} m")
            else:
                cells.append(f"{kolmogorov_smirnov(priors[first], priors[second]):.3f}")
        rows.append([f"{row + 1} {first}", *cells])
    return "distances: W1 in metres above the diagonal, KS below it\n" + _columns(rows)


def densities(priors: Mapping[str, PriorRecord], width: int = 80, height: int = 3) -> str:
    """Share of the offsets at each length, on one logarithmic axis, one band of blocks a prior."""
    columns = max(20, width - 12)
    edges = np.geomspace(SHORTEST_M, LONGEST_M, columns + 1)
    shares = {name: record.mass(edges) for name, record in priors.items()}
    top = max(float(share.max()) for share in shares.values())
    lines = ["share of the offsets at each length, logarithmic axis"]
    for name, record in priors.items():
        below = float(record.cdf(edges[:1])[0])
        above = 1 - float(record.cdf(edges[-1:])[0])
        note = f"{below:.0%} < 1 cm" if below >= 0.005 else ""
        beyond = f"{above:.1%} > {LONGEST_M:.0f} m" if above >= 0.0005 else ""
        lines += ["", _sides(name, beyond, columns + 10)]
        band = _band(shares[name] / top, height)
        labels = [note if row == height - 1 else "" for row in range(height)]
        lines += [f"{label:>9} {row}".rstrip() for label, row in zip(labels, band, strict=True)]
    return "\n".join([*lines, *_axis(columns)])


def _band(share: Float[np.ndarray, " c"], height: int) -> list[str]:
    """Columns of blocks, `height` lines high; what is not zero shows at least a sliver."""
    eighths = np.ceil(np.clip(share, 0, 1) * height * 8 - 1e-9).astype(int)
    return [
        "".join(BLOCKS[min(max(n - 8 * (height - 1 - row), 0), 8)] for n in eighths)
        for row in range(height)
    ]


def _axis(columns: int) -> list[str]:
    line, words = ["─"] * columns, [" "] * (columns + 8)
    for length, label in TICKS.items():
        place = math.log(length / SHORTEST_M) / math.log(LONGEST_M / SHORTEST_M)
        column = min(round(place * columns), columns - 1)
        line[column] = "┴"
        start = max(0, column - (len(label) // 2 if column else 0))
        words[start : start + len(label)] = label
    indent = " " * 10
    return [indent + "".join(line), (indent + "".join(words)).rstrip()]


def _sides(left: str, right: str, width: int) -> str:
    return f"{left}{right:>{max(width - len(left), len(right) + 2)}}".rstrip()


def _columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows with the first column to the left and the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def metres(value: float) -> str:
    """Three digits above a centimetre; tiny lengths keep their order of magnitude."""
    if value >= 0.9995e-3 or value == 0:
        return f"{value:.3f}"
    return f"{value:.0e}"
