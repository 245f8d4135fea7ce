"""Kernels of antialias: where outlines may be, where they cross between neighbouring pixels, the blend and its adjoint.

Rule of this file: a pair of neighbours is known by its first pixel and by 0 (next in the row) or 1 (next in the column).
"""

# mypy: ignore-errors
# (Warp reads the annotations as values: array(dtype=...) is no type.)
# ruff: noqa: UP018, RUF046
# (int(0) and float(0.0) make variables; a literal would be a compile-time constant to Warp.)

from typing import Any

import warp as wp

from .geometry import add_vertex, area, clip_coordinate, overload_channels, relative

wp.set_module_options({"enable_backward": False})

MAX_WALK = wp.constant(512)
"""Triangles between two neighbouring pixel centres, at most."""


@wp.func
def is_fold(a: wp.vec4, b: wp.vec4, p: wp.vec4, q: wp.vec4):
    """Do the third vertices p and q of two triangles at the edge a, b project to the same side of it? All w are positive."""
    ra = relative(a, b[0] / b[3], b[1] / b[3])
    rp = relative(p, b[0] / b[3], b[1] / b[3])
    rq = relative(q, b[0] / b[3], b[1] / b[3])
    return area(ra, rp) * area(ra, rq) > 0.0


@wp.kernel
def mark_outlines(
    positions: wp.array(dtype=wp.vec4),
    image_stride: int,
    triangles: wp.array(dtype=wp.vec3i),
    neighbours: wp.array(dtype=wp.int32),
    is_near_outline: wp.array(dtype=wp.int32),
    near: wp.array(dtype=wp.int32),
    num_near: wp.array(dtype=wp.int32),
    height: int,
    width: int,
    count: int,
    span: int,
):
    """One thread an image and triangle: lists the pixels about each edge of it where the surface folds or ends.

    The first num_near[0] of near become those pixels, each once; is_near_outline [P] and num_near begin as zeros.
    """
    thread = wp.tid()
    chunks = (count + span - 1) / span
    image = thread / chunks
    chunk = thread - image * chunks
    source = image * image_stride
    half_x = 0.5 * float(width)
    half_y = 0.5 * float(height)
    t = chunk * span - 1
    while t + 1 < wp.min((chunk + 1) * span, count):
        t += 1
        ids = triangles[t]
        for k in range(3):
            n = neighbours[3 * t + k]
            if n >= 0 and n < 3 * t:
                continue
            a = positions[source + ids[k]]
            b = positions[source + ids[(k + 1) % 3]]
            p = positions[source + ids[(k + 2) % 3]]
            if not (a[3] > 0.0 and b[3] > 0.0 and p[3] > 0.0):
                continue
            if n >= 0:
                q = positions[source + triangles[n / 3][(n + 2) % 3]]
                if q[3] > 0.0 and not is_fold(a, b, p, q):
                    continue
            ax = wp.clamp((a[0] / a[3] + 1.0) * half_x - 0.5, -2.0, float(width) + 1.0)
            bx = wp.clamp((b[0] / b[3] + 1.0) * half_x - 0.5, -2.0, float(width) + 1.0)
            ay = wp.clamp((a[1] / a[3] + 1.0) * half_y - 0.5, -2.0, float(height) + 1.0)
            by = wp.clamp((b[1] / b[3] + 1.0) * half_y - 0.5, -2.0, float(height) + 1.0)
            x0 = wp.max(int(wp.floor(wp.min(ax, bx) - 0.004)), 0)
            x1 = wp.min(int(wp.floor(wp.max(ax, bx) + 0.004)), width - 1)
            y0 = wp.max(int(wp.floor(wp.min(ay, by) - 0.004)), 0)
            y1 = wp.min(int(wp.floor(wp.max(ay, by) + 0.004)), height - 1)
            for y in range(y0, y1 + 1):
                for x in range(x0, x1 + 1):
                    pixel = (image * height + y) * width + x
                    if is_near_outline[pixel] == 0 and wp.atomic_max(is_near_outline, pixel, 1) == 0:
                        near[wp.atomic_add(num_near, 0, 1)] = pixel


