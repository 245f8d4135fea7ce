"""Visemes on the mesh: lips, teeth and tongue are where phonetics has them, on the mean head, other people and FLAME's mesh."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from likeness.core.animation import visemes as table
from likeness.core.animation.visemes import KEYS, NAMES, load_visemes
from likeness.core.config import ASSETS_DIR, PACKAGE_DIR
from likeness.core.errors import AnimationError, ModelError
from likeness.core.head.asset import fields_of_model
from likeness.core.head.bones import pose_asset
from likeness.core.head.expressions import UPPER_FACE, read_expression
from likeness.core.head.library import get_model
from likeness.core.head.model import HeadModel, triangulate
from likeness.core.head.visemes import add_visemes, bake_visemes, follow_shape, show_viseme, spell_out
from likeness.core.types import ARKIT_NAMES, HeadAsset
from likeness.core.words.lexicon import load_lexicon

pytestmark = pytest.mark.skipif(not (ASSETS_DIR / "embedded_head.npz").exists(), reason="needs `make assets`")
STEP_MM = 0.2
BESIDE_MIDDLE_MM = 0.8
"""The very middle runs between two teeth."""
PEOPLE = ("mean", "seed 1", "seed 3", "FLAME")


class Mouth:
    """One viseme on one head, in millimetres: sections in planes x = const as points [N, 2] (up, out)."""

    def __init__(self, model: HeadModel, vertices: np.ndarray) -> None:
        self.model, self.mm = model, 1000 * vertices.astype(np.float64)
        self.triangles = triangulate(model.faces)
        self.part = np.repeat(model.face_parts, 1 + (model.faces[:, 3] >= 0))

    def section(self, name: str, x: float = BESIDE_MIDDLE_MM) -> np.ndarray:
        """Of a part, or of a lip's region of the skin."""
        if name in self.model.part_names:
            chosen = self.part == self.model.part_names.index(name)
        else:
            chosen = (self.part == 0) & (self.model.regions[name][self.triangles].mean(1) > 0.5)
        corners = self.mm[self.triangles[chosen]]
        ends = []
        for a, b in ((0, 1), (1, 2), (2, 0)):
            p, q = corners[:, a], corners[:, b]
            cut = (p[:, 0] > x) != (q[:, 0] > x)
            share = (x - p[:, 0]) / np.where(cut, q[:, 0] - p[:, 0], 1)
            ends.append(np.where(cut[:, None], p + share[:, None] * (q - p), np.nan))
        found = np.stack(ends, 1)[:, :, 1:]
        lines = found[np.isfinite(found[..., 0]).sum(1) == 2]
        lines = lines[np.isfinite(lines[..., 0])].reshape(-1, 2, 2)
        count = np.ceil(np.linalg.norm(lines[:, 1] - lines[:, 0], axis=1) / STEP_MM).astype(int) + 1
        return np.concatenate([np.linspace(*line, n) for line, n in zip(lines, count, strict=True)])

    def lips_apart(self, x: float = BESIDE_MIDDLE_MM) -> float:
        return nearest(self.section("lip_upper", x), self.section("lip_lower", x))

    def lips_overlap(self) -> float:
        """How much higher the lower lip reaches than the upper one's lowest, where one is over the other."""
        upper, lower = self.section("lip_upper"), self.section("lip_lower")
        places = np.arange(max(upper[:, 1].min(), lower[:, 1].min()), min(upper[:, 1].max(), lower[:, 1].max()), 0.5)
        near = [(upper[abs(upper[:, 1] - z) < 0.5, 0], lower[abs(lower[:, 1] - z) < 0.5, 0]) for z in places]
        return max((low.max() - up.min() for up, low in near if len(up) and len(low)), default=0.0)

    def upper_edge(self) -> np.ndarray:
        teeth = self.section("upper_teeth", 3.0)
        return teeth[np.argmin(teeth[:, 0])]

    def lower_edge(self) -> np.ndarray:
        teeth = self.section("lower_teeth", 3.0)
        return teeth[np.argmax(teeth[:, 0])]

    def teeth_apart(self) -> float:
        """Negative: the upper incisors are over the lower ones."""
        return float(self.upper_edge()[0] - self.lower_edge()[0])

    def ridge(self) -> np.ndarray:
        """The gum behind the upper incisors and the front of the palate."""
        roof, edge = self.section("upper_teeth"), self.upper_edge()
        return roof[(roof[:, 0] > edge[0] + 7) & (roof[:, 1] < edge[1] - 4) & (roof[:, 1] > edge[1] - 22)]

    def tip(self) -> np.ndarray:
        tongue = self.section("tongue")
        return tongue[np.argmax(tongue[:, 1])]

    def width(self) -> float:
        right, left = self.model.landmarks7.evaluate(self.mm)[5:]
        return float(np.linalg.norm(left - right))

    def protrusion(self) -> float:
        return float(max(self.section(lip)[:, 1].max() for lip in ("lip_upper", "lip_lower")))


