"""From wishes to a plan: how far each slider moves on the head that there is, what was understood as what, and what was not.

    a comparative ("wider nose", "older")    one step: a deviation of people, or what the lexicon says; degrees multiply it
    a quality ("wide nose", "pale skin")     to where people clearly have it, 1.5 deviations from the mean or the lexicon's
                                             number, and half a step further at the least
    a superlative ("the widest nose")        to the slider's end
    a number ("5 mm wider", "60 years old")  exactly so

Rule of this file: every slider stays within its range, and where it is cut, the sentence says so. Two wishes that pull one slider
to both sides are told and left out, but one that names a single slider wins over one that names several.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from ..appearance.skin import melanin_of_tone, tone_of_melanin
from ..errors import WordsError
from .expressive import change_face
from .grammar import Reading, read_words
from .lexicon import SKIN, Effect
from .scales import Scale, list_scales
from .wishes import Wish

SHAPE, COLOUR, FACE = KINDS = ("shape", "skin", "expression")
LACKING = ("this head's shape has no sliders", "this head's skin has no numbers", "this head has no shape keys")
UNSPANNED = "the people of this head's model hardly differ in {}"
EXAMPLES = "'older', 'a slightly wider nose', 'no freckles', 'half smile', '5 mm longer nose'"
LEAST_REACH = 0.5
"""Who has a quality already gets this share of a step more of it."""
SAME = 1e-6
MAN, WOMAN = 0.75, 0.25
"""Heads beyond are a man's or a woman's already."""


@dataclass(frozen=True)
class Look:
    """A head as it is: traits by name, the skin's numbers, the face's units; each empty where it cannot be changed, and reasons
    may say why, by kind; held: traits that are locked; unspanned: those in which the people of the head's model hardly differ."""

    traits: dict[str, float] = field(default_factory=dict)
    skin: dict[str, float] = field(default_factory=dict)
    expression: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    held: frozenset[str] = frozenset()
    unspanned: frozenset[str] = frozenset()


@dataclass(frozen=True)
class EditPlan:
    """What words change of a head. traits, skin, expression: slider -> its new value, of those alone that move; understood:
    sentences, what was said -> what moves from where to where; ignored: sentences about the rest."""

    traits: dict[str, float]
    skin: dict[str, float]
    expression: dict[str, float]
    understood: tuple[str, ...]
    ignored: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the head stays as it is."""
        return not (self.traits or self.skin or self.expression)


@dataclass(frozen=True)
class Move:
    """One slider's move that a wish asks for; rank: how many sliders the wish moves."""

    slider: str
    before: float
    wanted: float
    wish: Wish
    rank: int

    @property
    def by(self) -> float:
        return self.wanted - self.before


def plan_edit(words: str, current: Look, strength: float = 1.0, only: Collection[str] = KINDS) -> EditPlan:
    """What the words change of a head that looks as `current` says.

    strength: share of every move, 0 nothing, 1 as said; only: of KINDS, what may change. Raises WordsError where nothing at all
    was understood.
    """
    reading = require_understood(words)
    scales = list_scales()
    ignored, understood = list(reading.ignored), list(reading.notes)
    wishes = _keep_kinds(reading, current, only, ignored)
    moves = [move for wish in wishes if wish.expression is None for move in _list_moves(wish, scales, current)]
    ignored += [f"'{move.wish.words}': {scales[move.slider].said} is locked" for move in moves if move.slider in current.held]
    unspanned = current.unspanned - current.held
    ignored += [
        f"'{move.wish.words}': {UNSPANNED.format(scales[move.slider].said)}" for move in moves if move.slider in unspanned
    ]
    settled = _settle([move for move in moves if move.slider not in current.held | unspanned], ignored)
    values: dict[str, float] = {}
    for wish in wishes:
        if wish.expression is None:
            mine = [move for move in settled if move.wish is wish]
            understood += _tell_sliders(wish, mine, scales, strength, values)
    face, told = change_face([wish for wish in wishes if wish.expression is not None], current.expression, strength)
    understood += told
    if not understood[len(reading.notes) :]:
        raise WordsError(f"{_join(dict.fromkeys(ignored))}. Nothing is left to change.")
    skin = {slider.removeprefix(SKIN): value for slider, value in values.items() if slider.startswith(SKIN)}
    if "tone" in skin:
        skin["melanin"] = melanin_of_tone(skin.pop("tone"))
    traits = {slider: value for slider, value in values.items() if not slider.startswith(SKIN)}
    return EditPlan(traits, skin, face, tuple(understood), tuple(dict.fromkeys(ignored)))


