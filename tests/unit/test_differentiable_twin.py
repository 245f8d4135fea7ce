"""The Warp kernels against the plain PyTorch twin: the same values and the same gradients, whatever the options."""

from __future__ import annotations

import itertools

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is optional")

from differentiable_scene import SIZE, Scene, make_scene  # noqa: E402
from likeness.core.render import differentiable as dr  # noqa: E402

FILTERS = ("nearest", "linear", "linear-mipmap-nearest", "linear-mipmap-linear")
BOUNDARIES = ("wrap", "clamp", "zero")


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene()


def compare(make, scene: Scene, tolerance: float = 2e-5) -> None:
    """make(backend module, scene) -> outputs: values and gradients of a random sum agree between Warp and the twin."""
    results = []
    for backend in ("warp", "torch"):
        fresh = scene.to(torch.float32)
        outputs = make(dr.load_backend(backend), fresh)
        generator = torch.Generator().manual_seed(1)
        total = sum((out * torch.randn(out.shape, generator=generator)).sum() for out in outputs)
        gradients = torch.autograd.grad(total, fresh.leaves(), materialize_grads=True)
        results.append([*outputs, *gradients])
    for ours, twin in zip(*results, strict=True):
        assert torch.isfinite(ours).all()
        assert ours.shape == twin.shape
        assert (ours - twin).norm() <= tolerance * twin.norm()


def test_rasterize_agrees_in_what_it_sees_and_in_every_gradient(scene):
    compare(lambda b, s: b.rasterize(s.pos, s.tri, SIZE), scene)
    rast, _ = dr.rasterize(scene.pos, scene.tri, SIZE)
    twin, _ = dr.rasterize(scene.pos, scene.tri, SIZE, backend="torch")
    assert torch.equal(rast[..., 3], twin[..., 3])
    assert 0.2 < (rast[..., 3] > 0).float().mean() < 0.8


def test_without_grad_db_the_derivatives_carry_no_gradient(scene):
    for backend in ("warp", "torch"):
        rast, rast_db = dr.rasterize(scene.to(torch.float32).pos, scene.tri, SIZE, grad_db=False, backend=backend)
        assert rast.requires_grad and not rast_db.requires_grad


def test_ranges_draw_a_part_of_the_triangles_for_each_image(scene):
    half = len(scene.tri) // 2
    ranges = torch.tensor([[0, half], [half, half], [10, 0]], dtype=torch.int32)

    def make(b, s):
        rast, rast_db = b.rasterize(s.pos[0], s.tri, SIZE, ranges)
        colour, _ = b.interpolate(s.attr[0], rast, s.tri)
        return rast, rast_db, b.antialias(colour, rast, s.pos[0], s.tri)

    compare(make, scene)
    ids = make(dr.load_backend("warp"), scene)[0][..., 3]
    assert 0 < ids[0].max() <= half < ids[1][ids[1] > 0].min()
    assert not ids[2].any()


def test_ranges_of_no_triangles_draw_nothing(scene):
    for backend in ("warp", "torch"):
        rast, _ = dr.rasterize(scene.pos[0], scene.tri, SIZE, torch.zeros(2, 2, dtype=torch.int32), backend=backend)
        assert rast.shape == (2, *SIZE, 4) and not rast.any()


@pytest.mark.parametrize("channels", ["all", [1, 3], []])
@pytest.mark.parametrize("is_shared", [False, True])
def test_interpolation_and_its_derivatives_agree(scene, channels, is_shared):
    def make(b, s):
        rast, rast_db = b.rasterize(s.pos, s.tri, SIZE)
        out, out_da = b.interpolate(s.attr[:1] if is_shared else s.attr, rast, s.tri, rast_db, channels)
        return (out, out_da) if channels else (out,)

    compare(make, scene)


@pytest.mark.parametrize("filter_mode,boundary_mode", list(itertools.product(FILTERS, BOUNDARIES)))
def test_texture_filters_agree_at_every_boundary(scene, filter_mode, boundary_mode):
    def make(b, s):
        rast, rast_db = b.rasterize(s.pos, s.tri, SIZE)
        uv, uv_da = b.interpolate(s.attr[..., :2], rast, s.tri, rast_db, "all")
        uv, uv_da = uv * 3 - 1, uv_da * 3
        return (b.texture(s.tex, uv, uv_da, filter_mode=filter_mode, boundary_mode=boundary_mode),)

    compare(make, scene, 5e-5)


@pytest.mark.parametrize("count", [1, 2, 4, 6, 9])
def test_any_number_of_channels_goes_all_the_way(scene, count):
    def widen(tensor):
        return tensor.repeat(1, *[1] * (tensor.ndim - 2), 3)[..., :count]

    def make(b, s):
        rast, rast_db = b.rasterize(s.pos, s.tri, SIZE)
        values, _ = b.interpolate(widen(s.attr), rast, s.tri)
        uv, uv_da = b.interpolate(s.attr[..., :2], rast, s.tri, rast_db, "all")
        smooth, sharp = (b.texture(widen(s.tex), uv, d, boundary_mode="clamp") for d in (uv_da, None))
        return (b.antialias(values + smooth * sharp, rast, s.pos, s.tri),)

    compare(make, scene, 5e-5)


