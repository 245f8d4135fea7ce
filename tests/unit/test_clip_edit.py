"""Codes moved by words through a stand-in for CLIP: latent codes, and a head's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from clip_stand_in import TinyClip  # noqa: E402
from latent_stand_in import draw_picture, make_generator  # noqa: E402
from likeness.core.clip.apply import apply_edit  # noqa: E402
from likeness.core.clip.edit_head import HeadEdit, edit_head  # noqa: E402
from likeness.core.clip.edit_latent import LatentEdit, edit_latent  # noqa: E402
from likeness.core.clip.head_view import HeadView  # noqa: E402
from likeness.core.clip.model import load_clip  # noqa: E402
from likeness.core.clip.tints import tint_albedo, tint_fields  # noqa: E402
from likeness.core.config import ASSETS_DIR  # noqa: E402
from likeness.core.errors import IdentityError, ModelError, WordsError  # noqa: E402
from likeness.core.generation import generate_head  # noqa: E402
from likeness.core.head.bones import pose_asset  # noqa: E402
from likeness.core.head.library import EMBEDDED, get_model  # noqa: E402
from likeness.core.story import run  # noqa: E402
from real_open_clip import save_random_clip  # noqa: E402

WORDS = "an angry old man"
needs_assets = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")


@pytest.fixture(scope="module")
def generator():
    return make_generator()


@pytest.fixture(scope="module")
def code(generator) -> np.ndarray:
    return draw_picture(generator, 5)[0]


def edit_code(generator, code, **options) -> LatentEdit:
    return run(edit_latent(WORDS, generator, code, TinyClip(), **{"steps": 25, **options}))


def test_a_code_comes_nearer_to_the_words(generator, code):
    made = edit_code(generator, code, steps=40)
    assert made.loss_after < made.loss_before - 0.05
    assert made.losses[-1] < made.losses[0]
    assert made.latent.shape == (10, 32)
    assert made.picture.shape == (64, 64, 3)


def test_only_the_chosen_rows_of_a_code_move(generator, code):
    made = edit_code(generator, code, rows=range(4, 8))
    others = [row for row in range(10) if row not in range(4, 8)]
    assert np.array_equal(made.latent[others], np.tile(code.astype(np.float32), (6, 1)))
    assert (made.latent[4:8] != code.astype(np.float32)).any(1).all()
    assert made.loss_after < made.loss_before


def test_strength_scales_a_codes_change_and_seeds_repeat(generator, code):
    whole, again, half, none = (edit_code(generator, code, strength=s) for s in (1, 1, 0.5, 0))
    assert np.array_equal(whole.latent, again.latent)
    assert whole.losses == again.losses
    assert np.allclose(half.latent - code, (whole.latent - code) / 2, atol=1e-5)
    assert np.array_equal(none.latent, np.tile(code.astype(np.float32), (10, 1)))
    assert none.loss_after == none.loss_before
    assert not np.array_equal(edit_code(generator, code, seed=1).latent, whole.latent)


def test_a_price_and_a_face_recogniser_hold_a_code_back(generator, code):
    free = edit_code(generator, code, code_weight=0.0)
    dear = edit_code(generator, code, code_weight=1.0)
    assert np.linalg.norm(dear.latent - code) < np.linalg.norm(free.latent - code) / 3
    weights = torch.randn(3 * 64 * 64, 8, generator=torch.Generator().manual_seed(2))
    held = edit_code(generator, code, identity=lambda pictures: pictures.flatten(1) @ weights)
    assert not np.array_equal(held.latent, edit_code(generator, code).latent)


def test_a_code_of_another_shape_and_no_words_are_one_sentence(generator, code):
    for wrong in (np.zeros(31), np.zeros((9, 32)), np.zeros((1, 2, 32)), np.full(32, np.nan)):
        with pytest.raises(ModelError) as caught:
            edit_code(generator, wrong)
        assert "\n" not in str(caught.value)
    with pytest.raises(WordsError, match="No words"):
        run(edit_latent(" ", generator, code, TinyClip()))


@pytest.fixture(scope="module")
def asset():
    if not (ASSETS_DIR / "embedded_head.npz").exists():
        pytest.skip("needs `make assets`")
    head = run(generate_head(5, texture_size=256))
    return replace(head, expression=head.expression | {"jawOpen": 0.2, "browInnerUp": 0.5})


@pytest.fixture(scope="module")
def model():
    return get_model(EMBEDDED)


def change_head(asset, model, **options) -> HeadEdit:
    return run(edit_head(WORDS, asset, model, TinyClip(), **{"steps": 12, **options}))


@pytest.fixture(scope="module")
def whole(asset, model) -> HeadEdit:
    return change_head(asset, model, steps=30)


@needs_assets
def test_a_head_comes_nearer_to_the_words(whole):
    assert whole.loss_after < whole.loss_before - 0.1
    assert np.any(whole.identity)
    assert whole.expression
    assert whole.tints
    assert all(0 <= weight <= 1 for weight in whole.expression.values())
    assert whole.picture.shape == (64, 64, 3)


@needs_assets
def test_open_clip_with_random_weights_moves_a_head_towards_the_words(asset, model, tmp_path):
    clip = load_clip(save_random_clip(tmp_path)[1])
    made = run(edit_head(WORDS, asset, model, clip, steps=20))
    assert made.loss_after < made.loss_before
    assert np.any(made.identity)
    assert run(edit_head(WORDS, asset, model, clip, steps=4)).losses == run(edit_head(WORDS, asset, model, clip, steps=4)).losses


@needs_assets
@pytest.mark.parametrize("mask", ["shape", "albedo", "expression"])
def test_a_mask_leaves_the_other_codes_bit_equal(asset, model, mask):
    found = change_head(asset, model, masks=(mask,))
    made = apply_edit(asset, found, model)
    assert found.loss_after < found.loss_before
    assert np.array_equal(made.vertices, asset.vertices) == (mask != "shape")
    assert np.array_equal(made.identity, asset.identity) == (mask != "shape")
    same = [np.array_equal(made.textures[name].pixels, texture.pixels) for name, texture in asset.textures.items()]
    assert all(same) == (mask != "albedo")
    assert (made.expression == asset.expression) == (mask != "expression")


@needs_assets
def test_seeds_repeat_strength_scales_and_none_changes_nothing(asset, model):
    masks = ("shape", "albedo")
    one, again, half, none = (change_head(asset, model, masks=masks, strength=s) for s in (1, 1, 0.5, 0))
    assert np.array_equal(one.identity, again.identity)
    assert one.tints == again.tints
    assert one.losses == again.losses
    assert np.allclose(half.identity, one.identity / 2, atol=1e-6)
    assert none.loss_after == pytest.approx(none.loss_before, abs=1e-6)
    same = apply_edit(asset, none, model)
    assert np.array_equal(same.vertices, asset.vertices)
    assert same.textures["albedo"].pixels is asset.textures["albedo"].pixels
    assert not np.array_equal(change_head(asset, model, masks=masks, seed=1).identity, one.identity)


@needs_assets
def test_steps_show_pictures_and_cancelling_leaves_nothing(asset, model):
    before, state = asset.vertices.copy(), torch.get_rng_state()
    story = edit_head(WORDS, asset, model, TinyClip(), steps=12)
    steps = [next(story) for _ in range(4)]
    story.close()
    assert steps[1].picture.shape == (128, 128, 3)
    assert all(np.isfinite(step.loss) for step in steps[1:])
    assert [step.fraction for step in steps] == sorted(step.fraction for step in steps)
    assert np.array_equal(asset.vertices, before)
    assert torch.equal(torch.get_rng_state(), state)


@needs_assets
def test_a_head_is_posed_as_its_asset_is(asset, model, whole):
    view = HeadView(asset, model)
    still = view.pose(torch.zeros(view.num_identity), view.expression(asset)).numpy()
    assert np.abs(still - pose_asset(asset, asset.expression, asset.pose)).max() < 2e-6
    made = apply_edit(asset, whole, model)
    moved = view.pose(torch.tensor(whole.identity, dtype=torch.float32), view.expression(made)).numpy()
    assert np.abs(moved - pose_asset(made, made.expression, made.pose)).max() < 2e-6
    assert made.provenance["words"][-1]["loss_after"] < made.provenance["words"][-1]["loss_before"]


@needs_assets
def test_an_applied_edit_looks_as_it_was_optimised(asset, model, whole):
    made = apply_edit(asset, whole, model)
    view = HeadView(made, model)
    codes = torch.zeros(view.num_identity), view.expression(made), torch.zeros(len(view.tint_names), 3)
    with torch.no_grad():
        picture = view.draw(*codes, [HeadView(asset, model).frontal_view()], 64)[0].permute(1, 2, 0).numpy()
    assert np.abs(255 * picture - whole.picture).mean() < 2.5


@needs_assets
def test_tints_move_skin_and_no_eyes_and_lie_on_smooth_fields(asset):
    fields = tint_fields(asset)
    eyes = asset.faces[asset.face_parts == asset.part_names.index("left_eye")]
    assert all(not field[eyes[eyes >= 0]].any() for field in fields.values())
    lips = fields["lip_upper"]
    assert 0.3 < lips.max() <= 1
    assert ((lips > 0.02) & (lips < 0.98)).sum() > 100
    albedo = asset.textures["albedo"].pixels
    redder = tint_albedo(asset, {"lip_upper": (0.3, 0.0, 0.0)})
    assert redder[..., 0].astype(int).sum() > albedo[..., 0].astype(int).sum()
    assert np.abs(redder[..., 1:].astype(int) - albedo[..., 1:]).max() <= 1
    assert tint_albedo(asset, {"lip_upper": (0.0, 0.0, 0.0)}) is albedo


@needs_assets
def test_what_cannot_be_edited_is_one_sentence(asset, model):
    with pytest.raises(WordsError, match="hair cannot change: choose from shape"):
        change_head(asset, model, masks=("hair",))
    with pytest.raises(WordsError, match="nothing cannot change"):
        change_head(asset, model, masks=())
    with pytest.raises(WordsError, match="give 1 or more"):
        change_head(asset, model, steps=0)
    with pytest.raises(WordsError, match="No words"):
        run(edit_head("", asset, model, TinyClip()))
    with pytest.raises(IdentityError, match="is no head of the model"):
        run(edit_head(WORDS, replace(asset, vertices=asset.vertices[1:]), model, TinyClip()))
