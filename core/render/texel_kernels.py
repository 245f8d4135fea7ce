"""Warp kernels for texture painting: texels are listed once, and everything about one happens in one pass.

Rule of this file: texel lists are flat indices into the texture; colours are linear while light is divided out and sRGB bytes
before and after.
"""

# mypy: ignore-errors
# (Warp reads the annotations as values: array(dtype=...) is no type.)
import warp as wp

from .kernels import catmull_rom

wp.set_module_options({"enable_backward": False})


@wp.func
def read_curve(curve: wp.array(dtype=float), position: float):
    """A table's value between its entries."""
    place = wp.clamp(position, 0.0, float(curve.shape[0] - 1))
    i = wp.min(int(place), curve.shape[0] - 2)
    f = place - float(i)
    return curve[i] * (1.0 - f) + curve[i + 1] * f


@wp.kernel
def sample_skin(
    image: wp.array3d(dtype=wp.uint8),
    focal: wp.vec2,
    centre: wp.vec2,
    attributes: wp.array2d(dtype=float),
    triangles: wp.array(dtype=wp.vec3i),
    triangle_id: wp.array(dtype=wp.int32),
    barycentric: wp.array(dtype=wp.vec3),
    weight_map: wp.array2d(dtype=float),
    size: int,
    least: float,
    skin: wp.vec3,
    glint: float,
    pale: float,
    glint_share: float,
    decode: wp.array(dtype=float),
    encode: wp.array(dtype=float),
    index: wp.array(dtype=wp.int32),
    colour: wp.array2d(dtype=float),
    weight: wp.array(dtype=float),
    cosine: wp.array(dtype=float),
):
    """The photo at each listed texel, its highlight taken off and its light divided out.

    attributes [V, 10]: camera-space position, cosine to the eye, diffuse light, highlight. weight_map: a smaller square texture.
    least: the share of the photo's colour that always remains when the highlight is taken off; skin: the linear albedo that
    stands in where the photo is burnt out (a clipped channel says only "at least this much"); glint, pale, glint_share: of
    highlights finer than the mesh, as shading_field.find_glint takes them off.
    decode: byte -> linear; encode: evenly over the square root of linear -> byte.
    """
    p = wp.tid()
    texel = index[p]
    t = triangle_id[texel]
    weight[p] = 0.0
    cosine[p] = 0.0
    if t < 0:
        for c in range(3):
            colour[p, c] = 0.0
        return
    ids = triangles[t]
    b = barycentric[texel]
    u = (float(texel % size) + 0.5) / float(size) * float(weight_map.shape[1]) - 0.5
    v = (float(texel // size) + 0.5) / float(size) * float(weight_map.shape[0]) - 0.5
    u = wp.clamp(u, 0.0, float(weight_map.shape[1] - 1))
    v = wp.clamp(v, 0.0, float(weight_map.shape[0] - 1))
    u0 = wp.min(int(u), weight_map.shape[1] - 2)
    v0 = wp.min(int(v), weight_map.shape[0] - 2)
    fu = u - float(u0)
    fv = v - float(v0)
    top = weight_map[v0, u0] * (1.0 - fu) + weight_map[v0, u0 + 1] * fu
    bottom = weight_map[v0 + 1, u0] * (1.0 - fu) + weight_map[v0 + 1, u0 + 1] * fu
    weight[p] = top * (1.0 - fv) + bottom * fv
    values = wp.vector(dtype=float, length=10)
    for a in range(10):
        values[a] = b[0] * attributes[ids[0], a] + b[1] * attributes[ids[1], a] + b[2] * attributes[ids[2], a]
    cosine[p] = wp.clamp(values[3], 0.0, 1.0)
    height = image.shape[0]
    width = image.shape[1]
    x = wp.clamp(values[0] / values[2] * focal[0] + centre[0] - 0.5, 0.0, float(width - 1))
    y = wp.clamp(values[1] / values[2] * focal[1] + centre[1] - 0.5, 0.0, float(height - 1))
    x0 = int(x)
    y0 = int(y)
    wx = catmull_rom(x - float(x0))
    wy = catmull_rom(y - float(y0))
    albedo = wp.vec3()
    for c in range(3):
        total = float(0.0)  # noqa: UP018
        for j in range(4):
            row = wp.clamp(y0 + j - 1, 0, height - 1)
            line = float(0.0)  # noqa: UP018
            for i in range(4):
                column = wp.clamp(x0 + i - 1, 0, width - 1)
                line += wx[i] * float(image[row, column, c])
            total += wy[j] * line
        linear = read_curve(decode, total)
        burnt = wp.clamp((linear - 0.85) / 0.12, 0.0, 1.0)
        linear += burnt * wp.max(skin[c] * values[4 + c] + values[7 + c] - linear, 0.0)
        matt = wp.max(linear - values[7 + c], least * linear)
        albedo[c] = matt / wp.max(values[4 + c], 1.0e-3)
    paler = albedo[1] / wp.max(skin[1], 1.0e-3) / wp.max(albedo[0] / wp.max(skin[0], 1.0e-3), 1.0) / pale
    if paler > 1.0:
        fade = wp.pow(paler, -glint_share)
        albedo = wp.vec3(albedo[0], albedo[1] * fade, albedo[2] * fade)
    excess = wp.min(wp.min(albedo[0] - glint * skin[0], albedo[1] - glint * skin[1]), albedo[2] - glint * skin[2])
    for c in range(3):
        left = wp.clamp(albedo[c] - glint_share * wp.max(excess, 0.0), 0.0, 1.0)
        colour[p, c] = read_curve(encode, wp.sqrt(left) * float(encode.shape[0] - 1))


@wp.kernel
def paint_base(
    base: wp.array(dtype=wp.uint8),
    tone: wp.array2d(dtype=float),
    shift: wp.array2d(dtype=float),
    triangles: wp.array(dtype=wp.vec3i),
    triangle_id: wp.array(dtype=wp.int32),
    barycentric: wp.array(dtype=wp.vec3),
    is_skin: wp.array(dtype=wp.uint8),
    out: wp.array(dtype=wp.uint8),
):
    """Every texel of the base texture: skin through the tone curves [256, 3] and moved by the vertices' shift, the rest as is."""
    p = wp.tid()
    t = triangle_id[p]
    skin = int(0)  # noqa: UP018, RUF046
    if t >= 0:
        skin = int(is_skin[t])
    if skin == 0:
        for c in range(3):
            out[3 * p + c] = base[3 * p + c]
        return
    ids = triangles[t]
    b = barycentric[p]
    for c in range(3):
        moved = tone[int(base[3 * p + c]), c] + b[0] * shift[ids[0], c] + b[1] * shift[ids[1], c] + b[2] * shift[ids[2], c]
        out[3 * p + c] = wp.uint8(wp.clamp(moved + 0.5, 0.0, 255.0))


@wp.kernel
def blend_texels(
    index: wp.array(dtype=wp.int32),
    colour: wp.array2d(dtype=float),
    weight: wp.array(dtype=float),
    shift: wp.array2d(dtype=float),
    triangles: wp.array(dtype=wp.vec3i),
    triangle_id: wp.array(dtype=wp.int32),
    barycentric: wp.array(dtype=wp.vec3),
    out: wp.array(dtype=wp.uint8),
):
    """Lay colours, moved by the vertices' shift, over the texture by their weights."""
    p = wp.tid()
    w = weight[p]
    if w <= 0.0:
        return
    texel = index[p]
    ids = triangles[triangle_id[texel]]
    b = barycentric[texel]
    for c in range(3):
        moved = colour[p, c] + b[0] * shift[ids[0], c] + b[1] * shift[ids[1], c] + b[2] * shift[ids[2], c]
        below = float(out[3 * texel + c])
        out[3 * texel + c] = wp.uint8(wp.clamp(below + w * (moved - below) + 0.5, 0.0, 255.0))


@wp.kernel
def gather_at_vertices(
    index: wp.array(dtype=wp.int32),
    values: wp.array2d(dtype=float),
    weight: wp.array(dtype=float),
    stride: int,
    triangles: wp.array(dtype=wp.vec3i),
    triangle_id: wp.array(dtype=wp.int32),
    barycentric: wp.array(dtype=wp.vec3),
    sums: wp.array2d(dtype=float),
    share: wp.array(dtype=float),
):
    """Every stride-th texel's value, times weight, to its triangle's corners by barycentrics: sums [V, C], weights' share [V]."""
    p = wp.tid() * stride
    w = weight[p]
    texel = index[p]
    if w <= 0.0 or triangle_id[texel] < 0:
        return
    ids = triangles[triangle_id[texel]]
    b = barycentric[texel]
    for k in range(3):
        wp.atomic_add(share, ids[k], w * b[k])
        for c in range(values.shape[1]):
            wp.atomic_add(sums, ids[k], c, w * b[k] * values[p, c])


@wp.kernel
def apply_membrane(
    first: wp.array(dtype=wp.int32),
    neighbour: wp.array(dtype=wp.int32),
    conductance: wp.array(dtype=wp.float64),
    diagonal: wp.array(dtype=wp.float64),
    x: wp.array2d(dtype=wp.float64),
    out: wp.array2d(dtype=wp.float64),
):
    """out = diagonal x - sum over neighbours of conductance x; the neighbours of vertex v lie at first[v] to first[v + 1]."""
    v = wp.tid()
    for c in range(x.shape[1]):
        total = diagonal[v] * x[v, c]
        for e in range(first[v], first[v + 1]):
            total -= conductance[e] * x[neighbour[e], c]
        out[v, c] = total