def nearest(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one[:, None] - other[None], axis=-1).min())


def make_asset(model: HeadModel, identity: np.ndarray | None = None) -> HeadAsset:
    code = np.zeros(model.num_identity) if identity is None else identity
    return HeadAsset(
        name="someone", **fields_of_model(model, model.shape(code)), expression={}, pose=np.zeros(15), identity=code, textures={},
        skin_linear_rgb=np.zeros(3), camera=None, light=None, photo=None, provenance={},
    )  # fmt: skip


def rows_of(asset: HeadAsset, part: str) -> np.ndarray:
    """Which vertices are a part's [V]."""
    chosen = np.zeros(len(asset.vertices), bool)
    chosen[asset.faces[asset.face_parts == asset.part_names.index(part)]] = True
    return chosen


def person(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, get_model().num_identity)


@pytest.fixture(scope="module", params=PEOPLE)
def mouths(request) -> dict[str, Mouth]:
    """Viseme -> the mouth that its key alone shows; 'press' and 'rest' besides."""
    model = get_model()
    if request.param == "FLAME":
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LIKENESS_CACHE", str(request.getfixturevalue("flame_cache")))
            worn = get_model(str(request.getfixturevalue("flame_file"))).worn
        assert worn is not None
        model = worn
    asset = make_asset(model, person(int(request.param[5:])) if request.param.startswith("seed") else None)
    made = {name: Mouth(model, asset.vertices + bake_visemes(asset)[f"viseme_{name}"]) for name in NAMES}
    hard = {"mouthPressLeft": 1.0, "mouthPressRight": 1.0}
    return made | {"rest": Mouth(model, asset.vertices), "press": Mouth(model, pose_asset(asset, hard, np.zeros(15)))}


# --- where everything is in the mouth -----------------------------------------------------------------------------------------


def test_silence_is_the_face_at_rest(mouths):
    assert np.abs(mouths["sil"].mm - mouths["rest"].mm).max() < 1e-3


def test_p_closes_the_lips_and_presses_them_no_harder_than_a_unit_does(mouths):
    for x in (-10, BESIDE_MIDDLE_MM, 10):
        assert mouths["PP"].lips_apart(x) < 0.5
    assert mouths["rest"].lips_overlap() < mouths["PP"].lips_overlap() < mouths["press"].lips_overlap()


def test_only_silence_and_p_close_the_lips(mouths):
    for name in set(NAMES) - {"sil", "PP"}:
        assert mouths[name].lips_apart() > 1.0, name


def test_f_brings_the_lower_lip_to_the_upper_incisors_and_shows_them(mouths):
    def away(mouth: Mouth) -> float:
        return nearest(mouth.section("lip_lower", 3.0), mouth.upper_edge()[None])

    assert away(mouths["FF"]) < 3.5
    assert away(mouths["FF"]) < 0.6 * away(mouths["rest"])
    assert mouths["FF"].section("lip_upper", 3.0)[:, 0].min() > mouths["FF"].upper_edge()[0] + 2


def test_th_puts_the_tongue_between_the_incisors(mouths):
    mouth = mouths["TH"]
    upper, lower, tongue = mouth.upper_edge(), mouth.lower_edge(), mouth.section("tongue", 3.0)
    between = tongue[abs(tongue[:, 1] - upper[1]) < 1.0, 0]
    assert lower[0] - 1 < between.min() < between.max() < upper[0] + 1
    assert mouth.tip()[1] > upper[1] + 2
    assert all(mouths[name].tip()[1] < upper[1] for name in set(NAMES) - {"TH"})


@pytest.mark.parametrize("name", ["DD", "nn"])
def test_t_and_n_put_the_tongue_to_the_ridge(mouths, name):
    assert nearest(mouths[name].section("tongue"), mouths[name].ridge()) < 2.2
    assert mouths[name].tip()[0] > mouths["rest"].tip()[0] + 5


