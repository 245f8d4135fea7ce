"""Backends are chosen by name, imported when needed, and say what is missing; wrong arguments are refused by name."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
from likeness.core.errors import BackendError
from likeness.core.render import differentiable as dr


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_imports_neither_torch_nor_warp():
    code = "import sys; import likeness.core.render.differentiable; print(sorted({'torch', 'warp'} & set(sys.modules)))"
    assert run(code) == "[]"


@pytest.mark.parametrize(
    "missing,backend", [("torch", "warp"), ("torch", "torch"), ("warp", "warp"), ("nvdiffrast", "nvdiffrast")]
)
def test_what_is_not_installed_is_said_by_name(missing, backend):
    if missing != "torch":
        pytest.importorskip("torch", reason="PyTorch is optional")
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from likeness.core.errors import BackendError, describe_error\n"
        "from likeness.core.render.differentiable import load_backend\n"
        f"try: load_backend({backend!r})\n"
        "except BackendError as error: print(describe_error(error))"
    )
    named = {"torch": "PyTorch", "warp": "warp-lang", "nvdiffrast": "nvdiffrast"}[missing]
    assert named in run(code) and "install" in run(code)


def test_an_unknown_backend_is_refused():
    with pytest.raises(BackendError, match="choose one of warp, torch, nvdiffrast"):
        dr.load_backend("opengl")


def test_the_default_path_does_not_compile_the_differentiable_kernels():
    code = (
        "import sys\n"
        "from likeness.core.render.runtime import load_kernels, warm_up\n"
        "warm_up()\n"
        "print([name for name in sys.modules if 'differentiable' in name or name == 'torch'])"
    )
    assert run(code) == "[]"


class TestArguments:
    """What each primitive refuses, on both of our backends."""

    @pytest.fixture(params=["warp", "torch"])
    def backend(self, request):
        pytest.importorskip("torch", reason="PyTorch is optional")
        return dr.load_backend(request.param)

    @pytest.fixture
    def scene(self):
        pytest.importorskip("torch", reason="PyTorch is optional")
        from differentiable_scene import make_scene

        return make_scene(1)

    def test_wrong_shapes_types_and_names_are_refused_by_name(self, backend, scene):
        rast, rast_db = backend.rasterize(scene.pos, scene.tri, (8, 8))
        uv = rast[..., :2].contiguous()
        wrong = {
            "pos": lambda: backend.rasterize(scene.pos[..., :3], scene.tri, (8, 8)),
            "ranges": lambda: backend.rasterize(scene.pos[0], scene.tri, (8, 8)),
            "tri": lambda: backend.rasterize(scene.pos, scene.tri.long(), (8, 8)),
            "attr": lambda: backend.interpolate(scene.attr.double(), rast, scene.tri),
            "rast_db": lambda: backend.interpolate(scene.attr, rast, scene.tri, rast_db[..., :2], "all"),
            "diff_attrs": lambda: backend.interpolate(scene.attr, rast, scene.tri, rast_db, [5]),
            "uv": lambda: backend.texture(scene.tex, rast),
            "tex": lambda: backend.texture(scene.tex[0], uv),
            "filter_mode": lambda: backend.texture(scene.tex, uv, filter_mode="cubic"),
            "boundary_mode": lambda: backend.texture(scene.tex, uv, boundary_mode="cube"),
            "uv_da": lambda: backend.texture(scene.tex, uv, filter_mode="linear-mipmap-linear"),
            "color": lambda: backend.antialias(rast[:, :4], rast, scene.pos, scene.tri),
        }
        for name, call in wrong.items():
            with pytest.raises(ValueError, match=f"^{name} must be"):
                call()

    def test_inputs_need_not_be_contiguous(self, backend, scene):
        import torch

        spread = scene.pos.transpose(1, 2).contiguous().transpose(1, 2)
        flipped = scene.tri.t().contiguous().t()
        expected, _ = backend.rasterize(scene.pos, scene.tri, (16, 20))
        assert torch.equal(backend.rasterize(spread, flipped, (16, 20))[0], expected)
        wide = expected.transpose(1, 2).contiguous().transpose(1, 2)
        smooth = [backend.interpolate(scene.attr, r, scene.tri)[0] for r in (expected, wide)]
        assert torch.equal(*smooth)
        assert torch.equal(*(backend.antialias(s, wide, spread, flipped) for s in smooth))

    def test_nothing_in_view_gives_empty_pictures_and_no_gradient(self, backend, scene):
        behind = (-scene.pos).requires_grad_()
        rast, _ = backend.rasterize(behind, scene.tri, (8, 8))
        colour, _ = backend.interpolate(scene.attr, rast, scene.tri)
        (backend.antialias(colour, rast, behind, scene.tri).sum() + rast.sum()).backward()
        assert not rast.any() and not colour.any() and not behind.grad.any()


def test_indices_beyond_the_vertices_never_reach_the_kernels():
    pytest.importorskip("torch", reason="PyTorch is optional")
    from differentiable_scene import make_scene

    scene = make_scene(1)
    for call in (
        lambda: dr.rasterize(scene.pos[:, :-1], scene.tri, (8, 8)),
        lambda: dr.interpolate(scene.attr[:, :-1], dr.rasterize(scene.pos, scene.tri, (8, 8))[0], scene.tri),
    ):
        with pytest.raises(ValueError, match=r"^tri must be numbers below"):
            call()


def test_slivers_without_area_give_finite_pictures_and_gradients():
    torch = pytest.importorskip("torch", reason="PyTorch is optional")
    generator = torch.Generator().manual_seed(3)
    ends = torch.rand(300, 2, 4, generator=generator) * 2 - 1
    between = ends.mean(1, keepdim=True) * (1 + 1e-7 * torch.randn(300, 1, 4, generator=generator))
    pos = torch.cat([ends, between], 1).reshape(1, 900, 4)
    pos[..., 3] = 1.0
    pos.requires_grad_()
    tri = torch.arange(900, dtype=torch.int32).reshape(300, 3)
    rast, _ = dr.rasterize(pos, tri, (64, 64), grad_db=False)
    assert torch.isfinite(rast).all()
    dr.antialias((rast[..., 3:] > 0).float() + rast[..., 2:3], rast, pos, tri).sum().backward()
    assert torch.isfinite(pos.grad).all()


def test_coordinates_that_are_no_numbers_do_no_harm():
    torch = pytest.importorskip("torch", reason="PyTorch is optional")
    from differentiable_scene import make_scene

    scene = make_scene(1)
    broken = scene.pos.clone()
    broken[0, ::7] = torch.nan
    broken[0, 1::7] = torch.inf
    rast, _ = dr.rasterize(broken, scene.tri, (16, 16))
    assert (rast[..., 3] > 0).any()
    dr.antialias(torch.rand(1, 16, 16, 3), rast, broken, scene.tri)
    wild = torch.tensor([torch.nan, torch.inf, -torch.inf, 1e30, -1e30]).reshape(1, 1, 5, 1).expand(1, 1, 5, 2)
    for boundary in ("wrap", "clamp", "zero"):
        assert dr.texture(scene.tex, wild.contiguous(), filter_mode="linear", boundary_mode=boundary).shape == (1, 1, 5, 3)


@pytest.mark.skipif(sys.platform == "darwin", reason="Warp's compiler for CUDA is not part of its macOS wheel")
def test_the_same_source_compiles_for_cuda_without_a_gpu(tmp_path):
    from likeness.core.render.runtime import load_warp

    warp = load_warp()
    from likeness.core.render.differentiable import kernels

    for module in kernels.MODULES:
        warp.compile_aot_module(module, arch=80, module_dir=tmp_path, use_ptx=True)
    code = "".join(file.read_text() for file in tmp_path.glob("*.ptx"))
    assert all(name in code for name in ("cover_samples", "sample_texture_adjoint", "blend_outlines_adjoint"))


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is optional")
def test_cuda_equals_the_cpu():
    import torch

    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA GPU")
    from differentiable_scene import SIZE, make_scene

    results = []
    for device in ("cpu", "cuda"):
        scene = make_scene()
        pos, tri, attr, tex = (t.to(device) for t in (scene.pos, scene.tri, scene.attr, scene.tex))
        leaves = [t.requires_grad_() for t in (pos, attr, tex)]
        with torch.cuda.stream(torch.cuda.Stream()):
            rast, rast_db = dr.rasterize(pos, tri, SIZE)
            values, values_da = dr.interpolate(attr, rast, tri, rast_db, "all")
            colour = dr.texture(tex, values[..., :2], values_da[..., :4])
            image = dr.antialias(colour, rast, pos, tri)
            image.square().sum().backward()
            results.append([image.cpu(), *(leaf.grad.cpu() for leaf in leaves)])
    for ours, cpu in zip(results[1], results[0], strict=True):
        assert (ours - cpu).norm() <= 1e-4 * cpu.norm()
