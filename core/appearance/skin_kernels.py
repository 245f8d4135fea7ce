"""Warp kernels that paint skin: every texel in one pass, from what its vertices, its marks and seeded noise say.

Rule of this file: all patterns are functions of the place on the template in metres and of a seed, never of texel numbers, so a
texture of any size shows the same person; what is finer than two texels fades out instead of turning into grain.
"""

# mypy: ignore-errors
# (Warp reads the annotations as values: array(dtype=...) is no type.)
import warp as wp

wp.set_module_options({"enable_backward": False})


@wp.func
def read_vertex(table: wp.array2d(dtype=float), corners: wp.vec3i, weights: wp.vec3, column: int):
    """A column of a vertex table between the corners."""
    return (
        table[corners[0], column] * weights[0] + table[corners[1], column] * weights[1] + table[corners[2], column] * weights[2]
    )


@wp.func
def octave(volume: wp.array3d(dtype=float), seed: int, number: int, place: wp.vec3, length: float, texel: float):
    """Smooth noise of unit variance whose blobs are about `length` m wide; nothing where a texel is half as wide.

    volume [P, P, P]: a period of noise, P a power of two; each seed and number reads it from another place and in another way.
    """
    share = wp.clamp(1.6 - 3.2 * texel / length, 0.0, 1.0)
    if share <= 0.0:
        return 0.0
    period = volume.shape[0]
    last = period - 1
    key = scramble(wp.uint32(seed) + wp.uint32(number) * wp.uint32(1640531527))
    scaled = place * (3.0 / length)
    x = scaled[0] + 0.31 * scaled[1] + unit(key) * float(period) + 1000.0 * float(period)
    y = scaled[1] - 0.31 * scaled[2] + unit(key >> wp.uint32(8)) * float(period) + 1000.0 * float(period)
    z = scaled[2] + 0.31 * scaled[0] + unit(key >> wp.uint32(16)) * float(period) + 1000.0 * float(period)
    i = int(x)
    j = int(y)
    k = int(z)
    a = x - float(i)
    b = y - float(j)
    c = z - float(k)
    i0 = i & last
    i1 = (i + 1) & last
    j0 = j & last
    j1 = (j + 1) & last
    k0 = k & last
    k1 = (k + 1) & last
    low = wp.lerp(wp.lerp(volume[i0, j0, k0], volume[i0, j0, k1], c), wp.lerp(volume[i0, j1, k0], volume[i0, j1, k1], c), b)
    high = wp.lerp(wp.lerp(volume[i1, j0, k0], volume[i1, j0, k1], c), wp.lerp(volume[i1, j1, k0], volume[i1, j1, k1], c), b)
    return share * wp.lerp(low, high, a)


@wp.func
def scramble(key: wp.uint32):
    """An integer hash: two rounds of xor-shift and multiplication by odd numbers."""
    key = (key ^ (key >> wp.uint32(16))) * wp.uint32(569420461)
    key = (key ^ (key >> wp.uint32(13))) * wp.uint32(1935289751)
    return key ^ (key >> wp.uint32(16))


@wp.func
def unit(key: wp.uint32):
    """The lowest ten bits as a number in [0, 1)."""
    return float(key & wp.uint32(1023)) / 1024.0


@wp.func
def dots(seed: int, number: int, place: wp.vec3, cell: float, radius: float):
    """1 in the middle of dots of `radius` m, one in each cube of `cell` m, 0 between them."""
    scaled = place / cell
    x0 = wp.floor(scaled[0] - 0.5)
    y0 = wp.floor(scaled[1] - 0.5)
    z0 = wp.floor(scaled[2] - 0.5)
    nearest = 1.0e9
    for k in range(8):
        x = x0 + float(k & 1)
        y = y0 + float((k >> 1) & 1)
        z = z0 + float((k >> 2) & 1)
        mixed = int(x) * 73856093 + int(y) * 19349663 + int(z) * 83492791 + (seed + number) * 7919
        key = scramble(wp.uint32(mixed))
        offset = wp.vec3(unit(key), unit(key >> wp.uint32(10)), unit(key >> wp.uint32(20))) * 0.8
        nearest = wp.min(nearest, wp.length_sq(scaled - wp.vec3(x + 0.1, y + 0.1, z + 0.1) - offset))
    return wp.clamp(1.5 - wp.sqrt(nearest) * cell / radius, 0.0, 1.0)


