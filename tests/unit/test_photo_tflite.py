"""The network runner: parsers, every operator against a plain reference, damaged files, parity with MediaPipe."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from likeness.core import config
from likeness.core.errors import ModelError
from likeness.core.photo import networks, operators
from likeness.core.photo.build import extract_networks
from likeness.core.photo.detector import detect_in_window, whole_photo
from likeness.core.photo.flatbuffer import Table, read_flex_map, read_root
from likeness.core.photo.landmarks import read_mesh
from likeness.core.photo.tflite import load_network, parse_network

GOLDEN = Path(__file__).parent.parent / "golden" / "mediapipe_0.10.21_astronaut.npz"


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    import skimage.data

    return skimage.data.astronaut()


@pytest.fixture(scope="module")
def landmarker_bytes() -> bytes:
    return (config.ASSETS_DIR / networks.FACE_LANDMARKER.name).read_bytes()


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(7)


def test_a_hand_made_flatbuffer_is_read():
    vtable = struct.pack("<HHHHH", 10, 16, 4, 0, 8)
    table = struct.pack("<iIII", len(vtable), 7, 8, 0)
    vector = struct.pack("<I3i", 3, 1, -2, 3)
    data = (
        struct.pack("<I", 8 + len(vtable)) + b"TEST" + vtable + table[:8] + struct.pack("<I", 8) + struct.pack("<I", 0) + vector
    )
    root = read_root(data, b"TEST")
    assert root.scalar(0, "<I") == 7
    assert root.scalar(1, "<I", 5) == 5, "an absent field has its default"
    assert root.scalar(9, "<i", -1) == -1, "a field that the file's schema does not know has its default"
    assert root.array(2, "<i4").tolist() == [1, -2, 3]
    assert root.array(1, "<i4").size == 0


def test_a_flatbuffer_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="identifier"):
        read_root(b"\0" * 16, b"TFL3")


def test_offsets_outside_the_buffer_raise():
    with pytest.raises((IndexError, struct.error)):
        Table(b"\xff\xff\xff\x7f" * 4, 4).scalar(0, "<i")


def test_a_hand_made_flexbuffer_map_is_read():
    keys = b"count\0list\0scale\0"
    vector_at = len(keys)
    buffer = keys + bytes([3]) + bytes([5, 250, 7])
    key_vector_at = len(buffer) + 1
    buffer += bytes([3]) + bytes([key_vector_at - 0, key_vector_at + 1 - 6, key_vector_at + 2 - 11])
    buffer += b"\0" * (-(len(buffer)) % 4)
    values_at = len(buffer) + 12
    buffer += struct.pack("<III", len(buffer) - key_vector_at, 1, 3)
    buffer += struct.pack("<i", -9) + struct.pack("<I", values_at + 4 - (vector_at + 1)) + struct.pack("<f", 1.5)
    buffer += bytes([1 << 2 | 2, 11 << 2 | 0, 3 << 2 | 2])
    buffer += bytes([len(buffer) - values_at, 9 << 2 | 2, 1])
    assert read_flex_map(buffer) == {"count": -9, "list": [5, -6, 7], "scale": 1.5}


def test_an_empty_flexbuffer_is_an_empty_map():
    assert read_flex_map(b"") == {}


def convolve_plainly(x, weights, bias, stride, same):
    """x [C, H, W], weights [O, kh, kw, C]: loops over every output pixel."""
    outputs, kh, kw, _ = weights.shape
    if same:
        pads = [operators.same_padding(n, k, s) for n, k, s in zip(x.shape[1:], (kh, kw), stride, strict=True)]
        x = np.pad(x, [(0, 0), *pads])
    height, width = (x.shape[1] - kh) // stride[0] + 1, (x.shape[2] - kw) // stride[1] + 1
    result = np.empty((outputs, height, width))
    for o in range(outputs):
        for i in range(height):
            for j in range(width):
                window = x[:, i * stride[0] : i * stride[0] + kh, j * stride[1] : j * stride[1] + kw]
                result[o, i, j] = (window * weights[o].transpose(2, 0, 1)).sum() + bias[o]
    return result


CONVOLUTIONS = [((1, 1), (1, 1)), ((3, 3), (1, 1)), ((3, 3), (2, 2)), ((5, 5), (2, 2)), ((2, 2), (2, 2)), ((3, 2), (1, 2))]


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("kernel,stride", CONVOLUTIONS)
def test_conv2d_is_the_plain_sum(random, kernel, stride, same):
    x = random.standard_normal((3, 9, 10)).astype(np.float32)
    weights = random.standard_normal((4, *kernel, 3)).astype(np.float32)
    bias = random.standard_normal(4).astype(np.float32)
    expected = convolve_plainly(x, weights, bias, stride, same)
    np.testing.assert_allclose(operators.conv2d(x, weights, bias, stride, same), expected, atol=2e-5)


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("kernel,stride", CONVOLUTIONS)
def test_depthwise_conv2d_is_conv2d_of_each_channel(random, kernel, stride, same):
    x = random.standard_normal((5, 8, 9)).astype(np.float32)
    weights = random.standard_normal((1, *kernel, 5)).astype(np.float32)
    bias = random.standard_normal(5).astype(np.float32)
    expected = [convolve_plainly(x[c : c + 1], weights[..., c : c + 1], bias[c : c + 1], stride, same)[0] for c in range(5)]
    np.testing.assert_allclose(operators.depthwise_conv2d(x, weights, bias, stride, same), expected, atol=2e-5)


def test_convolutions_agree_with_torch_at_the_networks_sizes(random):
    torch = pytest.importorskip("torch")
    x = random.standard_normal((16, 96, 96)).astype(np.float32)
    weights = random.standard_normal((16, 3, 3, 1)).astype(np.float32)
    bias = random.standard_normal(16).astype(np.float32)
    tensors = torch.tensor(x)[None], torch.tensor(weights.transpose(0, 3, 1, 2).copy()), torch.tensor(bias)
    expected = torch.nn.functional.conv2d(*tensors, padding=1, groups=16)[0].numpy()
    depthwise = operators.depthwise_conv2d(x, weights.transpose(3, 1, 2, 0).copy(), bias, (1, 1), True)
    np.testing.assert_allclose(depthwise, expected, atol=1e-4)


@pytest.mark.parametrize(
    "size,kernel,stride,expected", [(192, 3, 2, (0, 1)), (96, 3, 1, (1, 1)), (128, 5, 2, (1, 2)), (9, 2, 2, (0, 1))]
)
def test_same_padding_is_tensorflows(size, kernel, stride, expected):
    assert operators.same_padding(size, kernel, stride) == expected


def test_max_pool_of_negative_values_ignores_its_padding():
    x = -np.arange(1, 10, dtype=np.float32).reshape(1, 3, 3)
    assert operators.max_pool(x, (2, 2), (2, 2), True).tolist() == [[[-1, -3], [-7, -9]]]


def test_prelu_keeps_the_positive_and_scales_the_negative():
    x = np.array([[[-2.0, 3.0]], [[-2.0, 3.0]]], np.float32)
    slope = np.array([0.25, -1.0], np.float32)
    assert operators.prelu(x, slope).tolist() == [[[-0.5, 3.0]], [[2.0, 3.0]]]
    assert operators.prelu_steep(x, np.array([3.0, 0.0], np.float32)).tolist() == [[[-6.0, 3.0]], [[0.0, 3.0]]]


def test_pad_planes_is_numpys_pad(random):
    x = random.standard_normal((2, 3, 4)).astype(np.float32)
    assert np.array_equal(operators.pad_planes(x, (0, 1, 2), (3, 0, 1)), np.pad(x, ((0, 3), (1, 0), (2, 1))))


def test_transform_image_is_scipys_interpolation_inside_and_zero_outside(random):
    from scipy.ndimage import map_coordinates

    x = random.standard_normal((3, 12, 14)).astype(np.float32)
    matrix = np.eye(4, dtype=np.float32)[None]
    matrix[0, :2] = [[1.4, -0.5, 0, 2.0], [0.6, 1.2, 0, -1.0]]
    result = operators.transform_image(x, matrix, (8, 9))
    v, u = np.mgrid[:8, :9] + 0.5
    px, py = 1.4 * u - 0.5 * v + 2.0 - 0.5, 0.6 * u + 1.2 * v - 1.0 - 0.5
    is_inside = (px >= 0) & (px <= 13) & (py >= 0) & (py <= 11)
    assert 0.2 < is_inside.mean() < 0.9, "the case must have both"
    for channel in range(3):
        expected = np.where(is_inside, map_coordinates(x[channel], [py, px], order=1, mode="nearest"), 0)
        np.testing.assert_allclose(result[channel], expected, atol=1e-5)


def test_the_window_around_landmarks_encloses_them_level_and_centred(random):
    angle = 0.4
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    level = np.array([[-3.0, 0], [3, 0], [0, -1], [0, 1]])
    points = np.zeros((1, 4, 3), np.float32)
    points[0, :, :2] = level @ turn.T + (20, 30)
    options = {
        "left_rotation_idx": 0, "right_rotation_idx": 1, "subset_idxs": [0, 1, 2, 3], "scale_x": 1.5, "scale_y": 1.5,
        "output_width": 16, "output_height": 8, "target_rotation_radians": 0.0,
    }  # fmt: skip
    matrix = operators.landmarks_to_matrix(points, options)
    window = np.array([[[8.0, 4.0], [8 - 16 / 3, 4.0], [8.0, 4 + 8 / 3]]], np.float32)
    expected = np.array([[0, 0], [-3, 0], [0, 1]]) @ turn.T + (20, 30)
    np.testing.assert_allclose(operators.transform_points(window, matrix)[0], expected, atol=1e-4)


def test_the_mesh_network_answers_as_mediapipe(portrait):
    """MediaPipe 0.10.21's own answer for the same 192x192 pixels; both are float32."""
    reading = read_mesh(portrait[40:232, 130:322], ("p_re_lu_19",))
    np.testing.assert_allclose(reading.points, np.load(GOLDEN)["points"], atol=1e-3)
    assert reading.presence > 0.99
    assert reading.layers["p_re_lu_19"].shape == (32, 3, 3)


