"""The measures, on numbers whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from stylegan.metrics import (
    auroc,
    correlation,
    frechet_distance,
    intersection_over_union,
    kernel_distance,
    swept,
)


def test_correlation_is_one_for_a_line_and_nan_where_nothing_varies() -> None:
    assert correlation([1, 2, 3], [10, 20, 30]) == pytest.approx(1)
    assert correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert np.isnan(correlation([1, 1, 1], [1, 2, 3]))


def test_auroc_counts_pairs_in_the_right_order_and_ties_by_half() -> None:
    assert auroc([0.9, 0.8], [0.1, 0.2]) == 1.0
    assert auroc([0.1], [0.9]) == 0.0
    assert auroc([0.5], [0.5]) == 0.5
    assert auroc([0.9, 0.1], [0.5, 0.5]) == 0.5
    assert np.isnan(auroc([], [1.0]))


def test_overlap_is_counted_for_each_class() -> None:
    asked = np.array([[0, 0], [1, 1]], np.uint8)
    found = np.array([[0, 1], [1, 1]], np.uint8)
    assert intersection_over_union(asked, found, 3) == pytest.approx([1 / 2, 2 / 3, np.nan], nan_ok=True)


def test_frechet_distance_of_shifted_gaussians_is_the_squared_shift() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(4000, 3))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, a + np.array([2.0, 0, 0])) == pytest.approx(4, rel=1e-6)
    assert frechet_distance(a, a * 3) == pytest.approx(3 * (3 - 1) ** 2, rel=0.1)


def test_kernel_distance_is_near_zero_for_one_distribution_and_grows_with_the_shift() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(400, 8)), rng.normal(size=(400, 8))
    assert abs(kernel_distance(a, b)) < 0.05
    assert kernel_distance(a, b + 1) > 0.5


def test_a_sweep_keeps_straight_and_even_changes_and_drops_jitter() -> None:
    x = np.linspace(-1, 1, 9)
    assert swept(3 * x) == pytest.approx(6)
    assert swept(x**2) == pytest.approx(1)
    jitter = np.array([1, -1, 1, -1, 1, -1, 1, -1, 1]) * 0.1
    assert swept(jitter) < 0.1 < np.ptp(jitter)
