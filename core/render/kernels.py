"""Warp kernels: one source for CPU and CUDA. Import this through runtime.load_kernels, never directly.

Rule of this file: coverage is decided by edge functions evaluated once per undirected edge (lower vertex index first),
so that two triangles that share an edge never both own a sample and never leave it to nobody.
"""

# mypy: ignore-errors
# (Warp reads the annotations as values: array(dtype=...) is no type.)
from typing import Any

import warp as wp

wp.set_module_options({"enable_backward": False})

NO_TRIANGLE_KEY = 0x7FFFFFFFFFFFFFFF
NO_TRIANGLE = wp.constant(wp.int64(NO_TRIANGLE_KEY))


@wp.struct
class Edge:
    """The line through p and p + d; scale turns it to the triangle's orientation (positive inside)."""

    p: wp.vec2
    d: wp.vec2
    scale: float
    owns_line: int


@wp.func
def make_edge(points: wp.array(dtype=wp.vec2), i: int, j: int, orientation: float):
    """The edge i -> j; a sample exactly on the line belongs to it by the top-left rule."""
    edge = Edge()
    along = (points[j] - points[i]) * orientation
    edge.owns_line = wp.where(along[1] < 0.0 or (along[1] == 0.0 and along[0] > 0.0), 1, 0)
    if i < j:
        edge.p = points[i]
        edge.d = points[j] - points[i]
        edge.scale = orientation
    else:
        edge.p = points[j]
        edge.d = points[i] - points[j]
        edge.scale = -orientation
    return edge


@wp.func
def edge_side(edge: Edge, x: float, y: float):
    """Twice the signed area of the edge and the sample, the same bits up to the sign from both sides of the edge."""
    return edge.scale * (edge.d[0] * (y - edge.p[1]) - edge.d[1] * (x - edge.p[0]))


@wp.kernel
def rasterize_triangles(
    points: wp.array(dtype=wp.vec2),
    depth: wp.array(dtype=float),
    triangles: wp.array(dtype=wp.vec3i),
    cull: int,
    keys: wp.array2d(dtype=wp.int64),
):
    """One thread a triangle: into every covered sample's key goes the nearest depth with the triangle's number."""
    t = wp.tid()
    ids = triangles[t]
    i = ids[0]
    j = ids[1]
    k = ids[2]
    zi = depth[i]
    zj = depth[j]
    zk = depth[k]
    if zi <= 0.0 or zj <= 0.0 or zk <= 0.0:
        return
    pi = points[i]
    pj = points[j]
    pk = points[k]
    area = (pj[0] - pi[0]) * (pk[1] - pi[1]) - (pj[1] - pi[1]) * (pk[0] - pi[0])
    if area == 0.0 or float(cull) * area > 0.0:
        return
    x_low = wp.max(int(wp.ceil(wp.min(pi[0], wp.min(pj[0], pk[0])) - 0.5)), 0)
    x_high = wp.min(int(wp.floor(wp.max(pi[0], wp.max(pj[0], pk[0])) - 0.5)), keys.shape[1] - 1)
    y_low = wp.max(int(wp.ceil(wp.min(pi[1], wp.min(pj[1], pk[1])) - 0.5)), 0)
    y_high = wp.min(int(wp.floor(wp.max(pi[1], wp.max(pj[1], pk[1])) - 0.5)), keys.shape[0] - 1)
    if x_low > x_high or y_low > y_high:
        return
    orientation = wp.sign(area)
    edge_i = make_edge(points, j, k, orientation)
    edge_j = make_edge(points, k, i, orientation)
    edge_k = make_edge(points, i, j, orientation)
    inv_i = 1.0 / zi
    inv_j = 1.0 / zj
    inv_k = 1.0 / zk
    for y in range(y_low, y_high + 1):
        fy = float(y) + 0.5
        for x in range(x_low, x_high + 1):
            fx = float(x) + 0.5
            a = edge_side(edge_i, fx, fy)
            b = edge_side(edge_j, fx, fy)
            c = edge_side(edge_k, fx, fy)
            if (
                (a > 0.0 or (a == 0.0 and edge_i.owns_line == 1))
                and (b > 0.0 or (b == 0.0 and edge_j.owns_line == 1))
                and (c > 0.0 or (c == 0.0 and edge_k.owns_line == 1))
            ):
                z = (a + b + c) / (a * inv_i + b * inv_j + c * inv_k)
                key = (wp.int64(wp.cast(z, wp.int32)) << wp.int64(32)) | wp.int64(t)
                if key < keys[y, x]:
                    wp.atomic_min(keys, y, x, key)


