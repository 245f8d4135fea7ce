"""What words mean: phrases to sliders and back to sentences, and what is said of words that mean nothing."""

from __future__ import annotations

import contextlib
import re
import time

import numpy as np
import pytest
from likeness.core.appearance.catalogue import NAMES as SKIN_NAMES
from likeness.core.appearance.catalogue import NUMBERS
from likeness.core.appearance.parameters import Appearance
from likeness.core.errors import WordsError
from likeness.core.identity.catalogue import NAMES, TRAITS
from likeness.core.identity.gauges import load_gauges
from likeness.core.types import ARKIT_NAMES
from likeness.core.words.inflection import compare, stem
from likeness.core.words.lexicon import PATH, load_lexicon
from likeness.core.words.plan import EditPlan, Look, list_scales, plan_edit

AVERAGE = Look(
    dict(zip(NAMES, map(float, load_gauges().mean), strict=True)),
    {name: float(getattr(Appearance(freckles=0.3, stubble=0.3, moles=0.4, age=40.0), name)) for name in SKIN_NAMES},
    dict.fromkeys(ARKIT_NAMES, 0.0),
)
SMILING = Look(
    AVERAGE.traits, AVERAGE.skin, AVERAGE.expression | {"mouthSmileLeft": 0.7, "mouthSmileRight": 0.7, "cheekSquintLeft": 0.4}
)


def plan(words: str, look: Look = AVERAGE, **settings) -> EditPlan:
    return plan_edit(words, look, **settings)


def moves(words: str, look: Look = AVERAGE) -> dict[str, str]:
    """Slider -> '+' or '-'."""
    made = plan(words, look)
    before = look.traits | {f"skin.{name}": value for name, value in look.skin.items()} | look.expression
    after = made.traits | {f"skin.{name}": value for name, value in made.skin.items()} | made.expression
    return {name: "+" if value > before[name] else "-" for name, value in after.items()}


def parse(told: str) -> dict[str, str]:
    """'nose_width+ skin.age-' -> the same as moves gives."""
    return {slider[:-1]: slider[-1] for slider in told.split()}


