"""The preview: what is on it, and that it leaves the scene alone."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from likeness.core.errors import ExportError
from likeness.core.render.camera import project
from likeness.scene import preview
from likeness.scene.head import create_head
from PIL import Image
from synthetic import make_asset
from test_export_files import scene_state

TILE = (48, 60)


@pytest.fixture
def head(context):
    return create_head(context, make_asset())


def tiles_of(path) -> list[np.ndarray]:
    sheet = np.array(Image.open(path))
    assert sheet.shape[0] == TILE[1]
    return [sheet[:, i : i + TILE[0]] for i in range(0, sheet.shape[1], TILE[0])]


def test_a_preview_shows_photo_overlay_and_three_views(head, tmp_path):
    before = scene_state()
    photo = make_asset().photo
    path = preview.render_preview(head, photo, tmp_path / "new" / "preview.png", TILE)
    assert scene_state() == before
    tiles = tiles_of(path)
    assert len(tiles) == 5
    change = np.abs(tiles[1].astype(float) - tiles[0]).mean(-1)
    assert change[:4, :6].max() == 0, "beside the head there is the photo"
    assert change[20:40, 20:30].mean() > 15, "the head lies over the photo"
    left, front, right = (tile[:44].astype(float) for tile in tiles[2:])
    assert np.abs(left - front).mean() > 2
    assert np.abs(right - front).mean() > 2


def test_a_head_without_a_photo_has_three_views(context, tmp_path):
    head = create_head(context, make_asset(camera=None, light=None, photo=None))
    assert len(tiles_of(preview.render_preview(head, None, tmp_path / "preview.png", TILE))) == 3


def test_a_preview_that_cannot_be_written_is_one_clear_error(head, tmp_path):
    (tmp_path / "file").write_text("mine")
    before = scene_state()
    with pytest.raises(ExportError, match="choose another folder"):
        preview.render_preview(head, None, tmp_path / "file" / "preview.png", TILE)
    assert scene_state() == before


def test_the_close_up_is_the_photos_camera_on_a_part_of_the_photo():
    asset = make_asset()
    close_up, (x0, y0, x1, y1) = preview.crop_to_head(asset.camera, asset.vertices, TILE)
    assert abs((x1 - x0) / (y1 - y0) - TILE[0] / TILE[1]) < 0.01
    whole, part = project(asset.camera, asset.vertices)[0], project(close_up, asset.vertices)[0]
    assert np.allclose((whole - (x0, y0)) * TILE / (x1 - x0, y1 - y0), part, atol=1e-6)
    assert part.min() > 0
    assert (part < TILE).all()


def test_labels_lie_on_their_tiles():
    grey = [("one", Image.new("RGB", TILE, (90, 90, 90))), ("two", Image.new("RGB", TILE, (120, 120, 120)))]
    sheet = np.array(preview.arrange_tiles(grey))
    assert sheet.shape == (TILE[1], 2 * TILE[0], 3)
    assert (sheet[:30, : TILE[0]] == 90).all()
    assert (sheet[30:, : TILE[0]] > 200).any()


def test_cycles_is_set_up_on_the_processor(context):
    preview.use_cycles(context.scene, 7)
    assert (bpy.context.scene.render.engine, bpy.context.scene.cycles.device) == ("CYCLES", "CPU")
    assert bpy.context.scene.cycles.samples == 7
