"""The preview of a head: photo | overlay | renders at -30, 0 and +30 degrees, side by side in one PNG.

Rule of this file: Cycles on the CPU in a scene of its own, under a soft studio light that flatters nobody; the overlay
alone uses the photo's light. Scene, render settings and world of the user stay as they were.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import addon_utils
import bpy
import numpy as np
from mathutils import Matrix
from PIL import Image, ImageDraw

from ..core.render.camera import crop, orbit_camera, project, resize
from ..core.staging import staged
from ..core.types import Camera, Photo
from .camera import create_camera, match_render
from .export import evaluate_vertices
from .head import ROLE, head_collection, head_rig, read_camera

TILE_PX = (384, 480)
SAMPLES = 16
MARGIN = 1.1
YAWS_DEG = (-30, 0, 30)
FOCAL_35MM = 85.0
FILL = 1.2
"""The head's bounding sphere may reach this far over a tile's narrow side."""
BACKDROP_SRGB = ((226, 226, 224), (168, 168, 170))
"""Top and bottom of the grey behind the renders."""
STUDIO = (("key", (-0.45, 0.35, 0.8), 2.2, 40.0), ("fill", (0.8, 0.15, 0.6), 0.9, 90.0), ("rim", (0.5, 0.6, -0.7), 1.2, 30.0))
"""Name, direction towards the lamp in camera axes (right, up, back), strength W/m2, angular size in degrees."""
STUDIO_AMBIENT = 0.32


def render_preview(obj: bpy.types.Object, photo: Photo | None, path: str | Path, tile_px: tuple[int, int] = TILE_PX) -> Path:
    """Writes the PNG and returns its path. photo: None, or without a camera: only the three renders. Raises ExportError."""
    path = Path(path)
    with staged(path.parent) as stage, _studio(obj) as scene, tempfile.TemporaryDirectory() as folder:
        arrange_tiles(_render_tiles(scene, obj, photo, tile_px, Path(folder))).save(stage / path.name)
    return path


def _render_tiles(
    scene: bpy.types.Scene, obj: bpy.types.Object, photo: Photo | None, tile_px: tuple[int, int], folder: Path
) -> list[tuple[str, Image.Image]]:
    camera, vertices = read_camera(obj), evaluate_vertices(obj)
    tiles: list[tuple[str, Image.Image]] = []
    if photo is not None and camera is not None:
        close_up, box = crop_to_head(camera, vertices, tile_px)
        framed = Image.fromarray(photo.pixels).crop(box).resize(tile_px, Image.Resampling.LANCZOS)
        with _photo_light(scene, obj):
            head = _render(scene, obj, close_up, folder / "overlay.png")
        tiles += [("photo", framed), ("overlay", Image.alpha_composite(framed.convert("RGBA"), head).convert("RGB"))]
    for yaw in YAWS_DEG:
        view = orbit_camera(vertices, tile_px, np.radians(yaw), focal_35mm=FOCAL_35MM, fill=FILL)
        with _studio_light(scene, obj, view):
            head = _render(scene, obj, view, folder / f"{yaw}.png")
        tiles.append((f"{yaw:+d}°" if yaw else "0°", Image.alpha_composite(_backdrop(tile_px), head).convert("RGB")))
    return tiles


def crop_to_head(camera: Camera, vertices: np.ndarray, size_px: tuple[int, int]) -> tuple[Camera, tuple[int, int, int, int]]:
    """The camera of a part of the photo around the head, resampled to size_px, and that part (x0, y0, x1, y1) in photo pixels.

    It has the shape of size_px and may reach outside the photo.
    """
    pixels, _ = project(camera, vertices)
    low, high = pixels.min(0), pixels.max(0)
    scale = MARGIN * float(((high - low) / size_px).max())
    width, height = (int(np.ceil(scale * side)) for side in size_px)
    x, y = (int(v) for v in np.floor((low + high - (width, height)) / 2))
    return resize(crop(camera, x, y, (width, height)), size_px), (x, y, x + width, y + height)


def arrange_tiles(tiles: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Tiles of one size in a row, each with its label in the lower left corner."""
    width, height = tiles[0][1].size
    sheet = Image.new("RGB", (width * len(tiles), height))
    draw = ImageDraw.Draw(sheet)
    for i, (label, tile) in enumerate(tiles):
        sheet.paste(tile, (i * width, 0))
        draw.text((i * width + 10, height - 22), label, fill=(255, 255, 255), stroke_width=2, stroke_fill=(40, 40, 40))
    return sheet


