"""Warp kernels of the differentiable primitives, forward and adjoint by hand, one source for CPU and CUDA.

Rule of this file: a module of its own, so that the default path never compiles it. A vertex as seen from a sample is
q = (x - px w, y - py w, w): the sample is the origin, differences stay small, float32 is enough. The barycentric weights
are a / sum(a) with a_k the third component of q_i x q_j (Olano and Greer 1997: no clipping, no division by w), its first
two the derivatives of a_k by the sample's position; the adjoints of all three are cross products again.
Import this through backends.load_backend, never directly.
"""

# mypy: ignore-errors
# (Warp reads the annotations as values: array(dtype=...) is no type.)
# ruff: noqa: UP018, RUF046
# (int(0) and float(0.0) make variables; a literal would be a compile-time constant to Warp.)

import warp as wp

wp.set_module_options({"enable_backward": False})

NO_TRIANGLE_KEY = 0x7FFFFFFFFFFFFFFF
NO_TRIANGLE = wp.constant(wp.int64(NO_TRIANGLE_KEY))
MAX_WALK = wp.constant(512)
"""Triangles between two neighbouring pixel centres, at most."""
WRAP = wp.constant(0)
CLAMP = wp.constant(1)


@wp.func
def relative(v: wp.vec4, px: float, py: float):
    """A clip-space vertex as seen from the sample (px, py)."""
    return wp.vec3(v[0] - px * v[3], v[1] - py * v[3], v[3])


@wp.func
def clip_coordinate(i: int, count: int):
    """Pixel number -> clip-space coordinate of its centre."""
    return float(2 * i + 1 - count) / float(count)


@wp.struct
class Pixels:
    """The pixels of one thread: a stretch of a row."""

    image: int
    y: int
    x_begin: int
    x_end: int


@wp.func
def pixels_of_thread(thread: int, span: int, height: int, width: int):
    """Rows are cut into stretches of `span` pixels: one pixel on a GPU; on a CPU a row, whose setup is then paid once."""
    stretches = (width + span - 1) / span
    row = thread / stretches
    place = Pixels()
    place.image = row / height
    place.y = row - place.image * height
    place.x_begin = (thread - row * stretches) * span
    place.x_end = wp.min(place.x_begin + span, width)
    return place


@wp.func
def area(a: wp.vec3, b: wp.vec3):
    """Twice the signed area of the sample and two vertices, times their w."""
    return a[0] * b[1] - a[1] * b[0]


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


@wp.kernel
def cover_samples(
    positions: wp.array(dtype=wp.vec4),
    num_vertices: int,
    triangles: wp.array(dtype=wp.vec3i),
    ranges: wp.array(dtype=wp.vec2i),
    keys: wp.array(dtype=wp.int64),
    height: int,
    width: int,
    count: int,
    span: int,
):
    """One thread an image and triangle: into every covered sample's key goes the smallest z/w with the triangle's number.

    An edge is measured from its vertex of lower index to the other, so two triangles get the same bits for the edge that
    they share, and a sample on it belongs to exactly one.
    """
    thread = wp.tid()
    chunks = (count + span - 1) / span
    image = thread / chunks
    chunk = thread - image * chunks
    for number in range(chunk * span, wp.min((chunk + 1) * span, count)):
        if number >= ranges[image][1]:
            continue
        t = ranges[image][0] + number
        ids = triangles[t]
        lo = wp.min(ids[0], wp.min(ids[1], ids[2]))
        hi = wp.max(ids[0], wp.max(ids[1], ids[2]))
        mid = ids[0] + ids[1] + ids[2] - lo - hi
        if lo == mid or mid == hi:
            continue
        source = wp.where(positions.shape[0] == num_vertices, 0, image * num_vertices)
        a = positions[source + lo]
        b = positions[source + mid]
        c = positions[source + hi]
        w_low = wp.min(a[3], wp.min(b[3], c[3]))
        if not (wp.max(a[3], wp.max(b[3], c[3])) > 0.0):
            continue
        x0 = int(0)
        x1 = width - 1
        y0 = int(0)
        y1 = height - 1
        at_a = origin_at(a)
        at_b = origin_at(b)
        if w_low > 0.0:
            at_c = origin_at(c)
            half_x = 0.5 * float(width)
            half_y = 0.5 * float(height)
            x_low = (wp.min(at_a[0], wp.min(at_b[0], at_c[0])) + 1.0) * half_x - 0.504
            x_high = (wp.max(at_a[0], wp.max(at_b[0], at_c[0])) + 1.0) * half_x - 0.496
            y_low = (wp.min(at_a[1], wp.min(at_b[1], at_c[1])) + 1.0) * half_y - 0.504
            y_high = (wp.max(at_a[1], wp.max(at_b[1], at_c[1])) + 1.0) * half_y - 0.496
            x0 = wp.max(int(wp.ceil(wp.clamp(x_low, 0.0, float(width)))), 0)
            x1 = wp.min(int(wp.floor(wp.clamp(x_high, -1.0, float(width)))), width - 1)
            y0 = wp.max(int(wp.ceil(wp.clamp(y_low, 0.0, float(height)))), 0)
            y1 = wp.min(int(wp.floor(wp.clamp(y_high, -1.0, float(height)))), height - 1)
        if x0 > x1 or y0 > y1:
            continue
        from_a = relative(a, at_a[0], at_a[1])
        ab = wp.cross(from_a, relative(b, at_a[0], at_a[1]))
        ac = wp.cross(from_a, relative(c, at_a[0], at_a[1]))
        bc = wp.cross(relative(b, at_b[0], at_b[1]), relative(c, at_b[0], at_b[1]))
        step_x = 1.0 / float(width)
        step_y = 1.0 / float(height)
        for y in range(y0, y1 + 1):
            row = (image * height + y) * width
            py = float(2 * y + 1 - height) * step_y
            row_ab = ab[1] * (py - at_a[1]) + ab[2]
            row_ac = ac[1] * (py - at_a[1]) + ac[2]
            row_bc = bc[1] * (py - at_b[1]) + bc[2]
            for x in range(x0, x1 + 1):
                px = float(2 * x + 1 - width) * step_x
                weight_c = ab[0] * (px - at_a[0]) + row_ab
                weight_b = -(ac[0] * (px - at_a[0]) + row_ac)
                weight_a = bc[0] * (px - at_b[0]) + row_bc
                lowest = wp.min(weight_a, wp.min(weight_b, weight_c))
                highest = wp.max(weight_a, wp.max(weight_b, weight_c))
                if lowest >= 0.0 or highest <= 0.0:
                    side = wp.where(lowest > 0.0, 1, -1)
                    if lowest == 0.0 or highest == 0.0:
                        side = side_of_edge(ab, weight_c)
                        if side != side_of_edge(bc, weight_a) or side != -side_of_edge(ac, -weight_b):
                            side = 0
                    depth = weight_a * a[3] + weight_b * b[3] + weight_c * c[3]
                    z = (weight_a * a[2] + weight_b * b[2] + weight_c * c[2]) / depth
                    if depth * float(side) > 0.0 and z >= -1.0 and z <= 1.0:
                        order = wp.cast(z, wp.int32)
                        if order < 0:
                            order = order ^ 0x7FFFFFFF
                        key = (wp.int64(order) << wp.int64(32)) | wp.int64(t)
                        if key < keys[row + x]:
                            wp.atomic_min(keys, row + x, key)


