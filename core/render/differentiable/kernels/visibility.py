"""Kernels of rasterize: which triangle each sample sees, where on it, and the adjoint.

Rule of this file: an edge is measured from its vertex of lower index to the other, so two triangles get the same bits for
the edge that they share, and a sample on it belongs to exactly one.
"""

# mypy: ignore-errors
# (Warp reads the annotations as values: array(dtype=...) is no type.)
# ruff: noqa: UP018
# (int(0) and float(0.0) make variables; a literal would be a compile-time constant to Warp.)

import warp as wp

from .geometry import add_vertex, clip_coordinate, pixels_of_thread, relative

wp.set_module_options({"enable_backward": False})

NO_TRIANGLE_KEY = 0x7FFFFFFFFFFFFFFF
NO_TRIANGLE = wp.constant(wp.int64(NO_TRIANGLE_KEY))


@wp.func
def lesser(a: float, b: float):
    """min(a, b) as one instruction: wp.min minds which of them is no number."""
    return wp.where(a < b, a, b)


@wp.func
def greater(a: float, b: float):
    """max(a, b), likewise."""
    return wp.where(a > b, a, b)


@wp.func
def side_of_edge(normal: wp.vec3, e: float):
    """Sign of the edge function e; a sample on the line counts as moved right and, by far less, up."""
    s = e
    if s == 0.0:
        s = normal[0]
        if s == 0.0:
            s = normal[1]
    return wp.where(s > 0.0, 1, wp.where(s < 0.0, -1, 0))


@wp.func
def origin_at(v: wp.vec4):
    """A vertex' own place in the image, from which its edges are measured."""
    if v[3] > 0.0:
        return wp.vec2(v[0] / v[3], v[1] / v[3])
    return wp.vec2(0.0, 0.0)


@wp.func
def pixel_range(a: float, b: float, c: float, count: int):
    """First and last pixel whose centre may lie between three clip-space coordinates, within the image."""
    half = 0.5 * float(count)
    low = (lesser(a, lesser(b, c)) + 1.0) * half - 0.504
    high = (greater(a, greater(b, c)) + 1.0) * half - 0.496
    first = int(wp.ceil(lesser(greater(low, 0.0), float(count))))
    last = int(wp.floor(lesser(greater(high, -1.0), float(count))))
    return wp.vec2i(wp.max(first, 0), wp.min(last, count - 1))


@wp.func
def depth_key(z: float, triangle: int):
    """A number that orders by z, then by the triangle."""
    order = wp.cast(z, wp.int32)
    order = wp.where(order < 0, order ^ 0x7FFFFFFF, order)
    return (wp.int64(order) << wp.int64(32)) | wp.int64(triangle)


@wp.func
def depth_of_key(key: wp.int64):
    """The z of depth_key."""
    order = int(key >> wp.int64(32))
    return wp.cast(wp.where(order < 0, order ^ 0x7FFFFFFF, order), wp.float32)


