"""A head corrected by hand, in the scene: what core/fit/correction.py finds, written to mesh, expression and the photo's camera.

Rule of this file: pixels are the photo's (image space, core/types.py); a ray through one is a line in the camera object's space,
so handles lie on the photo wherever the view stands.

The rule of pins: a pulled point stays pulled. Pins are kept with the head, and with them what the photo's fit was before the
first of them (FIT; of the identity, how much of it is theirs). A later correction starts from that fit and solves all pins,
old and new, together: which of them came when makes no difference, and a pin that is let go leaves nothing behind; without
any the head is the fit again. What was done to the identity in between (sliders, another person drawn, steps of the history)
is taken along as a change of that fit; where it moved a pinned point, the pin wins, from the first pull or release on and not
before: starting moves nothing. A reset of the identity takes back what was done to it, and the pins hold on the fit. Sculpting
stays, and points are pulled on the sculpted face.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ..core.errors import CorrectionError
from ..core.fit.correction import HANDLES, CorrectedHead, Correction
from ..core.fit.measurement import load_calibration
from ..core.identity.state import IdentityState, shape
from ..core.image_files import PackedPaint
from ..core.types import Camera, HeadCode
from . import further_photos, head_model, identity
from .convert import camera_to_lens
from .expression import read_keys, set_keys
from .head import HEAD, head_camera, head_rig, read_camera, read_photo, set_expression, texture_images
from .image import create_image
from .mesh import read_vertices
from .skin import forget_base, swap_textures

PINS = "likeness_pins"
"""The mesh object's property with the pulled points: landmark's number -> pixel in the photo, flat [n, 3]."""
FIT = "likeness_fit"
"""The mesh object's property with the photo's expression and camera as they were fitted, while there are pins."""
OWN = (HEAD, identity.HISTORY, PINS, FIT)
"""The mesh object's properties that a correction changes."""
RESET_KEY = "reset"
"""A reset is one step of the head's history, though the shape is written twice."""
STRAY_PX = 2.0
"""Nearer than this to its place in the photo a pinned point counts as held."""


def why_not(obj: bpy.types.Object) -> str | None:
    """Why this head cannot be corrected on its photo, as a sentence for the user; None when it can be."""
    if read_camera(obj) is None or head_camera(obj) is None:
        return "This head has no photo to be corrected on"
    if (reason := identity.why_not(obj)) is not None:
        return reason
    shown = {name for name, weight in json.loads(obj[HEAD]["facts"])["expression"].items() if weight}
    if not shown <= set(head_model.fitted_model(obj).expression_names):  # the photo's fit explains none of them
        return "This head shows FLAME's own expressions, on which no points can be pulled: fit the photo without --paper"
    return None


def begin(obj: bpy.types.Object) -> Correction:
    """The head as its photos were fitted, ready to be pulled. Raises CorrectionError, IdentityError."""
    if (reason := why_not(obj)) is not None:
        raise CorrectionError(f"{reason}.")
    code, camera, state, model = read_code(obj), read_camera(obj), identity.read_state(obj), head_model.fitted_model(obj)
    assert camera is not None
    if FIT in obj:
        fit = obj[FIT]
        expression = json.loads(fit["expression"])
        K, R, t = (np.array(fit[f"camera_{key}"]) for key in "KRt")
        code = replace(code, expression=np.array([expression.get(name, 0.0) for name in model.expression_names]))
        camera = replace(camera, K=K.reshape(3, 3), R=R.reshape(3, 3), t=t)
    code = replace(code, identity=state.code - state.pulled)
    beside = read_vertices(obj.data) - shape(head_model.space_of(obj), IdentityState(state.code))
    if model.carry is not None:
        beside = model.carry.field(beside)
    return Correction(model, load_calibration(), code, camera, further_photos.read_fits(obj, model.expression_names), beside)


def present(obj: bpy.types.Object, started: Correction) -> CorrectedHead:
    """The head as it is now, with its points."""
    camera = read_camera(obj)
    assert camera is not None
    return started.place(read_code(obj), camera)


def has_strayed(now: CorrectedHead, pins: Mapping[int, np.ndarray]) -> bool:
    """Whether a pinned point lies elsewhere in the photo by now."""
    return any(np.linalg.norm(now.points_px[point] - pixel) > STRAY_PX for point, pixel in pins.items())


