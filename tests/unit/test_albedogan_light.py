"""Spherical harmonics, lamps and the removal of light against formulas written out in float64, and their gradients."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the paper's method needs PyTorch, which is optional")

from likeness.core.albedogan import lamps, light_removal  # noqa: E402
from likeness.core.albedogan import spherical_harmonics as sh  # noqa: E402
from likeness.core.render.shading import shade  # noqa: E402

torch.set_num_threads(1)


def directions(count: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def random_light(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((9, 3))


def shading_by_hand(normal: np.ndarray, light: np.ndarray) -> np.ndarray:
    """The nine terms with the constants as the papers print them."""
    x, y, z = normal
    terms = [1, x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1]
    constants = [0.28209479, *[1.02332671] * 3, *[0.85808553] * 3, 0.42904276, 0.24770795]
    return sum(c * term * row for c, term, row in zip(constants, terms, light, strict=True))


def test_shading_is_the_sum_of_nine_harmonics():
    normals, light = directions(40), np.stack([random_light(1), random_light(2)])
    given = torch.from_numpy(np.stack([normals, normals]))
    found = sh.shade(given, torch.from_numpy(light)).numpy()
    expected = np.array([[shading_by_hand(normal, one) for normal in normals] for one in light])
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
    as_maps = given.reshape(2, 5, 8, 3).permute(0, 3, 1, 2)
    maps = sh.shade_map(as_maps, torch.from_numpy(light)).permute(0, 2, 3, 1).reshape(2, 40, 3)
    assert np.allclose(maps.numpy(), found, atol=1e-12)
    assert np.allclose(light_removal.harmonics(normals) @ light[0], found[0], atol=1e-12)


def test_a_light_of_one_over_the_first_constant_shades_with_one():
    assert np.allclose(sh.shade(torch.from_numpy(directions(9))[None], torch.from_numpy(sh.ambient())[None]), 1)


def test_gradients_flow_to_normals_and_light():
    given = (torch.from_numpy(directions(6))[None].requires_grad_(), torch.from_numpy(random_light())[None].requires_grad_())
    assert torch.autograd.gradcheck(sh.shade, given)


def test_a_light_converted_to_ours_shades_the_same_and_comes_back():
    normals, light = directions(200), random_light(3) * 0.1 + sh.ambient()
    ours = shade(normals, sh.light_to_ours(light))
    assert np.allclose(ours, sh.shade(torch.from_numpy(normals)[None], torch.from_numpy(light)[None])[0].numpy(), atol=1e-6)
    assert np.allclose(sh.light_from_ours(sh.light_to_ours(light)), light, atol=1e-12)


def test_a_turned_light_shades_turned_normals_as_before():
    rotation = np.linalg.qr(np.random.default_rng(4).standard_normal((3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    normals, light = directions(50), random_light(5)
    before = light_removal.harmonics(normals) @ light
    after = light_removal.harmonics(normals @ rotation.T) @ sh.rotate_light(light, rotation)
    assert np.allclose(before, after, atol=1e-9)


def test_what_a_blend_of_lights_shows_is_the_blend_of_what_they_show():
    normals, first, second = directions(20), random_light(1), random_light(2)
    blended = light_removal.harmonics(normals) @ sh.blend_lights(first, second, 0.3)
    expected = 0.7 * light_removal.harmonics(normals) @ first + 0.3 * light_removal.harmonics(normals) @ second
    assert np.allclose(blended, expected)


def test_lamps_shade_by_the_cosine():
    normals, positions = directions(12), 0.1 * directions(12, 1)
    sources = np.random.default_rng(2).standard_normal((1, 3, 6))
    given = [torch.from_numpy(value) for value in (positions[None], normals[None], sources)]
    distant, near = np.zeros((12, 3)), np.zeros((12, 3))
    for n in range(12):
        for source in sources[0]:
            towards = source[:3] / np.linalg.norm(source[:3])
            distant[n] += np.clip(normals[n] @ towards, 0, 1) * source[3:] / 3
            reach = source[:3] - positions[n]
            near[n] += normals[n] @ reach / np.linalg.norm(reach) * source[3:] / 3
    assert np.allclose(lamps.directional_shading(given[1], given[2])[0].numpy(), distant)
    assert np.allclose(lamps.point_shading(*given)[0].numpy(), near)


def lit_ball(size: int = 96) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Albedo with spots, normals of the front of a ball, a light, and the texture that they make."""
    y, x = np.mgrid[-0.95 : 0.95 : size * 1j, -0.95 : 0.95 : size * 1j]
    z = np.sqrt(np.maximum(2.0 - x * x - y * y, 0.05))
    normals = np.stack([x, -y, z], -1)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    albedo = np.broadcast_to([0.6, 0.45, 0.38], (size, size, 3)).copy()
    albedo[30:40, 20:70] *= 0.5
    light = sh.ambient() * [0.8, 0.75, 0.7]
    light[1], light[2], light[3] = 0.25, 0.1, 0.2
    return albedo, normals, light, albedo * (light_removal.harmonics(normals) @ light)


def test_the_light_on_a_texture_is_found_beside_dark_spots_and_divided_out():
    albedo, normals, _, texture = lit_ball()
    reference = np.broadcast_to([0.6, 0.45, 0.38], albedo.shape)
    found = light_removal.estimate_light(texture, reference, normals, np.ones(albedo.shape[:2]), sh.ambient())
    unlit = light_removal.remove_light(texture, normals, found, reference)
    plain = np.ones(albedo.shape[:2], bool)
    plain[30:40, 20:70] = False
    assert np.abs(unlit.albedo - albedo)[plain].max() < 0.03
    assert np.abs(unlit.albedo - albedo)[plain].mean() < 0.002
    assert np.abs(unlit.albedo - albedo)[~plain].mean() < 0.03
    before = texture[plain].std(0) / texture[plain].mean(0)
    after = unlit.albedo[plain].std(0) / unlit.albedo[plain].mean(0)
    assert (after < 0.1 * before).all()


def test_where_no_texel_tells_the_light_stays_what_it_was():
    albedo, normals, _, texture = lit_ball()
    prior = random_light(8)
    weights = np.zeros(albedo.shape[:2])
    assert np.array_equal(light_removal.estimate_light(texture, albedo, normals, weights, prior), prior)


def test_in_deep_shadow_the_colour_is_the_references():
    normals = np.zeros((1, 2, 3))
    normals[..., 2] = 1
    reference = np.full((1, 2, 3), [0.6, 0.4, 0.3])
    texture = np.array([[[0.02, 0.05, 0.09], [0.5, 0.4, 0.2]]])
    light = sh.ambient()
    dark = light_removal.remove_light(texture, normals, light * 1e-9, reference).albedo[0, 0]
    assert np.allclose(dark / dark.sum(), reference[0, 0] / reference[0, 0].sum(), atol=0.02)
    assert np.allclose(light_removal.remove_light(texture, normals, light, reference).albedo, texture)