def test_the_detector_answers_as_mediapipe(portrait):
    golden = np.load(GOLDEN)
    (face,) = detect_in_window(np.ascontiguousarray(portrait[64:192, 160:288]), whole_photo((128, 128)))
    np.testing.assert_allclose(face.box_px, golden["box"], atol=1e-3)
    np.testing.assert_allclose(face.keypoints, golden["keypoints"], atol=1e-3)
    assert face.score == pytest.approx(float(golden["score"]), abs=1e-5)


def test_an_image_of_the_wrong_size_is_refused(landmarker_bytes):
    with pytest.raises(ValueError, match="192"):
        parse_network(landmarker_bytes).run(np.zeros((64, 64, 3), np.float32))


@pytest.mark.parametrize("length", [0, 1, 7, 8, 100, 5_000, 200_000, 2_000_000])
def test_a_truncated_network_gives_a_model_error(tmp_path, landmarker_bytes, length):
    path = tmp_path / "short.tflite"
    path.write_bytes(landmarker_bytes[:length])
    with pytest.raises(ModelError, match="make assets"):
        load_network(path)


def test_a_network_with_broken_bytes_is_refused_or_still_a_network(landmarker_bytes, random):
    """Damage to the tables must never raise anything but ModelError (damage to weights alone cannot be seen here)."""
    refused = 0
    for _ in range(60):
        data = bytearray(landmarker_bytes)
        for position in random.integers(len(data) - 150_000, len(data), 400):
            data[position] = random.integers(256)
        try:
            parse_network(bytes(data))
        except ModelError:
            refused += 1
    assert refused > 30