@wp.func
def left_of_ray(q: wp.vec3, dx: float, dy: float):
    """Does a vertex (w > 0) lie left of the ray from the sample along (dx, dy)?"""
    return dx * q[1] - dy * q[0] > 0.0


@wp.func
def crossing_distance(a: wp.vec3, b: wp.vec3, dx: float, dy: float):
    """Where the ray crosses the line through a and b, in lengths of (dx, dy)."""
    return area(a, b) / (b[2] * (a[0] * dy - a[1] * dx) + a[2] * (dx * b[1] - dy * b[0]))


@wp.func
def find_outline(
    positions: wp.array(dtype=wp.vec4),
    source: int,
    triangles: wp.array(dtype=wp.vec3i),
    neighbours: wp.array(dtype=wp.int32),
    first: int,
    px: float,
    py: float,
    dx: float,
    dy: float,
):
    """The edge (left, right vertex) where the surface that triangle `first` shows at (px, py) ends before (px + dx, py + dy).

    Walks from triangle to neighbour along the segment, always through the edge whose vertices lie on both sides of it,
    until the next triangle turns back (a fold) or is missing. Where the surface goes on to the segment's end: -1 and the
    triangle there (-1 if it is not known).
    """
    ids = triangles[first]
    q0 = relative(positions[source + ids[0]], px, py)
    q1 = relative(positions[source + ids[1]], px, py)
    q2 = relative(positions[source + ids[2]], px, py)
    if not (q0[2] > 0.0 and q1[2] > 0.0 and q2[2] > 0.0):
        return wp.vec2i(-1, -1)
    left0 = left_of_ray(q0, dx, dy)
    left1 = left_of_ray(q1, dx, dy)
    left2 = left_of_ray(q2, dx, dy)
    best = float(-1.0e30)
    k = int(-1)
    if left0 != left1:
        best = crossing_distance(q0, q1, dx, dy)
        k = 0
    if left1 != left2:
        distance = crossing_distance(q1, q2, dx, dy)
        if distance > best:
            best = distance
            k = 1
    if left2 != left0:
        distance = crossing_distance(q2, q0, dx, dy)
        if distance > best:
            best = distance
            k = 2
    if k < 0 or best > 1.0:
        return wp.vec2i(-1, first)
    left = ids[k]
    right = ids[(k + 1) % 3]
    ql = q0
    qr = q1
    is_left = left0
    if k == 1:
        ql = q1
        qr = q2
        is_left = left1
    if k == 2:
        ql = q2
        qr = q0
        is_left = left2
    if not is_left:
        swap = left
        left = right
        right = swap
        q_swap = ql
        ql = qr
        qr = q_swap
    code = neighbours[3 * first + k]
    steps = int(0)
    while steps < MAX_WALK:
        steps += 1
        if code < 0:
            return wp.vec2i(left, right)
        t = code / 3
        k = code % 3
        corner = (k + 2) % 3
        i = triangles[t][corner]
        q = relative(positions[source + i], px, py)
        if not (q[2] > 0.0):
            return wp.vec2i(-1, -1)
        if wp.dot(ql, wp.cross(qr, q)) < 0.0:
            return wp.vec2i(left, right)
        if left_of_ray(q, dx, dy):
            k = wp.where(triangles[t][k] == left, (k + 1) % 3, corner)
            left = i
            ql = q
        else:
            k = wp.where(triangles[t][k] == right, (k + 1) % 3, corner)
            right = i
            qr = q
        if crossing_distance(ql, qr, dx, dy) > 1.0:
            return wp.vec2i(-1, t)
        code = neighbours[3 * t + k]
    return wp.vec2i(-1, -1)


@wp.func
def triangle_at(raster: wp.array(dtype=wp.vec4), p: int, num_triangles: int):
    """The triangle that a pixel shows, -1 for none."""
    t = int(raster[p][3]) - 1
    return wp.where(t < num_triangles, t, -1)


@wp.struct
class Pair:
    """Two neighbouring pixels, one's centre and the way to the other's in clip space; start < 0: there is no such pair."""

    image: int
    start: int
    end: int
    px: float
    py: float
    dx: float
    dy: float