@wp.kernel
def cover_samples(
    positions: wp.array(dtype=wp.vec4),
    image_stride: int,
    triangles: wp.array(dtype=wp.vec3i),
    ranges: wp.array(dtype=wp.vec2i),
    keys: wp.array(dtype=wp.int64),
    height: int,
    width: int,
    count: int,
    span: int,
):
    """One thread an image and triangle: into every covered sample's key goes the smallest z/w with the triangle's number."""
    thread = wp.tid()
    chunks = (count + span - 1) / span
    image = thread / chunks
    chunk = thread - image * chunks
    source = image * image_stride
    step_x = 1.0 / float(width)
    step_y = 1.0 / float(height)
    first = ranges[image][0]
    number = chunk * span
    end = wp.min(wp.min((chunk + 1) * span, count), ranges[image][1])
    while number < end:
        t = first + number
        number += 1
        ids = triangles[t]
        lo = wp.min(ids[0], wp.min(ids[1], ids[2]))
        hi = wp.max(ids[0], wp.max(ids[1], ids[2]))
        mid = ids[0] + ids[1] + ids[2] - lo - hi
        a = positions[source + lo]
        b = positions[source + mid]
        c = positions[source + hi]
        if lo == mid or mid == hi or not (greater(a[3], greater(b[3], c[3])) > 0.0):
            continue
        at_a = origin_at(a)
        at_b = origin_at(b)
        columns = wp.vec2i(0, width - 1)
        rows = wp.vec2i(0, height - 1)
        if lesser(a[3], lesser(b[3], c[3])) > 0.0:
            at_c = origin_at(c)
            columns = pixel_range(at_a[0], at_b[0], at_c[0], width)
            rows = pixel_range(at_a[1], at_b[1], at_c[1], height)
        if columns[0] > columns[1] or rows[0] > rows[1]:
            continue
        from_a = relative(a, at_a[0], at_a[1])
        ab = wp.cross(from_a, relative(b, at_a[0], at_a[1]))
        ac = wp.cross(from_a, relative(c, at_a[0], at_a[1]))
        bc = wp.cross(relative(b, at_b[0], at_b[1]), relative(c, at_b[0], at_b[1]))
        y = int(rows[0])
        while y <= rows[1]:
            py = float(2 * y + 1 - height) * step_y
            row_ab = ab[1] * (py - at_a[1]) + ab[2]
            row_ac = ac[1] * (py - at_a[1]) + ac[2]
            row_bc = bc[1] * (py - at_b[1]) + bc[2]
            p = (image * height + y) * width + columns[0]
            last = p + columns[1] - columns[0]
            half_steps = float(2 * columns[0] + 1 - width)
            while p <= last:
                px = half_steps * step_x
                weight_c = ab[0] * (px - at_a[0]) + row_ab
                weight_b = -(ac[0] * (px - at_a[0]) + row_ac)
                weight_a = bc[0] * (px - at_b[0]) + row_bc
                lowest = lesser(weight_a, lesser(weight_b, weight_c))
                highest = greater(weight_a, greater(weight_b, weight_c))
                if lowest >= 0.0 or highest <= 0.0:
                    side = wp.where(lowest > 0.0, 1.0, -1.0)
                    if lowest == 0.0 or highest == 0.0:
                        turn = side_of_edge(ab, weight_c)
                        side = float(turn)
                        if turn != side_of_edge(bc, weight_a) or turn != -side_of_edge(ac, -weight_b):
                            side = 0.0
                    depth = weight_a * a[3] + weight_b * b[3] + weight_c * c[3]
                    z = (weight_a * a[2] + weight_b * b[2] + weight_c * c[2]) / depth
                    if depth * side > 0.0 and wp.abs(z) <= 1.0:
                        wp.atomic_min(keys, p, depth_key(z, t))
                p += 1
                half_steps += 2.0
            y += 1


@wp.struct
class Sight:
    """A triangle as seen from a sample: its vertices, the cross products of the next two, and 1 / their third components' sum.

    The third components are the areas that make the barycentric weights (u, v are the first two's); 0 stands for 1 / 0.
    """

    q0: wp.vec3
    q1: wp.vec3
    q2: wp.vec3
    c0: wp.vec3
    c1: wp.vec3
    c2: wp.vec3
    inverse: float
    u: float
    v: float


@wp.func
def see_triangle(v0: wp.vec4, v1: wp.vec4, v2: wp.vec4, px: float, py: float):
    """The triangle of three clip-space vertices as seen from (px, py)."""
    sight = Sight()
    sight.q0 = relative(v0, px, py)
    sight.q1 = relative(v1, px, py)
    sight.q2 = relative(v2, px, py)
    sight.c0 = wp.cross(sight.q1, sight.q2)
    sight.c1 = wp.cross(sight.q2, sight.q0)
    sight.c2 = wp.cross(sight.q0, sight.q1)
    total = sight.c0[2] + sight.c1[2] + sight.c2[2]
    sight.inverse = wp.where(total == 0.0, 0.0, 1.0 / total)
    sight.u = sight.c0[2] * sight.inverse
    sight.v = sight.c1[2] * sight.inverse
    return sight


@wp.kernel
def resolve_samples(
    positions: wp.array(dtype=wp.vec4),
    image_stride: int,
    triangles: wp.array(dtype=wp.vec3i),
    keys: wp.array(dtype=wp.int64),
    raster: wp.array(dtype=wp.vec4),
    raster_db: wp.array(dtype=wp.vec4),
    height: int,
    width: int,
    span: int,
):
    """Keys -> (u, v, z/w, triangle + 1) and (du/dX, du/dY, dv/dX, dv/dY) in pixels; both begin as zeros."""
    place = pixels_of_thread(wp.tid(), span, height, width)
    source = place.image * image_stride
    py = clip_coordinate(place.y, height)
    x = place.x_before
    while x < place.x_last:
        x += 1
        p = place.row + x
        key = keys[p]
        if key == NO_TRIANGLE:
            continue
        t = int(key & wp.int64(0xFFFFFFFF))
        ids = triangles[t]
        px = clip_coordinate(x, width)
        s = see_triangle(positions[source + ids[0]], positions[source + ids[1]], positions[source + ids[2]], px, py)
        raster[p] = wp.vec4(s.u, s.v, depth_of_key(key), float(t + 1))
        total = s.c0 + s.c1 + s.c2
        du = (s.c0 - s.u * total) * s.inverse
        dv = (s.c1 - s.v * total) * s.inverse
        step_x = 2.0 / float(width)
        step_y = 2.0 / float(height)
        raster_db[p] = wp.vec4(du[0] * step_x, du[1] * step_y, dv[0] * step_x, dv[1] * step_y)


