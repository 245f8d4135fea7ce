"""Each fault of the release is off by default, can be had alone, and then changes its own numbers and no others."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the paper's method needs PyTorch, which is optional")

from albedogan_stand_in import (  # noqa: E402
    stand_in_landmarks,
    stand_in_mesh,
    stand_in_networks,
    stand_in_parameters,
    stand_in_photo,
)
from likeness.core.albedogan import (  # noqa: E402
    alignment,
    camera,
    crop,
    decoding,
    displacement,
    losses,
    obj_file,
    pipeline,
    rendering,
    screen_raster,
    texture_composite,
    texture_correction,
    unwrap,
    yaw,
)
from likeness.core.albedogan.codes import PaperCodes, PaperGeometry  # noqa: E402
from likeness.core.albedogan.faithfulness import FIXED, RELEASED, Faithfulness  # noqa: E402
from likeness.core.albedogan.parts import PaperMesh  # noqa: E402
from likeness.core.story import run  # noqa: E402
from PIL import Image  # noqa: E402

torch.set_num_threads(1)

CHANGED = {
    "bgr_to_face_networks": {"face blob", "whole image's blob", "generated shape"},
    "image_centre_swapped": {"closest box"},
    "whole_image_size_swapped": {"whole image's crop"},
    "photo_overlay_at_224": {"overlay's scale"},
    "uv_positions_at_256": {"uv positions", "texture"},
    "occlusion_ignored": {"texture"},
    "perspective_barycentrics": {"barycentrics", "rendered picture"},
    "mask_resized_again": {"mask of the next head"},
    "mirror_at_array_middle": {"mirror image", "corrected", "corrected beside the eye", "texture"},
    "yaw_sign_only": {"corrected", "texture"},
    "mirror_weights_short": {"corrected", "texture"},
    "yaw_of_first": {"yaw codes"},
    "eye_patch_of_ones": {"corrected beside the eye"},
    "texture_lit": {"texture"},
    "composite_not_clamped": {"outside of the face"},
    "displacement_unmasked": {"displacement"},
    "texel_corner_uvs": {"dense uvs"},
    "neck_ignored": {"posed head"},
    "identity_of_texture_corner": {"identity input"},
    "logcosh_of_batch": {"log cosh"},
    "generate_without_identity": {"generated shape"},
    "export_red_blue_swapped": {"exported picture"},
}
"""Fault -> all the numbers that depend on it."""


@dataclass(frozen=True)
class Given:
    """What the numbers are computed of, itself without faults."""

    photo: np.ndarray
    points: np.ndarray
    picture: torch.Tensor
    codes: PaperCodes
    z: torch.Tensor
    mesh: PaperMesh
    geometry: PaperGeometry


@pytest.fixture(scope="module")
def given() -> Given:
    photo, points, mesh = stand_in_photo(), stand_in_landmarks(), stand_in_mesh(320)
    picture = decoding.map_to_rows(crop.crop_photo(photo, crop.box_of_landmarks(points), 128).pixels)
    codes = PaperCodes.split(torch.from_numpy(stand_in_parameters()))
    z = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 1, 256, 256)).astype(np.float32)) * 0.001
    return Given(photo, points, picture, codes, z, mesh, decoding.decode_geometry(codes, z, mesh))


def compute_numbers(faults: Faithfulness, given: Given, folder: Path) -> dict[str, np.ndarray]:
    """Everything that Faithfulness speaks of, by name."""
    photo, points, mesh, geometry, codes = given.photo, given.points, given.mesh, given.geometry, given.codes
    rng = np.random.default_rng(0)
    texture = rng.random((256, 256, 3))
    bent = replace(codes, neck=np.array([0.1, 0.3, 0.0], np.float32))
    screen = torch.from_numpy(geometry.screen)[None]
    two = np.stack([geometry.vertices, geometry.vertices * [-1, 1, 1]])
    boxes = np.array([[90.0, 20, 110, 40], [20, 90, 40, 110]])
    noisy = torch.from_numpy(rng.random((2, 3, 300, 300)))
    whole = crop.whole_image_box((200, 260), faults)
    story = pipeline.draw_person(3, stand_in_networks(), lambda image: points * 0.25, faults)
    obj_file.write_dense_obj(folder / "face", np.eye(3), np.array([[0, 1, 2]]), np.zeros((3, 2)), texture[:8, :8], faults)
    return {
        "face blob": alignment.align_face(photo, alignment.five_points(points), faults),
        "whole image's blob": alignment.whole_image_face(photo, faults),
        "closest box": np.array(alignment.closest_box(boxes, (200, 60), faults)),
        "whole image's crop": crop.crop_matrix(whole),
        "overlay's scale": np.array(camera.points_scale(1024, faults)),
        "uv positions": unwrap.uv_positions(screen, mesh.layout, faults).numpy(),
        "barycentrics": screen_raster.rasterize_screen(geometry.screen, mesh.flame.faces.numpy(), 64, faults).barycentric,
        "rendered picture": rendering.render(screen, screen, mesh.layout, given.picture, None, 48, faults).picture.numpy(),
        "mask of the next head": mesh.mask.after_use(faults).texels.numpy(),
        "mirror image": texture_correction.mirror(texture, faults),
        "corrected": texture_correction.correct(texture, -17.0, faults),
        "corrected beside the eye": texture_correction.correct_beside_eye(texture, -17.0, faults),
        "texture": decoding.decode_texture(given.picture, codes, geometry, mesh, None, faults)[0],
        "outside of the face": texture_composite.skin_outside(1.2 * texture, 0.1 * texture[..., 0], faults),
        "yaw codes": yaw.yaw_codes(two, faults),
        "displacement": displacement.exported(given.z, mesh.mask.texels, mesh.fixed, faults).numpy(),
        "dense uvs": mesh.dense.uvs(faults),
        "posed head": decoding.pose_head(bent, mesh, faults).numpy(),
        "identity input": losses.identity_input(noisy, faults).numpy(),
        "log cosh": losses.logcosh_loss(noisy, noisy.flip(2), faults).numpy(),
        "generated shape": run(story).codes.shape,
        "exported picture": np.asarray(Image.open(folder / "face.png")),
    }


@pytest.fixture(scope="module")
def right(given, tmp_path_factory) -> dict[str, np.ndarray]:
    return compute_numbers(FIXED, given, tmp_path_factory.mktemp("right"))


def test_every_fault_is_off_by_default_and_on_in_the_released():
    assert not any(vars(FIXED).values()) and all(vars(RELEASED).values())
    assert set(CHANGED) == {field.name for field in fields(Faithfulness)}


def test_every_fault_is_documented_with_where_it_acts():
    text = Faithfulness.__doc__ or ""
    assert [name for name in CHANGED if f"    {name}: " not in text] == []


@pytest.mark.parametrize("fault", CHANGED)
def test_a_fault_changes_its_numbers_and_no_others(fault, given, right, tmp_path):
    found = compute_numbers(Faithfulness(**{fault: True}), given, tmp_path)
    assert {name for name, value in found.items() if not np.array_equal(value, right[name])} == CHANGED[fault]


def test_the_numbers_are_the_same_twice(given, right, tmp_path):
    again = compute_numbers(FIXED, given, tmp_path)
    assert all(np.array_equal(again[name], right[name]) for name in right)
