"""Measures of agreement and of distance between sets of pictures, in NumPy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def correlation(a: ArrayLike, b: ArrayLike) -> float:
    """Pearson's correlation of two series; nan where one of them does not vary."""
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if len(x) < 2 or x.std() < 1e-12 or y.std() < 1e-12:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def auroc(positive: ArrayLike, negative: ArrayLike) -> float:
    """The chance that a score of ``positive`` is above one of ``negative`` (Mann–Whitney U); ties count half."""
    high, low = np.asarray(positive, np.float64), np.sort(np.asarray(negative, np.float64))
    if not len(high) or not len(low):
        return float("nan")
    below, upto = np.searchsorted(low, high, "left"), np.searchsorted(low, high, "right")
    return float((below + upto).mean() / (2 * len(low)))


def intersection_over_union(asked: NDArray[np.uint8], found: NDArray[np.uint8], classes: int) -> Array:
    """Of each class over all pixels: [classes]; nan for a class that is in neither."""
    table = np.bincount(asked.ravel().astype(np.int64) * classes + found.ravel(), minlength=classes**2)
    table = table.reshape(classes, classes).astype(np.float64)
    both = np.diag(table)
    either = table.sum(0) + table.sum(1) - both
    return np.asarray(np.divide(both, either, out=np.full(classes, np.nan), where=either > 0), np.float64)


def frechet_distance(a: Array, b: Array) -> float:
    """Between Gaussians fitted to features [N, D] and [M, D] (FID, Heusel et al. 2017)."""
    mean = ((a.mean(0) - b.mean(0)) ** 2).sum()
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ second @ root), 0, None)).sum()
    return float(mean + np.trace(first) + np.trace(second) - 2 * cross)


def kernel_distance(a: Array, b: Array) -> float:
    """Squared maximum mean discrepancy with the kernel (xᵀy/D + 1)³, unbiased (KID, Bińkowski et al. 2018)."""

    def kernel(x: Array, y: Array) -> Array:
        result: Array = (x @ y.T / x.shape[1] + 1) ** 3
        return result

    def within(x: Array) -> float:
        k = kernel(x, x)
        return float((k.sum() - np.trace(k)) / (len(x) * (len(x) - 1)))

    return within(a) + within(b) - 2 * float(kernel(a, b).mean())


def swept(values: ArrayLike) -> float:
    """By how much a measured value changes along a sweep of evenly spaced steps: the span of a parabola fitted to it.

    The fit takes out the jitter of single measurements; a straight or an even (U-shaped) change stays whole.
    """
    y = np.asarray(values, np.float64)
    if len(y) < 4:
        return float(np.ptp(y))
    x = np.linspace(-1, 1, len(y))
    return float(np.ptp(np.polyval(np.polyfit(x, y, 2), x)))