def read_code(obj: bpy.types.Object) -> HeadCode:
    """Identity as it is, expression and pose as in the photo."""
    facts, model = json.loads(obj[HEAD]["facts"]), head_model.fitted_model(obj)
    expression = np.array([facts["expression"].get(name, 0.0) for name in model.expression_names])
    return HeadCode(identity.read_state(obj).code, expression, np.array(obj[HEAD]["pose"]))


@dataclass(frozen=True)
class Snapshot:
    """All of a head that a correction touches: its properties by name, key values, bones' own turns, the camera's place."""

    properties: dict[str, Any]
    keys: dict[str, float]
    bones: dict[str, Matrix]
    camera: tuple[float, float, float, Matrix]


def take_snapshot(obj: bpy.types.Object) -> Snapshot:
    """The head as it is."""
    rig, camera = head_rig(obj), _camera_object(obj)
    properties = {name: _plain(obj[name]) for name in OWN if name in obj}
    bones = {bone.name: bone.matrix_basis.copy() for bone in rig.pose.bones} if rig else {}
    place = (camera.data.lens, camera.data.shift_x, camera.data.shift_y, camera.matrix_basis.copy())
    return Snapshot(properties, read_keys(obj), bones, place)


def restore(obj: bpy.types.Object, was: Snapshot) -> None:
    """The head as it was. Raises IdentityError."""
    identity.set_code(obj, np.array(was.properties[HEAD]["identity"]), np.zeros(1), "")
    for name in OWN:
        if name in was.properties:
            obj[name] = was.properties[name]
        elif name in obj:
            del obj[name]
    set_keys(obj, was.keys)
    if (rig := head_rig(obj)) is not None:
        for name, matrix in was.bones.items():
            rig.pose.bones[name].matrix_basis = matrix
    camera = _camera_object(obj)
    camera.data.lens, camera.data.shift_x, camera.data.shift_y, camera.matrix_basis = was.camera


def _plain(value: Any) -> Any:
    return value.to_dict() if hasattr(value, "to_dict") else value.to_list() if hasattr(value, "to_list") else value


def apply(obj: bpy.types.Object, corrected: CorrectedHead, started: Correction, key: str = "") -> None:
    """Make the head, its photo's expression and its camera what was found; what is applied with one key is one step of the
    history. Raises IdentityError."""
    _write(obj, corrected, started, key)
    set_expression(obj, json.loads(obj[HEAD]["facts"])["expression"], corrected.code.pose)


def reset(obj: bpy.types.Object) -> None:
    """The head as it was made, and as it was corrected: sliders and re-rolls are taken back, pulled points hold. What the head
    shows stays. Raises IdentityError, CorrectionError."""
    identity.reset_head(obj, RESET_KEY)
    if (pins := read_pins(obj)) and why_not(obj) is None:
        started = begin(obj)
        _write(obj, started.solve({point: np.array(pixel) for point, pixel in pins.items()}), started, RESET_KEY)


def _write(obj: bpy.types.Object, corrected: CorrectedHead, started: Correction, key: str) -> None:
    """Shape, camera and what is known of the photo's expression."""
    identity.set_code(obj, corrected.code.identity, corrected.code.identity - started.code.identity, key)
    stored, names = obj[HEAD], head_model.fitted_model(obj).expression_names
    facts = json.loads(stored["facts"])
    facts["expression"] |= dict(zip(names, map(float, corrected.code.expression), strict=True))
    stored["facts"] = json.dumps(facts)
    for name, values in (("K", corrected.camera.K), ("R", corrected.camera.R), ("t", corrected.camera.t)):
        stored[f"camera_{name}"] = np.ravel(values).astype(float).tolist()
    place_camera(_camera_object(obj), corrected.camera)


def place_camera(obj: bpy.types.Object, camera: Camera) -> None:
    """Put the photo's camera where `camera` is, relative to the head."""
    lens = camera_to_lens(camera)
    obj.data.lens, obj.data.shift_x, obj.data.shift_y = lens.lens_mm, lens.shift_x, lens.shift_y
    obj.matrix_basis = Matrix(lens.matrix_world.tolist())


