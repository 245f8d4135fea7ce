"""What the kernels share: vertices as seen from a sample, a thread's pixels, and overloads for vectors of channels.

Rule of this file: no kernel. A vertex as seen from a sample is q = (x - px w, y - py w, w): the sample is the origin,
differences stay small, float32 is enough. The barycentric weights are a / sum(a) with a_k the third component of q_i x q_j
(Olano and Greer 1997: no clipping, no division by w), its first two the derivatives of a_k by the sample's position; the
adjoints of all three are cross products again.
"""

# mypy: ignore-errors
# (Warp reads the annotations as values: array(dtype=...) is no type.)

import warp as wp

MAX_CHANNELS = 4
VECTORS = {length: wp.types.vector(length, wp.float32) for length in range(1, MAX_CHANNELS + 1)}


def overload_channels(kernel, names: tuple[str, ...]) -> dict:
    """The kernel for values of 1 to MAX_CHANNELS channels; `names`: its arguments that are arrays of such values."""
    return {c: wp.overload(kernel, {name: wp.array(dtype=vector) for name in names}) for c, vector in VECTORS.items()}


@wp.func
def relative(v: wp.vec4, px: float, py: float):
    """A clip-space vertex as seen from the sample (px, py)."""
    return wp.vec3(v[0] - px * v[3], v[1] - py * v[3], v[3])


@wp.func
def add_vertex(gradient: wp.array(dtype=wp.vec4), i: int, g: wp.vec3, gz: float, px: float, py: float):
    """Adjoint of `relative`, added to a vertex."""
    wp.atomic_add(gradient, i, wp.vec4(g[0], g[1], gz, g[2] - px * g[0] - py * g[1]))


@wp.func
def area(a: wp.vec3, b: wp.vec3):
    """Twice the signed area of the sample and two vertices, times their w."""
    return a[0] * b[1] - a[1] * b[0]


@wp.func
def clip_coordinate(i: int, count: int):
    """Pixel number -> clip-space coordinate of its centre."""
    return float(2 * i + 1 - count) / float(count)


@wp.struct
class Pixels:
    """The pixels of one thread: those of a row after x_before, up to x_last; `row` is the row's first among all pixels."""

    image: int
    y: int
    row: int
    x_before: int
    x_last: int


@wp.func
def pixels_of_thread(thread: int, span: int, height: int, width: int):
    """Rows are cut into stretches of `span` pixels: one pixel on a GPU; on a CPU a row, whose setup is then paid once."""
    stretches = (width + span - 1) / span
    row = thread / stretches
    place = Pixels()
    place.image = row / height
    place.y = row - place.image * height
    place.row = row * width
    place.x_before = (thread - row * stretches) * span - 1
    place.x_last = wp.min(place.x_before + span, width - 1)
    return place
