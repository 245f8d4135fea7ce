"""The worse half of a texture is filled from its mirror image: the released flip-and-blend, and the same by the turn's size.

Rule of this file: textures are [H, W, C] with row 0 at v = 1 and the subject's left on the right. The sign of the turn chooses
the half: below 0 the left one (the subject's right cheek, turned away). The rows of the eyeballs' patches stay.

A pass of the release weights the texture with a ramp a (0 at the outer edge, 1 at the middle) and its mirror with b = 511/512 -
a, four times over. The mirror comes from the half that does not change, so together the passes are a^4 of the texture and
b (1 + a + a^2 + a^3) of the mirror, which is 1 - a^4 but for the missing 1/512. Ours weights with exactly 1 - a^4, and lets
the ramp reach in from the edge only as far as the head is turned.
"""

from __future__ import annotations

import numpy as np

from .faithfulness import FIXED, Faithfulness

SIZE, EYE_ROWS = 1024, 200
"""The published texture's side, and the eyeballs' patches' in it; other sizes in proportion."""
NUM_PASSES, NUM_MERGE_PASSES = 4, 5
MIDLINE_U = 0.4967
"""Where FLAME's vertices with x = 0 lie in head_template.obj's layout."""
FULL_TURN_DEG = 40.0
"""The turn from which on the whole half is blended: beyond it the far cheek is hidden."""


def mirror(texture: np.ndarray, faithfulness: Faithfulness = FIXED, midline_u: float = MIDLINE_U) -> np.ndarray:
    """The mirror image about the head's midline (about the picture's middle if Faithfulness.mirror_at_array_middle); columns
    whose partner would lie outside repeat the edge's."""
    if faithfulness.mirror_at_array_middle:
        return texture[:, ::-1]
    width = texture.shape[1]
    partner = (2 * midline_u * width - 1 - np.arange(width)).clip(0, width - 1)
    before = np.floor(partner).astype(int).clip(0, width - 2)
    share = (partner - before)[None, :, None]
    return ((1 - share) * texture[:, before] + share * texture[:, before + 1]).astype(texture.dtype)


def blend_in_passes(target: np.ndarray, other: np.ndarray, is_right: bool, num_passes: int) -> None:
    """The released ramp, in place, on one half of target [R, W, C]: each pass in float64, stored as the target is."""
    half_width = target.shape[1] // 2
    column = np.arange(half_width)[None, :, None]
    rising, falling = column / half_width, (half_width - 1 - column) / half_width
    own, others = (falling, rising) if is_right else (rising, falling)
    half = slice(half_width, None) if is_right else slice(None, half_width)
    for _ in range(num_passes):
        target[:, half] = own * target[:, half] + others * other[:, half]


def original_share(turn_deg: float, width: int, midline_u: float, is_right: bool, faithfulness: Faithfulness) -> np.ndarray:
    """How much of each column stays, [W]: a^4 on the worse half, where a runs from 0 at the outer edge to 1."""
    middle = width / 2 if faithfulness.mirror_at_array_middle else midline_u * width
    centres = np.arange(width) + 0.5
    inwards = (width - centres) / (width - middle) if is_right else centres / middle
    reach = 1.0 if faithfulness.yaw_sign_only else min(abs(turn_deg) / FULL_TURN_DEG, 1.0)
    return np.clip(inwards / reach, 0, 1) ** NUM_PASSES if reach > 0 else np.ones(width)


def correct(
    texture: np.ndarray,
    turn: float,
    faithfulness: Faithfulness = FIXED,
    *,
    seen: np.ndarray | None = None,
    midline_u: float = MIDLINE_U,
    eye_share: float = EYE_ROWS / SIZE,
) -> np.ndarray:
    """Texture [H, W, C] of a head with a turn (degrees; a yaw code's sign counts as such, its size is twice the degrees).

    seen [H, W] in 0..1: texels that the photo shows nothing of take their mirror image too, on either half, where that is seen.
    eye_share: of the rows, from the top, that stay as they are.
    With the three faults of the release together, its passes are carried out as it does.
    """
    is_right = turn >= 0
    mirrored = mirror(texture, faithfulness, midline_u)
    out = texture.copy()
    first_row = int(eye_share * len(texture))
    if faithfulness.mirror_weights_short and faithfulness.yaw_sign_only and faithfulness.mirror_at_array_middle:
        blend_in_passes(out[first_row:], mirrored[first_row:], is_right, NUM_PASSES)
        return out
    kept = original_share(turn, texture.shape[1], midline_u, is_right, faithfulness)[None]
    if seen is not None:
        mirror_seen = mirror(seen[..., None], faithfulness, midline_u)[..., 0]
        kept = 1 - (1 - kept * seen) * mirror_seen
        kept = kept[first_row:]
    short = missing_weight(kept) if faithfulness.mirror_weights_short else 0.0
    share = kept[..., None]
    blended = share * texture[first_row:] + (1 - share - np.asarray(short)[..., None]) * mirrored[first_row:]
    out[first_row:] = blended.astype(texture.dtype)
    return out


def missing_weight(kept: np.ndarray) -> np.ndarray:
    """What the released weights lack of 1 where a^4 of a texel is kept: (1 + a + a^2 + a^3) / 512, nothing off the ramp."""
    a = kept ** (1 / NUM_PASSES)
    return np.where(kept < 1, (1 + a + a**2 + a**3) / (SIZE // 2), 0.0)


def correct_beside_eye(texture: np.ndarray, turn: float, faithfulness: Faithfulness = FIXED) -> np.ndarray:
    """The worse half becomes the mirror image outright, but for the eyeball's patch. No demo uses it."""
    out, half, patch = texture.copy(), texture.shape[1] // 2, EYE_ROWS * len(texture) // SIZE
    mirrored = mirror(texture, faithfulness)
    if turn >= 0:
        out[:, half:] = mirrored[:, half:]
        out[:patch, -patch:] = texture[:patch, -patch:]
    else:
        out[:, :half] = mirrored[:, :half]
        out[:patch, :patch] = 1 if faithfulness.eye_patch_of_ones else texture[:patch, :patch]
    return out


def merge_views(right: np.ndarray, centre: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Textures [1024, 1024, C] of three views: `left` blended into the left half, `right` into the right. No demo uses it."""
    out = centre.copy()
    for view, is_right in ((left, False), (right, True)):
        blend_in_passes(out[EYE_ROWS:], view[EYE_ROWS:], is_right, NUM_MERGE_PASSES)
    return out
