"""Drawing faces live, on a small generator that has learnt nothing."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylegan.attributes import EXPRESSION
from stylegan.errors import BadWeights
from stylegan.frames import encode_frame, encode_still
from stylegan.generator import Generator, save_generator
from stylegan.identity import Face, load_face, plain_face
from stylegan.renderer import KEPT_IDENTITIES, FaceRenderer, best_dtype
from tests.tiny_face import tiny_generator


@pytest.fixture(scope="module")
def generator() -> Generator:
    return tiny_generator()


@pytest.fixture
def renderer(generator: Generator) -> Iterator[FaceRenderer]:
    renderer = FaceRenderer(generator)
    yield renderer
    renderer.close()


def people(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 64)).astype(np.float32)


def test_frames_are_bytes_of_red_green_and_blue(renderer: FaceRenderer) -> None:
    frames = renderer.render(people(3), [{}] * 3)
    assert frames.shape == (3, 32, 32, 3)
    assert frames.dtype == np.uint8
    assert frames.std() > 5


def test_a_batch_of_many_is_what_each_would_be_by_itself(renderer: FaceRenderer) -> None:
    """More than fit in one pass, of different people with different faces."""
    latents = people(11)
    faces = [{"smile": number / 10, "pose": 3.0 * number - 15} for number in range(11)]
    together = renderer.render(latents, faces)
    for number in range(11):
        alone = renderer.render(latents[number : number + 1], [faces[number]])[0]
        assert np.abs(together[number].astype(int) - alone).max() <= 1  # of 255: the order of sums


def test_the_picture_follows_the_attributes_and_the_identity(renderer: FaceRenderer) -> None:
    one, other = people(2)
    calm, smiling, stranger = renderer.render([one, one, other], [{}, {"smile": 1.0}, {}])
    again = renderer.render([one], [{}])[0]
    assert np.array_equal(calm, again)
    assert np.abs(calm.astype(int) - smiling).mean() > 1
    assert np.abs(calm.astype(int) - stranger).mean() > 1


def test_an_identity_is_mapped_once_however_often_it_is_drawn(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer, mapped = FaceRenderer(generator), []
    plain = generator.mapping
    monkeypatch.setattr(generator, "mapping", lambda z, *more: mapped.append(len(z)) or plain(z, *more))
    for smile in (0.0, 0.5, 1.0):
        renderer.render(people(2), [{"smile": smile}] * 2)
    assert mapped == [1, 1]
    renderer.render(people(KEPT_IDENTITIES + 5, seed=2), [{}] * (KEPT_IDENTITIES + 5))
    assert len(renderer._identities) == KEPT_IDENTITIES
    renderer.close()


def test_it_draws_in_one_thread_of_its_own_and_measures_each_pass(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer, threads = FaceRenderer(generator, threads=1), set()
    plain = generator.condition
    monkeypatch.setattr(
        generator, "condition", lambda *given: threads.add(threading.current_thread().name) or plain(*given)
    )
    mine = torch.get_num_threads()

    def encoded(pictures: np.ndarray) -> int:
        threads.add(threading.current_thread().name)
        return len(pictures)

    futures = [renderer.submit(people(2), [{}] * 2, encoded) for _ in range(4)]
    assert [future.result() for future in futures] == [2] * 4
    assert len(threads) == 1
    assert threading.current_thread().name not in threads
    assert renderer.submit([], [], lambda pictures: torch.get_num_threads()).result() == 1
    assert torch.get_num_threads() == mine
    assert renderer.seconds[2] > 0
    renderer.close()


def test_what_does_not_make_pairs_is_refused(renderer: FaceRenderer) -> None:
    with pytest.raises(ValueError, match="2 latents and 1 sets"):
        renderer.render(people(2), [{}])
    with pytest.raises(ValueError, match="64 numbers, not 63"):
        renderer.render(people(1)[:, :63], [{}])
    assert renderer.render([], []).shape == (0, 32, 32, 3)


def test_a_folder_is_loaded_in_the_quickest_format_and_draws_the_same_face(
    generator: Generator, renderer: FaceRenderer, tmp_path: Path
) -> None:
    save_generator(generator, tmp_path, torch.float32)
    loaded = FaceRenderer.load(str(tmp_path), device="cpu")
    assert loaded.dtype == best_dtype("cpu")
    latents = people(2)
    difference = np.abs(loaded.render(latents, [{}] * 2).astype(int) - renderer.render(latents, [{}] * 2))
    assert difference.mean() < 3
    loaded.close()


def test_a_folder_without_a_face_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadWeights, match=r"holds no face generator \(no config.json\); name a folder") as caught:
        FaceRenderer.load(str(tmp_path))
    assert "\n" not in str(caught.value)


# --- pictures for the wire


def smooth_picture() -> np.ndarray:
    x, y = np.meshgrid(np.linspace(0, 1, 64), np.linspace(0, 1, 64))
    return (np.stack([x, y, 0.5 + 0.5 * np.sin(6 * x * y)], axis=2) * 255).astype(np.uint8)


def test_a_frame_comes_back_as_it_was() -> None:
    picture = smooth_picture()
    back = Image.open(io.BytesIO(encode_frame(picture)))
    assert back.format == "JPEG"
    assert np.abs(np.asarray(back).astype(int) - picture).mean() < 3


@pytest.mark.parametrize(("asked", "given"), [(24, 24), (64, 64), (500, 64)])
def test_a_still_has_the_size_asked_for_and_is_never_blown_up(asked: int, given: int) -> None:
    back = Image.open(io.BytesIO(encode_still(smooth_picture(), asked)))
    assert (back.format, back.size) == ("WEBP", (given, given))


# --- whose face


def test_a_face_keeps_its_scene_whatever_the_expression() -> None:
    face = Face(people(1)[0], {"hair_color": 0.4})
    shown = face.showing(dict.fromkeys(EXPRESSION, 0.1) | {"hair_color": 0.9})
    assert shown["hair_color"] == 0.4
    assert shown["smile"] == 0.1


def test_faces_are_told_apart_by_who_and_where() -> None:
    one, other = people(2)
    assert Face(one).key == Face(one.copy()).key
    assert len({Face(one).key, Face(other).key, Face(one, {"hair_color": 0.4}).key}) == 3


def test_a_face_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "face.json"
    path.write_text(json.dumps({"latent": [0.5] * 64, "attributes": {"hair_length": 7}}))
    face = load_face(path, 64)
    assert face.latent.tolist() == [0.5] * 64
    assert face.attributes == {"hair_length": 1.0}
    assert plain_face(64).latent.tolist() == [0.0] * 64


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "describes no face"),
        ("{}", "describes no face"),
        ('{"latent": [1, 2]}', "must be 64 numbers"),
        (json.dumps({"latent": [0.1] * 64, "attributes": {"smile": 1}}), "'smile'"),
        (json.dumps({"latent": [0.1] * 64, "attributes": {"beard": 1}}), "'beard'"),
    ],
)
def test_a_file_that_describes_no_face_is_told_in_one_line(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "face.json"
    path.write_text(content)
    with pytest.raises(BadWeights, match=said) as caught:
        load_face(path, 64)
    assert "\n" not in str(caught.value)