@wp.kernel
def resolve_samples(
    positions: wp.array(dtype=wp.vec4),
    num_vertices: int,
    triangles: wp.array(dtype=wp.vec3i),
    keys: wp.array(dtype=wp.int64),
    raster: wp.array(dtype=wp.vec4),
    raster_db: wp.array(dtype=wp.vec4),
    height: int,
    width: int,
    span: int,
):
    """Keys -> (u, v, z/w, triangle + 1) and, unless raster_db is empty, (du/dX, du/dY, dv/dX, dv/dY) in pixels."""
    place = pixels_of_thread(wp.tid(), span, height, width)
    row = (place.image * height + place.y) * width
    source = wp.where(positions.shape[0] == num_vertices, 0, place.image * num_vertices)
    for x in range(place.x_begin, place.x_end):
        p = row + x
        key = keys[p]
        if key == NO_TRIANGLE:
            raster[p] = wp.vec4(0.0, 0.0, 0.0, 0.0)
            if raster_db.shape[0] > 0:
                raster_db[p] = wp.vec4(0.0, 0.0, 0.0, 0.0)
            continue
        t = int(key & wp.int64(0xFFFFFFFF))
        ids = triangles[t]
        v0 = positions[source + ids[0]]
        v1 = positions[source + ids[1]]
        v2 = positions[source + ids[2]]
        px = clip_coordinate(x, width)
        py = clip_coordinate(place.y, height)
        q0 = relative(v0, px, py)
        q1 = relative(v1, px, py)
        q2 = relative(v2, px, py)
        a0 = area(q1, q2)
        a1 = area(q2, q0)
        a2 = area(q0, q1)
        total_area = a0 + a1 + a2
        inverse = wp.where(total_area == 0.0, 0.0, 1.0 / total_area)
        u = a0 * inverse
        v = a1 * inverse
        order = int(key >> wp.int64(32))
        if order < 0:
            order = order ^ 0x7FFFFFFF
        raster[p] = wp.vec4(u, v, wp.cast(order, wp.float32), float(t + 1))
        if raster_db.shape[0] > 0:
            c0 = wp.cross(q1, q2)
            c1 = wp.cross(q2, q0)
            total = c0 + c1 + wp.cross(q0, q1)
            du = (c0 - u * total) * inverse
            dv = (c1 - v * total) * inverse
            step_x = 2.0 / float(width)
            step_y = 2.0 / float(height)
            raster_db[p] = wp.vec4(du[0] * step_x, du[1] * step_y, dv[0] * step_x, dv[1] * step_y)


@wp.func
def add_vertex(gradient: wp.array(dtype=wp.vec4), i: int, g: wp.vec3, gz: float, px: float, py: float):
    """Adjoint of `relative`, added to a vertex."""
    wp.atomic_add(gradient, i, wp.vec4(g[0], g[1], gz, g[2] - px * g[0] - py * g[1]))