@wp.kernel
def resolve_samples_adjoint(
    positions: wp.array(dtype=wp.vec4),
    image_stride: int,
    triangles: wp.array(dtype=wp.vec3i),
    raster: wp.array(dtype=wp.vec4),
    raster_gradient: wp.array(dtype=wp.vec4),
    raster_db_gradient: wp.array(dtype=wp.vec4),
    gradient: wp.array(dtype=wp.vec4),
    height: int,
    width: int,
    span: int,
):
    """Gradients by u, v, z/w and, unless empty, by the image-space derivatives -> gradient by the positions (added)."""
    place = pixels_of_thread(wp.tid(), span, height, width)
    source = place.image * image_stride
    py = clip_coordinate(place.y, height)
    x = place.x_before
    while x < place.x_last:
        x += 1
        p = place.row + x
        t = int(raster[p][3]) - 1
        if t < 0:
            continue
        ids = triangles[t]
        v0 = positions[source + ids[0]]
        v1 = positions[source + ids[1]]
        v2 = positions[source + ids[2]]
        px = clip_coordinate(x, width)
        s = see_triangle(v0, v1, v2, px, py)
        if s.inverse == 0.0:
            continue
        gu = float(0.0)
        gv = float(0.0)
        gz = float(0.0)
        if raster_gradient.shape[0] > 0:
            g = raster_gradient[p]
            gu = g[0]
            gv = g[1]
            gz = g[2]
        by_area2 = -(gu * s.u + gv * s.v) * s.inverse
        by_area0 = gu * s.inverse + by_area2
        by_area1 = gv * s.inverse + by_area2
        by_z = float(0.0)
        z = float(0.0)
        if gz != 0.0:
            depth = s.c0[2] * v0[3] + s.c1[2] * v1[3] + s.c2[2] * v2[3]
            z = (s.c0[2] * v0[2] + s.c1[2] * v1[2] + s.c2[2] * v2[2]) / depth
            by_z = gz / depth
            by_area0 += by_z * (v0[2] - z * v0[3])
            by_area1 += by_z * (v1[2] - z * v1[3])
            by_area2 += by_z * (v2[2] - z * v2[3])
        n0 = wp.vec3(0.0, 0.0, 0.0)
        n1 = wp.vec3(0.0, 0.0, 0.0)
        n2 = wp.vec3(0.0, 0.0, 0.0)
        if raster_db_gradient.shape[0] > 0:
            h = raster_db_gradient[p]
            step_x = 2.0 / float(width)
            step_y = 2.0 / float(height)
            by_du = wp.vec3(h[0] * step_x, h[1] * step_y, 0.0) * s.inverse
            by_dv = wp.vec3(h[2] * step_x, h[3] * step_y, 0.0) * s.inverse
            whole = s.c0 + s.c1 + s.c2
            along_u = wp.dot(by_du, whole)
            along_v = wp.dot(by_dv, whole)
            past_u = wp.dot(by_du, s.c0 - s.u * whole)
            past_v = wp.dot(by_dv, s.c1 - s.v * whole)
            common = (along_u * s.u + along_v * s.v - past_u - past_v) * s.inverse
            by_area0 += common - along_u * s.inverse
            by_area1 += common - along_v * s.inverse
            by_area2 += common
            by_c2 = -(s.u * by_du + s.v * by_dv)
            by_c0 = by_du + by_c2
            by_c1 = by_dv + by_c2
            n0 = wp.cross(by_c1, s.q2) + wp.cross(s.q1, by_c2)
            n1 = wp.cross(s.q2, by_c0) + wp.cross(by_c2, s.q0)
            n2 = wp.cross(by_c0, s.q1) + wp.cross(s.q0, by_c1)
        n0 += wp.vec3(s.q1[1] * by_area2 - s.q2[1] * by_area1, s.q2[0] * by_area1 - s.q1[0] * by_area2, -z * by_z * s.c0[2])
        n1 += wp.vec3(s.q2[1] * by_area0 - s.q0[1] * by_area2, s.q0[0] * by_area2 - s.q2[0] * by_area0, -z * by_z * s.c1[2])
        n2 += wp.vec3(s.q0[1] * by_area1 - s.q1[1] * by_area0, s.q1[0] * by_area0 - s.q0[0] * by_area1, -z * by_z * s.c2[2])
        add_vertex(gradient, source + ids[0], n0, by_z * s.c0[2], px, py)
        add_vertex(gradient, source + ids[1], n1, by_z * s.c1[2], px, py)
        add_vertex(gradient, source + ids[2], n2, by_z * s.c2[2], px, py)
