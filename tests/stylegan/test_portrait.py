"""Drawn portraits: the same person from the same latent, exact labels, every attribute for every identity."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from stylegan.attributes import ATTRIBUTES
from stylegan.portrait import SEGMENTS, Portrait, degrade, draw, sample_attributes, sample_latent
from stylegan.portrait.background import solve_luminance
from stylegan.portrait.colour import luminance, toned
from stylegan.portrait.degrade import DEGRADATIONS
from stylegan.portrait.identity import BACK_STYLES, COORDINATES, LATENT_DIM, MALE_SHARE, identity_of
from stylegan.portrait.labels import BACKGROUND, BROW, EYE, HAIR, IRIS, MOUTH, SKIN

pytest.importorskip("skia")

PLACE = {name: index for index, (name, _) in enumerate(COORDINATES)}
WOMAN, MAN = 1.0, -1.5


def latent(seed: int, **coordinates: float) -> np.ndarray:
    z = sample_latent(np.random.default_rng(seed))
    for name, value in coordinates.items():
        z[PLACE[name]] = value
    return z


def random_draws(count: int, size: int) -> list[tuple[dict[str, float], Portrait]]:
    draws = []
    for index in range(count):
        rng = np.random.default_rng([2026, index])
        z, attributes = sample_latent(rng), sample_attributes(rng)
        draws.append((attributes, draw(z, attributes, size)))
    return draws


@pytest.fixture(scope="module")
def many() -> list[tuple[dict[str, float], Portrait]]:
    return random_draws(200, 128)


def difference(first: Portrait, second: Portrait) -> float:
    """Mean absolute difference per channel, 0…255."""
    return float(np.abs(first.image.astype(float) - second.image.astype(float)).mean())


def rows_of(portrait: Portrait, label: int) -> np.ndarray:
    return np.flatnonzero((portrait.segments == label).any(1))


def area(portrait: Portrait, *labels: int) -> int:
    return int(np.isin(portrait.segments, labels).sum())


class TestPicture:
    def test_the_same_latent_and_attributes_give_the_same_picture(self) -> None:
        first, second = draw(latent(1), {"pose": 12.0}, 128), draw(latent(1), {"pose": 12.0}, 128)
        assert np.array_equal(first.image, second.image)
        assert np.array_equal(first.segments, second.segments)
        assert first.attributes == second.attributes
        assert first.landmarks == second.landmarks

    def test_the_length_of_the_latent_does_not_matter(self) -> None:
        assert np.array_equal(draw(latent(2), {}, 96).image, draw(latent(2) * 3.7, {}, 96).image)

    @pytest.mark.parametrize("size", [64, 100, 256])
    def test_a_picture_has_the_size_that_was_asked_for(self, size: int) -> None:
        portrait = draw(latent(3), {}, size)
        assert portrait.image.shape == (size, size, 3)
        assert portrait.image.dtype == portrait.segments.dtype == np.uint8
        assert portrait.segments.shape == (size, size)

    def test_other_latents_give_other_people(self) -> None:
        pictures = [draw(latent(seed), {}, 64) for seed in range(6)]
        assert min(difference(a, b) for i, a in enumerate(pictures) for b in pictures[:i]) > 5.0

    def test_a_small_step_in_the_latent_is_a_small_step_in_the_picture(self) -> None:
        z = latent(4, gender=WOMAN, back_style=-1.2, bang_style=0.1, parting=0.8, ahoge=0.0, accessory=-1.0)
        z[[PLACE["clothes_style"], PLACE["background_style"]]] = (-1.5, -1.5)
        step = sample_latent(np.random.default_rng(5)) * 0.01
        assert difference(draw(z, {}, 96), draw(z + step, {}, 96)) < 1.5

    @pytest.mark.parametrize("name", ["eyes", "mouth", "smile", "brow", "pose", "pitch", "hair_color", "hair_length"])
    def test_an_attribute_changes_the_picture_without_jumps(self, name: str) -> None:
        attribute = ATTRIBUTES[name]
        values = np.linspace(attribute.low, attribute.high, 41)
        pictures = [draw(latent(6), {name: float(value)}, 96) for value in values]
        steps = [difference(a, b) for a, b in itertools.pairwise(pictures)]
        assert difference(pictures[0], pictures[-1]) > 0.1
        assert max(steps) < 5.0 * (sum(steps) / len(steps)) + 0.3

    def test_every_coordinate_of_the_table_decides_something(self) -> None:
        base = {"gender": WOMAN, "back_style": -1.2, "bang_style": -0.1, "accessory": 1.5, "background_style": -0.3}
        for name in PLACE:
            ends = [draw(latent(7, **(base | {name: value})), {"background_std": 0.2}, 96) for value in (-1.9, 1.9)]
            assert not np.array_equal(ends[0].image, ends[1].image), name

    def test_coordinates_past_the_table_decide_nothing(self) -> None:
        z = latent(8)
        other = z.copy()
        other[len(COORDINATES) :] = -other[len(COORDINATES) :]
        assert np.array_equal(draw(z, {}, 64).image, draw(other, {}, 64).image)


class TestLabels:
    @pytest.mark.parametrize("name", ["hair_color", "hair_length", "background_mean", "background_std"])
    def test_measured_values_follow_what_was_asked_for(self, name: str, many: list) -> None:
        asked = np.array([attributes[name] for attributes, _ in many])
        measured = np.array([portrait.attributes[name] for _, portrait in many])
        assert np.corrcoef(asked, measured)[0, 1] > 0.99
        assert np.abs(asked - measured).mean() < 0.02

    def test_hair_color_is_within_three_hundredths(self, many: list) -> None:
        for attributes, portrait in many:
            assert portrait.attributes["hair_color"] == pytest.approx(attributes["hair_color"], abs=0.03)

    def test_hair_color_is_the_mean_luminance_of_hair_pixels(self) -> None:
        portrait = draw(latent(9), {"hair_color": 0.4}, 256)
        grey = portrait.image @ np.array([0.299, 0.587, 0.114]) / 255.0
        assert grey[portrait.segments == HAIR].mean() == pytest.approx(portrait.attributes["hair_color"], abs=1e-3)

    def test_background_figures_are_those_of_background_pixels(self) -> None:
        portrait = draw(latent(10), {"background_mean": 0.3, "background_std": 0.2}, 256)
        grey = (portrait.image @ np.array([0.299, 0.587, 0.114]) / 255.0)[portrait.segments == BACKGROUND]
        assert grey.mean() == pytest.approx(portrait.attributes["background_mean"], abs=1e-3)
        assert grey.std() == pytest.approx(portrait.attributes["background_std"], abs=1e-3)

    def test_the_labels_are_the_twelve_attributes(self) -> None:
        portrait = draw(latent(11), {"eyes": 0.3, "pose": -20.0}, 64)
        assert set(portrait.attributes) == set(ATTRIBUTES)
        assert portrait.attributes["eyes"] == 0.3
        assert portrait.attributes["pose"] == -20.0
        assert portrait.attributes["quality"] == 1.0

    def test_values_out_of_range_are_clamped(self) -> None:
        portrait = draw(latent(12), {"pose": 400.0, "mouth": -3.0}, 64)
        assert portrait.attributes["pose"] == 45.0
        assert portrait.attributes["mouth"] == 0.0

    @pytest.mark.parametrize("style", range(len(BACK_STYLES)))
    @pytest.mark.parametrize("gender", [WOMAN, MAN])
    def test_hair_of_every_style_grows_from_the_eyes_to_the_last_row(self, gender: float, style: int) -> None:
        seeds = (seed for seed in range(3000) if identity_of(latent(seed, gender=gender)).back == style)
        seed = next(seeds, None)
        if seed is None:
            assert gender == MAN
            assert BACK_STYLES[style] == "twin tails"
            return
        asked = np.linspace(0.05, 1.0, 8)
        drawn = [draw(latent(seed, gender=gender), {"hair_length": float(v)}, 256) for v in asked]
        measured = [portrait.attributes["hair_length"] for portrait in drawn]
        assert np.abs(np.array(measured) - asked).max() < 0.06
        assert np.all(np.diff(measured) > 0)

    def test_about_a_third_are_men_and_the_label_says_so(self) -> None:
        genders = [identity_of(latent(seed)).gender for seed in range(1500)]
        assert 1.0 - np.mean(genders) == pytest.approx(MALE_SHARE, abs=0.05)
        assert draw(latent(13, gender=MAN), {}, 64).attributes["gender"] == 0.0
        assert draw(latent(13, gender=WOMAN), {}, 64).attributes["gender"] == 1.0


class TestSegments:
    def test_every_part_of_a_face_is_there(self) -> None:
        portrait = draw(latent(14, gender=WOMAN), {"mouth": 0.6}, 256)
        found = {SEGMENTS[index] for index in np.unique(portrait.segments)}
        assert {"background", "skin", "eye", "iris", "mouth", "hair", "clothes", "brow"} <= found

    def test_the_face_fills_half_of_the_height(self) -> None:
        for seed in range(8):
            portrait = draw(latent(seed, ahoge=-1.0), {"hair_length": 0.4}, 256)
            top, chin = rows_of(portrait, HAIR)[0], portrait.landmarks["chin"][1]
            assert 0.60 < (chin - top) / 256 < 0.85

    def test_no_pixel_is_left_unnamed(self, many: list) -> None:
        assert max(int(portrait.segments.max()) for _, portrait in many) < len(SEGMENTS)

    def test_closing_the_eyes_hides_the_iris(self) -> None:
        shut, rest, wide = (draw(latent(15), {"eyes": value}, 256) for value in (0.0, 0.7, 1.0))
        assert area(shut, IRIS) == 0
        assert 100 < area(rest, IRIS) < area(wide, IRIS)
        assert area(shut, EYE) > 0

    def test_opening_the_mouth_enlarges_it(self) -> None:
        areas = [area(draw(latent(16), {"mouth": value}, 256), MOUTH) for value in (0.0, 0.3, 0.6, 1.0)]
        assert areas == sorted(areas)
        assert areas[-1] > 5 * areas[0] > 0


class TestLandmarks:
    def test_a_turned_head_turns_the_nose_the_same_way(self) -> None:
        left, front, right = (draw(latent(17), {"pose": pose}, 128).landmarks["nose_tip"][0] for pose in (-45, 0, 45))
        assert left < front - 10 < right - 20

    def test_looking_up_raises_the_nose(self) -> None:
        low, level, high = (draw(latent(17), {"pitch": pitch}, 128).landmarks["nose_tip"][1] for pitch in (-20, 0, 20))
        assert low > level > high

    def test_the_far_eye_narrows(self) -> None:
        marks = draw(latent(18), {"pose": 40.0}, 256).landmarks
        left = marks["left_eye_inner"][0] - marks["left_eye_outer"][0]
        right = marks["right_eye_outer"][0] - marks["right_eye_inner"][0]
        assert 0 < right < 0.75 * left

    def test_a_smile_raises_the_corners_of_the_mouth(self) -> None:
        def lift(smile: float) -> float:
            marks = draw(latent(19), {"smile": smile}, 256).landmarks
            return marks["upper_lip"][1] - (marks["mouth_left"][1] + marks["mouth_right"][1]) / 2

        assert lift(-1.0) < 0 < lift(1.0)

    def test_anger_lowers_the_inner_ends_of_the_brows_and_sorrow_raises_them(self) -> None:
        angry, calm, sad = (draw(latent(20), {"brow": v}, 256).landmarks["left_brow_inner"][1] for v in (-1, 0, 1))
        assert angry > calm + 3 > sad + 6

    def test_lids_meet_in_shut_eyes(self) -> None:
        marks = draw(latent(21), {"eyes": 0.0}, 256).landmarks
        assert abs(marks["left_eye_upper"][1] - marks["left_eye_lower"][1]) < 2

    def test_landmarks_lie_on_what_they_name(self, many: list) -> None:
        for attributes, portrait in many[:40]:
            if abs(attributes["pose"]) > 25 or attributes["eyes"] < 0.5:
                continue
            x, y = portrait.landmarks["nose_tip"]
            assert portrait.segments[round(y), round(x)] == SKIN
            x, y = portrait.landmarks["right_eye_pupil"]
            assert portrait.segments[round(y), round(x)] in (IRIS, EYE, HAIR, BROW, SEGMENTS.index("accessory"))


class TestDegradations:
    @pytest.mark.parametrize("name", sorted(DEGRADATIONS))
    def test_a_stronger_degradation_is_further_from_the_picture(self, name: str) -> None:
        clean = draw(latent(22), {"background_std": 0.2}, 96).image.astype(np.float32) / 255.0
        distances = []
        for strength in (0.25, 1.0):
            rng = np.random.default_rng(5)
            distances.append(float(np.abs(DEGRADATIONS[name](clean, strength, rng) - clean).mean()))
        assert 0 < distances[0] < distances[1]

    def test_a_degraded_picture_is_labelled_below_a_clean_one(self) -> None:
        image = draw(latent(23), {}, 64).image
        for seed in range(20):
            spoilt, quality = degrade(image, np.random.default_rng(seed))
            assert spoilt.shape == image.shape
            assert spoilt.dtype == np.uint8
            assert 0.0 <= quality <= 0.75
            assert not np.array_equal(spoilt, image)


class TestSampling:
    def test_attributes_stay_within_their_ranges_and_what_is_feasible(self) -> None:
        for seed in range(300):
            attributes = sample_attributes(np.random.default_rng(seed))
            for name, value in attributes.items():
                assert ATTRIBUTES[name].low <= value <= ATTRIBUTES[name].high
            mean = attributes["background_mean"]
            assert attributes["background_std"] <= math.sqrt(mean * (1 - mean))

    def test_latents_are_standard_normal(self) -> None:
        rng = np.random.default_rng(0)
        values = np.stack([sample_latent(rng) for _ in range(500)])
        assert values.shape == (500, LATENT_DIM)
        assert abs(values.mean()) < 0.02
        assert values.std() == pytest.approx(1.0, abs=0.02)


def test_a_tone_has_exactly_the_luminance_that_was_asked_for() -> None:
    for hue in np.linspace(0, 1, 13):
        for target in (0.02, 0.3, 0.6, 0.97):
            assert luminance(toned(float(hue), 0.7, target)) == pytest.approx(target, abs=1e-6)


def test_an_impossible_deviation_is_cut_to_what_the_mean_allows() -> None:
    field = np.linspace(-1, 1, 4000, dtype=np.float32)
    solved = solve_luminance(field, np.ones(4000, bool), 0.1, 0.5)
    assert solved.mean() == pytest.approx(0.1, abs=0.02)
    assert 0.2 < solved.std() <= 0.3