def test_a_missing_network_gives_a_model_error(tmp_path):
    with pytest.raises(ModelError, match="missing"):
        load_network(tmp_path / "none.tflite")


def test_a_network_of_another_version_gives_a_model_error(tmp_path, monkeypatch):
    for file in (networks.FACE_DETECTOR, networks.FACE_LANDMARKER):
        (tmp_path / file.name).write_bytes((config.ASSETS_DIR / file.name).read_bytes())
    changed = tmp_path / networks.FACE_DETECTOR.name
    changed.write_bytes(changed.read_bytes() + b"\0")
    monkeypatch.setattr(config, "ASSETS_DIR", tmp_path)
    networks.open_network.cache_clear()
    try:
        assert networks.open_network(networks.FACE_LANDMARKER).input_shape == (192, 192, 3)
        with pytest.raises(ModelError, match="not the one"):
            networks.open_network(networks.FACE_DETECTOR)
    finally:
        networks.open_network.cache_clear()


def test_the_build_refuses_another_wheel(tmp_path):
    from zipfile import ZipFile

    with pytest.raises(ModelError, match=r"mediapipe 0\.10\.21"):
        extract_networks(tmp_path / "none.whl", tmp_path / "out")
    wheel = tmp_path / "mediapipe.whl"
    with ZipFile(wheel, "w") as archive:
        for file in (networks.FACE_DETECTOR, networks.FACE_LANDMARKER):
            archive.writestr(file.wheel_path, b"something else")
        archive.writestr("mediapipe-0.10.21.dist-info/LICENSE", b"a licence")
    with pytest.raises(ModelError, match="download the wheel again"):
        extract_networks(wheel, tmp_path / "out")
    assert not (tmp_path / "out").exists(), "nothing is written from a wrong wheel"