@wp.kernel
def resolve_samples(
    points: wp.array(dtype=wp.vec2),
    depth: wp.array(dtype=float),
    triangles: wp.array(dtype=wp.vec3i),
    keys: wp.array2d(dtype=wp.int64),
    triangle_id: wp.array2d(dtype=wp.int32),
    barycentric: wp.array2d(dtype=wp.vec3),
    sample_depth: wp.array2d(dtype=float),
):
    """Keys -> triangle number (-1 for none), perspective-correct barycentric weights and depth of each sample."""
    y, x = wp.tid()
    key = keys[y, x]
    if key == NO_TRIANGLE:
        triangle_id[y, x] = -1
        barycentric[y, x] = wp.vec3(0.0, 0.0, 0.0)
        sample_depth[y, x] = 0.0
        return
    t = int(key & wp.int64(0xFFFFFFFF))
    ids = triangles[t]
    fx = float(x) + 0.5
    fy = float(y) + 0.5
    a = edge_side(make_edge(points, ids[1], ids[2], 1.0), fx, fy)
    b = edge_side(make_edge(points, ids[2], ids[0], 1.0), fx, fy)
    c = edge_side(make_edge(points, ids[0], ids[1], 1.0), fx, fy)
    weights = wp.vec3(a / depth[ids[0]], b / depth[ids[1]], c / depth[ids[2]])
    total = weights[0] + weights[1] + weights[2]
    triangle_id[y, x] = t
    barycentric[y, x] = weights / total
    sample_depth[y, x] = (a + b + c) / total


@wp.kernel
def interpolate_attributes(
    attributes: wp.array2d(dtype=float),
    triangles: wp.array(dtype=wp.vec3i),
    triangle_id: wp.array(dtype=wp.int32),
    barycentric: wp.array(dtype=wp.vec3),
    out: wp.array2d(dtype=float),
):
    """Vertex attributes [V, C] at samples: out [P, C], untouched where there is no triangle."""
    p = wp.tid()
    t = triangle_id[p]
    if t < 0:
        return
    ids = triangles[t]
    b = barycentric[p]
    for c in range(attributes.shape[1]):
        out[p, c] = b[0] * attributes[ids[0], c] + b[1] * attributes[ids[1], c] + b[2] * attributes[ids[2], c]


@wp.func
def read_value(image: wp.array3d(dtype=float), decode: wp.array(dtype=float), y: int, x: int, c: int):
    """A float image's value as it is."""
    return image[y, x, c]


@wp.func
def read_value(image: wp.array3d(dtype=wp.uint8), decode: wp.array(dtype=float), y: int, x: int, c: int):  # noqa: F811
    """A byte image's value by the table [256]."""
    return decode[int(image[y, x, c])]


@wp.kernel
def sample_bilinear(
    image: wp.array3d(dtype=Any),
    decode: wp.array(dtype=float),
    position: wp.array(dtype=wp.vec2),
    out: wp.array2d(dtype=float),
):
    """position: (column, row) in samples, sample centres at integers; clamped to the border. Bytes are decoded, then blended."""
    p = wp.tid()
    height = image.shape[0]
    width = image.shape[1]
    x = wp.clamp(position[p][0], 0.0, float(width - 1))
    y = wp.clamp(position[p][1], 0.0, float(height - 1))
    x0 = wp.min(int(x), wp.max(width - 2, 0))
    y0 = wp.min(int(y), wp.max(height - 2, 0))
    x1 = wp.min(x0 + 1, width - 1)
    y1 = wp.min(y0 + 1, height - 1)
    fx = x - float(x0)
    fy = y - float(y0)
    for c in range(image.shape[2]):
        top = read_value(image, decode, y0, x0, c) * (1.0 - fx) + read_value(image, decode, y0, x1, c) * fx
        bottom = read_value(image, decode, y1, x0, c) * (1.0 - fx) + read_value(image, decode, y1, x1, c) * fx
        out[p, c] = top * (1.0 - fy) + bottom * fy


