"""The networks' layers written out in NumPy, float64, from the papers' formulas: the slow twins of core/nets.

Nothing here is shared with the networks. Maps are [B, C, H, W].
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Arrays = dict[str, np.ndarray]


def convolve(x: np.ndarray, weight: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    """Cross-correlation with weight [m, n, k, k] or, for each picture, [B, m, n, k, k]."""
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = sliding_window_view(padded, weight.shape[-2:], (2, 3))[:, :, ::stride, ::stride]
    if weight.ndim == 4:
        weight = np.broadcast_to(weight, (len(x), *weight.shape))
    return np.einsum("bnyxij,bmnij->bmyx", windows, weight)


def spread(x: np.ndarray) -> np.ndarray:
    """A zero after each pixel, both ways."""
    wide = np.zeros((*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3]))
    wide[:, :, ::2, ::2] = x
    return wide


def filtered(x: np.ndarray, kernel: np.ndarray, before: int, after: int, stride: int = 1) -> np.ndarray:
    """Every channel convolved (not correlated) with a kernel, zeros around it."""
    padded = np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)))
    windows = sliding_window_view(padded, kernel.shape, (2, 3))[:, :, ::stride, ::stride]
    return np.einsum("bcyxij,ij->bcyx", windows, kernel[::-1, ::-1])


def leaky(x: np.ndarray, slope: float | np.ndarray = 0.2) -> np.ndarray:
    return np.where(x > 0, x, slope * x)


def column(values: np.ndarray) -> np.ndarray:
    return values.reshape(1, -1, 1, 1)


def normalised(x: np.ndarray, t: Arrays, name: str, epsilon: float = 1e-5) -> np.ndarray:
    """Batch normalisation by its running statistics."""
    mean, variance, weight, bias = (
        t[f"{name}.{part}"].reshape(1, -1, *[1] * (x.ndim - 2)) for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / np.sqrt(variance + epsilon) * weight + bias


def linear(x: np.ndarray, t: Arrays, name: str) -> np.ndarray:
    return x @ t[f"{name}.weight"].T + t[f"{name}.bias"]


def doubled_bilinear(x: np.ndarray) -> np.ndarray:
    """Twice the size: samples a quarter of a pixel off the centres, edges repeated."""
    for axis in (2, 3):
        before = np.concatenate([np.take(x, [0], axis), np.delete(x, -1, axis)], axis)
        after = np.concatenate([np.delete(x, 0, axis), np.take(x, [-1], axis)], axis)
        both = np.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis + 1)
        x = both.reshape(*x.shape[:axis], 2 * x.shape[axis], *x.shape[axis + 1 :])
    return x


def pooled(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    """The largest of each window; rows and columns that fill no whole window are padded with -infinity."""
    rest = [(-(n - size) % stride) for n in x.shape[2:]]
    padded = np.pad(x, ((0, 0), (0, 0), (0, rest[0]), (0, rest[1])), constant_values=-np.inf)
    return sliding_window_view(padded, (size, size), (2, 3))[:, :, ::stride, ::stride].max((-2, -1))


def modulated(x: np.ndarray, w: np.ndarray, t: Arrays, name: str, is_up: bool = False, is_rgb: bool = False) -> np.ndarray:
    """StyleGAN2's convolution: each picture's own weight, modulated and demodulated."""
    weight = t[f"{name}.weight"][0]
    style = w @ t[f"{name}.modulation.weight"].T / np.sqrt(w.shape[1]) + t[f"{name}.modulation.bias"]
    own = weight[None] / np.sqrt(weight[0].size) * style[:, None, :, None, None]
    if not is_rgb:
        own = own / np.sqrt((own**2).sum((2, 3, 4), keepdims=True) + 1e-8)
    if not is_up:
        return convolve(x, own, padding=weight.shape[-1] // 2)
    wide = np.pad(spread(x)[:, :, :-1, :-1], ((0, 0), (0, 0), (2, 2), (2, 2)))
    return filtered(convolve(wide, own[..., ::-1, ::-1]), t[f"{name}.blur.kernel"], 1, 1)


def styled(x: np.ndarray, w: np.ndarray, noise: np.ndarray, t: Arrays, name: str, is_up: bool = False) -> np.ndarray:
    y = modulated(x, w, t, f"{name}.conv", is_up) + t[f"{name}.noise.weight"] * noise
    return leaky(y + column(t[f"{name}.activate.bias"])) * np.sqrt(2)


def to_rgb(x: np.ndarray, w: np.ndarray, skip: np.ndarray | None, t: Arrays, name: str) -> np.ndarray:
    picture = modulated(x, w, t, f"{name}.conv", is_rgb=True) + t[f"{name}.bias"]
    return picture if skip is None else picture + filtered(spread(skip), t[f"{name}.upsample.kernel"], 2, 1)


def mapped(z: np.ndarray, t: Arrays) -> np.ndarray:
    """z -> w."""
    x, layer = z / np.sqrt((z**2).mean(1, keepdims=True) + 1e-8), 1
    while f"style.{layer}.weight" in t:
        weight, bias = t[f"style.{layer}.weight"], t[f"style.{layer}.bias"]
        x = leaky(x @ weight.T * 0.01 / np.sqrt(weight.shape[1]) + bias * 0.01) * np.sqrt(2)
        layer += 1
    return x


def synthesised(rows: np.ndarray, t: Arrays) -> np.ndarray:
    """w+ [B, L, D] -> pictures, with the noise of the tensors."""
    x = np.broadcast_to(t["input.input"], (len(rows), *t["input.input"].shape[1:]))
    x = styled(x, rows[:, 0], t["noises.noise_0"], t, "conv1")
    picture, block = to_rgb(x, rows[:, 1], None, t, "to_rgb1"), 0
    while f"to_rgbs.{block}.bias" in t:
        i = 2 * block
        x = styled(x, rows[:, i + 1], t[f"noises.noise_{i + 1}"], t, f"convs.{i}", is_up=True)
        x = styled(x, rows[:, i + 2], t[f"noises.noise_{i + 2}"], t, f"convs.{i + 1}")
        picture, block = to_rgb(x, rows[:, i + 3], picture, t, f"to_rgbs.{block}"), block + 1
    return picture


def judged(pictures: np.ndarray, t: Arrays) -> np.ndarray:
    """The discriminator's logits of a batch of at most four."""

    def equal(x: np.ndarray, name: str, stride: int = 1, padding: int = 0) -> np.ndarray:
        return convolve(x, t[f"{name}.weight"] / np.sqrt(t[f"{name}.weight"][0].size), stride, padding)

    def biased(x: np.ndarray, name: str) -> np.ndarray:
        return leaky(x + column(t[f"{name}.bias"])) * np.sqrt(2)

    x, block = biased(equal(pictures, "convs.0.0"), "convs.0.1"), 1
    while f"convs.{block}.skip.1.weight" in t:
        name = f"convs.{block}"
        y = biased(equal(x, f"{name}.conv1.0", padding=1), f"{name}.conv1.1")
        y = biased(equal(filtered(y, t[f"{name}.conv2.0.kernel"], 2, 2), f"{name}.conv2.1", stride=2), f"{name}.conv2.2")
        skip = equal(filtered(x, t[f"{name}.skip.0.kernel"], 1, 1), f"{name}.skip.1", stride=2)
        x, block = (y + skip) / np.sqrt(2), block + 1
    deviation = np.sqrt(((x - x.mean(0)) ** 2).mean(0) + 1e-8).mean()
    x = np.concatenate([x, np.full((len(x), 1, *x.shape[2:]), deviation)], 1)
    x = biased(equal(x, "final_conv.0", padding=1), "final_conv.1").reshape(len(x), -1)
    x = x @ t["final_linear.0.weight"].T / np.sqrt(x.shape[1]) + t["final_linear.0.bias"]
    x = leaky(x) * np.sqrt(2)
    return x @ t["final_linear.1.weight"].T / np.sqrt(x.shape[1]) + t["final_linear.1.bias"]