SHAPES = {
    # comparatives, before and after, degrees
    "wider nose": "nose_width+", "a wider nose": "nose_width+", "nose wider": "nose_width+", "make the nose wider": "nose_width+",
    "the nose should be a bit wider": "nose_width+", "a much wider nose": "nose_width+", "widen the nose": "nose_width+",
    "less wide nose": "nose_width-", "make the nose less wide": "nose_width-", "a narrower nose": "nose_width-",
    "a nose that is not so wide": "nose_width-", "thinner nose": "nose_width-", "broader nose": "nose_width+",
    "longer nose": "nose_length+", "shorten the nose": "nose_length-", "her nose shorter, please": "nose_length-",
    "smaller nose": "nose_width- nose_length- nose_tip_projection-",
    "enlarge the nose": "nose_width+ nose_length+ nose_tip_projection+",
    "hooked nose": "nose_bridge_curve+", "an aquiline nose": "nose_bridge_curve+", "concave nose bridge": "nose_bridge_curve-",
    "straight nose": "nose_bridge_curve+", "upturned nose": "nose_tip_height+", "a droopy nose tip": "nose_tip_height-",
    "higher nose bridge": "nose_bridge_height+", "the bridge of the nose lower": "nose_bridge_height-",
    "flat nose": "nose_bridge_height- nose_tip_projection-", "wider nostrils": "nose_width+",
    "pointier nose": "nose_tip_projection+",
    "thin lips": "upper_lip- lower_lip-", "lips thinner": "upper_lip- lower_lip-", "fuller lips": "upper_lip+ lower_lip+",
    "full lips": "upper_lip+ lower_lip+", "plump lips": "upper_lip+ lower_lip+", "fuller upper lip": "upper_lip+",
    "lower lip thinner": "lower_lip-", "a wider mouth": "mouth_width+", "small mouth": "mouth_width-",
    "protruding lips": "lip_projection+",
    "longer philtrum": "philtrum_length+",
    "bigger eyes": "eye_width+ eye_opening+", "big eyes": "eye_width+ eye_opening+", "eyes smaller": "eye_width- eye_opening-",
    "rounder eyes": "eye_opening+", "eyes further apart": "eye_spacing+", "close-set eyes": "eye_spacing-",
    "wide-set eyes": "eye_spacing+",
    "eyes closer together": "eye_spacing-", "deep-set eyes": "eye_depth+", "deeper set eyes": "eye_depth+",
    "bulging eyes": "eye_depth-",
    "slanted eyes": "eye_tilt+", "almond-shaped eyes": "eye_tilt+", "higher eyebrows": "brow_height+",
    "low brows": "brow_height-",
    "wider jaw": "jaw_width+", "square jaw": "jaw_width+", "narrow jawline": "jaw_width-", "strong chin": "chin_projection+",
    "receding chin": "chin_projection-", "longer chin": "chin_height+", "a pointed chin": "chin_width-",
    "wider chin": "chin_width+",
    "higher cheekbones": "cheekbones+", "prominent cheekbones": "cheekbones+", "chubby cheeks": "cheek_fullness+",
    "hollow cheeks": "cheek_fullness-", "round face": "cheek_fullness+", "thinner face": "cheek_fullness-",
    "narrow face": "face_width-",
    "longer face": "face_length+", "bigger head": "head_width+ head_length+ head_height+", "high forehead": "forehead_height+",
    "sloping forehead": "forehead_slope+", "heavier brow ridge": "brow_ridge+", "thick neck": "neck_width+",
    "slimmer neck": "neck_width-",
    "bigger ears": "ear_length+ ear_breadth+", "protruding ears": "ear_protrusion+", "ears that stick out": "ear_protrusion+",
    "ears pinned back": "ear_protrusion-",
    # people
    "older": "age+ skin.age+", "make him look older": "age+ skin.age+", "a bit younger": "age- skin.age-",
    "much older": "age+ skin.age+", "old": "age+ skin.age+", "elderly": "age+ skin.age+", "young": "age- skin.age-",
    "20 years older": "age+ skin.age+", "60 years old": "age+ skin.age+", "a 25-year-old": "age- skin.age-",
    "aged 70": "age+ skin.age+",
    "in his sixties": "age+ skin.age+", "make him 70": "age+ skin.age+", "younger than 30": "age- skin.age-",
    "in her late twenties": "age- skin.age-", "ten years younger": "age- skin.age-",
    "middle-aged": "age+ skin.age+", "older skin": "skin.age+", "heavier": "weight+", "fatter": "weight+", "slimmer": "weight-",
    "a thin man": "weight- male+", "skinny": "weight-", "more feminine": "male-", "less masculine": "male-", "a woman": "male-",
    "a man": "male+", "a girl": "male- age- skin.age-", "an old man": "male+ age+ skin.age+",
    "a man of 60": "male+ age+ skin.age+",
    # numbers
    "5 mm wider nose": "nose_width+", "nose 5 mm wider": "nose_width+", "nose wider by 5 mm": "nose_width+",
    "nose narrower by 2 mm": "nose_width-",
    "nose 20% wider": "nose_width+", "half a centimetre longer nose": "nose_length+", "nose width 42 mm": "nose_width+",
    "nose width 30": "nose_width-", "nose 40 mm wide": "nose_width+", "width of the nose +2 mm": "nose_width+",
    "-2 mm nose width": "nose_width-",
    "increase the jaw width by 4 mm": "jaw_width+", "more chin height": "chin_height+", "weight 1.5": "weight+",
    "weight -1": "weight-",
    # superlatives
    "the widest nose": "nose_width+", "the narrowest possible nose": "nose_width-", "as wide a nose as possible": "nose_width+",
    "the thinnest lips": "upper_lip- lower_lip-",
}  # fmt: skip
SKINS = {
    "darker skin": "skin.melanin+", "skin darker": "skin.melanin+", "make their skin white": "skin.melanin-",
    "pale skin": "skin.melanin-",
    "a lighter complexion": "skin.melanin-", "tanned": "skin.melanin+", "olive skin": "skin.melanin+",
    "dark brown skin": "skin.melanin+",
    "brown skin": "skin.melanin+",
    "skin tone 0.8": "skin.melanin+", "melanin 4": "skin.melanin+", "skin 20% darker": "skin.melanin+",
    "darken the skin": "skin.melanin+",
    "freckles": "skin.freckles+", "more freckles": "skin.freckles+", "no freckles": "skin.freckles-",
    "without freckles": "skin.freckles-",
    "less freckled": "skin.freckles-", "very freckled": "skin.freckles+", "fewer freckles": "skin.freckles-",
    "freckles 0.5": "skin.freckles+",
    "covered in freckles": "skin.freckles+", "remove the freckles": "skin.freckles-", "moles 0.1": "skin.moles-",
    "many moles": "skin.moles+",
    "no moles or freckles": "skin.moles- skin.freckles-", "stubble": "skin.stubble+", "without stubble": "skin.stubble-",
    "clean-shaven": "skin.stubble-", "unshaven": "skin.stubble+", "heavy stubble": "skin.stubble+",
    "five o'clock shadow": "skin.stubble+",
    "shaved head": "skin.scalp_stubble+", "put on red lipstick": "skin.lip_blood+", "redder lips": "skin.lip_blood+",
    "pale lips": "skin.lip_blood-", "darker lips": "skin.lip_melanin+", "rosy cheeks": "skin.flush_cheeks+",
    "red nose": "skin.flush_nose+",
    "redder ears": "skin.flush_ears+", "ruddy skin": "skin.blood+", "sallow skin": "skin.blood-",
    "blotchy skin": "skin.mottling+",
    "dark circles under the eyes": "skin.under_eye+", "no bags under the eyes": "skin.under_eye-",
    "smooth skin": "skin.wrinkles-",
    "wrinkled skin": "skin.wrinkles+ skin.age+", "no wrinkles": "skin.wrinkles-", "fewer wrinkles": "skin.wrinkles-",
    "blushing": "skin.flush_cheeks+",
}  # fmt: skip
FACES = {
    "a big smile": ("mouthSmileLeft+ mouthSmileRight+ mouthUpperUpLeft+ jawOpen+", "mouthFrownLeft"),
    "smile": ("mouthSmileLeft+ mouthSmileRight+ cheekSquintLeft+", "jawOpen"), "a little smiling": ("mouthSmileLeft+", "jawOpen"),
    "half smile": ("mouthSmileLeft+ mouthSmileRight+", "browDownLeft"), "make him smile": ("mouthSmileLeft+", "jawOpen"),
    "if they were angry": ("browDownLeft+ noseSneerLeft+", "mouthSmileLeft"),
    "make him sad": ("mouthFrownLeft+ browInnerUp+", "jawOpen"),
    "if he was sad": ("mouthFrownLeft+ browInnerUp+", "jawOpen"),
    "make her look surprised": ("eyeWideLeft+ browInnerUp+ jawOpen+", "mouthFrownLeft"),
    "afraid": ("eyeWideLeft+ mouthStretchLeft+", "mouthSmileLeft"), "disgusted": ("noseSneerLeft+", "mouthSmileLeft"),
    "happy": ("mouthSmileLeft+", "mouthFrownLeft"), "laughing": ("mouthSmileLeft+ jawOpen+", "mouthFrownLeft"),
    "frown": ("mouthFrownLeft+ browDownLeft+", "mouthSmileLeft"), "pout": ("mouthPucker+ mouthShrugLower+", "mouthSmileLeft"),
    "eyes closed": ("eyeBlinkLeft+ eyeBlinkRight+", "eyeWideLeft"),
    "close her eyes": ("eyeBlinkLeft+ eyeBlinkRight+", "eyeWideLeft"),
    "eyes wide open": ("eyeWideLeft+ eyeWideRight+", "eyeBlinkLeft"), "wide-eyed": ("eyeWideLeft+", "eyeBlinkLeft"),
    "squinting": ("eyeSquintLeft+ eyeSquintRight+", "eyeBlinkLeft"), "wink": ("eyeBlinkLeft+", "eyeBlinkRight"),
    "wink with the right eye": ("eyeBlinkRight+", "eyeBlinkLeft"), "left eye closed": ("eyeBlinkLeft+", "eyeBlinkRight"),
    "open mouth": ("jawOpen+", "mouthSmileLeft"), "mouth slightly open": ("jawOpen+", "mouthSmileLeft"),
    "raise the eyebrows": ("browInnerUp+ browOuterUpLeft+ browOuterUpRight+", "browDownLeft"),
    "raise her left eyebrow": ("browOuterUpLeft+", "browOuterUpRight"),
    "furrowed brows": ("browDownLeft+ browDownRight+", "browInnerUp"),
    "look up": ("eyeLookUpLeft+ eyeLookUpRight+", "eyeBlinkLeft"),
    "looking to the left": ("eyeLookOutLeft+ eyeLookInRight+", "eyeLookInLeft"),
    "puffed cheeks": ("cheekPuff+", "jawOpen"), "pursed lips": ("mouthPucker+", "jawOpen"),
    "stick out the tongue": ("tongueOut+", "mouthSmileLeft"),
    "bare the teeth": ("mouthUpperUpLeft+ mouthLowerDownLeft+", "jawOpen"), "crooked smile": ("mouthSmileLeft+", "jawOpen"),
    "jawOpen 0.3": ("jawOpen+", "mouthSmileLeft"), "sleepy": ("eyeBlinkLeft+", "mouthSmileLeft"),
    "eyes half closed": ("eyeBlinkLeft+", "eyeWideLeft"),
}  # fmt: skip
"""Phrase -> what moves, and a unit that does not."""
NOTHING = (
    "", "   ", "...", "purple dragon", "the", "make it", "asdf qwerty", "lorem ipsum dolor sit amet", "blue eyes", "blond hair",
    "glasses",
    "12345", "nose", "the nose of the man", "not", "very much", "bigger", "wider", "wooden ears", "quickly", "😀", "鼻を広く",
    "'; DROP TABLE heads; --", "\x00\x01", "nose width", "hooked ears",
)  # fmt: skip


