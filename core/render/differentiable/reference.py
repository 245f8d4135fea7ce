"""The primitives in plain PyTorch, vectorised, no Warp: the twin that says what the kernels must do, in any float type.

Rule of this file: visibility (which triangle, which outline edge) is decided without gradient, then every value is written
as a formula of the inputs, so autograd gives the gradients of any order. Much slower than the kernels.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

Tensor = torch.Tensor
MAX_WALK = 512


def check_float(like: Tensor) -> None:
    """Any floating type on any device."""


def centres(count: int, like: Tensor) -> Tensor:
    """Clip-space coordinates of the pixels' centres along a side of `count` pixels."""
    return (2 * torch.arange(count, dtype=like.dtype, device=like.device) + 1 - count) / count


def relative(vertices: Tensor, px: Tensor, py: Tensor) -> Tensor:
    """Clip-space vertices [..., 4] as seen from samples [...]: (x - px w, y - py w, w)."""
    x, y, _, w = vertices.unbind(-1)
    return torch.stack([x - px * w, y - py * w, w], -1)


def area(a: Tensor, b: Tensor) -> Tensor:
    """Twice the signed area of the sample and two relative vertices, times their w."""
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def sides(a: Tensor, b: Tensor, e: Tensor) -> Tensor:
    """Sign of the edge functions e; a sample on the line counts as moved right and, by far less, up."""
    normal = torch.linalg.cross(a, b)
    return torch.where(e != 0, e, torch.where(normal[..., 0] != 0, normal[..., 0], normal[..., 1])).sign()


