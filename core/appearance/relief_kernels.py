"""Warp kernels that raise a person's relief: heights of every texel in one pass, then the normals that they imply.

Rule of this file: a height is a function of the place on the template in metres and of a seed, never of texel numbers, so both
sides of a UV seam agree and a texture of any size shows the same person; what a texel cannot hold fades out.
"""

# mypy: ignore-errors
# (Warp reads the annotations as values: array(dtype=...) is no type.)
import warp as wp

from .skin_kernels import octave, scramble, unit

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
def lines_of_age(
    volume: wp.array3d(dtype=float),
    seed: int,
    place: wp.vec3,
    texel: float,
    broad: float,
    narrow: float,
    starts: wp.array(dtype=wp.vec4),
    ways: wp.array(dtype=wp.vec4),
    sizes: wp.array(dtype=wp.vec4),
    sides: wp.array(dtype=wp.vec4),
    first: int,
    last: int,
    items: wp.array(dtype=wp.int32),
):
    """Height m of the creases near a place: the deepest groove, and the fold that hangs over one side of it.

    Of every segment: where it starts and 1 over its length squared; its way and how far it is felt; the ends' depths and widths;
    the side that hangs over and by which share of the depth. Items first to last are those to ask; broad, narrow: noise that
    bends the lines.
    """
    groove = wp.float32(0.0)
    fold = wp.float32(0.0)
    is_bent = wp.int32(0)
    ragged = wp.float32(1.0)
    bend = wp.vec3(0.0, 0.0, 0.0)
    for n in range(first, last):
        s = items[n]
        start = starts[s]
        reaching = ways[s]
        reach = reaching[3]
        way = wp.vec3(reaching[0], reaching[1], reaching[2])
        off = place - wp.vec3(start[0], start[1], start[2])
        away = off - wp.clamp(wp.dot(off, way) * start[3], 0.0, 1.0) * way
        limit = reach + 0.001
        if wp.length_sq(away) < limit * limit:
            if is_bent == 0:
                other = octave(volume, seed, 71, place, 0.0054, 0.0)
                is_bent = 1
                ragged = wp.max(1.0 + 0.08 * narrow - 0.2 * other + 0.15 * broad, 0.2)
                bend = wp.vec3(0.0003 * broad + 0.00005 * narrow, 0.0003 * other - 0.00005 * narrow, 0.00015 * (broad - other))
            size = sizes[s]
            bent = off + bend * wp.min(1.0, 0.0007 / size[2])
            t = wp.clamp(wp.dot(bent, way) * start[3], 0.0, 1.0)
            apart = bent - t * way
            distance = wp.length(apart)
            if distance < reach:
                width = size[2] + t * (size[3] - size[2])
                depth = (size[0] + t * (size[1] - size[0])) * ragged
                wide = wp.max(width, 1.5 * texel)
                q = distance / wide
                window = 1.0 - (distance / reach) * (distance / reach)
                window = window * window
                sharp = wp.clamp(0.78 - 260.0 * width, 0.3, 0.65)
                profile = sharp * wp.exp(0.3 - wp.sqrt(q * q + 0.09)) + (1.0 - sharp) * wp.exp(-0.16 * q * q)
                groove = wp.max(groove, depth * (width / wide) * profile * window)
                over = sides[s]
                if over[3] > 0.0 and distance > 1.0e-7:
                    p = distance / (3.0 * width)
                    lean = wp.max(wp.dot(apart, wp.vec3(over[0], over[1], over[2])) / distance, 0.0)
                    fold = wp.max(fold, over[3] * depth * lean * p * wp.exp(0.5 - 0.5 * p * p) * window)
    return TALLEST * wp.tanh((fold - groove) / TALLEST)


@wp.func
def blend(table: wp.array(dtype=wp.vec4), corners: wp.vec3i, weights: wp.vec3):
    """Four columns of a vertex table between the corners."""
    return weights[0] * table[corners[0]] + weights[1] * table[corners[1]] + weights[2] * table[corners[2]]


