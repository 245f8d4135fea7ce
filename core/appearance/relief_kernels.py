"""Warp kernels that raise a person's relief: heights of every texel in one pass, then the normals that they imply.

Rule of this file: a height is a function of the place on the template in metres and of a seed, never of texel numbers, so both
sides of a UV seam agree and a texture of any size shows the same person; what a texel cannot hold fades out.
"""

# mypy: ignore-errors
# (Warp reads the annotations as values: array(dtype=...) is no type.)
import warp as wp

from .skin_kernels import octave, read_vertex, scramble, unit

wp.set_module_options({"enable_backward": False})
TALLEST = wp.constant(0.003)
"""No crease is deeper, m, whatever an artist asks for."""


@wp.func
def valley(value: float, width: float):
    """1 on the zero crossings of smooth noise, falling to 0 on both sides: a net of wandering lines."""
    q = value / width
    return wp.exp(-q * q)


@wp.func
def ruled(volume: wp.array3d(dtype=float), seed: int, number: int, place: wp.vec3, texel: float):
    """Fine lines about 1.5 mm apart across `place`, 1 on them and on the mean 0; nothing where a texel is half as wide."""
    share = wp.clamp(1.6 - 3.2 * texel / 0.0015, 0.0, 1.0)
    if share <= 0.0:
        return 0.0
    return share * (valley(octave(volume, seed, number, place, 0.0015, 0.0), 0.35) - 0.25)


@wp.func
def plateaus(seed: int, number: int, place: wp.vec3, cell: float, width: float):
    """1 on the lines between plateaus about `cell` m wide, 0 on the plateaus; lines are `width` of a cell wide."""
    scaled = place / cell
    x0 = wp.floor(scaled[0] - 0.5)
    y0 = wp.floor(scaled[1] - 0.5)
    z0 = wp.floor(scaled[2] - 0.5)
    first = 1.0e9
    second = 1.0e9
    for k in range(8):
        x = x0 + float(k & 1)
        y = y0 + float((k >> 1) & 1)
        z = z0 + float((k >> 2) & 1)
        mixed = int(x) * 73856093 + int(y) * 19349663 + int(z) * 83492791 + (seed + number) * 7919
        key = scramble(wp.uint32(mixed))
        offset = wp.vec3(unit(key), unit(key >> wp.uint32(10)), unit(key >> wp.uint32(20))) * 0.8
        d = wp.length_sq(scaled - wp.vec3(x + 0.1, y + 0.1, z + 0.1) - offset)
        second = wp.min(second, wp.max(first, d))
        first = wp.min(first, d)
    t = wp.clamp(1.0 - (wp.sqrt(second) - wp.sqrt(first)) / width, 0.0, 1.0)
    return t * t


@wp.func
def pits(seed: int, number: int, place: wp.vec3, cell: float, radius: float, share: float, along: wp.vec3, least: float):
    """Depth in [0, 1] of pits of about `radius` m, at most one in each cube of `cell` m where skin_kernels.dots has its own;
    `share` of them are open. along: the axis that they are drawn out by, times by how much; none is narrower than `least` m."""
    scaled = place / cell
    x0 = wp.floor(scaled[0] - 0.5)
    y0 = wp.floor(scaled[1] - 0.5)
    z0 = wp.floor(scaled[2] - 0.5)
    deepest = 0.0
    for k in range(8):
        x = x0 + float(k & 1)
        y = y0 + float((k >> 1) & 1)
        z = z0 + float((k >> 2) & 1)
        mixed = int(x) * 73856093 + int(y) * 19349663 + int(z) * 83492791 + (seed + number) * 7919
        key = scramble(wp.uint32(mixed))
        offset = wp.vec3(unit(key), unit(key >> wp.uint32(10)), unit(key >> wp.uint32(20))) * 0.8
        way = (scaled - wp.vec3(x + 0.1, y + 0.1, z + 0.1) - offset) * cell
        way = way - along * wp.dot(way, along)
        other = scramble(key + wp.uint32(977))
        if wp.length_sq(way) < 9.0 * radius * radius and unit(other) < share:
            size = radius * (0.55 + 0.75 * unit(other >> wp.uint32(10)))
            wide = wp.max(size, least)
            q = wp.length_sq(way) / (wide * wide)
            filled = size / wide
            deepest = wp.max(deepest, filled * filled * (0.5 + 0.5 * unit(other >> wp.uint32(20))) * wp.exp(-q * q))
    return deepest


@wp.func
def cell_of(place: wp.vec3, origin: wp.vec3, cell: float, counts: wp.vec3i):
    """Which of counts cells of `cell` m a place lies in, or the nearest."""
    x = wp.clamp(int((place[0] - origin[0]) / cell), 0, counts[0] - 1)
    y = wp.clamp(int((place[1] - origin[1]) / cell), 0, counts[1] - 1)
    z = wp.clamp(int((place[2] - origin[2]) / cell), 0, counts[2] - 1)
    return (x * counts[1] + y) * counts[2] + z