@wp.kernel
def draw_noise(
    volume: wp.array3d(dtype=float),
    seed: int,
    number: int,
    length: float,
    places: wp.array(dtype=wp.vec3),
    out: wp.array(dtype=float),
):
    """Two octaves of noise of unit variance at places [N] m."""
    i = wp.tid()
    first = octave(volume, seed, number, places[i], length, 0.0)
    second = octave(volume, seed, number + 1, places[i], 0.5 * length, 0.0)
    out[i] = 0.86 * first + 0.51 * second


@wp.kernel
def stamp_spots(
    volume: wp.array3d(dtype=float),
    spots: wp.array2d(dtype=float),
    seed: int,
    vertices: wp.array(dtype=wp.vec3),
    triangles: wp.array(dtype=wp.vec3i),
    triangle_id: wp.array2d(dtype=wp.int32),
    barycentric: wp.array2d(dtype=wp.vec3),
    marks: wp.array2d(dtype=float),
):
    """Lay each spot (column, row, half width of its window in texels, x, y, z, radius, softness in m, strength, raggedness) into
    marks [S, S], the stronger winning where two meet."""
    i = wp.tid()
    size = triangle_id.shape[0]
    column = int(spots[i, 0])
    row = int(spots[i, 1])
    reach = int(spots[i, 2])
    centre = wp.vec3(spots[i, 3], spots[i, 4], spots[i, 5])
    for y in range(wp.max(row - reach, 0), wp.min(row + reach + 1, size)):
        for x in range(wp.max(column - reach, 0), wp.min(column + reach + 1, size)):
            t = triangle_id[y, x]
            if t >= 0:
                corners = triangles[t]
                w = barycentric[y, x]
                place = vertices[corners[0]] * w[0] + vertices[corners[1]] * w[1] + vertices[corners[2]] * w[2]
                ragged = octave(volume, seed, 40, place, 1.1 * spots[i, 6], 0.0)
                ragged += 0.5 * octave(volume, seed, 41, place, 0.5 * spots[i, 6], 0.0)
                distance = wp.length(place - centre) - spots[i, 9] * spots[i, 6] * ragged
                share = wp.clamp(0.5 + 0.5 * (spots[i, 6] - distance) / spots[i, 7], 0.0, 1.0)
                share = share * share * (3.0 - 2.0 * share)
                marks[y, x] = wp.max(marks[y, x], spots[i, 8] * share)