@wp.kernel
def resolve_samples_adjoint(
    positions: wp.array(dtype=wp.vec4),
    num_vertices: int,
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
    row = (place.image * height + place.y) * width
    source = wp.where(positions.shape[0] == num_vertices, 0, place.image * num_vertices)
    for x in range(place.x_begin, place.x_end):
        p = row + x
        t = int(raster[p][3]) - 1
        if t < 0:
            continue
        ids = triangles[t]
        v0 = positions[source + ids[0]]
        v1 = positions[source + ids[1]]
        v2 = positions[source + ids[2]]
        px = clip_coordinate(x, width)
        py = clip_coordinate(place.y, height)
        q0 = relative(v0, px, py)
        q1 = relative(v1, px, py)
        q2 = relative(v2, px, py)
        area0 = area(q1, q2)
        area1 = area(q2, q0)
        area2 = area(q0, q1)
        total = area0 + area1 + area2
        if total == 0.0:
            continue
        inverse = 1.0 / total
        u = area0 * inverse
        v = area1 * inverse
        gu = float(0.0)
        gv = float(0.0)
        gz = float(0.0)
        if raster_gradient.shape[0] > 0:
            g = raster_gradient[p]
            gu = g[0]
            gv = g[1]
            gz = g[2]
        by_area2 = -(gu * u + gv * v) * inverse
        by_area0 = gu * inverse + by_area2
        by_area1 = gv * inverse + by_area2
        by_z = float(0.0)
        z = float(0.0)
        if gz != 0.0:
            depth = area0 * v0[3] + area1 * v1[3] + area2 * v2[3]
            z = (area0 * v0[2] + area1 * v1[2] + area2 * v2[2]) / depth
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
            by_du = wp.vec3(h[0] * step_x, h[1] * step_y, 0.0) * inverse
            by_dv = wp.vec3(h[2] * step_x, h[3] * step_y, 0.0) * inverse
            c0 = wp.cross(q1, q2)
            c1 = wp.cross(q2, q0)
            whole = c0 + c1 + wp.cross(q0, q1)
            along_u = wp.dot(by_du, whole)
            along_v = wp.dot(by_dv, whole)
            common = (along_u * u + along_v * v - wp.dot(by_du, c0 - u * whole) - wp.dot(by_dv, c1 - v * whole)) * inverse
            by_area0 += common - along_u * inverse
            by_area1 += common - along_v * inverse
            by_area2 += common
            by_c2 = -(u * by_du + v * by_dv)
            by_c0 = by_du + by_c2
            by_c1 = by_dv + by_c2
            n0 = wp.cross(by_c1, q2) + wp.cross(q1, by_c2)
            n1 = wp.cross(q2, by_c0) + wp.cross(by_c2, q0)
            n2 = wp.cross(by_c0, q1) + wp.cross(q0, by_c1)
        n0 += wp.vec3(q1[1] * by_area2 - q2[1] * by_area1, q2[0] * by_area1 - q1[0] * by_area2, -z * by_z * area0)
        n1 += wp.vec3(q2[1] * by_area0 - q0[1] * by_area2, q0[0] * by_area2 - q2[0] * by_area0, -z * by_z * area1)
        n2 += wp.vec3(q0[1] * by_area1 - q1[1] * by_area0, q1[0] * by_area0 - q0[0] * by_area1, -z * by_z * area2)
        add_vertex(gradient, source + ids[0], n0, by_z * area0, px, py)
        add_vertex(gradient, source + ids[1], n1, by_z * area1, px, py)
        add_vertex(gradient, source + ids[2], n2, by_z * area2, px, py)


@wp.kernel
def interpolate_attributes(
    attributes: wp.array(dtype=float),
    num_vertices: int,
    num_channels: int,
    triangles: wp.array(dtype=wp.vec3i),
    raster: wp.array(dtype=wp.vec4),
    out: wp.array(dtype=float),
    height: int,
    width: int,
    span: int,
):
    """attributes [images or 1 x num_vertices, C] at the pixels of all images, one after the other -> out [P, C]."""
    place = pixels_of_thread(wp.tid(), span, height, width)
    row = (place.image * height + place.y) * width
    for x in range(place.x_begin, place.x_end):
        p = row + x
        here = p * num_channels
        r = raster[p]
        t = int(r[3]) - 1
        if t < 0 or t >= triangles.shape[0]:
            for c in range(num_channels):
                out[here + c] = 0.0
            continue
        start = wp.where(attributes.shape[0] == num_vertices * num_channels, 0, place.image * num_vertices)
        ids = triangles[t]
        i = (start + ids[0]) * num_channels
        j = (start + ids[1]) * num_channels
        k = (start + ids[2]) * num_channels
        rest = 1.0 - r[0] - r[1]
        for c in range(num_channels):
            out[here + c] = r[0] * attributes[i + c] + r[1] * attributes[j + c] + rest * attributes[k + c]


@wp.kernel
def interpolate_attributes_adjoint(
    attributes: wp.array(dtype=float),
    num_vertices: int,
    num_channels: int,
    triangles: wp.array(dtype=wp.vec3i),
    raster: wp.array(dtype=wp.vec4),
    out_gradient: wp.array(dtype=float),
    attributes_gradient: wp.array(dtype=float),
    raster_gradient: wp.array(dtype=wp.vec4),
    height: int,
    width: int,
    span: int,
):
    """Gradient by the values -> gradients by the attributes (added) and by u, v; an empty array is not wanted."""
    place = pixels_of_thread(wp.tid(), span, height, width)
    row = (place.image * height + place.y) * width
    for x in range(place.x_begin, place.x_end):
        p = row + x
        here = p * num_channels
        r = raster[p]
        t = int(r[3]) - 1
        if t < 0 or t >= triangles.shape[0]:
            if raster_gradient.shape[0] > 0:
                raster_gradient[p] = wp.vec4(0.0, 0.0, 0.0, 0.0)
            continue
        start = wp.where(attributes.shape[0] == num_vertices * num_channels, 0, place.image * num_vertices)
        ids = triangles[t]
        i = (start + ids[0]) * num_channels
        j = (start + ids[1]) * num_channels
        k = (start + ids[2]) * num_channels
        if attributes_gradient.shape[0] > 0:
            rest = 1.0 - r[0] - r[1]
            for c in range(num_channels):
                g = out_gradient[here + c]
                wp.atomic_add(attributes_gradient, i + c, r[0] * g)
                wp.atomic_add(attributes_gradient, j + c, r[1] * g)
                wp.atomic_add(attributes_gradient, k + c, rest * g)
        if raster_gradient.shape[0] > 0:
            gu = float(0.0)
            gv = float(0.0)
            for c in range(num_channels):
                g = out_gradient[here + c]
                last = attributes[k + c]
                gu += g * (attributes[i + c] - last)
                gv += g * (attributes[j + c] - last)
            raster_gradient[p] = wp.vec4(gu, gv, 0.0, 0.0)


@wp.kernel
def interpolate_derivatives(
    attributes: wp.array(dtype=float),
    num_vertices: int,
    num_channels: int,
    triangles: wp.array(dtype=wp.vec3i),
    raster: wp.array(dtype=wp.vec4),
    raster_db: wp.array(dtype=wp.vec4),
    channels: wp.array(dtype=wp.int32),
    out: wp.array(dtype=float),
    height: int,
    width: int,
    span: int,
):
    """Image-space derivatives of the named channels: out [P, 2 K], (dA/dX, dA/dY) a channel, in units a pixel."""
    place = pixels_of_thread(wp.tid(), span, height, width)
    row = (place.image * height + place.y) * width
    for x in range(place.x_begin, place.x_end):
        p = row + x
        t = int(raster[p][3]) - 1
        if t < 0 or t >= triangles.shape[0]:
            for c in range(2 * channels.shape[0]):
                out[p * 2 * channels.shape[0] + c] = 0.0
            continue
        start = wp.where(attributes.shape[0] == num_vertices * num_channels, 0, place.image * num_vertices)
        ids = triangles[t]
        d = raster_db[p]
        for n in range(channels.shape[0]):
            c = channels[n]
            last = attributes[(start + ids[2]) * num_channels + c]
            by_u = attributes[(start + ids[0]) * num_channels + c] - last
            by_v = attributes[(start + ids[1]) * num_channels + c] - last
            out[p * 2 * channels.shape[0] + 2 * n] = by_u * d[0] + by_v * d[2]
            out[p * 2 * channels.shape[0] + 2 * n + 1] = by_u * d[1] + by_v * d[3]


@wp.kernel
def interpolate_derivatives_adjoint(
    attributes: wp.array(dtype=float),
    num_vertices: int,
    num_channels: int,
    triangles: wp.array(dtype=wp.vec3i),
    raster: wp.array(dtype=wp.vec4),
    raster_db: wp.array(dtype=wp.vec4),
    channels: wp.array(dtype=wp.int32),
    out_gradient: wp.array(dtype=float),
    attributes_gradient: wp.array(dtype=float),
    raster_db_gradient: wp.array(dtype=wp.vec4),
    height: int,
    width: int,
    span: int,
):
    """Gradient by the derivatives -> gradients by the attributes (added) and by raster_db; an empty array is not wanted."""
    place = pixels_of_thread(wp.tid(), span, height, width)
    row = (place.image * height + place.y) * width
    for x in range(place.x_begin, place.x_end):
        p = row + x
        t = int(raster[p][3]) - 1
        if t < 0 or t >= triangles.shape[0]:
            if raster_db_gradient.shape[0] > 0:
                raster_db_gradient[p] = wp.vec4(0.0, 0.0, 0.0, 0.0)
            continue
        start = wp.where(attributes.shape[0] == num_vertices * num_channels, 0, place.image * num_vertices)
        ids = triangles[t]
        i = (start + ids[0]) * num_channels
        j = (start + ids[1]) * num_channels
        k = (start + ids[2]) * num_channels
        d = raster_db[p]
        by_db = wp.vec4(0.0, 0.0, 0.0, 0.0)
        for n in range(channels.shape[0]):
            c = channels[n]
            gx = out_gradient[p * 2 * channels.shape[0] + 2 * n]
            gy = out_gradient[p * 2 * channels.shape[0] + 2 * n + 1]
            if attributes_gradient.shape[0] > 0:
                gi = gx * d[0] + gy * d[1]
                gj = gx * d[2] + gy * d[3]
                wp.atomic_add(attributes_gradient, i + c, gi)
                wp.atomic_add(attributes_gradient, j + c, gj)
                wp.atomic_add(attributes_gradient, k + c, -gi - gj)
            last = attributes[k + c]
            by_u = attributes[i + c] - last
            by_v = attributes[j + c] - last
            by_db += wp.vec4(by_u * gx, by_u * gy, by_v * gx, by_v * gy)
        if raster_db_gradient.shape[0] > 0:
            raster_db_gradient[p] = by_db


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


@wp.kernel
def sample_texture(
    texels: wp.array(dtype=float),
    num_texels: int,
    num_channels: int,
    levels: wp.array(dtype=wp.vec3i),
    uv: wp.array(dtype=wp.vec2),
    detail: wp.array(dtype=float),
    is_linear: int,
    boundary: int,
    out: wp.array(dtype=float),
    height: int,
    width: int,
    span: int,
):
    """texels [images or 1 x num_texels, C], an image's levels one after the other, at uv [P] and detail [P] -> out [P, C].

    An empty detail means level 0 everywhere. detail must lie in [0, number of levels - 1]. A pixel that asks for the same
    place as the one before it in its thread, as the background does, takes its value.
    """
    place = pixels_of_thread(wp.tid(), span, height, width)
    row = (place.image * height + place.y) * width
    for x in range(place.x_begin, place.x_end):
        p = row + x
        here = p * num_channels
        start = wp.where(texels.shape[0] == num_texels * num_channels, 0, place.image * num_texels)
        at = uv[p]
        if is_linear == 0:
            nearest = nearest_row(at, levels[0], boundary)
            for c in range(num_channels):
                value = float(0.0)
                if nearest >= 0:
                    value = texels[(start + nearest) * num_channels + c]
                out[here + c] = value
            continue
        if detail.shape[0] == 0 and x > place.x_begin:
            before = uv[p - 1]
            if at[0] == before[0] and at[1] == before[1]:
                for c in range(num_channels):
                    out[here + c] = out[here - num_channels + c]
                continue
        number = int(0)
        between = float(0.0)
        if detail.shape[0] > 0:
            number = int(detail[p])
            between = detail[p] - float(number)
        for step in range(wp.where(between > 0.0, 2, 1)):
            level = levels[number + step]
            share = wp.where(step == 0, 1.0 - between, between)
            height_texels = level[1]
            width_texels = level[2]
            s = confine(at[0], boundary) * float(width_texels) - 0.5
            t = confine(at[1], boundary) * float(height_texels) - 0.5
            s0 = int(wp.floor(s))
            t0 = int(wp.floor(t))
            fs = s - float(s0)
            ft = t - float(t0)
            left = fold_index(s0, width_texels, boundary)
            right = fold_index(s0 + 1, width_texels, boundary)
            top = start + level[0] + fold_index(t0, height_texels, boundary) * width_texels
            low = start + level[0] + fold_index(t0 + 1, height_texels, boundary) * width_texels
            r0 = (top + left) * num_channels
            r1 = (top + right) * num_channels
            r2 = (low + left) * num_channels
            r3 = (low + right) * num_channels
            w0 = share * (1.0 - fs) * (1.0 - ft)
            w1 = share * fs * (1.0 - ft)
            w2 = share * (1.0 - fs) * ft
            w3 = share * fs * ft
            if boundary > CLAMP:
                w0 *= is_within(s0, width_texels) * is_within(t0, height_texels)
                w1 *= is_within(s0 + 1, width_texels) * is_within(t0, height_texels)
                w2 *= is_within(s0, width_texels) * is_within(t0 + 1, height_texels)
                w3 *= is_within(s0 + 1, width_texels) * is_within(t0 + 1, height_texels)
            for c in range(num_channels):
                value = w0 * texels[r0 + c] + w1 * texels[r1 + c] + w2 * texels[r2 + c] + w3 * texels[r3 + c]
                if step > 0:
                    value += out[here + c]
                out[here + c] = value


@wp.kernel
def sample_texture_adjoint(
    texels: wp.array(dtype=float),
    num_texels: int,
    num_channels: int,
    levels: wp.array(dtype=wp.vec3i),
    uv: wp.array(dtype=wp.vec2),
    detail: wp.array(dtype=float),
    is_linear: int,
    boundary: int,
    out_gradient: wp.array(dtype=float),
    texels_gradient: wp.array(dtype=float),
    uv_gradient: wp.array(dtype=wp.vec2),
    detail_gradient: wp.array(dtype=float),
    height: int,
    width: int,
    span: int,
):
    """Gradient by the samples -> gradients by the texels (added), uv and detail; an empty array is not wanted."""
    place = pixels_of_thread(wp.tid(), span, height, width)
    row = (place.image * height + place.y) * width
    for x in range(place.x_begin, place.x_end):
        p = row + x
        here = p * num_channels
        largest = float(0.0)
        for c in range(num_channels):
            largest = wp.max(largest, wp.abs(out_gradient[here + c]))
        if largest == 0.0:
            if uv_gradient.shape[0] > 0:
                uv_gradient[p] = wp.vec2(0.0, 0.0)
            if detail_gradient.shape[0] > 0:
                detail_gradient[p] = 0.0
            continue
        start = wp.where(texels.shape[0] == num_texels * num_channels, 0, place.image * num_texels)
        at = uv[p]
        if is_linear == 0:
            if uv_gradient.shape[0] > 0:
                uv_gradient[p] = wp.vec2(0.0, 0.0)
            nearest = nearest_row(at, levels[0], boundary)
            if nearest >= 0 and texels_gradient.shape[0] > 0:
                for c in range(num_channels):
                    wp.atomic_add(texels_gradient, (start + nearest) * num_channels + c, out_gradient[here + c])
            continue
        number = int(0)
        between = float(0.0)
        if detail.shape[0] > 0:
            number = wp.min(int(detail[p]), wp.max(levels.shape[0] - 2, 0))
            between = detail[p] - float(number)
        num_levels = wp.where(detail.shape[0] > 0, wp.min(levels.shape[0], 2), 1)
        by_detail = float(0.0)
        by_uv = wp.vec2(0.0, 0.0)
        for step in range(num_levels):
            level = levels[number + step]
            share = wp.where(step == 0, 1.0 - between, between)
            height_texels = level[1]
            width_texels = level[2]
            s = confine(at[0], boundary) * float(width_texels) - 0.5
            t = confine(at[1], boundary) * float(height_texels) - 0.5
            s0 = int(wp.floor(s))
            t0 = int(wp.floor(t))
            fs = s - float(s0)
            ft = t - float(t0)
            left = fold_index(s0, width_texels, boundary)
            right = fold_index(s0 + 1, width_texels, boundary)
            top = start + level[0] + fold_index(t0, height_texels, boundary) * width_texels
            low = start + level[0] + fold_index(t0 + 1, height_texels, boundary) * width_texels
            r0 = (top + left) * num_channels
            r1 = (top + right) * num_channels
            r2 = (low + left) * num_channels
            r3 = (low + right) * num_channels
            m0 = float(1.0)
            m1 = float(1.0)
            m2 = float(1.0)
            m3 = float(1.0)
            if boundary > CLAMP:
                m0 = is_within(s0, width_texels) * is_within(t0, height_texels)
                m1 = is_within(s0 + 1, width_texels) * is_within(t0, height_texels)
                m2 = is_within(s0, width_texels) * is_within(t0 + 1, height_texels)
                m3 = is_within(s0 + 1, width_texels) * is_within(t0 + 1, height_texels)
            w0 = m0 * (1.0 - fs) * (1.0 - ft)
            w1 = m1 * fs * (1.0 - ft)
            w2 = m2 * (1.0 - fs) * ft
            w3 = m3 * fs * ft
            d0 = float(0.0)
            d1 = float(0.0)
            d2 = float(0.0)
            d3 = float(0.0)
            for c in range(num_channels):
                g = out_gradient[here + c]
                d0 += g * texels[r0 + c]
                d1 += g * texels[r1 + c]
                d2 += g * texels[r2 + c]
                d3 += g * texels[r3 + c]
            if texels_gradient.shape[0] > 0:
                for c in range(num_channels):
                    g = share * out_gradient[here + c]
                    wp.atomic_add(texels_gradient, r0 + c, g * w0)
                    wp.atomic_add(texels_gradient, r1 + c, g * w1)
                    wp.atomic_add(texels_gradient, r2 + c, g * w2)
                    wp.atomic_add(texels_gradient, r3 + c, g * w3)
            by_detail += wp.where(step == 0, -1.0, 1.0) * (w0 * d0 + w1 * d1 + w2 * d2 + w3 * d3)
            by_s = (m1 * d1 - m0 * d0) * (1.0 - ft) + (m3 * d3 - m2 * d2) * ft
            by_t = (m2 * d2 - m0 * d0) * (1.0 - fs) + (m3 * d3 - m1 * d1) * fs
            by_uv += share * wp.vec2(by_s * float(width_texels), by_t * float(height_texels))
        if uv_gradient.shape[0] > 0:
            uv_gradient[p] = by_uv
        if detail_gradient.shape[0] > 0:
            detail_gradient[p] = wp.where(num_levels == 2, by_detail, 0.0)


@wp.func
def is_fold(a: wp.vec4, b: wp.vec4, p: wp.vec4, q: wp.vec4):
    """Do the third vertices p and q of two triangles at the edge a, b project to the same side of it? All w are positive."""
    ra = relative(a, b[0] / b[3], b[1] / b[3])
    rp = relative(p, b[0] / b[3], b[1] / b[3])
    rq = relative(q, b[0] / b[3], b[1] / b[3])
    return area(ra, rp) * area(ra, rq) > 0.0


@wp.kernel
def mark_outlines(
    positions: wp.array2d(dtype=wp.vec4),
    triangles: wp.array(dtype=wp.vec3i),
    neighbours: wp.array2d(dtype=wp.int32),
    is_near_outline: wp.array(dtype=wp.uint8),
    height: int,
    width: int,
    count: int,
    span: int,
):
    """One thread an image and triangle: marks the pixels about each edge of it where the surface folds or ends."""
    thread = wp.tid()
    chunks = (count + span - 1) / span
    image = thread / chunks
    chunk = thread - image * chunks
    for t in range(chunk * span, wp.min((chunk + 1) * span, count)):
        ids = triangles[t]
        source = wp.where(positions.shape[0] == 1, 0, image)
        for k in range(3):
            n = neighbours[t, k]
            if n >= 0 and n < 3 * t:
                continue
            a = positions[source, ids[k]]
            b = positions[source, ids[(k + 1) % 3]]
            p = positions[source, ids[(k + 2) % 3]]
            if not (a[3] > 0.0 and b[3] > 0.0 and p[3] > 0.0):
                continue
            if n >= 0:
                q = positions[source, triangles[n / 3][(n + 2) % 3]]
                if q[3] > 0.0 and not is_fold(a, b, p, q):
                    continue
            half_x = 0.5 * float(width)
            half_y = 0.5 * float(height)
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
                    is_near_outline[(image * height + y) * width + x] = wp.uint8(1)


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
    positions: wp.array2d(dtype=wp.vec4),
    source: int,
    triangles: wp.array(dtype=wp.vec3i),
    neighbours: wp.array2d(dtype=wp.int32),
    first: int,
    px: float,
    py: float,
    dx: float,
    dy: float,
):
    """The edge (left, right vertex) where the surface that triangle `first` shows at (px, py) ends before (px + dx, py + dy).

    Walks from triangle to neighbour along the segment, always through the edge whose vertices lie on both sides of it,
    until the next triangle turns back (a fold) or is missing. (-1, -1) where the surface goes on to the segment's end.
    """
    nothing = wp.vec2i(-1, -1)
    ids = triangles[first]
    q0 = relative(positions[source, ids[0]], px, py)
    q1 = relative(positions[source, ids[1]], px, py)
    q2 = relative(positions[source, ids[2]], px, py)
    if not (q0[2] > 0.0 and q1[2] > 0.0 and q2[2] > 0.0):
        return nothing
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
        return nothing
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
    code = neighbours[first, k]
    for _step in range(MAX_WALK):
        if code < 0:
            return wp.vec2i(left, right)
        t = code / 3
        k = code % 3
        corner = (k + 2) % 3
        i = triangles[t][corner]
        q = relative(positions[source, i], px, py)
        if not (q[2] > 0.0):
            return nothing
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
            return nothing
        code = neighbours[t, k]
    return nothing