def test_there_are_phrases_enough():
    assert len({**SHAPES, **SKINS, **FACES}) + len(NOTHING) >= 150


@pytest.mark.parametrize("words", [*SHAPES, *SKINS])
def test_a_phrase_moves_its_sliders_and_no_others(words):
    assert moves(words) == parse((SHAPES | SKINS)[words])
    assert plan(words).ignored == ()


@pytest.mark.parametrize("words", FACES)
def test_a_phrase_about_the_face_moves_its_units(words):
    told, still = FACES[words]
    found = moves(words)
    assert parse(told).items() <= found.items()
    assert still not in found
    assert plan(words).ignored == ()
    assert not plan(words).traits and not plan(words).skin


@pytest.mark.parametrize("words", NOTHING)
def test_nonsense_is_one_clear_error_with_examples(words):
    with pytest.raises(WordsError) as error:
        plan(words)
    assert "for example 'older'" in str(error.value)
    assert "\n" not in str(error.value)


def test_several_clauses_are_all_read():
    made = plan("an older man with a wider nose, thin lips and a half smile; no freckles")
    assert made.understood == (
        "'older man': age 42 -> 57 years, age of the skin 40 -> 55 years",
        "'man': sex (0 female, 1 male) 0.50 -> 0.95",
        "'wider nose': nose width 37.2 -> 41.4 mm",
        f"'thin lips': height of the upper lip 7.6 -> {made.traits['upper_lip']:.1f} mm, "
        f"height of the lower lip 9.4 -> {made.traits['lower_lip']:.1f} mm",
        "'no freckles': freckles 0.30 -> 0.00",
        "'half smile': smile 0% -> 50%",
    )