def test_a_bias_chooses_the_level_and_a_level_may_be_ones_own(scene):
    uv = torch.rand(1, 6, 7, 2)
    bias = torch.full((1, 6, 7), 1.0)
    own = torch.full((1, 8, 4, 3), 7.0)
    for backend in ("warp", "torch"):
        picked = dr.texture(scene.tex, uv, mip_level_bias=bias, mip=[own], backend=backend)
        assert torch.allclose(picked, own[0, 0, 0])
        last = dr.texture(scene.tex, uv, mip_level_bias=bias * 99, backend=backend)
        assert torch.allclose(last, scene.tex.mean((1, 2)), atol=1e-6)


def test_texels_at_their_centres_are_themselves_and_row_0_is_v_0():
    tex = torch.rand(1, 4, 6, 2)
    y, x = torch.meshgrid((torch.arange(4) + 0.5) / 4, (torch.arange(6) + 0.5) / 6, indexing="ij")
    for backend, mode in itertools.product(("warp", "torch"), ("nearest", "linear")):
        assert torch.allclose(dr.texture(tex, torch.stack([x, y], -1)[None], filter_mode=mode, backend=backend), tex, atol=1e-6)


def test_antialiased_images_and_their_gradients_agree(scene):
    def make(b, s):
        rast, _ = b.rasterize(s.pos, s.tri, SIZE)
        colour, _ = b.interpolate(s.attr, rast, s.tri)
        return (b.antialias(colour, rast, s.pos, s.tri),)

    compare(make, scene)


def test_a_boost_scales_only_the_gradient_by_positions(scene):
    gradients = []
    for backend, boost in itertools.product(("warp", "torch"), (1.0, 3.0)):
        s = scene.to(torch.float32)
        rast, _ = dr.rasterize(s.pos.detach(), s.tri, SIZE)
        image = dr.antialias((rast[..., 3:] > 0).float(), rast, s.pos, s.tri, pos_gradient_boost=boost, backend=backend)
        image[:, :, 20:].sum().backward()
        gradients.append(s.pos.grad)
    assert gradients[0].abs().max() > 0
    for ours, expected in zip(gradients, (1, 3, 1, 3), strict=True):
        assert torch.allclose(ours, expected * gradients[0], rtol=1e-3, atol=1e-3)


def test_a_row_of_a_batch_equals_the_single_image(scene):
    def render(pos, attr):
        rast, _ = dr.rasterize(pos, scene.tri, SIZE)
        colour, _ = dr.interpolate(attr, rast, scene.tri)
        return dr.antialias(colour, rast, pos, scene.tri)

    both = render(scene.pos, scene.attr)
    for b in (0, 1):
        assert torch.equal(both[b], render(scene.pos[b : b + 1], scene.attr[b : b + 1])[0])


def test_triangles_that_reach_behind_the_camera_are_drawn_where_they_are_in_front():
    floor = torch.tensor([[-2.0, 0.2, 0.6, 1], [2, 0.2, 0.6, 1], [2, 0.2, -3.4, -3], [-2, 0.2, -3.4, -3]])
    tri = torch.tensor([[0, 1, 2], [0, 2, 3]], dtype=torch.int32)
    rasters = [dr.rasterize(floor[None], tri, (32, 32), backend=b)[0] for b in ("warp", "torch")]
    assert torch.allclose(*rasters, atol=1e-5)
    is_below_horizon = (torch.arange(32) * 2 + 1 - 32) / 32 > 0.2
    assert torch.equal(rasters[0][0, ..., 3] > 0, is_below_horizon[:, None].expand(32, 32))


def test_a_sample_on_shared_edges_belongs_to_one_triangle():
    x, y = torch.meshgrid(torch.arange(9) / 4 - 1, torch.arange(9) / 4 - 1, indexing="xy")
    grid = torch.stack([x, y, 0 * x, 0 * x + 1], -1).reshape(1, 81, 4) + torch.tensor([1 / 32, 1 / 32, 0, 0])
    a = (torch.arange(8)[:, None] * 9 + torch.arange(8)).reshape(-1)
    quads = [torch.stack([a, a + 9, a + 10], -1), torch.stack([a, a + 1, a + 10], -1)]  # one turned each way
    tri = torch.cat(quads).int()
    for backend in ("warp", "torch"):
        alone = sum((dr.rasterize(grid, t[None], (32, 32), backend=backend)[0][..., 3] > 0).int() for t in tri)
        together = dr.rasterize(grid, tri, (32, 32), backend=backend)[0][..., 3] > 0
        assert alone.max() == 1
        assert torch.equal(alone.bool(), together)
        assert together[0, 1:, 1:].all()