def bounding_boxes(corners: Tensor, height: int, width: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """First column, columns, first row, rows that clip-space triangles [N, 3, 4] may touch; all where w changes sign."""
    w = corners[..., 3]
    in_front = (w > 0).all(1)
    safe = torch.where(in_front[:, None], w, torch.ones_like(w))
    boxes = []
    for axis, count in ((0, width), (1, height)):
        at = (corners[..., axis] / safe + 1) * (count / 2) - 0.5
        low = (at.amin(1) - 0.004).ceil().clamp(0, count)
        high = (at.amax(1) + 0.004).floor().clamp(-1, count - 1)
        low, high = torch.where(in_front, low, 0), torch.where(in_front, high, count - 1)
        boxes += [low.long(), (high - low + 1).clamp_min(0).long()]
    boxes[1] = torch.where((w > 0).any(1), boxes[1], 0)
    return boxes[0], boxes[1], boxes[2], boxes[3]


def find_visible(positions: Tensor, tri: Tensor, ranges: Tensor, size: tuple[int, int]) -> Tensor:
    """The triangle that each pixel shows, [B * H * W], -1 for none."""
    height, width = size
    images = torch.arange(len(ranges), device=tri.device).repeat_interleave(ranges[:, 1].long())
    starts = ranges[:, 1].long().cumsum(0) - ranges[:, 1]
    numbers = torch.arange(len(images), device=tri.device) - starts[images] + ranges[images, 0]
    ids = tri[numbers].long().sort(1).values
    corners = positions[images[:, None] if len(positions) > 1 else 0, ids]
    x0, columns, y0, rows = bounding_boxes(corners, height, width)
    distinct = (ids[:, 0] != ids[:, 1]) & (ids[:, 1] != ids[:, 2])
    area_px = columns * rows * distinct
    which = torch.arange(len(numbers), device=tri.device).repeat_interleave(area_px)
    place = torch.arange(len(which), device=tri.device) - (area_px.cumsum(0) - area_px)[which]
    x, y = x0[which] + place % columns[which], y0[which] + place // columns[which]
    q = relative(corners[which], centres(width, positions)[x][:, None], centres(height, positions)[y][:, None])
    a, b, c = q.unbind(1)
    e_ab, e_bc, e_ac = area(a, b), area(b, c), area(a, c)
    weights = torch.stack([e_bc, -e_ac, e_ab], 1)
    side = sides(a, b, e_ab)
    depth = (weights * corners[which][..., 3]).sum(1)
    z = (weights * corners[which][..., 2]).sum(1) / depth
    same_side = (side != 0) & (side == sides(b, c, e_bc)) & (side == -sides(a, c, e_ac))
    is_inside = same_side & (depth * side > 0) & (z >= -1) & (z <= 1)
    pixel = ((images[which] * height + y) * width + x)[is_inside]
    z, number = z[is_inside], numbers[which][is_inside]
    count = len(ranges) * height * width
    nearest = z.new_full((count,), torch.inf).scatter_reduce(0, pixel, z, "amin")
    wins = z == nearest[pixel]
    nothing = torch.full((count,), len(tri), dtype=torch.long, device=tri.device)
    found = nothing.scatter_reduce(0, pixel[wins], number[wins], "amin")
    return torch.where(found < len(tri), found, -1)


def rasterize(
    positions: Tensor, tri: Tensor, ranges: Tensor, count: int, size: tuple[int, int], grad_db: bool
) -> tuple[Tensor, Tensor]:
    """See autograd.rasterize; this one needs no `count`."""
    height, width = size
    shape = (len(ranges), height, width, 4)
    with torch.no_grad():
        visible = find_visible(positions.detach(), tri, ranges, (height, width))
    pixel = (visible >= 0).nonzero()[:, 0]
    t = visible[pixel]
    image, row, column = pixel // (height * width), pixel // width % height, pixel % width
    corners = positions[image[:, None] if len(positions) > 1 else 0, tri[t].long()]
    q = relative(corners, centres(width, positions)[column][:, None], centres(height, positions)[row][:, None])
    normals = torch.linalg.cross(q.roll(-1, 1), q.roll(-2, 1))
    total = normals.sum(1)
    weights = normals[..., 2] / total[:, 2:]
    z = (weights * corners[..., 2]).sum(1) / (weights * corners[..., 3]).sum(1)
    values = torch.stack([weights[:, 0], weights[:, 1], z, (t + 1).to(z.dtype)], 1)
    slopes = (normals[:, :2, :2] - weights[:, :2, None] * total[:, None, :2]) / total[:, 2, None, None]
    slopes = slopes * slopes.new_tensor([2 / width, 2 / height])
    nothing = positions.new_zeros(visible.numel(), 4)
    rast, rast_db = (nothing.index_put((pixel,), v).reshape(shape) for v in (values, slopes.flatten(1)))
    return rast, rast_db if grad_db else rast_db.detach()


def corner_values(attr: Tensor, rast: Tensor, tri: Tensor) -> tuple[Tensor, Tensor]:
    """attr at the three corners of each pixel's triangle [B, H, W, 3, C], and where there is one [B, H, W]."""
    t = rast[..., 3].detach().long() - 1
    is_covered = (t >= 0) & (t < len(tri))
    image = torch.arange(len(rast), device=rast.device)[:, None, None, None] if len(attr) > 1 else 0
    return attr[image, tri[torch.where(is_covered, t, 0)].long()], is_covered


def interpolate(table: Tensor, raster: Tensor, tri: Tensor) -> Tensor:
    """See autograd.interpolate."""
    values, is_covered = corner_values(table, raster, tri)
    u, v = raster[..., 0:1], raster[..., 1:2]
    first, second, last = values.unbind(-2)
    return torch.where(is_covered[..., None], u * first + v * second + (1 - u - v) * last, 0)


def interpolate_derivatives(table: Tensor, raster: Tensor, raster_db: Tensor, tri: Tensor, channels: list[int]) -> Tensor:
    """See autograd.interpolate_derivatives."""
    values, is_covered = corner_values(table[..., channels], raster, tri)
    first, second, last = values[..., None].unbind(-3)
    slopes = (first - last) * raster_db[..., None, :2] + (second - last) * raster_db[..., None, 2:]
    return torch.where(is_covered[..., None], slopes.flatten(-2), 0)


def fetch(level: Tensor, x: Tensor, y: Tensor, boundary: str) -> Tensor:
    """Texels of level [B or 1, h, w, C] at whole coordinates [B, H, W]."""
    height, width = level.shape[1:3]
    image = torch.arange(len(x), device=x.device)[:, None, None] if len(level) > 1 else 0
    if boundary == "wrap":
        return level[image, y % height, x % width]
    values = level[image, y.clamp(0, height - 1), x.clamp(0, width - 1)]
    if boundary == "clamp":
        return values
    is_outside = (x < 0) | (y < 0) | (x >= width) | (y >= height)
    return torch.where(is_outside[..., None], 0, values)


def confine(uv: Tensor, boundary: str) -> Tensor:
    """Texture coordinates brought near the texture; what is no number becomes 0."""
    return torch.nan_to_num(uv - uv.detach().floor() if boundary == "wrap" else uv.clamp(-1, 2))


def sample_linear(level: Tensor, uv: Tensor, boundary: str) -> Tensor:
    """Bilinear samples of one level."""
    size = uv.new_tensor([level.shape[2], level.shape[1]])
    at = confine(uv, boundary) * size - 0.5
    corner = at.detach().floor()
    fx, fy = (at - corner)[..., None].unbind(-2)
    x, y = corner.long().unbind(-1)
    top = fetch(level, x, y, boundary) * (1 - fx) + fetch(level, x + 1, y, boundary) * fx
    low = fetch(level, x, y + 1, boundary) * (1 - fx) + fetch(level, x + 1, y + 1, boundary) * fx
    return top * (1 - fy) + low * fy


def texture(levels: list[Tensor], uv: Tensor, detail: Tensor | None, is_linear: bool, boundary: str) -> Tensor:
    """See autograd.texture."""
    if not is_linear:
        size = uv.new_tensor([levels[0].shape[2], levels[0].shape[1]])
        x, y = (confine(uv, boundary) * size).floor().long().unbind(-1)
        return fetch(levels[0], x, y, boundary)
    if detail is None:
        return sample_linear(levels[0], uv, boundary)
    samples = torch.stack([sample_linear(level, uv, boundary) for level in levels])
    numbers = torch.arange(len(levels), device=uv.device, dtype=uv.dtype)[:, None, None, None]
    return (samples * (1 - (detail - numbers).abs()).clamp_min(0)[..., None]).sum(0)


def crossing_distance(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    """Where the ray along d [N, 2] crosses the line through relative vertices a and b [N, 3], in lengths of d."""
    by_a = a[:, 0] * d[:, 1] - a[:, 1] * d[:, 0]
    by_b = d[:, 0] * b[:, 1] - d[:, 1] * b[:, 0]
    return area(a, b) / (b[:, 2] * by_a + a[:, 2] * by_b)


def walk_to_outline(
    see: Callable[[Tensor, Tensor], Tensor], tri: Tensor, neighbours: Tensor, first: Tensor, d: Tensor
) -> tuple[Tensor, Tensor]:
    """The edges (left, right vertex [N]; -1 for none) where the surfaces of triangles `first` [N] end on the way along d.

    see(walkers, vertices) -> vertices as seen from the walkers' starts. All walk at once, a triangle a step.
    """
    left, right = torch.full_like(first, -1), torch.full_like(first, -1)
    who = torch.arange(len(first), device=first.device)
    ids = tri[first].long()
    q = see(who[:, None], ids)
    is_left = d[:, None, 0] * q[..., 1] - d[:, None, 1] * q[..., 0] > 0
    distance = torch.stack([crossing_distance(q[:, k], q[:, (k + 1) % 3], d) for k in range(3)], 1)
    distance = torch.where(is_left != is_left.roll(-1, 1), distance, -torch.inf)
    best, k = distance.max(1)
    goes = (q[..., 2] > 0).all(1) & best.isfinite() & (best <= 1)
    who, k = who[goes], k[goes]
    ends = torch.stack([ids[who, k], ids[who, (k + 1) % 3]], 1)
    ends = torch.where(is_left[who, k][:, None], ends, ends.flip(1))
    code = neighbours[first[who], k].long()
    for _ in range(MAX_WALK):
        stops = code < 0
        left[who[stops]], right[who[stops]] = ends[stops].T
        who, ends, code = who[~stops], ends[~stops], code[~stops]
        if not len(who):
            break
        t, k = code // 3, code % 3
        corner = tri[t, (k + 2) % 3].long()
        triple = see(who[:, None], torch.cat([ends, corner[:, None]], 1))
        folds = torch.linalg.det(triple) < 0
        new = triple[:, 2]
        left[who[folds]], right[who[folds]] = ends[folds].T
        is_new_left = d[who, 0] * new[:, 1] - d[who, 1] * new[:, 0] > 0
        kept = torch.where(is_new_left, ends[:, 1], ends[:, 0])
        k = torch.where(tri[t, k] == kept, (k + 2) % 3, (k + 1) % 3)
        ends = torch.where(is_new_left[:, None], torch.stack([corner, kept], 1), torch.stack([kept, corner], 1))
        pair = see(who[:, None], ends)
        goes = ~folds & (new[:, 2] > 0) & ~(crossing_distance(pair[:, 0], pair[:, 1], d[who]) > 1)
        who, ends, code = who[goes], ends[goes], neighbours[t, k].long()[goes]
    return left, right


def blend_pairs(color: Tensor, out: Tensor, rast: Tensor, positions: Tensor, mesh: tuple[Tensor, Tensor], axis: int) -> Tensor:
    """out, with the outlines between neighbours along an axis (0: in a row, 1: in a column) blended in."""
    tri, neighbours = mesh
    count, height, width, _ = rast.shape
    numbers = torch.arange(count * height * width, device=rast.device).reshape(count, height, width)
    here, other = (numbers[:, :, :-1], numbers[:, :, 1:]) if axis == 0 else (numbers[:, :-1], numbers[:, 1:])
    here, other = here.reshape(-1), other.reshape(-1)
    flat = rast.detach().reshape(-1, 4)
    t = flat[:, 3].long() - 1
    differ = t[here] != t[other]
    here, other = here[differ], other[differ]
    depth = torch.where(t >= 0, flat[:, 2], torch.inf)
    is_other = depth[other] < depth[here]
    front, back = torch.where(is_other, other, here), torch.where(is_other, here, other)
    left = right = torch.full_like(front, -1)
    for _ in range(2):
        open_pairs = ((left < 0) & (t[front] >= 0)).nonzero()[:, 0]
        see, d = look_from(positions.detach(), front[open_pairs], back[open_pairs], rast.shape)
        found = walk_to_outline(see, tri, neighbours, t[front[open_pairs]], d)
        left, right = (old.index_put((open_pairs,), new) for old, new in zip((left, right), found, strict=True))
        front, back = torch.where(left < 0, back, front), torch.where(left < 0, front, back)
    front, back, left, right = (v[left >= 0] for v in (front, back, left, right))
    see, d = look_from(positions, front, back, rast.shape)
    edge = see(torch.arange(len(front), device=rast.device)[:, None], torch.stack([left, right], 1))
    extent = ((edge[:, 0, :2] / edge[:, 0, 2:]) - (edge[:, 1, :2] / edge[:, 1, 2:])).abs() * edge.new_tensor([width, height])
    lies_across = (extent[:, 1] >= extent[:, 0]) == (axis == 0)
    edge, d, front, back = (v[lies_across] for v in (edge, d, front, back))
    s = crossing_distance(edge[:, 0], edge[:, 1], d)[:, None]
    colours = color.reshape(-1, color.shape[-1])
    step = (s - 0.5) * (colours[front] - colours[back])
    return out.index_add(0, torch.where(s[:, 0].detach() > 0.5, back, front), step)


def look_from(
    positions: Tensor, start: Tensor, end: Tensor, shape: torch.Size
) -> tuple[Callable[[Tensor, Tensor], Tensor], Tensor]:
    """see(walkers, vertices) for walkers at the pixels `start`, and their steps [N, 2] to the pixels `end`."""
    _, height, width, _ = shape
    x, y = centres(width, positions), centres(height, positions)
    px, py = x[start % width], y[start // width % height]
    d = torch.stack([x[end % width] - px, y[end // width % height] - py], 1)

    def see(walkers: Tensor, vertices: Tensor) -> Tensor:
        image = start[walkers] // (height * width) if len(positions) > 1 else 0
        return relative(positions[image, vertices], px[walkers], py[walkers])

    return see, d


def antialias(color: Tensor, raster: Tensor, positions: Tensor, tri: Tensor, neighbours: Tensor, boost: float) -> Tensor:
    """See autograd.antialias."""
    scaled = positions.detach() + boost * (positions - positions.detach())
    out = color.reshape(-1, color.shape[-1])
    for axis in (0, 1):
        out = blend_pairs(color, out, raster, scaled, (tri, neighbours), axis)
    return out.reshape(color.shape)