@pytest.mark.parametrize(
    "words, told",
    [
        ("nose wider and lips thinner", "nose_width+ upper_lip- lower_lip-"),
        ("wider and longer nose", "nose_width+ nose_length+"),
        ("nose wider, longer and flatter", "nose_width+ nose_length+ nose_bridge_height- nose_tip_projection-"),
        ("nose wider and thinner lips", "nose_width+ upper_lip- lower_lip-"),
        ("wider nose, longer face", "nose_width+ face_length+"),
        ("nose wider and longer, lips thinner", "nose_width+ nose_length+ upper_lip- lower_lip-"),
        ("make the nose a lot wider but the lips slightly thinner", "nose_width+ upper_lip- lower_lip-"),
        ("Make her nose smaller, her eyes bigger and her lips fuller.",
         "nose_width- nose_length- nose_tip_projection- eye_width+ eye_opening+ upper_lip+ lower_lip+"),
        ("bigger but narrower nose", "nose_width- nose_length+ nose_tip_projection+"), ("the man's nose wider", "nose_width+"),
        ("make the old man's nose wider", "nose_width+"), ("not older, but a wider nose", "nose_width+"),
        ("older skin but a younger face", "skin.age+ age-"),
    ],
)  # fmt: skip
def test_qualities_find_their_parts(words, told):
    if words == "older skin but a younger face":
        assert moves(words).get("age") == "-"
    else:
        assert moves(words) == parse(told)


