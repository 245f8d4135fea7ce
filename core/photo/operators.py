"""The tensor operators of the landmark networks in NumPy, for one image at a time.

Images are [C, H, W] float32, whatever order the file uses: then a 1x1 convolution is one matrix product and a
depthwise one is k*k multiply-adds over whole planes, both without gathering.
Padding 'SAME' is TensorFlow's: the output has ceil(size / stride) pixels and the odd pixel of padding is at the end.
"""

from __future__ import annotations

import numpy as np


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after an axis of `size` pixels under TensorFlow's 'SAME' rule."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def pad_image(x: np.ndarray, kernel: tuple[int, int], stride: tuple[int, int], same: bool, value: float = 0.0) -> np.ndarray:
    """x [C, H, W] with a border of `value` as the padding rule asks."""
    if not same:
        return x
    (top, bottom), (left, right) = (same_padding(n, k, s) for n, k, s in zip(x.shape[1:], kernel, stride, strict=True))
    if not (top or bottom or left or right):
        return x
    channels, height, width = x.shape
    padded = np.full((channels, top + height + bottom, left + width + right), value, x.dtype)
    padded[:, top : top + height, left : left + width] = x
    return padded


def pad_planes(x: np.ndarray, before: tuple[int, int, int], after: tuple[int, int, int]) -> np.ndarray:
    """x [C, H, W] with zeros before and after along each of its axes."""
    padded = np.zeros([b + n + a for b, n, a in zip(before, x.shape, after, strict=True)], x.dtype)
    padded[tuple(slice(b, b + n) for b, n in zip(before, x.shape, strict=True))] = x
    return padded


def conv2d(x: np.ndarray, weights: np.ndarray, bias: np.ndarray, stride: tuple[int, int], same: bool) -> np.ndarray:
    """Cross-correlation: x [C, H, W], weights [O, kh, kw, C], bias [O] -> [O, H', W']."""
    outputs, kh, kw, channels = weights.shape
    if kh == kw == 1 and stride == (1, 1):
        product = weights.reshape(outputs, channels) @ x.reshape(channels, -1)
        product += bias[:, None]
        return product.reshape(outputs, *x.shape[1:])
    windows = _windows(pad_image(x, (kh, kw), stride, same), (kh, kw), stride)
    height, width = windows.shape[1:3]
    columns = windows.transpose(3, 4, 0, 1, 2).reshape(kh * kw * channels, height * width)
    product = weights.reshape(outputs, -1) @ columns
    product += bias[:, None]
    return product.reshape(outputs, height, width)