@wp.func
def triangle_at(raster: wp.array3d(dtype=wp.vec4), num_triangles: int, image: int, y: int, x: int):
    """The triangle that a pixel shows, -1 for none."""
    t = int(raster[image, y, x][3]) - 1
    return wp.where(t < num_triangles, t, -1)


@wp.func
def outline_between(
    raster: wp.array3d(dtype=wp.vec4),
    positions: wp.array2d(dtype=wp.vec4),
    triangles: wp.array(dtype=wp.vec3i),
    neighbours: wp.array2d(dtype=wp.int32),
    image: int,
    y: int,
    x: int,
    is_vertical: int,
):
    """The outline edge between a pixel and the next in its row (or column): (left + 1, right + 1), (0, 0) for none.

    The first number is negative where the surface in front is the second pixel's. The nearer surface is asked first; the
    farther one can be in front only where the nearer goes on behind it. A pair counts edges that lie rather across it, so
    that each stretch of an outline is seen by rows or by columns and never twice.
    """
    nothing = wp.vec2i(0, 0)
    height = raster.shape[1]
    width = raster.shape[2]
    x_next = x + 1 - is_vertical
    y_next = y + is_vertical
    if x_next >= width or y_next >= height:
        return nothing
    t = triangle_at(raster, triangles.shape[0], image, y, x)
    t_next = triangle_at(raster, triangles.shape[0], image, y_next, x_next)
    if t == t_next:
        return nothing
    source = wp.where(positions.shape[0] == 1, 0, image)
    px = clip_coordinate(x, width)
    py = clip_coordinate(y, height)
    px_next = clip_coordinate(x_next, width)
    py_next = clip_coordinate(y_next, height)
    is_next = t < 0 or (t_next >= 0 and raster[image, y_next, x_next][2] < raster[image, y, x][2])
    edge = wp.vec2i(-1, -1)
    for _attempt in range(2):
        first = wp.where(is_next, t_next, t)
        if edge[0] < 0 and first >= 0:
            if is_next:
                edge = find_outline(positions, source, triangles, neighbours, first, px_next, py_next, px - px_next, py - py_next)
            else:
                edge = find_outline(positions, source, triangles, neighbours, first, px, py, px_next - px, py_next - py)
        if edge[0] < 0:
            is_next = not is_next
    if edge[0] < 0:
        return nothing
    ql = relative(positions[source, edge[0]], px, py)
    qr = relative(positions[source, edge[1]], px, py)
    across = wp.abs(ql[0] / ql[2] - qr[0] / qr[2]) * float(width)
    upright = wp.abs(ql[1] / ql[2] - qr[1] / qr[2]) * float(height)
    if (upright >= across) == (is_vertical == 1):
        return nothing
    return wp.vec2i(wp.where(is_next, -edge[0] - 1, edge[0] + 1), edge[1] + 1)


