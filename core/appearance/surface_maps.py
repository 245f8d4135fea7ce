"""What a head's surface does with light beside its colour, as maps: roughness, specular, subsurface.

Rule of this file: anatomy decides, after measurements (ANTHROPOMETRY.md B5: Weyrich et al. 2006 by region; skin's Beckmann slope
.23-.31 is a Principled roughness of .48-.56, less on the oily middle of the face; reflectance highest on nose and forehead), and
the albedo refines: hair and dark marks scatter less light under the surface than the skin around them.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..head.kinds import kind_of_part
from ..head.model import HeadModel

MAP_PX = 1024
ROUGHNESS = {"skin": 0.52, "eye": 0.12, "cornea": 0.03, "teeth": 0.25, "tongue": 0.35, "lashes": 0.45}
SPECULAR = 0.5
"""Principled's Specular IOR Level: .5 is the reflectance that the index of refraction says."""
SUBSURFACE = {"skin": 0.8, "teeth": 0.8, "tongue": 0.6}
"""Share of the material's scatter radius and weight; parts not named have none."""
T_ZONE = {"nose": 1.0, "forehead": 0.6, "chin": 0.5}
T_ZONE_ROUGHNESS, LIP_ROUGHNESS, SCALP_ROUGHNESS = -0.06, -0.07, 0.03
T_ZONE_SPECULAR = 0.1
LIPS = ("lip_upper", "lip_lower")
THIN = ("ear_left", "ear_right", "nostrils", "lip_upper", "lip_lower")
"""Thin or full of blood: light passes farther."""
THIN_SUBSURFACE = 0.2
MARK_EXPONENT = 0.35
MARK_RANGE = (0.4, 1.15)
CURVE_STEPS, CURVE_END = 2048, 4.0
BLOCK = 128
"""Blocks a side over which slopes are gathered."""
LEAST_LOBE = 0.87
"""Share of the roughness that is left where normals show the most."""
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


def surface_at_vertices(model: HeadModel) -> np.ndarray:
    """Roughness, specular, subsurface of each vertex, [V, 3] in [0, 1]."""
    values = np.zeros((len(model.template), 3))
    for index, name in enumerate(model.part_names):
        faces = model.faces[model.face_parts == index]
        kind = kind_of_part(name)
        values[np.unique(faces[faces >= 0])] = ROUGHNESS.get(kind, 0.5), SPECULAR, SUBSURFACE.get(kind, 0.0)
    zone, lips, thin, scalp = (
        np.clip(sum((share * model.regions[name] for name, share in names.items() if name in model.regions), start=0.0), 0, 1)
        for names in (T_ZONE, dict.fromkeys(LIPS, 1.0), dict.fromkeys(THIN, 1.0), {"scalp": 1.0})
    )
    values[:, 0] += T_ZONE_ROUGHNESS * zone + LIP_ROUGHNESS * lips + SCALP_ROUGHNESS * scalp
    values[:, 1] += T_ZONE_SPECULAR * zone
    values[:, 2] += THIN_SUBSURFACE * thin
    return np.clip(values, 0, 1)


def scatter_share(albedo: np.ndarray, skin_linear_rgb: np.ndarray) -> np.ndarray:
    """How far light scatters where the linear albedo is [..., 3] beside the person's bare skin [3]; [...] float32."""
    light = (albedo @ LUMINANCE) / max(float(LUMINANCE @ skin_linear_rgb), 1e-3)
    curve = np.clip(np.linspace(0, CURVE_END, CURVE_STEPS) ** MARK_EXPONENT, *MARK_RANGE).astype(np.float32)
    return curve[np.minimum(light * ((CURVE_STEPS - 1) / CURVE_END), CURVE_STEPS - 1).astype(np.int32)]


def take_slopes(roughness: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Roughness [m, m] uint8 less what the normals [s, s, 3] uint8 show themselves; m, s multiples of BLOCK.

    Skin was measured from afar, with its pores and lines inside the lobe. The mean square of slopes is the square of Beckmann's
    width, roughness to the fourth; what the normals vary within a block is subtracted from it: both together are as measured.
    """
    size = len(normal)
    step = max(1, size // (8 * BLOCK))
    tilt = (normal[::step, ::step, :2].astype(np.float32) - 128) / 127.5
    slope = tilt / np.sqrt(np.maximum(1 - (tilt**2).sum(-1, keepdims=True), 0.1))
    side = len(slope) // BLOCK
    blocks = slope.reshape(BLOCK, side, BLOCK, side, 2)
    shown = (blocks**2).mean((1, 3)).sum(-1) - (blocks.mean((1, 3)) ** 2).sum(-1)
    wide = np.asarray(Image.fromarray(shown).resize((len(roughness), len(roughness)), Image.Resampling.BILINEAR))
    whole = (roughness / np.float32(255)) ** 4
    left = np.sqrt(np.sqrt(np.clip(1 - wide / np.maximum(whole, 1e-4), LEAST_LOBE**4, 1)))
    return np.rint(roughness * left).astype(np.uint8)