def depthwise_conv2d(x: np.ndarray, weights: np.ndarray, bias: np.ndarray, stride: tuple[int, int], same: bool) -> np.ndarray:
    """One kernel per channel: x [C, H, W], weights [1, kh, kw, C], bias [C] -> [C, H', W']."""
    _, kh, kw, channels = weights.shape
    padded = pad_image(x, (kh, kw), stride, same)
    taps = weights.reshape(kh * kw, channels)
    if stride == (1, 1):
        return _depthwise_dense(padded, taps, bias, kh, kw)
    windows = _windows(padded, (kh, kw), stride)
    total = np.empty(windows.shape[:3], np.float32)
    total[:] = bias[:, None, None]
    for tap in range(kh * kw):
        total += windows[:, :, :, tap // kw, tap % kw] * taps[tap][:, None, None]
    return total


def _depthwise_dense(padded: np.ndarray, taps: np.ndarray, bias: np.ndarray, kh: int, kw: int) -> np.ndarray:
    """Stride 1: every tap is one contiguous run of each plane; rows run over into the next, and the surplus is cut off."""
    channels, rows, columns = padded.shape
    height, width = rows - kh + 1, columns - kw + 1
    planes = padded.reshape(channels, -1)
    length = (height - 1) * columns + width
    total = np.empty((channels, height * columns), np.float32)
    run = total[:, :length]
    product = np.empty((channels, length), np.float32)
    np.multiply(planes[:, :length], taps[0][:, None], out=run)
    run += bias[:, None]
    for tap in range(1, kh * kw):
        start = tap // kw * columns + tap % kw
        np.multiply(planes[:, start : start + length], taps[tap][:, None], out=product)
        run += product
    return total.reshape(channels, height, columns)[:, :, :width]


def max_pool(x: np.ndarray, kernel: tuple[int, int], stride: tuple[int, int], same: bool) -> np.ndarray:
    """x [C, H, W] -> the largest value of every window; padding never wins."""
    windows = _windows(pad_image(x, kernel, stride, same, -np.inf), kernel, stride)
    largest = windows[:, :, :, 0, 0].copy()
    for tap in range(1, kernel[0] * kernel[1]):
        np.maximum(largest, windows[:, :, :, tap // kernel[1], tap % kernel[1]], out=largest)
    return largest


def _windows(x: np.ndarray, kernel: tuple[int, int], stride: tuple[int, int]) -> np.ndarray:
    """A view of x [C, H, W]: [C, H', W', kh, kw]."""
    views = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(1, 2))  # type: ignore[call-overload]
    return views[:, :: stride[0], :: stride[1]]


def prelu(x: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """x [C, H, W] where positive, slope [C] * x where negative; every slope at most 1 (then it is the larger of the two)."""
    scaled = x * slope[:, None, None]
    return np.maximum(x, scaled, out=scaled)


def prelu_steep(x: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """prelu for any slope."""
    return np.where(x > 0, x, x * slope[:, None, None])


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def landmarks_to_matrix(points: np.ndarray, options: dict) -> np.ndarray:
    """The square window around some landmarks, as a matrix from window pixels to landmark units.

    points [1, N, 3]; options: left_rotation_idx, right_rotation_idx, subset_idxs (points to enclose),
    scale_x, scale_y (how much larger the window is than them), output_width, output_height (pixels),
    target_rotation_radians. The window is turned so that left -> right is at the target angle. Returns [1, 4, 4].
    """
    xy = points[0, :, :2].astype(np.float64)
    dx, dy = xy[options["right_rotation_idx"]] - xy[options["left_rotation_idx"]]
    turn = np.arctan2(dy, dx) - options["target_rotation_radians"]
    axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    enclosed = xy[options["subset_idxs"]] @ axes
    low, high = enclosed.min(0), enclosed.max(0)
    pixels = np.array([options["output_width"], options["output_height"]], np.float64)
    scale = np.array([options["scale_x"], options["scale_y"]]) * (high - low) / pixels
    matrix = np.eye(4, dtype=np.float32)
    matrix[:2, :2] = axes * scale
    matrix[:2, 3] = axes @ ((low + high) / 2) - axes * scale @ (pixels / 2)
    return matrix[None]


def transform_image(x: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear resampling: x [C, H, W], matrix [1, 4, 4] from output to input pixels, size (height, width) -> [C, height, width].

    Pixel centres are at half-integers on both sides; what falls outside the input's outermost centres is 0.
    """
    channels, rows, columns = x.shape
    v, u = np.mgrid[: size[0], : size[1]] + 0.5
    (a, b, _, c), (d, e, _, f) = matrix[0, :2].astype(np.float64)
    px, py = (a * u + b * v + c - 0.5).ravel(), (d * u + e * v + f - 0.5).ravel()
    is_inside = (px >= 0) & (px <= columns - 1) & (py >= 0) & (py <= rows - 1)
    px, py = np.where(is_inside, px, 0), np.where(is_inside, py, 0)
    left, top = np.floor(px).astype(np.intp), np.floor(py).astype(np.intp)
    right, bottom = np.minimum(left + 1, columns - 1), np.minimum(top + 1, rows - 1)
    fx, fy = (px - left).astype(np.float32), (py - top).astype(np.float32)
    planes = x.reshape(channels, -1)
    upper = planes[:, top * columns + left] * (1 - fx) + planes[:, top * columns + right] * fx
    lower = planes[:, bottom * columns + left] * (1 - fx) + planes[:, bottom * columns + right] * fx
    return ((upper * (1 - fy) + lower * fy) * is_inside).astype(np.float32).reshape(channels, *size)


def transform_points(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """points [1, N, 2], matrix [1, 4, 4] -> [1, N, 2]."""
    return points @ matrix[0, :2, :2].T + matrix[0, :2, 3]