def require_understood(words: str) -> Reading:
    """What the words ask for. Raises WordsError, with examples, where nothing was understood."""
    reading = read_words(words)
    if not reading.wishes:
        said = _join(reading.ignored) or (f"'{words.strip()}' says nothing to change" if words.strip() else "No words were given")
        raise WordsError(f"{said}. Nothing was understood: write in English what should change, for example {EXAMPLES}.")
    return reading


def _keep_kinds(reading: Reading, current: Look, only: Collection[str], ignored: list[str]) -> list[Wish]:
    """The wishes, or what is left of them, that may change this head."""
    has = {SHAPE: bool(current.traits), COLOUR: bool(current.skin), FACE: bool(current.expression)}
    lacking = dict(zip(KINDS, LACKING, strict=True)) | current.reasons
    kept = []
    for wish in reading.wishes:
        kinds = {FACE} if wish.expression is not None else {_kind_of(effect) for effect in wish.effects}
        ignored += [f"'{wish.words}': {lacking[kind]}" for kind in KINDS if kind in kinds and kind in only and not has[kind]]
        if not kinds & set(only):
            ignored.append(f"'{wish.words}': left out, for only {_join(only, ' and ')} may change")
        free = {kind for kind in kinds if kind in only and has[kind]}
        if free and wish.expression is None:
            effects = tuple(effect for effect in wish.effects if _kind_of(effect) in free)
            kept.append(Wish(wish.words, effects, None, wish.manner, wish.size, wish.unit, wish.side))
        elif free:
            kept.append(wish)
    return kept


def _kind_of(effect: Effect) -> str:
    return COLOUR if effect.slider.startswith(SKIN) else SHAPE


def _list_moves(wish: Wish, scales: dict[str, Scale], current: Look) -> Iterable[Move]:
    whole = tuple(effect for effect in wish.effects if abs(effect.share) >= 1) or wish.effects
    is_more = wish.manner in ("step", "reach", "end", "shift") and wish.effects[0].share > 0
    for effect in wish.effects if is_more or wish.manner in ("become", "hold") else whole:
        before = _value_of(effect.slider, current)
        wanted = _wanted(wish, effect, scales[effect.slider], before)
        yield Move(effect.slider, before, wanted, wish, len({e.slider.removeprefix(SKIN) for e in wish.effects}))


def _value_of(slider: str, current: Look) -> float:
    if slider == SKIN + "tone":
        return tone_of_melanin(current.skin["melanin"])
    return current.skin[slider.removeprefix(SKIN)] if slider.startswith(SKIN) else current.traits[slider]


def _wanted(wish: Wish, effect: Effect, scale: Scale, before: float) -> float:
    """Where a wish wants a slider, ranges aside."""
    sign = 1 if effect.share > 0 else -1
    if wish.manner == "hold":
        return before
    if wish.manner == "none":
        return scale.none if effect.share > 0 else scale.highest
    if wish.manner == "end":
        return scale.highest if sign > 0 else scale.lowest
    if wish.manner == "become":
        value = effect.value or 0.0
        is_one_already = effect.slider == "male" and (before >= MAN if value > 0.5 else before <= WOMAN)
        return before if is_one_already else value
    if wish.manner == "set":
        return _share(scale, wish.size) if wish.unit == "percent" else wish.size
    if wish.manner == "shift":
        return before + effect.share / abs(effect.share) * _units(wish, scale, before)
    step = effect.share * scale.step * wish.size
    if wish.manner == "step":
        return before + step
    target = _target(scale, effect.share, wish.size)
    return max(target, before + LEAST_REACH * step) if sign > 0 else min(target, before + LEAST_REACH * step)