@wp.func
def place_on_pair(positions: wp.array2d(dtype=wp.vec4), source: int, edge: wp.vec2i, px: float, py: float, dx: float, dy: float):
    """How far from the front pixel's centre (px, py) the outline lies on the way to the other one's, in [0, 1]."""
    ql = relative(positions[source, wp.abs(edge[0]) - 1], px, py)
    qr = relative(positions[source, edge[1] - 1], px, py)
    return crossing_distance(ql, qr, dx, dy)


@wp.kernel
def blend_outlines(
    colour: wp.array2d(dtype=float),
    raster: wp.array3d(dtype=wp.vec4),
    positions: wp.array2d(dtype=wp.vec4),
    triangles: wp.array(dtype=wp.vec3i),
    neighbours: wp.array2d(dtype=wp.int32),
    is_near_outline: wp.array(dtype=wp.uint8),
    edges: wp.array(dtype=wp.vec4i),
    out: wp.array2d(dtype=float),
    height: int,
    width: int,
    span: int,
):
    """Finds the outlines between neighbouring pixels, keeps them in edges (row pair, column pair) and blends into out.

    An outline at the distance s from the front pixel's centre (in pixels) leaves max(s - 1/2, 0) of the front colour in the
    other pixel, or max(1/2 - s, 0) of the other colour in the front pixel. out begins as a copy of colour [P, C], edges as 0.
    """
    place = pixels_of_thread(wp.tid(), span, height, width)
    image = place.image
    y = place.y
    for x in range(place.x_begin, place.x_end):
        if is_near_outline[(image * height + y) * width + x] == wp.uint8(0):
            continue
        source = wp.where(positions.shape[0] == 1, 0, image)
        row = outline_between(raster, positions, triangles, neighbours, image, y, x, 0)
        column = outline_between(raster, positions, triangles, neighbours, image, y, x, 1)
        edges[(image * height + y) * width + x] = wp.vec4i(row[0], row[1], column[0], column[1])
        for is_vertical in range(2):
            edge = wp.vec2i(row[0], row[1])
            if is_vertical == 1:
                edge = wp.vec2i(column[0], column[1])
            if edge[0] != 0:
                here = (image * height + y) * width + x
                other = here + 1 + is_vertical * (width - 1)
                dx = float(1 - is_vertical) * 2.0 / float(width)
                dy = float(is_vertical) * 2.0 / float(height)
                px = clip_coordinate(x, width)
                py = clip_coordinate(y, height)
                if edge[0] < 0:
                    swap = here
                    here = other
                    other = swap
                    px += dx
                    py += dy
                    dx = -dx
                    dy = -dy
                s = place_on_pair(positions, source, edge, px, py, dx, dy)
                for c in range(colour.shape[1]):
                    step = (s - 0.5) * (colour[here, c] - colour[other, c])
                    wp.atomic_add(out, wp.where(s > 0.5, other, here), c, step)