@wp.func
def from_segment(place: wp.vec3, segments: wp.array2d(dtype=float), s: int):
    """From the nearest point of segment s to a place, and how far along the segment that point is."""
    a = wp.vec3(segments[s, 0], segments[s, 1], segments[s, 2])
    way = wp.vec3(segments[s, 3], segments[s, 4], segments[s, 5]) - a
    t = wp.clamp(wp.dot(place - a, way) * segments[s, 15], 0.0, 1.0)
    apart = place - a - t * way
    return wp.vec4(apart[0], apart[1], apart[2], t)


@wp.func
def lines_of_age(
    volume: wp.array3d(dtype=float),
    seed: int,
    place: wp.vec3,
    texel: float,
    broad: float,
    narrow: float,
    segments: wp.array2d(dtype=float),
    first: int,
    last: int,
    items: wp.array(dtype=wp.int32),
):
    """Height m of the creases near a place: the deepest groove, and the fold that hangs over one side of it.

    segments [N, 16]: two ends, the ends' depths, their widths, the side that hangs over, by which share of the depth, how far it
    is felt, and 1 over its length squared; items first to last are those to ask. broad, narrow: noise that bends the lines.
    """
    groove = wp.float32(0.0)
    fold = wp.float32(0.0)
    is_bent = wp.int32(0)
    ragged = wp.float32(1.0)
    bend = wp.vec3(0.0, 0.0, 0.0)
    for n in range(first, last):
        s = items[n]
        reach = segments[s, 14]
        away = from_segment(place, segments, s)
        limit = reach + 0.001
        if away[0] * away[0] + away[1] * away[1] + away[2] * away[2] < limit * limit:
            if is_bent == 0:
                other = octave(volume, seed, 71, place, 0.0054, 0.0)
                is_bent = 1
                ragged = wp.max(1.0 + 0.08 * narrow - 0.2 * other + 0.15 * broad, 0.2)
                bend = wp.vec3(0.0003 * broad + 0.00005 * narrow, 0.0003 * other - 0.00005 * narrow, 0.00015 * (broad - other))
            off = from_segment(place + bend * wp.min(1.0, 0.0007 / segments[s, 8]), segments, s)
            apart = wp.vec3(off[0], off[1], off[2])
            t = off[3]
            distance = wp.length(apart)
            if distance < reach:
                width = segments[s, 8] + t * (segments[s, 9] - segments[s, 8])
                depth = (segments[s, 6] + t * (segments[s, 7] - segments[s, 6])) * ragged
                wide = wp.max(width, 1.5 * texel)
                q = distance / wide
                window = 1.0 - (distance / reach) * (distance / reach)
                window = window * window
                sharp = wp.clamp(0.78 - 260.0 * width, 0.3, 0.65)
                profile = sharp * wp.exp(0.3 - wp.sqrt(q * q + 0.09)) + (1.0 - sharp) * wp.exp(-0.16 * q * q)
                groove = wp.max(groove, depth * (width / wide) * profile * window)
                over = segments[s, 13]
                if over > 0.0 and distance > 1.0e-7:
                    side = wp.vec3(segments[s, 10], segments[s, 11], segments[s, 12])
                    p = distance / (3.0 * width)
                    lean = wp.max(wp.dot(apart, side) / distance, 0.0)
                    fold = wp.max(fold, over * depth * lean * p * wp.exp(0.5 - 0.5 * p * p) * window)
    return TALLEST * wp.tanh((fold - groove) / TALLEST)