def resnet_features(x: np.ndarray, t: Arrays, is_caffe: bool, prefix: str = "") -> np.ndarray:
    """ResNet's pooled features; the stride of a stage's first block is in the 3x3, or as in Caffe in the first 1x1."""
    x = np.maximum(normalised(convolve(x, t[f"{prefix}conv1.weight"], 2, 3), t, f"{prefix}bn1"), 0)
    if not is_caffe:
        x = np.pad(x, ((0, 0), (0, 0), (1, 0), (1, 0)), constant_values=-np.inf)
    x = pooled(x, 3, 2)
    for stage in range(1, 5):
        block = 0
        while f"{prefix}layer{stage}.{block}.conv1.weight" in t:
            name, stride = f"{prefix}layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            first, second = (stride, 1) if is_caffe else (1, stride)
            y = np.maximum(normalised(convolve(x, t[f"{name}.conv1.weight"], first), t, f"{name}.bn1"), 0)
            y = np.maximum(normalised(convolve(y, t[f"{name}.conv2.weight"], second, 1), t, f"{name}.bn2"), 0)
            y = normalised(convolve(y, t[f"{name}.conv3.weight"]), t, f"{name}.bn3")
            if f"{name}.downsample.0.weight" in t:
                x = normalised(convolve(x, t[f"{name}.downsample.0.weight"], stride), t, f"{name}.downsample.1")
            x, block = np.maximum(x + y, 0), block + 1
    return x.mean((2, 3))


