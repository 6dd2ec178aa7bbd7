"""Taste: ratings of faces near to each other tell of one another; galleries explore first and follow then."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stylegan import __main__ as program
from stylegan.candidates import candidate
from stylegan.errors import BadWeights
from stylegan.face_space import FaceSpace, SpaceConfig, load_space, save_space
from stylegan.taste import (
    MIDDLE,
    Ratings,
    TasteModel,
    distances,
    exploring_share,
    next_gallery,
    relevance,
    spread_of,
    spread_out,
)
from stylegan.taste_evaluation import (
    PROPERTIES,
    Settings,
    evaluate,
    properties_of,
    rank_correlation,
    rated,
    true_liking,
    women,
)

NOTHING = Ratings(np.zeros((0, 2)), np.zeros(0))


def cloud(count: int, size: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, size))


def model(vectors: list[list[float]], values: list[float], spread: float = 1.0) -> TasteModel:
    return TasteModel(Ratings(np.array(vectors), np.array(values)), np.full(len(vectors[0]), spread))


# --- prediction


def test_of_who_has_rated_nothing_the_middle_is_expected_everywhere() -> None:
    assert TasteModel(NOTHING, np.ones(2)).predict(cloud(5)).tolist() == [MIDDLE] * 5


def test_a_face_like_one_that_was_liked_is_expected_to_be_liked_and_one_far_away_to_be_average() -> None:
    taste = model([[0, 0], [3, 0], [0, 3]], [5, 1, 3])
    near, other, far = taste.predict(np.array([[0.1, 0.0], [2.9, 0.0], [40.0, 40.0]]))
    assert near > taste.mean + 0.8
    assert other < taste.mean - 0.8
    assert far == pytest.approx(taste.mean)


def test_the_mean_of_a_few_ratings_is_drawn_to_the_middle() -> None:
    one, many = model([[0, 0]], [5]), model([[0, 0]] * 30, [5] * 30)
    assert MIDDLE < one.mean < 4
    assert many.mean > 4.8


def test_more_neighbours_that_agree_are_believed_more() -> None:
    one, three = model([[0, 0], [9, 9]], [5, 1]), model([[0, 0], [0, 0.1], [0.1, 0], [9, 9]], [5, 5, 5, 1])
    assert three.predict(np.zeros((1, 2)))[0] > one.predict(np.zeros((1, 2)))[0] + 0.2


def test_what_the_ratings_go_by_counts_more_and_the_usual_distance_stays() -> None:
    vectors = cloud(40, 6)
    spread = spread_of(vectors)
    weights = relevance(Ratings(vectors, vectors[:, 2] * 1.0 + 3), spread)
    assert weights.argmax() == 2
    assert weights[2] > 3 * np.delete(weights, 2).max()
    assert (weights**2 * spread**2).sum() == pytest.approx((spread**2).sum())


@pytest.mark.parametrize("values", [[4.0], [3.0, 3.0, 3.0]])
def test_ratings_that_tell_nothing_apart_weigh_all_alike(values: list[float]) -> None:
    ratings = Ratings(cloud(len(values)), np.array(values))
    assert relevance(ratings, np.ones(2)).tolist() == [1.0, 1.0]
    assert np.isfinite(TasteModel(ratings, np.ones(2)).predict(cloud(9))).all()


def test_distances_are_those_of_the_rows() -> None:
    a, b = cloud(4, 3), cloud(5, 3, 1)
    assert distances(a, b)[2, 3] == pytest.approx(np.linalg.norm(a[2] - b[3]))
    assert distances(a, a)[1, 1] == pytest.approx(0, abs=1e-7)


# --- galleries


def test_without_ratings_a_gallery_is_spread_out_over_all_faces() -> None:
    faces = np.concatenate(
        [cloud(60, seed=k) * 0.1 + centre for k, centre in enumerate(([0, 0], [9, 0], [0, 9], [9, 9]))]
    )
    rng = np.random.default_rng(0)
    chosen = next_gallery(NOTHING, faces, 4, rng)
    assert {index // 60 for index in chosen} == {0, 1, 2, 3}
    assert len(set(next_gallery(NOTHING, faces, 12, rng).tolist())) == 12


def test_with_ratings_galleries_follow_more_and_more_and_never_stop_exploring() -> None:
    shares = [exploring_share(count) for count in (0, 5, 10, 40, 1000)]
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)
    assert 0 < shares[-1] < 0.2
    faces = cloud(300, 3, 1)
    known = Ratings(cloud(40, 3, 2), np.clip(3 + cloud(40, 3, 2)[:, 0] * 2, 1, 5))
    chosen = next_gallery(known, faces, 12, np.random.default_rng(0))
    followed, explored = faces[chosen[:11]], faces[chosen[11:]]
    assert followed[:, 0].mean() > 1.2
    assert len(explored) == 1
    assert distances(explored, known.vectors).min() > np.median(distances(faces, known.vectors).min(1))


def test_twins_do_not_stand_in_one_gallery_while_there_are_others() -> None:
    faces = np.concatenate([np.full((20, 2), 2.0) + cloud(20) * 0.001, cloud(100, seed=3)])
    known = Ratings(np.array([[2.0, 2.0], [-2.0, -2.0]] * 15), np.array([5.0, 1.0] * 15))
    chosen = next_gallery(known, faces, 12, np.random.default_rng(0))
    assert (chosen < 20).sum() <= 2


@pytest.mark.parametrize(("faces", "count", "expected"), [(0, 12, 0), (5, 12, 5), (30, 0, 0)])
def test_a_gallery_is_never_larger_than_what_there_is(faces: int, count: int, expected: int) -> None:
    known = Ratings(cloud(8), np.arange(8) % 5 + 1.0)
    for ratings in (NOTHING, known):
        chosen = next_gallery(ratings, cloud(faces), count, np.random.default_rng(0))
        assert len(set(chosen.tolist())) == expected


def test_the_farthest_point_comes_next() -> None:
    line = np.array([[0.0], [1.0], [2.0], [9.0], [10.0]])
    chosen = spread_out(line, 3, np.random.default_rng(0), taken=np.array([[0.5]]))
    assert chosen.tolist()[:2] == [4, 2] or chosen.tolist()[:2] == [4, 3]
    assert set(spread_out(line, 9, np.random.default_rng(0)).tolist()) == set(range(5))


# --- candidates


def test_a_candidate_is_always_the_same_and_only_hair_and_scene_are_its_own() -> None:
    one, again, other = candidate(5, 64), candidate(5, 64), candidate(6, 64)
    assert one.key == again.key != other.key
    assert set(one.attributes) == {"hair_color", "hair_length", "background_mean", "background_std"}
    assert one.latent.shape == (64,)
    assert one.latent.dtype == np.float32


# --- the space of faces


def test_a_space_is_written_and_read_back_and_takes_pictures_of_any_size(tmp_path: Path) -> None:
    space = FaceSpace(SpaceConfig(6, ("hair_color",), 32, (4, 6)))
    save_space(space, tmp_path)
    pictures = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 3), dtype=np.uint8)
    again = load_space(tmp_path)
    assert again.config == space.config
    assert again.encode(pictures) == pytest.approx(space.encode(pictures), abs=1e-2)
    assert space.encode(pictures).shape == (3, 6)
    assert space.encode(pictures[:0]).shape == (0, 6)
    assert space.decode(space.encode(pictures)).shape == (3, 32, 32, 3)
    assert json.loads((tmp_path / "config.json").read_text())["taste"]["size"] == 6


def test_a_folder_that_holds_no_space_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadWeights, match="holds no auto-encoder of faces"):
        load_space(tmp_path)
    save_space(FaceSpace(SpaceConfig(6, (), 32, (4, 6))), tmp_path)
    (tmp_path / "taste.safetensors").write_bytes(b"nothing")
    with pytest.raises(BadWeights, match="no readable safetensors"):
        load_space(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["taste"]["resolution"] = 33
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert program.main(["evaluate-taste", "--taste", str(tmp_path), "--drawn"]) == 1
    assert "describes no auto-encoder of faces" in capsys.readouterr().err.splitlines()[-1]


def test_numbers_that_are_not_trusted_do_not_part_faces() -> None:
    config = SpaceConfig(4, ("a", "b"), 32, (4, 6))
    plain, wary = FaceSpace(config), FaceSpace(replace(config, trust=(1.0, 0.0, 0.5, 0.5)))
    wary.network.load_state_dict(plain.network.state_dict())
    pictures = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    a, b = plain.encode(pictures), wary.encode(pictures)
    assert b[:, 0] == pytest.approx(a[:, 0])
    assert b[:, 2:] == pytest.approx(a[:, 2:] / 2)
    assert np.abs(b[:, 1]).max() <= 0.011 * np.abs(a[:, 1]).max()
    assert np.abs(wary.decode(b).astype(int) - plain.decode(a)).max() <= 1


# --- simulated users


def test_a_hidden_linear_taste_is_found_and_galleries_get_better() -> None:
    """In a space that shows what users look at: the model is told ratings alone."""
    faces = women(240, 64)
    properties = properties_of(faces)
    vectors = np.stack([properties[name] for name in PROPERTIES], 1)
    settings = Settings(users=12, faces=240, after=(5, 40), rounds=4)
    found = evaluate(vectors, properties, settings)
    assert found.error[40] < found.baseline[40] - 0.05
    assert found.error[40] < found.error[5]
    assert found.rank[40] > 0.4 > found.rank[5]
    assert found.followed[3] > found.random[3] + 0.4
    assert found.followed[3] > found.followed[0] + 0.4
    assert json.loads(json.dumps(found.as_json()))["users"] == 12


def test_where_vectors_say_nothing_nothing_is_found() -> None:
    faces = women(200, 64)
    found = evaluate(cloud(200, 8), properties_of(faces), Settings(users=12, faces=200, after=(20,), rounds=3))
    assert abs(found.rank[20]) < 0.12
    assert found.error[20] == pytest.approx(found.baseline[20], abs=0.12)


def test_a_simulated_user_has_a_taste_and_rates_in_whole_steps() -> None:
    properties = properties_of(women(100, 64))
    rng = np.random.default_rng(0)
    for kind in ("linear", "peaks"):
        liking = true_liking(properties, kind, ["hair_color", "back_style"], rng)
        assert liking.min() >= 1
        assert liking.max() <= 5
        assert 0.5 < liking.std() < 1.3
        ratings = rated(liking, rng)
        assert set(ratings) <= {1.0, 2.0, 3.0, 4.0, 5.0}
        assert rank_correlation(liking, ratings) > 0.7


def test_ranks_ignore_the_scale_and_share_ties() -> None:
    a = np.array([1.0, 2.0, 3.0, 4.0])
    assert rank_correlation(a, np.exp(a)) == pytest.approx(1)
    assert rank_correlation(a, -a) == pytest.approx(-1)
    assert rank_correlation(a, np.array([1.0, 1.0, 1.0, 2.0])) == pytest.approx(0.7746, abs=1e-3)
    assert np.isnan(rank_correlation(a, np.ones(4)))