@wp.func
def pair_at(p: int, is_vertical: int, height: int, width: int):
    """Pixel p and the next in its row or column."""
    pair = Pair()
    row = p / width
    x = p - row * width
    pair.image = row / height
    y = row - pair.image * height
    pair.start = wp.where(x + 1 - is_vertical < width and y + is_vertical < height, p, -1)
    pair.end = p + wp.where(is_vertical == 1, width, 1)
    pair.px = clip_coordinate(x, width)
    pair.py = clip_coordinate(y, height)
    pair.dx = float(1 - is_vertical) * 2.0 / float(width)
    pair.dy = float(is_vertical) * 2.0 / float(height)
    return pair


@wp.func
def turn_pair(pair: Pair):
    """The same pair, from its other pixel."""
    turned = Pair()
    turned.image = pair.image
    turned.start = pair.end
    turned.end = pair.start
    turned.px = pair.px + pair.dx
    turned.py = pair.py + pair.dy
    turned.dx = -pair.dx
    turned.dy = -pair.dy
    return turned


@wp.kernel
def find_outlines(
    positions: wp.array(dtype=wp.vec4),
    image_stride: int,
    triangles: wp.array(dtype=wp.vec3i),
    neighbours: wp.array(dtype=wp.int32),
    near: wp.array(dtype=wp.int32),
    num_near: wp.array(dtype=wp.int32),
    raster: wp.array(dtype=wp.vec4),
    edges: wp.array(dtype=wp.vec2i),
    height: int,
    width: int,
    span: int,
):
    """The outline edge of the row pair and the column pair of each pixel near one: (left + 1, right + 1), (0, 0) for none.

    The first number is negative where the surface in front is the second pixel's. The nearer surface is asked first; the
    farther one can be in front only where the nearer goes on behind it. A pair counts edges that lie rather across it, so
    that each stretch of an outline is seen by rows or by columns and never twice.
    """
    i = wp.tid() * span - 1
    last = wp.min(i + span, num_near[0] - 1)
    while i < last:
        i += 1
        t = triangle_at(raster, near[i], triangles.shape[0])
        is_vertical = int(-1)
        while is_vertical < 1:
            is_vertical += 1
            edges[2 * i + is_vertical] = wp.vec2i(0, 0)
            pair = pair_at(near[i], is_vertical, height, width)
            if pair.start < 0:
                continue
            t_next = triangle_at(raster, pair.end, triangles.shape[0])
            if t == t_next:
                continue
            is_back = t < 0 or (t_next >= 0 and raster[pair.end][2] < raster[pair.start][2])
            attempts = int(0)
            while attempts < 2:
                attempts += 1
                way = pair
                first = t
                if is_back:
                    way = turn_pair(pair)
                    first = t_next
                edge = wp.vec2i(-1, -1)
                if first >= 0:
                    source = pair.image * image_stride
                    edge = find_outline(positions, source, triangles, neighbours, first, way.px, way.py, way.dx, way.dy)
                    if edge[0] >= 0:
                        ql = relative(positions[source + edge[0]], way.px, way.py)
                        qr = relative(positions[source + edge[1]], way.px, way.py)
                        across = wp.abs(ql[0] / ql[2] - qr[0] / qr[2]) * float(width)
                        upright = wp.abs(ql[1] / ql[2] - qr[1] / qr[2]) * float(height)
                        if (upright >= across) == (is_vertical == 0):
                            left = wp.where(is_back, -edge[0] - 1, edge[0] + 1)
                            edges[2 * i + is_vertical] = wp.vec2i(left, edge[1] + 1)
                is_one_surface = edge[1] >= 0 and edge[1] == wp.where(is_back, t, t_next)
                if edge[0] >= 0 or is_one_surface:
                    attempts = 2
                is_back = not is_back


@wp.struct
class Crossing:
    """An outline edge between two pixels: its vertices (left, right) among all images' and as seen from the front pixel.

    s: its distance from the front pixel's centre on the way to the other one, in [0, 1].
    """

    left: int
    right: int
    a: wp.vec3
    b: wp.vec3
    s: float