@wp.kernel
def raise_skin(
    volume: wp.array3d(dtype=float),
    index: wp.array(dtype=wp.int32),
    grounds: wp.array(dtype=wp.vec4),
    patterns: wp.array(dtype=wp.vec4),
    pits_table: wp.array(dtype=wp.vec4),
    hair_depth: wp.array(dtype=float),
    triangles: wp.array(dtype=wp.vec3i),
    triangle_id: wp.array(dtype=wp.int32),
    barycentric: wp.array(dtype=wp.vec3),
    lips: wp.array(dtype=wp.uint8),
    seed: int,
    lip_depth: float,
    pore_length: float,
    starts: wp.array(dtype=wp.vec4),
    ways: wp.array(dtype=wp.vec4),
    sizes: wp.array(dtype=wp.vec4),
    sides: wp.array(dtype=wp.vec4),
    origin: wp.vec3,
    cell: float,
    counts: wp.vec3i,
    offsets: wp.array(dtype=wp.int32),
    items: wp.array(dtype=wp.int32),
    height: wp.array(dtype=float),
):
    """The height m of the skin at each listed texel.

    At the vertices: grounds: place on the template and size of a texel there, m; patterns: depths m of the lines between plateaus
    and of lines that run level, upright and slanting; pits_table: depth m of dimples and of pores, radius of pores m, their share
    of follicles that are open; hair_depth: height m of hairs' mouths. Creases: see lines_of_age.
    """
    p = wp.tid()
    i = index[p]
    corners = triangles[triangle_id[i]]
    w = barycentric[i]
    ground = blend(grounds, corners, w)
    place = wp.vec3(ground[0], ground[1], ground[2])
    texel = ground[3]
    pattern = blend(patterns, corners, w)
    pitted = blend(pits_table, corners, w)
    on_lip = float(lips[i]) / 255.0
    bare = 1.0 - on_lip
    up = 0.0

    fine = bare * pattern[0]
    shown = wp.clamp(1.7 - 3.2 * texel / 0.00062, 0.0, 1.0)
    if fine > 1.0e-6 and shown > 0.0:
        bent = place + wp.vec3(0.25, 0.0, -0.25) * place[1]
        up -= fine * shown * plateaus(seed, 60, bent, 0.00062, 0.42)
    level = bare * pattern[1] - 2.0e-6
    if level > 0.0:
        at = wp.vec3(0.30 * place[0], place[1], 0.30 * place[2])
        up -= level * ruled(volume, seed, 61, at, texel)
    upright = bare * pattern[2] - 2.0e-6
    if upright > 0.0:
        at = wp.vec3(place[0], 0.30 * place[1], 0.7 * place[2])
        up -= upright * ruled(volume, seed, 62, at, texel)
    slanting = bare * pattern[3] - 2.0e-6
    if slanting > 0.0:
        x = wp.abs(place[0])
        at = wp.vec3(0.85 * x + 0.53 * place[1], 0.3 * (0.85 * place[1] - 0.53 * x), 0.4 * place[2])
        up -= slanting * ruled(volume, seed, 63, at, texel)

    broad = octave(volume, seed, 65, place, 0.0046, texel)
    narrow = octave(volume, seed, 66, place, 0.0021, texel)
    up += bare * pitted[0] * (0.8 * broad + 0.6 * narrow)
    pores = bare * pitted[1] - 8.0e-6
    if pores > 0.0:
        radius = pitted[2]
        open = pitted[3]
        along = wp.vec3(0.0, pore_length, 0.0)
        up -= pores * pits(seed, 1, place, 0.00105, radius, open, along, 0.75 * texel)
    hairs = bare * (w[0] * hair_depth[corners[0]] + w[1] * hair_depth[corners[1]] + w[2] * hair_depth[corners[2]]) - 2.0e-6
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
        up += lines_of_age(volume, seed, place, texel, broad, narrow, starts, ways, sizes, sides, first, last, items)
    height[i] = up


@wp.kernel
def tilt_skin(
    index: wp.array(dtype=wp.int32),
    frames: wp.array(dtype=wp.vec3),
    triangle_id: wp.array(dtype=wp.int32),
    size: int,
    height: wp.array(dtype=float),
    steepest: float,
    normal: wp.array(dtype=wp.uint8),
):
    """Tangent-space normals of heights m at the listed texels, as relief.normal_map makes them of the triangles' frames [T]."""
    p = wp.tid()
    i = index[p]
    row = i / size
    column = i - row * size
    triangle = triangle_id[i]
    centre = height[i]
    per_u = 0.0
    per_v = 0.0
    count = 0.0
    if column > 0 and triangle_id[i - 1] >= 0:
        per_u += centre - height[i - 1]
        count += 1.0
    if column < size - 1 and triangle_id[i + 1] >= 0:
        per_u += height[i + 1] - centre
        count += 1.0
    per_u = per_u * float(size) / wp.max(count, 1.0)
    count = 0.0
    if row > 0 and triangle_id[i - size] >= 0:
        per_v += height[i - size] - centre
        count += 1.0
    if row < size - 1 and triangle_id[i + size] >= 0:
        per_v += centre - height[i + size]
        count += 1.0
    per_v = per_v * float(size) / wp.max(count, 1.0)
    frame = frames[triangle]
    along = per_u / frame[0]
    across = (per_v - along * frame[1]) / frame[2]
    steep = along * along + across * across
    if steep > steepest * steepest:
        limit = steepest / wp.sqrt(steep)
        along = along * limit
        across = across * limit
        steep = steepest * steepest
    up = 127.5 / wp.sqrt(1.0 + steep)
    normal[3 * i] = wp.uint8(wp.max(128.0 - along * up, 0.0))
    normal[3 * i + 1] = wp.uint8(wp.max(128.0 - across * up, 0.0))
    normal[3 * i + 2] = wp.uint8(wp.min(128.0 + up, 255.0))