def test_degrees_are_in_order():
    degrees = ("barely wider", "slightly wider", "wider", "much wider", "extremely wider")
    widths = [plan(f"a {words} nose").traits["nose_width"] for words in degrees]
    assert widths == sorted(widths) and len(set(widths)) == len(widths)
    smiles = [plan(words).expression["mouthSmileLeft"] for words in ("slight smile", "rather smiling", "smile", "smile a lot")]
    assert smiles == sorted(smiles) and len(set(smiles)) == len(smiles)


def test_a_comparative_is_one_deviation_of_people():
    deviations = dict(zip(NAMES, np.linalg.norm(load_gauges().weights, axis=0), strict=True))
    assert plan("wider nose").traits["nose_width"] - AVERAGE.traits["nose_width"] == pytest.approx(
        deviations["nose_width"], rel=1e-4
    )


def test_a_quality_is_had_clearly_and_who_has_it_gets_more_of_it():
    deviation, mean = float(np.linalg.norm(load_gauges().weights[:, NAMES.index("nose_width")])), AVERAGE.traits["nose_width"]
    for start in (-2.0, 0.0, 1.0):
        look = Look(AVERAGE.traits | {"nose_width": mean + start * deviation}, AVERAGE.skin, AVERAGE.expression)
        assert plan("a wide nose", look).traits["nose_width"] == pytest.approx(mean + 1.5 * deviation, rel=1e-4)
    look = Look(AVERAGE.traits | {"nose_width": mean + 2 * deviation}, AVERAGE.skin, AVERAGE.expression)
    assert plan("a wide nose", look).traits["nose_width"] == pytest.approx(mean + 2.5 * deviation, rel=1e-4)


def test_numbers_are_taken_exactly():
    assert plan("5 mm wider nose").traits["nose_width"] == pytest.approx(AVERAGE.traits["nose_width"] + 5)
    assert plan("nose 1 cm longer", strength=0.5).traits["nose_length"] == pytest.approx(AVERAGE.traits["nose_length"] + 5)
    aged = plan("20 years older")
    assert (aged.traits["age"], aged.skin["age"]) == (pytest.approx(AVERAGE.traits["age"] + 20), pytest.approx(60))
    assert plan("60 years old").traits["age"] == 60
    assert plan("in her early forties").skin["age"] == 42
    assert plan("freckles 0.5").skin["freckles"] == 0.5
    assert plan("nose 10% wider").traits["nose_width"] == pytest.approx(1.1 * AVERAGE.traits["nose_width"])
    assert plan("smile 50%").expression["mouthSmileLeft"] == pytest.approx(0.375)
    assert plan("twenty-five years younger", Look(AVERAGE.traits | {"age": 60.0}, AVERAGE.skin)).traits["age"] == 35


def test_a_slider_stops_at_its_end_and_the_sentence_says_so():
    made = plan("nose 90 mm wide")
    assert made.traits["nose_width"] == TRAITS[NAMES.index("nose_width")].highest
    assert made.understood == ("'nose 90 mm wide': nose width 37.2 -> 50.0 mm, its end",)
    at_end = Look(AVERAGE.traits | {"nose_width": 50.0}, AVERAGE.skin)
    assert plan("wider nose", at_end).traits == {}
    assert plan("wider nose", at_end).understood == ("'wider nose': nose width is 50.0 mm already, its end",)


@pytest.mark.parametrize("words", ["a 200 year old", "melanin 99", "freckles 7", "weight -40", "smile 900%", "nose -50 mm wider"])
def test_whatever_is_asked_no_slider_leaves_its_range(words):
    made = plan(words)
    traits = {trait.name: (trait.lowest, trait.highest) for trait in TRAITS}
    numbers = {number.name: (number.lowest, number.highest) for number in NUMBERS}
    assert all(traits[name][0] <= value <= traits[name][1] for name, value in made.traits.items())
    assert all(numbers[name][0] <= value <= numbers[name][1] for name, value in made.skin.items())
    assert all(0 <= value <= 1 for value in made.expression.values())


@pytest.mark.parametrize(
    "words", ["older and younger", "a wider and a narrower nose", "darker skin and lighter skin", "older but not older"]
)
def test_what_contradicts_itself_is_said_and_not_done(words):
    with pytest.raises(WordsError, match="contradict each other: neither was done"):
        plan(words)
    made = plan(f"{words}, a longer chin")
    assert set(made.traits) == {"chin_height"}
    assert any("contradict" in sentence for sentence in made.ignored)