@wp.kernel
def paint_skin(
    volume: wp.array3d(dtype=float),
    index: wp.array(dtype=wp.int32),
    table: wp.array2d(dtype=float),
    triangles: wp.array(dtype=wp.vec3i),
    triangle_id: wp.array(dtype=wp.int32),
    barycentric: wp.array(dtype=wp.vec3),
    lips: wp.array(dtype=wp.uint8),
    wet: wp.array(dtype=wp.uint8),
    marks: wp.array(dtype=float),
    brows: wp.array2d(dtype=wp.uint8),
    texel: float,
    seed: int,
    density0: wp.vec3,
    melanin_density: wp.vec3,
    saturation: float,
    blood_density: wp.vec3,
    pallor_density: wp.vec3,
    lip: wp.vec3,
    mucosa: wp.vec3,
    conjunctiva: wp.vec3,
    hair: wp.vec3,
    grey: float,
    brow: wp.vec3,
    white_hair: wp.vec3,
    mottling: float,
    stubble_length: float,
    encode: wp.array(dtype=wp.uint8),
    albedo: wp.array2d(dtype=wp.uint8),
):
    """The skin at each listed texel, as sRGB bytes.

    table [V, 11]: place on the template in m, ln melanin, log blood, deoxygenation, wetness of the mouth, of the upper lip,
    beard, scalp hair, pores. lips, wet, brows (pigmented, white): shares in 1/255; marks: spots' melanin in units of the skin's
    own, plus a little of their own. encode: evenly over the square root of linear -> byte.
    """
    p = wp.tid()
    i = index[p]
    corners = triangles[triangle_id[i]]
    w = barycentric[i]
    place = wp.vec3(read_vertex(table, corners, w, 0), read_vertex(table, corners, w, 1), read_vertex(table, corners, w, 2))
    log_m = read_vertex(table, corners, w, 3)
    blood = read_vertex(table, corners, w, 4)
    pallor = read_vertex(table, corners, w, 5)
    inside = read_vertex(table, corners, w, 6)
    upper = read_vertex(table, corners, w, 7)
    beard = read_vertex(table, corners, w, 8)
    scalp = read_vertex(table, corners, w, 9)
    pores = read_vertex(table, corners, w, 10)

    cloud = octave(volume, seed, 9, place, 0.0115, texel)
    patch = octave(volume, seed, 10, place, 0.0060, texel)
    middle = octave(volume, seed, 11, place, 0.0026, texel)
    fine = octave(volume, seed, 12, place, 0.0011, texel)
    grain = octave(volume, seed, 13, place, 0.0005, texel)
    log_m += mottling * (0.022 * cloud + 0.022 * patch + 0.030 * middle + 0.034 * fine + 0.032 * grain)
    flow = octave(volume, seed, 14, place, 0.0017, texel)
    blood += mottling * (0.034 * patch - 0.030 * cloud - 0.034 * middle + 0.045 * flow - 0.03 * fine)
    visible = wp.clamp(1.5 - texel / 0.00028, 0.0, 1.0)
    if pores > 0.02 and visible > 0.0:
        pore = dots(seed, 1, place, 0.00105, 0.00014)
        log_m += 0.15 * visible * pores * pore
        blood += 0.06 * visible * pores * pore

    mark = marks[i]
    m = wp.exp(log_m) * (1.0 + mark) + 0.12 * mark
    load = melanin_density * m
    density = density0 + blood_density * blood + pallor_density * pallor
    for c in range(3):
        density[c] = density[c] + load[c] / (1.0 + saturation * load[c])
    colour = wp.vec3(wp.exp(-density[0]), wp.exp(-density[1]), wp.exp(-density[2]))

    on_lip = float(lips[i]) / 255.0
    if on_lip > 0.0:
        furrow = wp.vec3(place[0] * 2.6, place[1] * 0.45, place[2])
        line = octave(volume, seed, 20, furrow, 0.0032, texel) + 0.6 * octave(volume, seed, 21, furrow, 0.0014, texel)
        shift = 0.035 * patch + 0.05 * line
        darker = wp.vec3(0.08, 0.10, 0.13) * upper
        red = 0.05 * patch + 0.06 * line
        share = on_lip * (0.76 + 0.05 * middle)
        for c in range(3):
            colour[c] += share * (lip[c] * wp.exp(-shift - darker[c] - red * blood_density[c]) - colour[c])
    soaked = wp.clamp(inside * 1.5, 0.0, 1.0) * on_lip
    watery = float(wet[i]) / 255.0
    for c in range(3):
        colour[c] += soaked * (mucosa[c] * wp.exp(-0.05 * middle) - colour[c])
        colour[c] += watery * (conjunctiva[c] - colour[c])

    growth = wp.max(beard, scalp)
    if growth > 0.02:
        ragged = wp.clamp(growth * (1.0 + 0.18 * octave(volume, seed, 30, place, 0.007, texel)), 0.0, 1.0)
        sharp = wp.clamp(1.6 - texel / 0.0005, 0.0, 1.0)
        hairs = 0.2
        white = 0.2
        if sharp > 0.0:
            radius = 0.00015 + 0.00010 * stubble_length
            hairs += sharp * (dots(seed, 2, place, 0.00068, radius) - 0.2)
            if grey > 0.02:
                white += sharp * (dots(seed, 4, place, 0.00068, radius) - 0.2)
        cover = ragged * (1.0 - on_lip) * (0.55 + 0.45 * stubble_length)
        for c in range(3):
            colour[c] += (1.0 - grey) * cover * wp.min(0.20 + 0.70 * hairs, 0.9) * (hair[c] - colour[c])
            colour[c] += grey * cover * 0.45 * white * (white_hair[c] - colour[c])
    on_brow = float(brows[i, 0]) / 255.0
    on_white = float(brows[i, 1]) / 255.0
    for c in range(3):
        colour[c] += 0.92 * on_brow * (brow[c] - colour[c])
        colour[c] += 0.80 * on_white * (white_hair[c] - colour[c])
        albedo[i, c] = encode[int(wp.sqrt(wp.clamp(colour[c], 0.0, 1.0)) * float(encode.shape[0] - 1) + 0.5)]