@wp.kernel
def raise_skin(
    volume: wp.array3d(dtype=float),
    index: wp.array(dtype=wp.int32),
    table: wp.array2d(dtype=float),
    triangles: wp.array(dtype=wp.vec3i),
    triangle_id: wp.array(dtype=wp.int32),
    barycentric: wp.array(dtype=wp.vec3),
    lips: wp.array(dtype=wp.uint8),
    seed: int,
    lip_depth: float,
    pore_length: float,
    segments: wp.array2d(dtype=float),
    origin: wp.vec3,
    cell: float,
    counts: wp.vec3i,
    offsets: wp.array(dtype=wp.int32),
    items: wp.array(dtype=wp.int32),
    height: wp.array(dtype=float),
):
    """The height m of the skin at each listed texel.

    table [V, 13]: place on the template m, size of a texel there m, then depths m of plateaus' lines, of lines that run level,
    upright and slanting, of dimples, of pores; radius of pores m, their share of follicles that are open, depth of hairs' pits.
    """
    p = wp.tid()
    i = index[p]
    corners = triangles[triangle_id[i]]
    w = barycentric[i]
    place = wp.vec3(read_vertex(table, corners, w, 0), read_vertex(table, corners, w, 1), read_vertex(table, corners, w, 2))
    texel = read_vertex(table, corners, w, 3)
    on_lip = float(lips[i]) / 255.0
    bare = 1.0 - on_lip
    up = 0.0

    fine = bare * read_vertex(table, corners, w, 4)
    shown = wp.clamp(1.7 - 3.2 * texel / 0.00062, 0.0, 1.0)
    if fine > 1.0e-6 and shown > 0.0:
        bent = place + wp.vec3(0.25, 0.0, -0.25) * place[1]
        up -= fine * shown * plateaus(seed, 60, bent, 0.00062, 0.42)
    level = bare * read_vertex(table, corners, w, 5) - 2.0e-6
    if level > 0.0:
        at = wp.vec3(0.30 * place[0], place[1], 0.30 * place[2])
        up -= level * ruled(volume, seed, 61, at, texel)
    upright = bare * read_vertex(table, corners, w, 6) - 2.0e-6
    if upright > 0.0:
        at = wp.vec3(place[0], 0.30 * place[1], 0.7 * place[2])
        up -= upright * ruled(volume, seed, 62, at, texel)
    slanting = bare * read_vertex(table, corners, w, 7) - 2.0e-6
    if slanting > 0.0:
        x = wp.abs(place[0])
        at = wp.vec3(0.85 * x + 0.53 * place[1], 0.3 * (0.85 * place[1] - 0.53 * x), 0.4 * place[2])
        up -= slanting * ruled(volume, seed, 63, at, texel)

    broad = octave(volume, seed, 65, place, 0.0046, texel)
    narrow = octave(volume, seed, 66, place, 0.0021, texel)
    up += bare * read_vertex(table, corners, w, 8) * (0.8 * broad + 0.6 * narrow)
    pores = bare * read_vertex(table, corners, w, 9) - 8.0e-6
    if pores > 0.0:
        radius = read_vertex(table, corners, w, 10)
        open = read_vertex(table, corners, w, 11)
        along = wp.vec3(0.0, pore_length, 0.0)
        up -= pores * pits(seed, 1, place, 0.00105, radius, open, along, 0.75 * texel)
    hairs = bare * read_vertex(table, corners, w, 12) - 2.0e-6
    if hairs > 0.0:
        up += hairs * pits(seed, 2, place, 0.00068, 0.00019, 1.0, wp.vec3(0.0, 0.0, 0.0), 0.75 * texel)

    if on_lip > 0.004:
        at = wp.vec3(2.2 * place[0], 0.42 * place[1], place[2])
        coarse = valley(octave(volume, seed, 20, at, 0.0034, 0.0), 0.4) * wp.clamp(1.6 - 7.0 * texel / 0.0034, 0.0, 1.0)
        thin = valley(octave(volume, seed, 21, at, 0.0017, 0.0), 0.4) * wp.clamp(1.6 - 7.0 * texel / 0.0017, 0.0, 1.0)
        up -= lip_depth * on_lip * wp.clamp(1.0 + 0.5 * broad, 0.2, 2.0) * (coarse + 0.4 * thin)

    here = cell_of(place, origin, cell, counts)
    first = offsets[here]
    last = offsets[here + 1]
    if last > first:
        up += lines_of_age(volume, seed, place, texel, broad, narrow, segments, first, last, items)
    height[i] = up


@wp.kernel
def tilt_skin(
    index: wp.array(dtype=wp.int32),
    frames: wp.array(dtype=wp.vec3),
    triangle_id: wp.array2d(dtype=wp.int32),
    height: wp.array2d(dtype=float),
    steepest: float,
    normal: wp.array3d(dtype=wp.uint8),
):
    """Tangent-space normals of heights m at the listed texels, as relief.normal_map makes them of the triangles' frames [T]."""
    p = wp.tid()
    size = height.shape[0]
    row = index[p] / size
    column = index[p] - row * size
    centre = height[row, column]
    per_u = 0.0
    per_v = 0.0
    count = 0.0
    if column > 0 and triangle_id[row, column - 1] >= 0:
        per_u += centre - height[row, column - 1]
        count += 1.0
    if column < size - 1 and triangle_id[row, column + 1] >= 0:
        per_u += height[row, column + 1] - centre
        count += 1.0
    per_u = per_u * float(size) / wp.max(count, 1.0)
    count = 0.0
    if row > 0 and triangle_id[row - 1, column] >= 0:
        per_v += height[row - 1, column] - centre
        count += 1.0
    if row < size - 1 and triangle_id[row + 1, column] >= 0:
        per_v += centre - height[row + 1, column]
        count += 1.0
    per_v = per_v * float(size) / wp.max(count, 1.0)
    frame = frames[triangle_id[row, column]]
    along = per_u / frame[0]
    across = (per_v - along * frame[1]) / frame[2]
    limit = wp.min(1.0, steepest / wp.max(wp.sqrt(along * along + across * across), 1.0e-6))
    along = along * limit
    across = across * limit
    up = 1.0 / wp.sqrt(1.0 + along * along + across * across)
    normal[row, column, 0] = wp.uint8(wp.clamp(128.0 - 127.5 * along * up, 0.0, 255.0))
    normal[row, column, 1] = wp.uint8(wp.clamp(128.0 - 127.5 * across * up, 0.0, 255.0))
    normal[row, column, 2] = wp.uint8(wp.clamp(128.0 + 127.5 * up, 0.0, 255.0))
