"""Importing official network files, and refusing what is none; the other side is a small network of the same arithmetic."""

from __future__ import annotations

import os
import pickle
import struct
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from stylegan.__main__ import main
from stylegan.errors import BadWeights
from stylegan.generator import load_generator
from stylegan.inert_pickle import Inert, read_pickle
from stylegan.official import import_official
from tests.stylegan.official_network import Persistent, save_official, small_official


def latents(count: int = 3) -> Tensor:
    return torch.randn(count, 16, generator=torch.Generator().manual_seed(2))


def refused(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that the command says about a file it refuses; no folder is written."""
    out = path.parent / "refused"
    assert main(["import", str(path), "--out", str(out)]) == 1
    assert not out.exists()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith(f"error: {path} cannot be imported: ")
    return said.err


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_an_imported_network_paints_the_same_pictures(tmp_path: Path, protocol: int) -> None:
    official = small_official()
    path = save_official(official, tmp_path / "network.pkl", protocol)
    assert main(["import", str(path), "--out", str(tmp_path / "face")]) == 0
    generator = load_generator(tmp_path / "face")
    for psi in (1.0, 0.6):
        with torch.no_grad():
            ours = generator(latents(), generator.attribute_tensor([{"smile": 1.0}] * 3), psi)
            theirs = official(latents(), psi)
        assert theirs.std() > 0.5  # a picture, not a plane
        assert (ours - theirs).abs().max() < 1e-3


def test_the_shape_of_the_network_is_read_from_the_file(tmp_path: Path) -> None:
    config = import_official(save_official(small_official(), tmp_path / "network.pkl")).config
    assert (config.resolution, config.latent_dim, config.w_dim, config.mapping_layers) == (32, 16, 24, 3)
    assert (config.mapping_rate, config.noise, config.clamp) == (0.01, True, None)
    assert config.channels == {4: 12, 8: 12, 16: 8, 32: 6}


@pytest.mark.parametrize(("clamp", "noise"), [(0.5, True), (256.0, False)])
def test_clamped_activations_and_missing_noise_are_taken_over(tmp_path: Path, clamp: float, noise: bool) -> None:
    official = small_official(clamp, noise)
    generator = import_official(save_official(official, tmp_path / "network.pkl"))
    with torch.no_grad():
        ours = generator(latents(), generator.attribute_tensor([{}] * 3))
        assert (ours - official(latents())).abs().max() < 1e-3
    assert generator.config.clamp == clamp


@pytest.mark.parametrize("prefix", ["", "G_ema."])
def test_plain_tensors_under_official_names_are_read_from_safetensors(tmp_path: Path, prefix: str) -> None:
    official = small_official()
    tensors = {prefix + name: tensor.contiguous() for name, tensor in official.state_dict().items()}
    save_file(tensors, tmp_path / "network.safetensors")
    generator = import_official(tmp_path / "network.safetensors")
    with torch.no_grad():
        ours = generator(latents(), generator.attribute_tensor([{}] * 3))
        assert (ours - official(latents())).abs().max() < 1e-3


def test_the_attribute_network_of_an_imported_generator_changes_nothing_yet(tmp_path: Path) -> None:
    generator = import_official(save_official(small_official(), tmp_path / "network.pkl"))
    w = generator.mapping(latents())
    asked = generator.attribute_tensor([{"pose": 40.0, "mouth": 1.0}] * 3)
    assert torch.equal(generator.condition(w, asked), w)


# -- hostile and damaged files -------------------------------------------------------------------------------------------


class Calls:
    """Pickles as the call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.arguments


@pytest.mark.parametrize("place", ["whole", "G_ema", "D", "inside"])
@pytest.mark.parametrize("function", [os.system, eval, exec, getattr, __import__, torch.load])
def test_a_file_that_calls_something_is_refused_and_nothing_is_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], function: Any, place: str
) -> None:
    touched = tmp_path / "touched"
    argument = f"touch {touched}" if function is os.system else f"open({str(touched)!r}, 'w')"
    call = Calls(function, argument)
    network = small_official(resolution=8)
    network.synthesis.b8.conv1.extra = call if place == "inside" else None
    path = save_official(network, tmp_path / "network.pkl")
    if place != "inside":
        with path.open("wb") as file:
            pickle.dump(call if place == "whole" else {"G_ema": None, place: call}, file)
    assert "nothing was executed" in refused(path, capsys)
    assert not touched.exists()


def test_code_hidden_in_a_tensor_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    touched = tmp_path / "touched"
    inner = pickle.dumps(Calls(os.system, f"touch {touched}"))
    network = small_official(resolution=8)
    network.synthesis.b8.conv1._buffers["noise_const"] = Calls(
        torch._utils._rebuild_tensor_v2, Calls(torch.storage._load_from_bytes, inner), 0, (8, 8), (8, 1), False, None
    )
    path = save_official(network, tmp_path / "network.pkl")
    assert "nothing was executed" in refused(path, capsys)
    assert not touched.exists()


def stored(count: int, raw: bytes, claimed: int | None = None) -> bytes:
    """What torch.save writes of a storage of float32, with another size claimed."""

    class Key(pickle.Pickler):
        def persistent_id(self, value: Any) -> Any:
            return value if isinstance(value, tuple) and value and value[0] == "storage" else None

    import io

    file = io.BytesIO()
    for header in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(header, file, 2)
    Key(file, 2).dump(("storage", torch.FloatStorage, "0", "cpu", claimed or count, None))
    pickle.dump(["0"], file, 2)
    return file.getvalue() + struct.pack("<q", claimed or count) + raw