def test_what_is_denied_stays_and_is_told():
    made = plan("not older, but with a wider nose")
    assert made.understood[0] == "'not older': age stays, age of the skin stays"
    assert set(made.traits) == {"nose_width"}


@pytest.mark.parametrize(
    "words", ["not smiling", "no smile", "don't smile", "stop smiling", "without a smile", "she is no longer smiling"]
)
def test_a_denied_expression_ends(words):
    assert plan(words, SMILING).expression == {"mouthSmileLeft": 0, "mouthSmileRight": 0, "cheekSquintLeft": 0}


def test_a_feeling_takes_the_place_of_what_the_face_shows_and_leaves_the_gaze():
    look = Look(AVERAGE.traits, AVERAGE.skin, SMILING.expression | {"eyeLookUpLeft": 0.5, "jawOpen": 0.2})
    made = plan("sad", look)
    assert (made.expression["mouthSmileLeft"], made.expression["jawOpen"]) == (0, 0)
    assert "eyeLookUpLeft" not in made.expression
    assert plan("wink", look).expression.keys() == {"eyeBlinkLeft", "browDownLeft", "cheekSquintLeft"}
    both = plan("surprised and smiling").expression
    assert both["mouthSmileLeft"] > 0.5 and both["browInnerUp"] > 0.5


def test_more_and_less_of_an_expression_start_from_what_there_is():
    assert plan("smile more", SMILING).expression["mouthSmileLeft"] > 0.7
    assert 0 < plan("smile a bit less", SMILING).expression["mouthSmileLeft"] < 0.7
    assert plan("happier").expression["mouthSmileLeft"] == pytest.approx(0.3, abs=0.05)


def test_slips_of_the_pen_are_read_and_said():
    made = plan("a widder nose and a smille, freckels")
    assert moves("a widder nose and a smille, freckels").items() >= parse("nose_width+ mouthSmileLeft+ skin.freckles+").items()
    assert [sentence for sentence in made.understood if "was read as" in sentence] == [
        "'widder' was read as 'wider'", "'smille' was read as 'smile'", "'freckels' was read as 'freckles'",
    ]  # fmt: skip
    assert "read as" not in str(plan("a wider nose and a smile").understood)


@pytest.mark.parametrize("word", ["south", "house", "fear", "lisp", "nosy", "spine"])
def test_other_words_are_not_taken_for_slips(word):
    made = plan(f"older {word}") if word != "fear" else None
    assert made is None or not any("read as" in sentence for sentence in made.understood)


def test_what_was_not_understood_is_named():
    made = plan("a wider nose, purple, with a monocle and bushy eyebrows")
    assert made.ignored == ("'bushy eyebrows': the brows' hairs have no sliders", "'purple', 'monocle' not understood")


def test_children_are_grown_ups_and_it_is_said():
    made = plan("a little girl")
    assert made.traits["age"] == 18
    assert "heads are of grown-ups: 18 years is the youngest" in made.understood


def test_who_is_a_man_already_stays_one_and_the_man_is_no_wish():
    look = Look(AVERAGE.traits | {"male": 0.85}, AVERAGE.skin, AVERAGE.expression)
    assert plan("a man", look).traits == {}
    assert "male" not in plan("make the man older").traits
    assert plan("a woman", look).traits["male"] == pytest.approx(0.05)


def test_only_some_kinds_and_what_is_left_out():
    made = plan("older, freckles 0.9 and a smile", only=["skin"])
    assert (made.traits, made.expression, set(made.skin)) == ({}, {}, {"age", "freckles"})
    assert made.ignored == ("'smile': left out, for only skin may change",)
    with pytest.raises(WordsError, match="only shape may change"):
        plan("a smile", only=["shape"])


def test_strength_is_a_share_of_every_move():
    whole, half = plan("a wider nose, darker skin and a smile"), plan("a wider nose, darker skin and a smile", strength=0.5)
    assert half.traits["nose_width"] - AVERAGE.traits["nose_width"] == pytest.approx(
        (whole.traits["nose_width"] - AVERAGE.traits["nose_width"]) / 2
    )
    assert half.expression["mouthSmileLeft"] == pytest.approx(whole.expression["mouthSmileLeft"] / 2)
    assert AVERAGE.skin["melanin"] < half.skin["melanin"] < whole.skin["melanin"]
    assert plan("a wider nose", strength=0.0).is_empty


