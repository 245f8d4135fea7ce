"""CLIP behind its interface, and its losses."""

from __future__ import annotations

import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from likeness.core.checkpoints import write_safetensors  # noqa: E402
from likeness.core.clip import losses, model  # noqa: E402
from likeness.core.errors import BackendError, CheckpointError, ModelError  # noqa: E402
from real_open_clip import SIZES, save_random_clip  # noqa: E402
from torch.nn import functional  # noqa: E402


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return save_random_clip(tmp_path_factory.mktemp("clip"))


def test_a_file_of_weights_is_the_network_it_was(saved):
    network, path = saved
    clip = model.load_clip(path)
    assert clip.size == 64
    pictures = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        mean, deviation = (torch.tensor(v).view(3, 1, 1) for v in (clip.mean, clip.deviation))
        expected = network.encode_image((pictures - mean) / deviation, normalize=True)
        assert torch.allclose(clip.encode_image(pictures), expected, atol=1e-6)
        assert torch.allclose(
            clip.encode_text(["older"]), network.encode_text(clip.tokenizer(["older"]), normalize=True), atol=1e-6
        )
        plain = model.load_clip(path, is_quick=False)
        assert not torch.allclose(plain.encode_image(pictures), expected, atol=1e-4)
    assert not any(parameter.requires_grad for parameter in clip.network.parameters())
    texts = clip.encode_text(["a smiling face", "a sad face"])
    assert texts.shape == (2, 32)
    assert not texts.requires_grad
    assert torch.allclose(texts.norm(dim=-1), torch.ones(2))


def test_sizes_are_read_from_the_tensors(saved):
    tensors = {name: tensor.numpy() for name, tensor in saved[0].state_dict().items()}
    assert model.ClipSizes.read(tensors) == SIZES


def test_a_file_that_lacks_a_tensor_or_is_no_clip_is_told_in_one_line(saved, tmp_path):
    tensors = {name: tensor.numpy() for name, tensor in saved[0].state_dict().items() if name != "attn_mask"}
    write_safetensors(tmp_path / "less.safetensors", {k: v for k, v in tensors.items() if k != "ln_final.bias"})
    with pytest.raises(ModelError, match=r"missing \(ln_final\.bias\)"):
        model.load_clip(tmp_path / "less.safetensors")
    np.save(tmp_path / "other.npy", np.zeros(3))
    with pytest.raises(ModelError, match="holds no CLIP"):
        model.load_clip(tmp_path / "other.npy")
    write_safetensors(tmp_path / "other.safetensors", {"visual.conv1.weight": np.zeros((3, 3), np.float32)})
    with pytest.raises(ModelError, match="holds no CLIP"):
        model.load_clip(tmp_path / "other.safetensors")
    (tmp_path / "text").write_text("no weights")
    with pytest.raises(CheckpointError):
        model.load_clip(tmp_path / "text")


def test_what_is_missing_is_said_with_where_to_get_it(tmp_path, monkeypatch):
    with pytest.raises(ModelError, match=r"There is no CLIP file .*download"):
        model.load_clip(tmp_path / "none.safetensors")
    (tmp_path / "some.safetensors").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(BackendError, match="pip install open_clip_torch"):
        model.load_clip(tmp_path / "some.safetensors")


def test_an_open_clip_that_does_not_load_is_one_sentence(tmp_path, monkeypatch):
    def fail(name):
        raise RuntimeError("operator torchvision::nms does not exist")

    (tmp_path / "some.safetensors").write_bytes(b"x")
    monkeypatch.setattr(model.importlib, "import_module", fail)
    with pytest.raises(BackendError, match=r"open_clip is installed .* does not load \(operator torchvision::nms"):
        model.load_clip(tmp_path / "some.safetensors")


@pytest.mark.parametrize("edge", [64, 256])
def test_pictures_are_resampled_as_by_enlarging_seven_times_and_pooling(edge):
    pictures = torch.rand(2, 3, edge, edge, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    slow = functional.avg_pool2d(functional.interpolate(pictures, scale_factor=7, mode="nearest"), edge // 32)
    assert slow.shape[-1] == 224
    assert torch.allclose(losses.fit_pictures(pictures, 224), slow, atol=1e-12)
    assert torch.allclose(losses.fit_pictures(pictures, edge), pictures)
    assert losses.fit_pictures(pictures[..., :50], 30).shape == (2, 3, 30, 30)


def test_the_losses_gradients_equal_differences():
    random = torch.Generator().manual_seed(0)
    pictures, before, words, neutral = (torch.randn(n, 6, generator=random, dtype=torch.float64) for n in (3, 3, 1, 1))
    pictures.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: losses.cosine_loss(x, words), (pictures,))
    for far in (1.0, 0.01):
        moved = (before + far * (pictures.detach() - before)).requires_grad_()
        assert torch.autograd.gradcheck(lambda x: losses.directional_loss(x, before, words, neutral), (moved,))
    assert torch.autograd.gradcheck(lambda x: losses.code_distance(x, before), (pictures,))
    whole = torch.rand(1, 2, 6, 6, generator=random, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: losses.fit_pictures(x, 4), (whole,))


def test_the_losses_know_same_opposite_and_unchanged():
    words = torch.tensor([[1.0, 0.0]])
    assert losses.cosine_loss(3 * words, words) == pytest.approx(0)
    assert losses.cosine_loss(-words, words) == pytest.approx(2)
    neutral, before = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.3, 0.4]])
    assert losses.directional_loss(before, before, words, neutral) == pytest.approx(1)
    assert losses.directional_loss(before + words - neutral, before, words, neutral) == pytest.approx(0, abs=1e-6)
    assert losses.directional_loss(before - words + neutral, before, words, neutral) == pytest.approx(2)