@wp.func
def crossing_of(positions: wp.array(dtype=wp.vec4), source: int, edge: wp.vec2i, pair: Pair):
    """Where an edge of find_outlines crosses its pair, which starts in front."""
    crossing = Crossing()
    crossing.left = source + wp.abs(edge[0]) - 1
    crossing.right = source + edge[1] - 1
    crossing.a = relative(positions[crossing.left], pair.px, pair.py)
    crossing.b = relative(positions[crossing.right], pair.px, pair.py)
    crossing.s = crossing_distance(crossing.a, crossing.b, pair.dx, pair.dy)
    return crossing


@wp.kernel
def blend_outlines(
    positions: wp.array(dtype=wp.vec4),
    image_stride: int,
    near: wp.array(dtype=wp.int32),
    num_near: wp.array(dtype=wp.int32),
    edges: wp.array(dtype=wp.vec2i),
    colour: wp.array(dtype=Any),
    out: wp.array(dtype=Any),
    height: int,
    width: int,
    span: int,
):
    """Blends colour across the outlines between pixels into out, which begins as a copy of colour [P].

    An outline at the distance s from the front pixel's centre (in pixels) leaves max(s - 1/2, 0) of the front colour in the
    other pixel, or max(1/2 - s, 0) of the other colour in the front pixel.
    """
    i = 2 * wp.tid() * span - 1
    last = wp.min(i + 2 * span, 2 * num_near[0] - 1)
    while i < last:
        i += 1
        edge = edges[i]
        if edge[1] > 0:
            pair = pair_at(near[i / 2], i % 2, height, width)
            if edge[0] < 0:
                pair = turn_pair(pair)
            s = crossing_of(positions, pair.image * image_stride, edge, pair).s
            wp.atomic_add(out, wp.where(s > 0.5, pair.end, pair.start), (colour[pair.start] - colour[pair.end]) * (s - 0.5))


@wp.kernel
def blend_outlines_adjoint(
    positions: wp.array(dtype=wp.vec4),
    image_stride: int,
    near: wp.array(dtype=wp.int32),
    num_near: wp.array(dtype=wp.int32),
    edges: wp.array(dtype=wp.vec2i),
    colour: wp.array(dtype=Any),
    position_scale: float,
    out_gradient: wp.array(dtype=Any),
    colour_gradient: wp.array(dtype=Any),
    gradient: wp.array(dtype=wp.vec4),
    height: int,
    width: int,
    span: int,
):
    """Gradient by the blended image -> gradients by colour and by the positions (both added); an empty array is not wanted."""
    i = 2 * wp.tid() * span - 1
    last = wp.min(i + 2 * span, 2 * num_near[0] - 1)
    while i < last:
        i += 1
        edge = edges[i]
        if edge[1] > 0:
            pair = pair_at(near[i / 2], i % 2, height, width)
            if edge[0] < 0:
                pair = turn_pair(pair)
            at = crossing_of(positions, pair.image * image_stride, edge, pair)
            g = out_gradient[wp.where(at.s > 0.5, pair.end, pair.start)]
            if colour_gradient.shape[0] > 0:
                wp.atomic_add(colour_gradient, pair.start, g * (at.s - 0.5))
                wp.atomic_add(colour_gradient, pair.end, g * (0.5 - at.s))
            by_s = wp.dot(g, colour[pair.start] - colour[pair.end])
            if gradient.shape[0] > 0 and by_s != 0.0:
                a = at.a
                b = at.b
                a_turn = a[0] * pair.dy - a[1] * pair.dx
                b_turn = pair.dx * b[1] - pair.dy * b[0]
                scale = by_s * position_scale / (b[2] * a_turn + a[2] * b_turn)
                by_a = wp.vec3(b[1] - at.s * b[2] * pair.dy, at.s * b[2] * pair.dx - b[0], -at.s * b_turn) * scale
                by_b = wp.vec3(at.s * a[2] * pair.dy - a[1], a[0] - at.s * a[2] * pair.dx, -at.s * a_turn) * scale
                add_vertex(gradient, at.left, by_a, 0.0, pair.px, pair.py)
                add_vertex(gradient, at.right, by_b, 0.0, pair.px, pair.py)


BLEND = overload_channels(blend_outlines, ("colour", "out"))
BLEND_ADJOINT = overload_channels(blend_outlines_adjoint, ("colour", "out_gradient", "colour_gradient"))