def test_other_sounds_leave_the_ridge_free(mouths):
    for name in ("TH", "kk", "aa", "E", "O", "U"):
        assert nearest(mouths[name].section("tongue"), mouths[name].ridge()) > 3.5, name


def test_k_raises_the_back_of_the_tongue_and_not_its_tip(mouths):
    assert mouths["kk"].section("tongue")[:, 0].max() > mouths["rest"].section("tongue")[:, 0].max() + 5
    assert mouths["kk"].tip()[0] < mouths["rest"].tip()[0]


@pytest.mark.parametrize("name", ["CH", "SS"])
def test_sibilants_all_but_close_the_teeth_and_show_them(mouths, name):
    assert mouths[name].teeth_apart() < 0.5
    assert mouths[name].lips_apart() > 3


def test_jaws_open_in_phonetics_order(mouths):
    """Open vowels most; coronals and labials have the jaw higher than velars, sibilants highest."""
    apart = {name: mouth.teeth_apart() for name, mouth in mouths.items()}
    assert apart["aa"] > apart["E"] + 4 > apart["I"] + 6
    assert apart["O"] > apart["U"] + 3
    assert max(apart["SS"], apart["CH"]) < min(apart["DD"], apart["nn"]) < apart["kk"]
    assert apart["PP"] < apart["kk"]


def test_aa_opens_the_lips_widest(mouths):
    apart = {name: mouths[name].lips_apart() for name in NAMES}
    assert max(apart, key=apart.__getitem__) == "aa"


def test_rounded_vowels_are_narrow_and_out_and_spread_ones_wide(mouths):
    width = {name: mouth.width() for name, mouth in mouths.items()}
    assert max(width["O"], width["U"]) < width["rest"] - 5
    assert min(width["E"], width["I"]) > width["rest"] + 2
    assert width["U"] < width["O"] and width["E"] < width["I"]
    assert abs(width["aa"] - width["rest"]) < 4
    for name in ("U", "CH", "O"):
        assert mouths[name].protrusion() > mouths["E"].protrusion() + 2, name
    assert mouths["U"].protrusion() > mouths["rest"].protrusion() + 3


def test_visemes_are_as_even_as_the_head(mouths):
    for name in NAMES:
        right, left = mouths[name].model.landmarks7.evaluate(mouths[name].mm - mouths["rest"].mm)[5:]
        assert abs(right[0] + left[0]) < 1.0 and np.abs(right[1:] - left[1:]).max() < 1.0, name


# --- mixes and keys -----------------------------------------------------------------------------------------------------------


def test_the_table_has_every_viseme_with_its_reason():
    visemes = load_visemes()
    assert tuple(visemes) == NAMES
    for viseme in visemes.values():
        assert viseme.reason and bool(viseme.sounds) == bool(viseme.words) == (viseme.name != "sil")
        assert all(
            0 < value <= 1 and unit in ARKIT_NAMES and not unit.startswith(UPPER_FACE) for unit, value in viseme.units.items()
        )
    assert len({tuple(viseme.units.items()) for viseme in visemes.values()}) == len(NAMES)


@pytest.mark.parametrize("text", ["", "[sil]\nunits = {}", "[sil", '[sil]\nsounds=""\nwords=""\nreason=""\nunits={wink=1}'])
def test_a_damaged_table_is_one_sentence(tmp_path, monkeypatch, text):
    (tmp_path / "visemes.toml").write_text(text)
    monkeypatch.setattr(table, "PATH", tmp_path / "visemes.toml")
    with pytest.raises(ModelError, match="reinstall the extension"):
        load_visemes.__wrapped__()


def test_a_key_is_the_mix_with_the_jaw_in_it_and_turns_no_joint():
    asset = make_asset(get_model())
    with_keys = add_visemes(asset)
    assert list(with_keys.shape_keys) == [*ARKIT_NAMES, *KEYS]
    tongue = rows_of(asset, "tongue")
    for name, viseme in load_visemes().items():
        key = pose_asset(with_keys, {f"viseme_{name}": 1.0}, np.zeros(15))
        mix = pose_asset(with_keys, viseme.units, np.zeros(15))
        assert np.abs(key - mix)[~tongue].max() < 1e-6
        assert (np.abs(key - mix)[tongue].max() > 1e-3) == (viseme.tongue is not None)
        assert f"viseme_{name}" not in with_keys.bone_rotations


