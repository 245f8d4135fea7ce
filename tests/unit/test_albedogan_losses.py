"""The losses against their formulas in float64, and their gradients."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the paper's method needs PyTorch, which is optional")

from likeness.core.albedogan import losses  # noqa: E402
from likeness.core.albedogan.faithfulness import Faithfulness  # noqa: E402

torch.set_num_threads(1)


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def test_landmarks_count_by_visibility_and_weight():
    predicted, given, visibility = (
        draw(2, 68, 2),
        draw(2, 68, 2, seed=1),
        torch.from_numpy(np.random.default_rng(2).random((2, 68))),
    )
    weights = losses.landmark_weights(predicted)
    total = divisor = 0.0
    for b in range(2):
        for i in range(68):
            w = 2 if i in (5, 6, 10, 11) else 3 if i in (30, 31, 35, 48, 54) else 1.5 if 27 <= i <= 35 or i >= 48 else 1
            share = w * float(visibility[b, i])
            total += share * float((predicted[b, i] - given[b, i]).abs().sum())
            divisor += share
    assert float(losses.landmark_loss(predicted, given, visibility, weights)) == pytest.approx(total / (2 * divisor), rel=1e-7)
    assert float(losses.landmark_loss(predicted, given, 0 * visibility, weights)) == 0


def test_a_lid_that_is_opened_as_the_photos_costs_nothing_wherever_it_is():
    given = draw(1, 68, 2)
    moved = given + torch.tensor([0.3, -0.2])
    assert float(losses.closure_loss(moved, given, losses.EYE_PAIRS)) == pytest.approx(0, abs=1e-12)
    closed = given.clone()
    closed[0, 37] = closed[0, 41]
    opened = float((given[0, 37] - given[0, 41]).norm())
    assert float(losses.closure_loss(closed, given, losses.EYE_PAIRS)) == pytest.approx(opened / 4)


def test_log_cosh_is_its_formula_and_does_not_overflow():
    fake, real = draw(2, 3, 4, 5), draw(2, 3, 4, 5, seed=1)
    expected = torch.log(torch.cosh(fake - real)).mean()
    assert float(losses.logcosh_loss(fake, real)) == pytest.approx(float(expected), rel=1e-12)
    assert float(losses.logcosh_loss(fake * 1e4, real)) == pytest.approx(float((fake * 1e4 - real).abs().mean()), rel=1e-3)
    symmetric = (losses.logcosh_loss(fake, real) + losses.logcosh_loss(fake, real.flip(-1))) / 2
    assert torch.equal(losses.symmetric_logcosh_loss(fake, real), symmetric)


def test_the_regularizers_are_their_formulas():
    light = draw(2, 9, 3)
    expected = np.mean([(light[b, k].mean() - light[b, k, c]).item() ** 2 for b in range(2) for k in range(9) for c in range(3)])
    assert float(losses.light_regularizer(light)) == pytest.approx(expected)
    assert float(losses.light_regularizer(light[..., :1].expand(-1, -1, 3))) == pytest.approx(0, abs=1e-20)
    z = draw(1, 1, 4, 6)
    assert float(losses.displacement_regularizer(z)) == pytest.approx(float(z.abs().mean()))
    assert float(losses.displacement_symmetry(z, torch.ones_like(z))) == pytest.approx(float((z - z.flip(3)).abs().sum()))
    roll, closed = losses.jaw_regularizers(torch.tensor([[0.2, 0.5, 0.3], [-0.4, 0.1, -0.1]]))
    assert (float(roll), float(closed)) == (pytest.approx(0.05), pytest.approx(0.08))


def test_gradients_are_those_of_the_formulas():
    points, other, light, maps = draw(1, 68, 2), draw(1, 68, 2, seed=1), draw(1, 9, 3), draw(1, 3, 4, 5)
    weights, seen, mask = losses.landmark_weights(points), torch.ones(1, 68, dtype=torch.float64), draw(1, 1, 4, 5).abs()
    for loss, given in (
        (lambda p: losses.landmark_loss(p, other, seen, weights), points),
        (lambda p: losses.closure_loss(p, other, losses.LIP_PAIRS), points),
        (losses.light_regularizer, light),
        (losses.code_regularizer, light),
        (losses.shading_smoothness, maps),
        (lambda m: losses.logcosh_loss(m, draw(1, 3, 4, 5, seed=3)), maps),
        (lambda m: losses.photometric_loss(m, draw(1, 3, 4, 5, seed=3), mask), maps),
        (lambda m: losses.displacement_symmetry(m, torch.ones_like(m)), maps),
    ):
        assert torch.autograd.gradcheck(loss, (given.clone().requires_grad_(),))


def test_the_identity_loss_sees_the_whole_picture_and_the_released_one_its_corner():
    picture = torch.rand(1, 3, 448, 448, generator=torch.Generator().manual_seed(0))
    changed = picture.clone()
    changed[:, :, 300:400, 300:400] += 0.5
    corner = Faithfulness(identity_of_texture_corner=True)
    assert torch.equal(losses.identity_input(picture, corner), losses.identity_input(changed, corner))
    assert not torch.equal(losses.identity_input(picture), losses.identity_input(changed))
    small = picture[:, :, :224, :224]
    assert torch.equal(losses.identity_input(small), losses.identity_input(small, corner))

    def network(prepared: torch.Tensor) -> torch.Tensor:
        return prepared.mean((2, 3))

    assert float(losses.identity_loss(network, picture, picture)) == pytest.approx(0, abs=1e-6)
    assert float(losses.identity_loss(network, picture, picture * torch.tensor([0.2, 1.0, 1.0])[:, None, None])) > 1e-3


def test_the_weights_are_the_released_ones():
    default, released = losses.LossWeights(), losses.RELEASED_WEIGHTS
    assert (default.landmark, default.eye_closure, default.lip_closure, default.photometric) == (1, 1, 0.5, 2)
    assert (released.landmark, released.photometric, released.identity, released.light, released.texture) == (5, 0.1, 0, 0, 0)
    assert released.mrf_detail == pytest.approx(0.1) and released.z == released.shading_smooth == 0.005