wp.overload(sample_bilinear, {"image": wp.array3d(dtype=float)})
wp.overload(sample_bilinear, {"image": wp.array3d(dtype=wp.uint8)})


@wp.kernel
def find_occlusion(
    mesh: wp.uint64,
    origin: wp.array(dtype=wp.vec3),
    target: wp.array(dtype=wp.vec3),
    margin: float,
    is_visible: wp.array(dtype=wp.uint8),
):
    """1 where nothing of the mesh lies between origin and the target, the last `margin` (m) before the target not counted."""
    p = wp.tid()
    start = origin[p]
    along = target[p] - start
    length = wp.length(along)
    hit = wp.mesh_query_ray(mesh, start, along / length, length - margin)
    is_visible[p] = wp.where(hit.result, wp.uint8(0), wp.uint8(1))


@wp.kernel
def count_open_rays(
    mesh: wp.uint64,
    origin: wp.array(dtype=wp.vec3),
    normal: wp.array(dtype=wp.vec3),
    directions: wp.array(dtype=wp.vec3),
    offset: float,
    reach: float,
    openness: wp.array(dtype=float),
):
    """Share of the directions (in a frame whose z is the normal) that leave the surface for at least `reach` (m)."""
    p = wp.tid()
    n = normal[p]
    helper = wp.vec3(0.0, 1.0, 0.0)
    if wp.abs(n[1]) > 0.9:
        helper = wp.vec3(1.0, 0.0, 0.0)
    u = wp.normalize(wp.cross(helper, n))
    v = wp.cross(n, u)
    start = origin[p] + n * offset
    count = float(0.0)  # noqa: UP018  (a literal would be a compile-time constant to Warp)
    for i in range(directions.shape[0]):
        d = directions[i]
        hit = wp.mesh_query_ray(mesh, start, u * d[0] + v * d[1] + n * d[2], reach)
        if not hit.result:
            count += 1.0
    openness[p] = count / float(directions.shape[0])


@wp.func
def catmull_rom(t: float):
    """Weights of the four samples around a point t in [0, 1) after the second."""
    return wp.vec4(
        t * (-0.5 + t * (1.0 - 0.5 * t)),
        1.0 + t * t * (-2.5 + 1.5 * t),
        t * (0.5 + t * (2.0 - 1.5 * t)),
        t * t * (-0.5 + 0.5 * t),
    )


@wp.kernel
def sample_bicubic_bytes(image: wp.array3d(dtype=wp.uint8), position: wp.array(dtype=wp.vec2), out: wp.array2d(dtype=float)):
    """Catmull-Rom samples of a byte image, as bytes (not clamped), positions as sample_bilinear's."""
    p = wp.tid()
    height = image.shape[0]
    width = image.shape[1]
    x = wp.clamp(position[p][0], 0.0, float(width - 1))
    y = wp.clamp(position[p][1], 0.0, float(height - 1))
    x0 = int(x)
    y0 = int(y)
    wx = catmull_rom(x - float(x0))
    wy = catmull_rom(y - float(y0))
    for c in range(image.shape[2]):
        total = float(0.0)  # noqa: UP018
        for j in range(4):
            row = wp.clamp(y0 + j - 1, 0, height - 1)
            line = float(0.0)  # noqa: UP018
            for i in range(4):
                column = wp.clamp(x0 + i - 1, 0, width - 1)
                line += wx[i] * float(image[row, column, c])
            total += wy[j] * line
        out[p, c] = total


@wp.kernel
def find_closest_points(
    mesh: wp.uint64,
    points: wp.array(dtype=wp.vec3),
    reach: float,
    face: wp.array(dtype=wp.int32),
    weights: wp.array(dtype=wp.vec3),
):
    """The triangle nearest to each point and the barycentrics there; -1 beyond `reach` (m)."""
    p = wp.tid()
    hit = wp.mesh_query_point_no_sign(mesh, points[p], reach)
    face[p] = -1
    if hit.result:
        face[p] = hit.face
        weights[p] = wp.vec3(hit.u, hit.v, 1.0 - hit.u - hit.v)