def test_half_a_key_is_six_tenths_of_a_millimetre_from_the_jaws_arc_at_most():
    asset = add_visemes(make_asset(get_model()))
    lips = (asset.regions["lip_lower"] > 0.5) | (asset.regions["chin"] > 0.5)
    half = {unit: value / 2 for unit, value in load_visemes()["aa"].units.items()}
    off = pose_asset(asset, {"viseme_aa": 0.5}, np.zeros(15)) - pose_asset(asset, half, np.zeros(15))
    assert np.linalg.norm(off, axis=1)[lips].max() < 6e-4


def test_keys_follow_another_identity_and_keep_what_was_sculpted():
    asset, other = add_visemes(make_asset(get_model())), make_asset(get_model(), person(2))
    sculpted = asset.shape_keys["viseme_aa"].copy()
    sculpted[100] += 0.004
    asset = replace(asset, shape_keys=asset.shape_keys | {"viseme_aa": sculpted})
    moved = replace(asset, vertices=other.vertices, joints=other.joints)
    stale = np.abs(moved.shape_keys["viseme_aa"] - bake_visemes(moved)["viseme_aa"]).max()
    followed, fresh = follow_shape(asset, moved), bake_visemes(moved)
    assert stale > 2e-3
    tongue = rows_of(asset, "tongue")
    for key in KEYS:
        off = followed.shape_keys[key] - fresh[key]
        if key == "viseme_aa":
            assert np.allclose(off[100], 0.004, atol=1e-6)
            off[100] = 0
        assert np.abs(off[~tongue]).max() < 1e-5, key
        assert np.abs(off[tongue]).max() < 3e-3, key


def test_what_a_head_has_is_not_made_anew():
    asset = add_visemes(make_asset(get_model()))
    own = replace(asset, shape_keys=asset.shape_keys | {"viseme_O": asset.shape_keys["viseme_O"] * 2})
    del own.shape_keys["viseme_U"]
    again = add_visemes(own)
    assert again.shape_keys["viseme_O"] is own.shape_keys["viseme_O"]
    assert np.array_equal(again.shape_keys["viseme_U"], asset.shape_keys["viseme_U"])


def test_a_head_without_teeth_or_tongue_has_visemes_all_the_same():
    asset = make_asset(get_model())
    names = tuple("gone" if name == "tongue" else name for name in asset.part_names)
    keys = bake_visemes(replace(asset, part_names=names))
    posed = pose_asset(asset, load_visemes()["DD"].units, np.zeros(15))
    assert np.abs(keys["viseme_DD"] - (posed - asset.vertices)).max() < 1e-6


def test_a_viseme_moves_the_mouth_alone():
    shown = show_viseme({"browInnerUp": 0.4, "eyeBlinkLeft": 1.0, "mouthSmileLeft": 0.9, "viseme_O": 0.5}, "PP", 0.5)
    assert shown["browInnerUp"] == 0.4 and shown["eyeBlinkLeft"] == 1.0
    assert "mouthSmileLeft" not in shown and "viseme_O" not in shown
    assert shown["mouthPressLeft"] == load_visemes()["PP"].units["mouthPressLeft"] / 2
    with pytest.raises(AnimationError, match="There is no viseme 'oh'"):
        show_viseme({}, "oh")


def test_keys_are_spelt_out_as_units():
    spelt = spell_out({"jawOpen": 0.1, "viseme_aa": 0.5, "viseme_PP": 0.0})
    units = load_visemes()["aa"].units
    assert spelt == pytest.approx({unit: value / 2 for unit, value in units.items()} | {"jawOpen": 0.1 + units["jawOpen"] / 2})


def test_no_viseme_is_a_preset_that_random_expressions_or_words_would_take():
    presets = [read_expression(path) for path in sorted((PACKAGE_DIR / "presets/likeness/expression").glob("*.py"))]
    mixes = [viseme.units for viseme in load_visemes().values()]
    assert presets and not any(preset in mixes for preset in presets)
    said = load_lexicon()
    assert not {*map(str.lower, KEYS), "viseme"} & said.vocabulary
    assert not any(dict(doing.units) in mixes[1:] for doing in said.doings.values())