def embedded(x: np.ndarray, t: Arrays) -> np.ndarray:
    """ArcFace's embedding."""
    x = normalised(convolve(x, t["conv1.weight"], padding=1), t, "bn1")
    x = leaky(x, column(t["prelu.weight"]))
    for stage in range(1, 5):
        block = 0
        while f"layer{stage}.{block}.conv1.weight" in t:
            name, stride = f"layer{stage}.{block}", 2 if block == 0 else 1
            y = normalised(convolve(normalised(x, t, f"{name}.bn1"), t[f"{name}.conv1.weight"], padding=1), t, f"{name}.bn2")
            y = leaky(y, column(t[f"{name}.prelu.weight"]))
            y = normalised(convolve(y, t[f"{name}.conv2.weight"], stride, 1), t, f"{name}.bn3")
            if block == 0:
                x = normalised(convolve(x, t[f"{name}.downsample.0.weight"], stride), t, f"{name}.downsample.1")
            x, block = x + y, block + 1
    return normalised(linear(normalised(x, t, "bn2").reshape(len(x), -1), t, "fc"), t, "features")


def decoded(code: np.ndarray, t: Arrays) -> np.ndarray:
    """DECA's displacement map of a code."""
    x = normalised(linear(code, t, "l1.0").reshape(len(code), -1, 8, 8), t, "conv_blocks.0")
    index = 2
    while f"conv_blocks.{index + 1}.running_mean" in t:
        x = convolve(doubled_bilinear(x), t[f"conv_blocks.{index}.weight"], padding=1) + column(t[f"conv_blocks.{index}.bias"])
        x, index = leaky(normalised(x, t, f"conv_blocks.{index + 1}", 0.8)), index + 4
    last = f"conv_blocks.{index - 1}"
    return 0.01 * np.tanh(convolve(x, t[f"{last}.weight"], padding=1) + column(t[f"{last}.bias"]))


def mrf_term(generated: np.ndarray, target: np.ndarray) -> float:
    """ID-MRF's term, patch by patch."""
    total = 0.0
    for ours, theirs in zip(generated, target, strict=True):
        mean = theirs.mean(0)
        q, p = ((x - mean).reshape(len(x), -1).T for x in (ours, theirs))
        q, p = (x / np.sqrt((x**2).sum(1, keepdims=True)) for x in (q, p))
        distance = np.array([[(1 - a @ b) / 2 for b in q] for a in p])
        relative = np.array([[d / (distance[:, j].min() + 1e-5) for j, d in enumerate(row)] for row in distance])
        weight = np.exp((1 - relative) / 0.5)
        weight = weight / weight.sum(0)
        total -= np.log(np.mean([row.max() for row in weight]))
    return total


def vgg_features(x: np.ndarray, t: Arrays, indices: list[int], pools: set[int]) -> np.ndarray:
    """VGG's last map: convolutions with ReLU, and a 2x2 maximum before those in `pools`."""
    mean, deviation = column(np.array([0.485, 0.456, 0.406])), column(np.array([0.229, 0.224, 0.225]))
    x = (x - mean) / deviation
    for index in indices:
        if index in pools:
            x = x.reshape(*x.shape[:2], x.shape[2] // 2, 2, x.shape[3] // 2, 2).max((3, 5))
        x = np.maximum(convolve(x, t[f"{index}.weight"], padding=1) + column(t[f"{index}.bias"]), 0)
    return x