def use_cycles(scene: bpy.types.Scene, samples: int) -> None:
    """Cycles on the CPU, with Open Image Denoise where this Blender has it."""
    addon_utils.enable("cycles")
    scene.render.engine = "CYCLES"
    settings = scene.cycles
    settings.device = "CPU"
    settings.samples, settings.use_adaptive_sampling = samples, True
    settings.max_bounces, settings.transparent_max_bounces = 4, 8
    try:
        settings.denoiser = "OPENIMAGEDENOISE"
        settings.use_denoising = True
        settings.denoising_prefilter, settings.denoising_quality = "FAST", "BALANCED"
    except TypeError:  # a build without it offers no such item
        settings.use_denoising = False


@contextmanager
def _studio(obj: bpy.types.Object) -> Iterator[bpy.types.Scene]:
    """An empty scene with the head in it, ready to render; gone afterwards."""
    scene = bpy.data.scenes.new("Likeness preview")
    world = bpy.data.worlds.new("Likeness preview")
    try:
        scene.world = world
        set_ambient(world, 0.0)
        use_cycles(scene, SAMPLES)
        scene.render.film_transparent = True
        scene.render.use_persistent_data = True
        scene.view_settings.view_transform = "Standard"
        scene.render.image_settings.file_format = "PNG"
        scene.render.image_settings.color_mode = "RGBA"
        for member in (obj, head_rig(obj)):
            if member is not None:
                scene.collection.objects.link(member)
        yield scene
    finally:
        bpy.data.scenes.remove(scene)
        bpy.data.worlds.remove(world)


def set_ambient(world: bpy.types.World, strength: float) -> None:
    """An even white surrounding: a white matte surface shows `strength`."""
    if bpy.app.version < (5, 0):
        world.use_nodes = True
    tree = world.node_tree
    tree.nodes.clear()
    background, output = tree.nodes.new("ShaderNodeBackground"), tree.nodes.new("ShaderNodeOutputWorld")
    background.inputs["Color"].default_value = (1.0, 1.0, 1.0, 1.0)
    background.inputs["Strength"].default_value = strength
    tree.links.new(background.outputs["Background"], output.inputs["Surface"])


@contextmanager
def _studio_light(scene: bpy.types.Scene, obj: bpy.types.Object, view: Camera) -> Iterator[None]:
    """Three soft lamps that turn with the camera, and an even surrounding."""
    set_ambient(scene.world, STUDIO_AMBIENT)
    lamps = []
    camera = create_camera(view, "view", None)
    R_scene_from_camera = camera.matrix_world.to_3x3()
    bpy.data.cameras.remove(camera.data)
    for name, direction, strength, angle_deg in STUDIO:
        data = bpy.data.lights.new(f"Likeness preview {name}", "SUN")
        data.energy, data.angle = strength, np.radians(angle_deg)
        lamp = bpy.data.objects.new(data.name, data)
        towards = R_scene_from_camera @ Matrix.Translation(direction).to_translation()
        lamp.rotation_euler = towards.to_track_quat("Z", "Y").to_euler()
        scene.collection.objects.link(lamp)
        lamps.append(lamp)
    try:
        yield
    finally:
        bpy.data.batch_remove([lamp.data for lamp in lamps])
        set_ambient(scene.world, 0.0)


@contextmanager
def _photo_light(scene: bpy.types.Scene, obj: bpy.types.Object) -> Iterator[None]:
    """The head's own lamps; an even surrounding where it has none."""
    collection = head_collection(obj)
    lamps = [member for member in collection.all_objects if member.get(ROLE) == "light"] if collection else []
    for lamp in lamps:
        scene.collection.objects.link(lamp)
    set_ambient(scene.world, 0.0 if lamps else 1.0)
    try:
        yield
    finally:
        for lamp in lamps:
            scene.collection.objects.unlink(lamp)
        set_ambient(scene.world, 0.0)


def _render(scene: bpy.types.Scene, obj: bpy.types.Object, camera: Camera, path: Path) -> Image.Image:
    """RGBA, transparent where there is no head."""
    viewer = create_camera(camera, "Likeness preview", None)
    try:
        rig = head_rig(obj)
        if rig is not None:
            viewer.matrix_world = rig.matrix_world @ viewer.matrix_world
        scene.collection.objects.link(viewer)
        match_render(scene, viewer)
        scene.render.filepath = str(path)
        bpy.ops.render.render(scene=scene.name, write_still=True)
        with Image.open(path) as image:
            return image.convert("RGBA")
    finally:
        bpy.data.cameras.remove(viewer.data)


def _backdrop(size_px: tuple[int, int]) -> Image.Image:
    width, height = size_px
    top, bottom = np.array(BACKDROP_SRGB, np.float64)
    ramp = np.linspace(0, 1, height)[:, None, None]
    pixels = np.broadcast_to(top * (1 - ramp) + bottom * ramp, (height, width, 3))
    return Image.fromarray(np.rint(pixels).astype(np.uint8)).convert("RGBA")