def remember_pins(obj: bpy.types.Object, pins: Mapping[int, np.ndarray], started: Correction) -> None:
    """Keep all pins of the head, and what it was without them; tell of them in the provenance. Without any nothing is kept."""
    for name in (PINS, FIT):
        if name in obj:
            del obj[name]
    facts = json.loads(obj[HEAD]["facts"])
    facts["provenance"].pop("corrected_by_hand", None)
    if pins:
        expression = dict(zip(head_model.fitted_model(obj).expression_names, map(float, started.code.expression), strict=True))
        numbers = {f"camera_{key}": np.ravel(getattr(started.camera, key)).astype(float).tolist() for key in "KRt"}
        obj[FIT] = {"expression": json.dumps(expression), **numbers}
        obj[PINS] = [float(value) for point, (x, y) in pins.items() for value in (point, x, y)]
        told = sorted({name for name, points in HANDLES.items() if set(points) & set(pins)})
        facts["provenance"]["corrected_by_hand"] = told
    obj[HEAD]["facts"] = json.dumps(facts)


def read_pins(obj: bpy.types.Object) -> dict[int, tuple[float, float]]:
    """The points that were pulled so far: landmark's number -> pixel in the photo."""
    flat = list(obj.get(PINS, ()))
    return {int(point): (x, y) for point, x, y in zip(flat[::3], flat[1::3], flat[2::3], strict=True)}


def pixel_to_world(obj: bpy.types.Object, camera: Camera, pixel: np.ndarray, depth_m: float) -> Vector:
    """The point at depth_m on the ray through a photo's pixel [2], by the head's camera object."""
    x, y = (np.asarray(pixel) - camera.K[:2, 2]) / camera.K[[0, 1], [0, 1]] * depth_m
    world: Vector = _camera_object(obj).matrix_world @ Vector((x, -y, -depth_m))
    return world


def world_to_pixel(obj: bpy.types.Object, camera: Camera, point: Vector) -> np.ndarray:
    """The photo's pixel [2] that shows a point of the world in front of the head's camera object."""
    x, y, z = _camera_object(obj).matrix_world.inverted() @ point
    pixel: np.ndarray = np.array([x, -y]) / -z * camera.K[[0, 1], [0, 1]] + camera.K[:2, 2]
    return pixel


def stamp(obj: bpy.types.Object) -> str:
    """What tells the head that a photo is painted on from any other: shape, expression, camera, textures."""
    stored = obj[HEAD].to_dict()
    parts = [stored[name] for name in ("identity", "camera_K", "camera_R", "camera_t")]
    return json.dumps([*parts, json.loads(stored["facts"])["expression"], sorted(i.name for i in texture_images(obj).values())])


def repaint_arguments(obj: bpy.types.Object) -> dict[str, Any]:
    """What the story 'repaint' needs of a head: photo, code, camera, further, texture_size. Raises CorrectionError."""
    camera, photo = read_camera(obj), read_photo(obj)
    if camera is None or photo is None:
        raise CorrectionError("This head has no photo to be painted from.")
    if (reason := why_not(obj)) is not None:
        raise CorrectionError(f"{reason}.")
    size = int(texture_images(obj)["albedo"].size[0])
    further = further_photos.pack_further(obj, head_model.fitted_model(obj).expression_names)
    return {
        "photo": photo, "code": read_code(obj), "camera": camera, "further": further, "texture_size": size,
        "model": head_model.name_of_model(obj),
    }  # fmt: skip


def count_missing_photos(obj: bpy.types.Object) -> int:
    """How many of the photos that the head was made from are not in this file."""
    return further_photos.count_missing(obj, json.loads(obj[HEAD]["facts"])["provenance"])


def repaint(obj: bpy.types.Object, paint: PackedPaint) -> None:
    """Put new textures in the place of the old ones, in the materials too."""
    forget_base(obj)
    images = {key: create_image(encoded, f"{obj.name} {key}") for key, encoded in paint.textures.items()}
    swap_textures(obj, images, paint.skin_linear_rgb)
    facts = json.loads(obj[HEAD]["facts"])
    facts["provenance"] |= paint.provenance
    facts["provenance"].pop("appearance_chosen", None)
    obj[HEAD]["facts"] = json.dumps(facts)
    obj[HEAD]["skin_linear_rgb"] = paint.skin_linear_rgb.astype(float).tolist()


def _camera_object(obj: bpy.types.Object) -> bpy.types.Object:
    found = head_camera(obj)
    if found is None:
        raise CorrectionError("The head's photo camera is gone: undo until it is back, or make the head again.")
    return found
