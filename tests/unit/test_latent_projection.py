"""A picture's latent code, found by optimisation through a generator."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from latent_stand_in import draw_picture, make_generator  # noqa: E402
from likeness.core.errors import ModelError  # noqa: E402
from likeness.core.latent import similarity  # noqa: E402
from likeness.core.latent.projection import (  # noqa: E402
    Projection,
    ProjectionOptions,
    measure_codes,
    noise_regulariser,
    project,
)
from likeness.core.latent.steps import rate_at  # noqa: E402
from likeness.core.nets.vgg19 import VGG19  # noqa: E402
from likeness.core.story import run  # noqa: E402

SHORT = ProjectionOptions("w+", 12, 3, num_codes=128)


@pytest.fixture(scope="module")
def generator():
    return make_generator()


@pytest.fixture(scope="module")
def person(generator) -> tuple[np.ndarray, np.ndarray]:
    return draw_picture(generator, 5)


@pytest.fixture(scope="module")
def found(generator, person) -> Projection:
    return run(project(generator, person[1], ProjectionOptions("w", 80, 0, num_codes=512)))


def make_features() -> VGG19:
    torch.manual_seed(0)
    return VGG19({0: 8, 2: 8, 5: 12, 7: 12}).eval().requires_grad_(False)


def test_a_generated_picture_is_found_again(generator, person, found):
    code, picture = person
    assert found.losses[-1] < found.losses[0] / 15
    assert np.abs(found.picture.astype(int) - picture).mean() < 3
    mean = measure_codes(generator, 512).mean[0].numpy()
    assert np.linalg.norm(found.latent - code) < 0.7 * np.linalg.norm(mean - code)
    assert found.latent.shape == (32,)
    assert len(found.losses) == 81


def test_the_code_and_the_noise_make_the_picture_again(generator, found):
    rows = torch.from_numpy(found.latent).expand(1, generator.num_latents, -1)
    with torch.no_grad():
        picture = generator.synthesise(rows, [torch.from_numpy(n)[None, None] for n in found.noise])
    again = (255 * (picture[0].permute(1, 2, 0) / 2 + 0.5).clamp(0, 1) + 0.5).to(torch.uint8).numpy()
    assert np.abs(again.astype(int) - found.picture).max() <= 1
    assert all(abs(n.mean()) < 1e-5 and abs(n.std() - 1) < 1e-3 for n in found.noise)


def test_a_picture_of_mixed_styles_is_nearer_with_a_code_for_every_layer(generator):
    codes = [draw_picture(generator, seed, psi=1.0)[0] for seed in (6, 7)]
    rows = torch.tensor(np.array([codes[row % 2] for row in range(generator.num_latents)]), dtype=torch.float32)
    with torch.no_grad():
        picture = generator.synthesise(rows[None])[0].permute(1, 2, 0)
    mixed = (255 * (picture / 2 + 0.5).clamp(0, 1)).to(torch.uint8).numpy()
    one, many = (run(project(generator, mixed, replace(SHORT, steps=60, space=space))) for space in ("w", "w+"))
    assert many.latent.shape == (generator.num_latents, 32)
    assert many.losses[-1] < one.losses[-1] / 2


def test_a_seed_repeats_and_another_differs(generator, person):
    first, again, other = (run(project(generator, person[1], replace(SHORT, seed=seed))) for seed in (3, 3, 4))
    assert np.array_equal(first.latent, again.latent)
    assert first.losses == again.losses
    assert not np.array_equal(first.latent, other.latent)


def test_steps_say_how_far_it_is_and_cancelling_leaves_nothing(generator, person):
    state, before = torch.get_rng_state(), {k: v.clone() for k, v in generator.state_dict().items()}
    story = project(generator, person[1], SHORT)
    steps = [next(story) for _ in range(6)]
    story.close()
    assert [step.fraction for step in steps] == sorted(step.fraction for step in steps)
    assert steps[1].picture.shape == (64, 64, 3)
    assert all(np.isfinite(step.loss) for step in steps[1:])
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(v, before[k]) for k, v in generator.state_dict().items())
    assert all(parameter.grad is None for parameter in generator.parameters())
    assert next(project(generator, person[1], SHORT)).fraction == 0.0


def test_features_and_a_face_recogniser_lower_their_own_loss(generator, person):
    weights = torch.randn(16, 3 * 112 * 112, generator=torch.Generator().manual_seed(1))
    embedding = similarity.face_embedding(lambda faces: faces.flatten(1) @ weights.T / 200)
    made = run(project(generator, person[1], replace(SHORT, steps=30), features=make_features(), embedding=embedding))
    assert made.losses[-1] < made.losses[0] / 2


def test_a_larger_picture_is_resampled_and_what_is_no_picture_is_refused(generator, person):
    large = np.repeat(np.repeat(person[1], 3, 0), 4, 1)
    made = run(project(generator, large, replace(SHORT, steps=2)))
    assert made.picture.shape == (64, 64, 3)
    for wrong in (large[..., :1], large.astype(float), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ModelError, match="uint8"):
            run(project(generator, wrong, SHORT))
    with pytest.raises(ModelError, match="give 1 or more"):
        run(project(generator, large, replace(SHORT, steps=0)))


def test_the_losses_gradients_equal_differences():
    random = torch.Generator().manual_seed(0)
    one, other = (torch.rand(2, 3, 16, 16, generator=random, dtype=torch.float64) for _ in range(2))
    one.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: similarity.pixel_distance(x, other), (one,))
    features = make_features().double()
    assert torch.autograd.gradcheck(lambda x: similarity.feature_distance(features, x, other), (one,), fast_mode=True)
    weights = torch.randn(3 * 112 * 112, 5, generator=random, dtype=torch.float64)
    embedding = similarity.face_embedding(lambda faces: faces.flatten(1) @ weights)
    assert torch.autograd.gradcheck(lambda x: similarity.identity_distance(embedding, x, other), (one,), fast_mode=True)
    noise = torch.randn(1, 1, 16, 16, generator=random, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: noise_regulariser([x]), (noise,))


def test_like_pictures_have_no_distance_and_noise_that_draws_has_a_penalty():
    picture = torch.rand(1, 3, 32, 32) * 2 - 1
    assert similarity.pixel_distance(picture, picture) == 0
    assert similarity.feature_distance(make_features(), picture, picture) == 0
    plain = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    stripes = torch.where(torch.arange(64) % 16 < 8, 1.0, -1.0).expand(1, 1, 64, 64)
    assert noise_regulariser([stripes]) > 50 * noise_regulariser([plain])


def test_the_rate_rises_stays_and_falls():
    assert rate_at(0) == 0
    assert rate_at(0.025) == pytest.approx(0.05)
    assert rate_at(0.5) == 0.1
    assert rate_at(0.875) == pytest.approx(0.05)
    assert rate_at(1) == pytest.approx(0)
