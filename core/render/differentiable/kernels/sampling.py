"""Kernels of texture: nearest, bilinear and trilinear samples, and their adjoint.

Rule of this file: a mip level is (first texel, height, width) in the table of an image's texels.
"""

# mypy: ignore-errors
# (Warp reads the annotations as values: array(dtype=...) is no type.)
# ruff: noqa: UP018, RUF046
# (int(0) and float(0.0) make variables; a literal would be a compile-time constant to Warp.)

from typing import Any

import warp as wp

from .geometry import overload_channels, pixels_of_thread

wp.set_module_options({"enable_backward": False})

WRAP = wp.constant(0)
CLAMP = wp.constant(1)


@wp.func
def confine(uv: float, boundary: int):
    """A texture coordinate brought near the texture."""
    if boundary == WRAP:
        return uv - wp.floor(uv)
    return wp.clamp(uv, -1.0, 2.0)


@wp.func
def fold_index(i: int, count: int, boundary: int):
    """A texel's number along a side of `count`: wrapped (from at most one length away) or clamped, inside whatever i is."""
    folded = i
    if boundary == WRAP:
        folded = wp.where(i < 0, i + count, wp.where(i >= count, i - count, i))
    return wp.clamp(folded, 0, count - 1)


@wp.func
def is_within(i: int, count: int):
    """1 where a texel's number is one of the texture's, else 0."""
    return wp.where(i >= 0 and i < count, 1.0, 0.0)


@wp.func
def nearest_row(uv: wp.vec2, level: wp.vec3i, boundary: int):
    """The texel that holds the point as a row of the texel table, -1 for outside."""
    x = int(wp.floor(confine(uv[0], boundary) * float(level[2])))
    y = int(wp.floor(confine(uv[1], boundary) * float(level[1])))
    row = level[0] + fold_index(y, level[1], boundary) * level[2] + fold_index(x, level[2], boundary)
    return wp.where(boundary > CLAMP and is_within(x, level[2]) * is_within(y, level[1]) == 0.0, -1, row)


@wp.struct
class Cell:
    """The four texels about a point, in reading order: their rows, 1 or 0 for inside or not, and the point between them."""

    rows: wp.vec4i
    inside: wp.vec4
    fs: float
    ft: float


@wp.func
def find_cell(uv: wp.vec2, start: int, level: wp.vec3i, boundary: int):
    """The texels of a level that a bilinear sample takes; the image's texels begin at `start`."""
    s = confine(uv[0], boundary) * float(level[2]) - 0.5
    t = confine(uv[1], boundary) * float(level[1]) - 0.5
    s0 = int(wp.floor(s))
    t0 = int(wp.floor(t))
    left = fold_index(s0, level[2], boundary)
    right = fold_index(s0 + 1, level[2], boundary)
    top = start + level[0] + fold_index(t0, level[1], boundary) * level[2]
    low = start + level[0] + fold_index(t0 + 1, level[1], boundary) * level[2]
    cell = Cell()
    cell.rows = wp.vec4i(top + left, top + right, low + left, low + right)
    cell.inside = wp.vec4(1.0, 1.0, 1.0, 1.0)
    if boundary > CLAMP:
        x0 = is_within(s0, level[2])
        x1 = is_within(s0 + 1, level[2])
        y0 = is_within(t0, level[1])
        y1 = is_within(t0 + 1, level[1])
        cell.inside = wp.vec4(x0 * y0, x1 * y0, x0 * y1, x1 * y1)
    cell.fs = s - float(s0)
    cell.ft = t - float(t0)
    return cell


@wp.func
def weights_of(cell: Cell):
    """What each texel of the cell counts."""
    top = 1.0 - cell.ft
    left = 1.0 - cell.fs
    return wp.cw_mul(cell.inside, wp.vec4(left * top, cell.fs * top, left * cell.ft, cell.fs * cell.ft))


@wp.func
def sample_level(texels: wp.array(dtype=Any), uv: wp.vec2, start: int, level: wp.vec3i, boundary: int):
    """A bilinear sample of one level."""
    cell = find_cell(uv, start, level, boundary)
    w = weights_of(cell)
    r = cell.rows
    return texels[r[0]] * w[0] + texels[r[1]] * w[1] + texels[r[2]] * w[2] + texels[r[3]] * w[3]