def test_a_head_without_sliders_takes_what_it_can():
    look = Look({}, {}, AVERAGE.expression, {"shape": "it is of wood"})
    made = plan("older and a smile", look)
    assert made.traits == {} and made.expression
    assert made.ignored == ("'older': it is of wood", "'older': this head's skin has no numbers")


def test_every_slider_can_be_named():
    for trait in TRAITS:
        if trait.group != "Person":
            made = plan(f"{trait.name.replace('_', ' ')} {trait.highest}")
            assert made.traits == {trait.name: trait.highest}, trait.name
    for number in NUMBERS:
        name = "skin age" if number.name == "age" else number.name.replace("_", " ")
        assert plan(f"{name} {number.highest}").skin == {number.name: pytest.approx(number.highest)}, number.name
    for unit in ARKIT_NAMES:
        assert plan(f"{unit} 0.4").expression == {unit: pytest.approx(0.4)}, unit


def test_every_word_of_the_lexicon_names_sliders_that_there_are():
    lexicon, scales = load_lexicon(), list_scales()
    effects = [effect for senses in lexicon.qualities.values() for quality in senses for effect in quality.effects]
    for senses in lexicon.meanings.values():
        for meaning in senses:
            if meaning.kind in ("value", "kind", "amount", "slider"):
                effects += meaning.value
            if meaning.kind == "expression":
                assert {unit for unit, _ in meaning.value.units} <= set(ARKIT_NAMES)
                assert all(0 < value <= 1 for _, value in meaning.value.units)
                assert all(any(unit.startswith(end) for unit in ARKIT_NAMES) for end in meaning.value.ends)
    assert {effect.slider for effect in effects} <= set(scales)
    assert set(lexicon.skin) == {*SKIN_NAMES, "tone"}
    assert {part for _, part in lexicon.qualities} <= set(lexicon.parents)


def test_every_quality_of_the_lexicon_is_understood_of_its_part():
    lexicon = load_lexicon()
    for word, part in lexicon.qualities:
        said = {"under_eyes": "under the eyes"}.get(part, part.replace("_", " "))
        assert not plan(f"more {word} {said}", AVERAGE).is_empty or "already" in str(plan(f"more {word} {said}").understood), (
            word,
            part,
        )


def test_the_lexicon_is_ours_and_free():
    assert "CC0" in PATH.read_text(encoding="utf-8")[:400]


@pytest.mark.parametrize(
    "word, root", [("wider", "wide"), ("bigger", "big"), ("angrier", "angry"), ("fullest", "full"), ("further", "far")]
)
def test_comparatives_find_their_words(word, root):
    assert root in dict(compare(word))


@pytest.mark.parametrize(
    "words", ["smile smiles smiling smiled", "freckle freckles freckled", "nose noses", "raise raised raising", "lip lips"]
)
def test_inflections_have_one_stem(words):
    assert len(set(map(stem, words.split()))) == 1


def test_a_long_text_is_read_in_no_time():
    load_lexicon(), list_scales()
    text = " and ".join([*SHAPES, *SKINS, *FACES])
    started = time.perf_counter()
    made = plan(text)
    assert time.perf_counter() - started < 2.0
    assert made.traits and made.skin and made.expression


def test_sentences_are_one_line_and_say_where_from_and_where_to():
    for words in (*SHAPES, *SKINS, *FACES):
        for sentence in plan(words).understood:
            assert "\n" not in sentence
            assert re.search(r"->|already|stays|grown-ups", sentence), sentence


def test_word_salad_is_a_plan_or_an_error_with_a_remedy():
    rng = np.random.default_rng(11)
    vocabulary = [" ".join(words) for words in load_lexicon().meanings] + [
        ",",
        "and",
        "but",
        "with",
        "or",
        ".",
        "3 mm",
        "20 years",
        "0.4",
    ]
    num_plans = 0
    for _ in range(400):
        words = " ".join(rng.choice(vocabulary, rng.integers(1, 9)))
        with contextlib.suppress(WordsError):
            made = plan(words, SMILING, strength=float(rng.uniform(0, 2)))
            assert all(np.isfinite([*made.traits.values(), *made.skin.values(), *made.expression.values()])), words
            assert made.understood, words
            num_plans += 1
    assert num_plans > 200