@wp.kernel
def blend_outlines_adjoint(
    colour: wp.array2d(dtype=float),
    edges: wp.array(dtype=wp.vec4i),
    positions: wp.array2d(dtype=wp.vec4),
    position_scale: float,
    out_gradient: wp.array2d(dtype=float),
    colour_gradient: wp.array2d(dtype=float),
    gradient: wp.array(dtype=wp.vec4),
    height: int,
    width: int,
    span: int,
):
    """Gradient by the blended image -> gradients by colour and by the positions (both added); an empty array is not wanted."""
    place = pixels_of_thread(wp.tid(), span, height, width)
    image = place.image
    y = place.y
    for x in range(place.x_begin, place.x_end):
        both = edges[(image * height + y) * width + x]
        if both[0] == 0 and both[2] == 0:
            continue
        source = wp.where(positions.shape[0] == 1, 0, image)
        for is_vertical in range(2):
            edge = wp.vec2i(both[0], both[1])
            if is_vertical == 1:
                edge = wp.vec2i(both[2], both[3])
            if edge[0] != 0:
                here = (image * height + y) * width + x
                other = here + 1 + is_vertical * (width - 1)
                dx = float(1 - is_vertical) * 2.0 / float(width)
                dy = float(is_vertical) * 2.0 / float(height)
                px = clip_coordinate(x, width)
                py = clip_coordinate(y, height)
                if edge[0] < 0:
                    swap = here
                    here = other
                    other = swap
                    px += dx
                    py += dy
                    dx = -dx
                    dy = -dy
                s = place_on_pair(positions, source, edge, px, py, dx, dy)
                target = wp.where(s > 0.5, other, here)
                by_s = float(0.0)
                for c in range(colour.shape[1]):
                    g = out_gradient[target, c]
                    by_s += g * (colour[here, c] - colour[other, c])
                    if colour_gradient.shape[0] > 0:
                        wp.atomic_add(colour_gradient, here, c, g * (s - 0.5))
                        wp.atomic_add(colour_gradient, other, c, g * (0.5 - s))
                if gradient.shape[0] > 0 and by_s != 0.0:
                    left = wp.abs(edge[0]) - 1
                    right = edge[1] - 1
                    a = relative(positions[source, left], px, py)
                    b = relative(positions[source, right], px, py)
                    a_turn = a[0] * dy - a[1] * dx
                    b_turn = dx * b[1] - dy * b[0]
                    scale = by_s * position_scale / (b[2] * a_turn + a[2] * b_turn)
                    by_a = wp.vec3(b[1] - s * b[2] * dy, s * b[2] * dx - b[0], -s * b_turn) * scale
                    by_b = wp.vec3(s * a[2] * dy - a[1], a[0] - s * a[2] * dx, -s * a_turn) * scale
                    add_vertex(gradient, source * positions.shape[1] + left, by_a, 0.0, px, py)
                    add_vertex(gradient, source * positions.shape[1] + right, by_b, 0.0, px, py)