@wp.kernel
def sample_texture(
    texels: wp.array(dtype=Any),
    image_stride: int,
    levels: wp.array(dtype=wp.vec3i),
    uv: wp.array(dtype=wp.vec2),
    detail: wp.array(dtype=float),
    is_linear: int,
    boundary: int,
    out: wp.array(dtype=Any),
    height: int,
    width: int,
    span: int,
):
    """texels of image i from i * image_stride on, its levels one after the other, at uv [P] and detail [P] -> out [P].

    An empty detail means level 0 everywhere. detail must lie in [0, number of levels - 1]. out begins as zeros. A pixel that
    asks for the same place as the one before it in its thread, as the background does, takes its value.
    """
    place = pixels_of_thread(wp.tid(), span, height, width)
    start = place.image * image_stride
    p = place.row + place.x_before
    while p < place.row + place.x_last:
        p += 1
        at = uv[p]
        if is_linear == 0:
            nearest = nearest_row(at, levels[0], boundary)
            if nearest >= 0:
                out[p] = texels[start + nearest]
        elif detail.shape[0] == 0 and p > place.row + place.x_before + 1 and at == uv[p - 1]:
            out[p] = out[p - 1]
        else:
            number = int(0)
            between = float(0.0)
            if detail.shape[0] > 0:
                number = int(detail[p])
                between = detail[p] - float(number)
            value = sample_level(texels, at, start, levels[number], boundary)
            if between > 0.0:
                value = value * (1.0 - between) + sample_level(texels, at, start, levels[number + 1], boundary) * between
            out[p] = value


@wp.func
def sample_level_adjoint(
    texels: wp.array(dtype=Any),
    uv: wp.vec2,
    start: int,
    level: wp.vec3i,
    boundary: int,
    g: Any,
    share: float,
    texels_gradient: wp.array(dtype=Any),
):
    """(gradient by u, by v, the sample itself times g) of `share` times a level's sample; that by the texels is added."""
    cell = find_cell(uv, start, level, boundary)
    w = weights_of(cell)
    r = cell.rows
    d = wp.vec4(wp.dot(g, texels[r[0]]), wp.dot(g, texels[r[1]]), wp.dot(g, texels[r[2]]), wp.dot(g, texels[r[3]]))
    if texels_gradient.shape[0] > 0:
        shared = g * share
        wp.atomic_add(texels_gradient, r[0], shared * w[0])
        wp.atomic_add(texels_gradient, r[1], shared * w[1])
        wp.atomic_add(texels_gradient, r[2], shared * w[2])
        wp.atomic_add(texels_gradient, r[3], shared * w[3])
    m = wp.cw_mul(cell.inside, d)
    by_s = (m[1] - m[0]) * (1.0 - cell.ft) + (m[3] - m[2]) * cell.ft
    by_t = (m[2] - m[0]) * (1.0 - cell.fs) + (m[3] - m[1]) * cell.fs
    return wp.vec3(share * by_s * float(level[2]), share * by_t * float(level[1]), wp.dot(w, d))


@wp.kernel
def sample_texture_adjoint(
    texels: wp.array(dtype=Any),
    image_stride: int,
    levels: wp.array(dtype=wp.vec3i),
    uv: wp.array(dtype=wp.vec2),
    detail: wp.array(dtype=float),
    is_linear: int,
    boundary: int,
    out_gradient: wp.array(dtype=Any),
    texels_gradient: wp.array(dtype=Any),
    uv_gradient: wp.array(dtype=wp.vec2),
    detail_gradient: wp.array(dtype=float),
    height: int,
    width: int,
    span: int,
):
    """Gradient by the samples -> gradients by the texels, uv and detail (all added); an empty array is not wanted."""
    place = pixels_of_thread(wp.tid(), span, height, width)
    start = place.image * image_stride
    p = place.row + place.x_before
    while p < place.row + place.x_last:
        p += 1
        g = out_gradient[p]
        if g == g * 0.0:
            continue
        at = uv[p]
        if is_linear == 0:
            nearest = nearest_row(at, levels[0], boundary)
            if nearest >= 0 and texels_gradient.shape[0] > 0:
                wp.atomic_add(texels_gradient, start + nearest, g)
            continue
        number = int(0)
        between = float(0.0)
        if detail.shape[0] > 0:
            number = wp.min(int(detail[p]), wp.max(levels.shape[0] - 2, 0))
            between = detail[p] - float(number)
        by = sample_level_adjoint(texels, at, start, levels[number], boundary, g, 1.0 - between, texels_gradient)
        if detail.shape[0] > 0 and levels.shape[0] > 1:
            next = sample_level_adjoint(texels, at, start, levels[number + 1], boundary, g, between, texels_gradient)
            if detail_gradient.shape[0] > 0:
                detail_gradient[p] += next[2] - by[2]
            by += next
        if uv_gradient.shape[0] > 0:
            uv_gradient[p] += wp.vec2(by[0], by[1])


SAMPLE = overload_channels(sample_texture, ("texels", "out"))
SAMPLE_ADJOINT = overload_channels(sample_texture_adjoint, ("texels", "out_gradient", "texels_gradient"))