@pytest.mark.parametrize(
    ("size", "stride", "storage"),
    [
        ((10**7, 10**7), (0, 0), stored(4, bytes(16))),  # a view far larger than what is stored
        ((8, 8), (8, 1), stored(4, bytes(16))),  # beyond the end
        ((8, 8), (8, 1), stored(4, bytes(16), claimed=10**15)),  # a storage that claims to be huge
        ((-8, 8), (8, 1), stored(64, bytes(256))),
        ((8, 8), (8, 1), b"no storage"),
    ],
)
def test_a_tensor_that_claims_more_than_is_stored_is_refused_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], size: Any, stride: Any, storage: bytes
) -> None:
    network = small_official(resolution=8)
    network.synthesis.b8.conv1._buffers["noise_const"] = Calls(
        torch._utils._rebuild_tensor_v2, Calls(torch.storage._load_from_bytes, storage), 0, size, stride, False, None
    )
    began = time.monotonic()
    assert "noise_const" in refused(save_official(network, tmp_path / "network.pkl"), capsys) or b"no" in storage
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04\x8e" + (1 << 62).to_bytes(8, "little") + b"x.",  # bytes that claim to be huge
        b"\x80\x04Nr\xff\xff\xff\xff.",  # a memo index that would make a table of gigabytes
        b"\x80\x04" + b"]" * 200_000 + b"a" * 100_000,  # very deep, and cut off
        b"\x80\x04" + b")\x86" * 40 + b".",
        b"I" + b"9" * 100_000 + b"\n.",
        b"cos\nsystem\n(S'true'\ntR.",
        b"\x80\x04\x82\x01.",  # an extension code
        b"",
        b"\x80",
        b".",
        b"<!DOCTYPE html><title>404</title>",
        bytes(range(256)) * 40,
        b"PK\x03\x04" + bytes(100),
        b"\x10\x00\x00\x00\x00\x00\x00\x00{" + bytes(40),
    ],
)
def test_what_is_no_network_pickle_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(data)
    refused(path, capsys)


def test_keys_that_are_slow_to_hash_are_refused() -> None:
    nested = b"\x80\x04)" + b"".join(b"\x94h" + bytes([n]) + b"\x86" for n in range(60))
    with pytest.raises(BadWeights, match="keys other than texts"):
        read_pickle(b"\x80\x04}" + nested[2:] + b"Ns.", lambda name: False)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], kept: float) -> None:
    path = save_official(small_official(resolution=8), tmp_path / "network.pkl")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    assert "no whole pickle" in refused(path, capsys)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "No such file" in refused(tmp_path / "missing.pkl", capsys)
    (tmp_path / "folder").mkdir()
    assert "directory" in refused(tmp_path / "folder", capsys)


# -- other networks ------------------------------------------------------------------------------------------------------


def test_a_stylegan3_network_is_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = small_official(resolution=8)
    network.synthesis.input = Persistent()
    network.synthesis.input.register_buffer("freqs", torch.zeros(4, 2))
    assert "StyleGAN3" in refused(save_official(network, tmp_path / "network.pkl"), capsys)


def test_a_network_with_classes_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = small_official(resolution=8)
    network.mapping.embed = Persistent()
    network.mapping.embed.weight = torch.nn.Parameter(torch.zeros(4, 2))
    assert "classes" in refused(save_official(network, tmp_path / "network.pkl"), capsys)


def test_a_tensorflow_network_is_refused_with_the_way_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(b"\x80\x03cdnnlib.tflib.network\nNetwork\n)\x81.")
    assert "legacy.py" in refused(path, capsys)


def test_a_missing_resolution_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = small_official()
    del network.synthesis.b16
    assert "resolutions [4, 8, 32]" in refused(save_official(network, tmp_path / "network.pkl"), capsys)


def test_tensors_of_the_wrong_shape_or_with_nan_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = small_official()
    network.synthesis.b16.conv0.weight = torch.nn.Parameter(torch.zeros(5, 5, 3, 3))
    said = refused(save_official(network, tmp_path / "network.pkl"), capsys)
    assert "synthesis.b16.conv0.weight has the shape (5, 5, 3, 3); (8, 12, 3, 3) is expected" in said
    network = small_official()
    network.synthesis.b8.torgb.bias.data[0] = float("nan")
    assert "synthesis.b8.torgb.bias" in refused(save_official(network, tmp_path / "network.pkl"), capsys)
    network = small_official()
    network.synthesis.b8.resample_filter = torch.ones(4, 4) / 16
    assert "filter" in refused(save_official(network, tmp_path / "network.pkl"), capsys)


def test_a_file_without_the_averaged_generator_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(pickle.dumps({"state_dict": {"weight": 1.0}}))
    assert "G_ema" in refused(path, capsys)


def test_what_a_pickle_would_build_stays_a_record() -> None:
    found = read_pickle(pickle.dumps([{1, 2}, Calls(os.system, "true")]), lambda name: True)
    assert found[0] == {1, 2}
    assert isinstance(found[1], Inert)
    assert found[1].arguments == ("true",)
