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


def ball_normals(size: int = 96) -> np.ndarray:
    """Of the front of a ball, [size, size, 3]."""
    y, x = np.mgrid[-0.95 : 0.95 : size * 1j, -0.95 : 0.95 : size * 1j]
    normals = np.stack([x, -y, np.sqrt(2.0 - x * x - y * y)], -1)
    return normals / np.linalg.norm(normals, axis=-1, keepdims=True)


SKIN = np.array([0.6, 0.45, 0.38])


def skin_with(colour: np.ndarray, rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray]:
    """Skin with a patch of another colour [96, 96, 3], and where it is plain."""
    albedo, is_plain = np.broadcast_to(SKIN, (96, 96, 3)).copy(), np.ones((96, 96), bool)
    albedo[rows, columns], is_plain[rows, columns] = colour, False
    return albedo, is_plain


def side_light(tint: tuple[float, float, float]) -> np.ndarray:
    """From the upper right, its sides tinted."""
    light = sh.ambient() * [0.8, 0.75, 0.7]
    light[1:4] = np.array([0.25, 0.1, 0.2])[:, None] * tint
    return light


def unlight(albedo: np.ndarray, light: np.ndarray) -> light_removal.UnlitTexture:
    """What is found of skin in this light, knowing nothing but the mean skin."""
    normals, reference = ball_normals(), np.broadcast_to(SKIN, albedo.shape)
    texture = albedo * (light_removal.harmonics(normals) @ light)
    found = light_removal.estimate_light(texture, reference, normals, np.ones(albedo.shape[:2]), sh.ambient())
    return light_removal.remove_light(texture, normals, found, reference)


def spread(texture: np.ndarray) -> np.ndarray:
    """How uneven colours [N, 3] are, by channel."""
    return texture.std(0) / texture.mean(0)


def test_the_light_on_a_texture_is_found_beside_dark_spots_and_divided_out():
    albedo, is_plain = skin_with(0.5 * SKIN, slice(30, 40), slice(20, 70))
    light = side_light((0.8, 0.75, 0.7))
    lit = albedo * (light_removal.harmonics(ball_normals()) @ light)
    unlit = unlight(albedo, light)
    assert np.abs(unlit.albedo - albedo)[is_plain].max() < 0.03
    assert np.abs(unlit.albedo - albedo)[is_plain].mean() < 0.003
    assert np.abs(unlit.albedo - albedo)[~is_plain].mean() < 0.02
    assert (spread(unlit.albedo[is_plain]) < 0.1 * spread(lit[is_plain])).all()


def test_a_light_of_another_colour_from_the_side_is_taken_off_too():
    albedo, is_plain = skin_with(SKIN, slice(0, 0), slice(0, 0))
    light = side_light((0.3, 0.6, 1.2))
    lit = albedo * (light_removal.harmonics(ball_normals()) @ light)
    assert (spread(unlight(albedo, light).albedo[is_plain]) < 0.5 * spread(lit[is_plain])).all()


def test_hair_does_not_tint_the_light_on_the_skin():
    albedo, is_plain = skin_with(np.array([0.25, 0.16, 0.06]), slice(0, 30), slice(None))
    unlit = unlight(albedo, side_light((0.8, 0.75, 0.7)))
    assert np.abs(unlit.albedo - albedo)[is_plain].mean() < 0.02


def test_where_no_texel_tells_the_light_stays_what_it_was():
    albedo, prior = np.broadcast_to(SKIN, (96, 96, 3)), random_light(8)
    assert np.array_equal(light_removal.estimate_light(albedo, albedo, ball_normals(), np.zeros((96, 96)), prior), prior)


def test_in_deep_shadow_the_colour_is_the_references():
    normals = np.zeros((1, 2, 3))
    normals[..., 2] = 1
    reference = np.full((1, 2, 3), [0.6, 0.4, 0.3])
    texture = np.array([[[0.02, 0.05, 0.09], [0.5, 0.4, 0.2]]])
    light = sh.ambient()
    dark = light_removal.remove_light(texture, normals, light * 1e-9, reference).albedo[0, 0]
    assert np.allclose(dark / dark.sum(), reference[0, 0] / reference[0, 0].sum(), atol=0.02)
    assert np.allclose(light_removal.remove_light(texture, normals, light, reference).albedo, texture)