def _target(scale: Scale, share: float, degree: float) -> float:
    """Where somebody clearly has a quality: "slightly" is half way there from the usual (of marks: from none), "very" beyond."""
    is_mark = scale.unit == "" and scale.none <= scale.little
    start = scale.none if share > 0 and is_mark else scale.usual
    far = scale.much if share > 0 else scale.little
    how_far = 0.2 + 0.8 * degree if degree <= 1 else 1 + 0.5 * (degree - 1)
    return start + abs(share) * how_far * (far - start)


def _units(wish: Wish, scale: Scale, before: float) -> float:
    """A shift in the slider's own units."""
    if wish.unit == "percent":
        return wish.size / 100 * (before if scale.unit in ("mm", "years") and before > 0 else scale.highest - scale.lowest)
    return wish.size * scale.deviation if wish.unit == "sd" else wish.size


def _share(scale: Scale, percent: float) -> float:
    return scale.lowest + percent / 100 * (scale.highest - scale.lowest)


def _settle(moves: list[Move], ignored: list[str]) -> list[Move]:
    """One move a slider: the most exact wish's, of equals the farthest; those that contradict each other are left out."""
    settled = []
    for slider in dict.fromkeys(move.slider for move in moves):
        mine = [move for move in moves if move.slider == slider]
        rank = min(move.rank for move in mine)
        mine = [move for move in mine if move.rank == rank]
        held = [move for move in mine if move.wish.manner == "hold"]
        up, down = ([move for move in mine if sign * move.by > SAME] for sign in (1, -1))
        if (up and down) or (held and (up or down)):
            said = " and ".join(f"'{move.wish.words}'" for move in dict.fromkeys([*up[:1], *down[:1], *held[:1]]))
            ignored.append(f"{said} contradict each other: neither was done")
            continue
        settled.append(max(mine, key=lambda move: abs(move.by)))
    has_melanin = any(move.slider == SKIN + "melanin" for move in settled)
    return [move for move in settled if not (has_melanin and move.slider == SKIN + "tone")]


def _tell_sliders(
    wish: Wish, moves: list[Move], scales: dict[str, Scale], strength: float, values: dict[str, float]
) -> list[str]:
    """A sentence about what a wish moves; the sliders' new values go into `values`."""
    told = []
    for move in moves:
        scale = scales[move.slider]
        wanted = move.before + strength * move.by
        after = min(max(wanted, min(scale.lowest, move.before)), max(scale.highest, move.before))
        end = ", its end" if abs(after - wanted) > SAME * max(1.0, abs(wanted)) else ""
        if abs(after - move.before) <= SAME:
            stays = "stays" if wish.manner == "hold" else f"is {_number(after, scale)} already{end}"
            told.append(f"{scale.said} {stays}")
            continue
        values[move.slider] = after
        told.append(f"{describe_move(scale, move.before, after)}{end}")
    return [f"'{wish.words}': {', '.join(told)}"] if told else []


def describe_move(scale: Scale, before: float, after: float) -> str:
    """'nose width 35.0 -> 39.2 mm'."""
    return f"{scale.said} {_number(before, scale, False)} -> {_number(after, scale)}"


def _number(value: float, scale: Scale, has_unit: bool = True) -> str:
    decimals = {"mm": 1, "years": 0}.get(scale.unit, 2)
    unit = f" {scale.unit}" if has_unit and scale.unit in ("mm", "years") else ""
    return f"{value:.{decimals}f}{unit}"


def _join(parts: Iterable[str], last: str = "; ") -> str:
    return last.join(parts)
