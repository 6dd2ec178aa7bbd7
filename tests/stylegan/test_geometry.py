"""Formulas over regions and landmarks."""

from __future__ import annotations

import numpy as np
import pytest

from stylegan.geometry import extents, face_frame, hair_length, luminance, statistics


def test_luminance_is_that_of_rec_601() -> None:
    picture = np.array([[[[255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]]]], np.uint8)
    assert luminance(picture)[0, 0] == pytest.approx([1, 0.299, 0.587, 0.114])


def test_statistics_are_taken_over_the_region_alone() -> None:
    light = np.array([[[0.0, 1.0], [0.25, 0.75]]], np.float32)
    region = np.array([[[False, False], [True, True]]])
    mean, deviation = statistics(light, region)
    assert mean[0] == pytest.approx(0.5)
    assert deviation[0] == pytest.approx(0.25)


def test_statistics_of_nothing_are_nan() -> None:
    mean, _ = statistics(np.zeros((1, 2, 2), np.float32), np.zeros((1, 2, 2), bool))
    assert np.isnan(mean[0])


def test_hair_length_is_the_share_of_the_way_from_the_eyes_to_the_last_row() -> None:
    hair = np.zeros((3, 11, 64), bool)
    hair[0, :7] = True  # lowest row 6
    hair[1, :] = True
    hair[2, :2] = True  # above the eyes
    hair[2, 9, 0] = True  # a stray pixel
    assert hair_length(hair, np.full(3, 2.0, np.float32)) == pytest.approx([4 / 8, 1, 0])


def test_no_hair_has_no_length() -> None:
    assert hair_length(np.zeros((1, 8, 8), bool), np.array([3.0], np.float32))[0] == 0


def test_the_face_frame_moves_turns_and_grows_with_the_face() -> None:
    rng = np.random.default_rng(0)
    face = np.concatenate([[[-2, 0], [2, 0]], rng.normal(size=(6, 2)) * 3]).astype(np.float32)
    turn = np.array([[np.cos(0.3), np.sin(0.3)], [-np.sin(0.3), np.cos(0.3)]], np.float32)
    moved = face @ turn * 5 + np.array([40, 60], np.float32)
    frame, unit = face_frame(np.stack([face, moved]), [0], [1])
    assert frame[0] == pytest.approx(frame[1], abs=1e-4)
    assert unit[1] == pytest.approx(5 * unit[0], rel=1e-4)
    assert frame[0, 0, 1] == pytest.approx(0, abs=1e-5)


def test_extents_tell_height_and_width_left_and_right_of_the_middle() -> None:
    region = np.zeros((1, 10, 10), np.float32)
    region[0, 2:4, 1:4] = 1  # left: 2 rows, 3 columns
    region[0, 2:7, 6:8] = 1  # right: 5 rows, 2 columns
    found = extents([region], np.ones(1, np.float32), np.array([5.0], np.float32))
    assert found[0] == pytest.approx([6, 2, 3, 10, 5, 2])
