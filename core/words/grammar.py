"""From tokens to wishes: which quality is said of which part, by how much, and what is denied.

Rule of this file: a small grammar that reads from left to right. A quality belongs to the part right behind it, else to the part
before it, else to the whole person. Degrees, numbers and denials stand before what they change, or at the end of its clause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from .inflection import BASE, COMPARATIVE, SUPERLATIVE
from .lexicon import Effect, Lexicon, load_lexicon
from .tokens import Token, read_tokens
from .wishes import AGE, PERSON, Draft, Modifiers, Wish, make_wish

AGES = (15, 110)
"""A bare number between them is somebody's age."""
DEFINITE = {"the", "this", "that", "his", "her", "my", "our", "your", "their", "these", "those"}
"""Before "man" they say who is meant and not what the person is to become."""


@dataclass(frozen=True)
class Reading:
    """wishes in their order; ignored: sentences about what was not understood or does not exist; notes: how slips were read."""

    wishes: tuple[Wish, ...]
    ignored: tuple[str, ...]
    notes: tuple[str, ...]


def read_words(text: str) -> Reading:
    """What a person's text asks for."""
    return Reader(load_lexicon()).read(read_tokens(text))


class Reader:
    """Reads tokens once, from left to right."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.drafts: list[Draft] = []
        self.ignored: list[str] = []
        self.unknown: list[str] = []
        self.notes: list[str] = []
        self.pending = Modifiers()
        self.topic: str = ""
        self.topic_token: Token | None = None
        self.segment = 0
        """The first draft since the last break."""
        self.since_topic: list[str] = []
        """Kinds of tokens since the topic was named: what follows it directly is said of it."""
        self.determiner = ""

    def read(self, tokens: Sequence[Token]) -> Reading:
        """All wishes of the tokens."""
        for token in tokens:
            if token.read_as:
                self.notes.append(f"'{token.text}' was read as '{token.read_as}'")
            self.notes += [token.senses[0].note] if token.senses and token.senses[0].note else []
            getattr(self, f"_read_{token.kind}", self._read_modifier)(token)
        self._end_clause()
        made = [make_wish(self.lexicon, draft) for draft in self.drafts]
        self.ignored += [said for said in made if isinstance(said, str)]
        if self.unknown:
            listed = ", ".join(f"'{word}'" for word in dict.fromkeys(self.unknown))
            self.ignored.append(f"{listed} not understood")
        wishes = tuple(wish for wish in made if isinstance(wish, Wish))
        return Reading(wishes, tuple(dict.fromkeys(self.ignored)), tuple(dict.fromkeys(self.notes)))

    def _read_filler(self, token: Token) -> None:
        self.determiner = token.text

    def _read_unknown(self, token: Token) -> None:
        self.unknown.append(token.text)
        self.since_topic.append("unknown")

    def _read_missing(self, token: Token) -> None:
        self.ignored.append(f"'{token.text}': {token.value}")
        self.pending = Modifiers()
        self._close_drafts()

    def _read_modifier(self, token: Token) -> None:
        """Degrees, more and less, denials, numbers, sides."""
        if token.kind == "number" and self._number_of_last(token):
            return
        pending = self.pending
        pending.words.append(token.text)
        if token.kind == "degree":
            pending.degree *= cast(float, token.value)
        elif token.kind in ("more", "less"):
            pending.direction = 1 if token.kind == "more" else -1
        elif token.kind in ("most", "least"):
            pending.direction, pending.is_most = (1 if token.kind == "most" else -1), True
        elif token.kind == "not":
            pending.is_denied = True
        elif token.kind == "number":
            pending.number = cast(tuple[float, str, bool], token.value)
        elif token.kind == "side":
            pending.side = str(token.value)

    def _number_of_last(self, token: Token) -> bool:
        """A number right behind a slider, or one without a unit of length behind an amount: "age 60", "freckles 0.5"."""
        last = self.drafts[-1] if self.drafts[self.segment :] and self.pending.is_empty else None
        unit = cast(tuple[float, str, bool], token.value)[1]
        kinds = ("slider",) if unit in ("mm", "years") else ("slider", "amount", "expression")
        if last is None or last.token.kind not in kinds or last.modifiers.number or self.since_topic[-1:] != [last.token.kind]:
            return False
        last.modifiers.number = cast(tuple[float, str, bool], token.value)
        last.behind.append(token.text)
        return True

    def _read_weak(self, token: Token) -> None:
        was_denied = bool(self.drafts) and self.drafts[-1].modifiers.is_denied
        self._attach_behind()
        if was_denied and token.value:
            self.pending.is_denied, self.pending.words = True, ["no"]
        self.since_topic.append("break")
        self.segment = len(self.drafts)

    def _read_strong(self, token: Token) -> None:
        self._end_clause()

    def _end_clause(self) -> None:
        self._attach_behind()
        self._close_drafts()
        self.topic, self.topic_token, self.since_topic, self.determiner = "", None, [], ""
        self.segment = len(self.drafts)

    def _close_drafts(self) -> None:
        for draft in self.drafts:
            draft.is_open = False

    def _attach_behind(self) -> None:
        """What was said behind a quality ("smile a little", "wider by 5 mm") goes to it; "less nose" is a size."""
        pending, self.pending = self.pending, Modifiers()
        if pending.is_empty:
            return
        last = self.drafts[-1] if self.drafts else None
        if pending.side and last is not None and last.token.kind == "expression" and not last.modifiers.side:
            last.modifiers.side = pending.side
            last.modifiers.words += pending.words
        elif last is not None and last.token.kind == "kind" and pending.number:
            self.drafts.append(Draft(AGE, pending, "", "", False))
        elif last is not None and len(self.drafts) > self.segment and last.modifiers.number is None:
            self._add_modifiers(last, pending)
        elif not self.topic and _is_age(pending):
            self.drafts.append(Draft(AGE, pending, "", "", False))
        elif self.topic_token is not None and pending.number and (slider := self._slider_of(self.topic_token)):
            words = f"{self.topic_token.text} {' '.join(pending.words)}"
            self.drafts.append(Draft(replace(self.topic_token, kind="slider", value=slider, text=words), pending, "", "", False))
            pending.words = []
        elif self.topic_token is not None and pending.direction:
            size = Token("quality", "big", "", COMPARATIVE)
            self.drafts.append(Draft(size, pending, self.topic, self.topic_token.text, True))
        else:
            self.unknown += pending.words

    def _add_modifiers(self, draft: Draft, pending: Modifiers) -> None:
        mine = draft.modifiers
        mine.degree = pending.degree if pending.degree != 1 else mine.degree
        mine.direction, mine.is_most = pending.direction or mine.direction, mine.is_most or pending.is_most
        mine.number, mine.is_denied = pending.number, mine.is_denied or pending.is_denied
        draft.behind += pending.words

    def _read_part(self, token: Token) -> None:
        part = str(token.value)
        for draft in self._waiting():
            draft.part, draft.part_words = part, token.text
        self._close_drafts()
        self.topic, self.topic_token, self.since_topic, self.determiner = part, token, [], ""

    def _waiting(self) -> list[Draft]:
        """The qualities right before here that a part would be the noun of: "wider and longer" before "nose"."""
        found: list[Draft] = []
        if self.since_topic[-1:] == ["break"]:
            return found
        for draft in reversed(self.drafts):
            if not draft.is_open or draft.token.kind not in ("quality", "verb", "value") or draft.part:
                break
            if draft.is_said_of_topic and self.lexicon.find_qualities(str(draft.token.value), draft.topic):
                break  # "nose wider and thinner lips"
            found.append(draft)
        return found

    def _slider_of(self, token: Token) -> tuple[Effect, ...] | None:
        return next((meaning.value for meaning in token.senses if meaning.kind == "slider"), None)

    def _read_quality(self, token: Token) -> None:
        self._take(token)

    def _read_verb(self, token: Token) -> None:
        self._take(token)

    def _read_value(self, token: Token) -> None:
        self._take(token)

    def _read_kind(self, token: Token) -> None:
        """To become "a man" is a wish; "the man" is who it is, and what is said before it is no wish either."""
        waiting = self._waiting()
        if self.determiner in DEFINITE or token.is_possessive:
            self.drafts = [draft for draft in self.drafts if draft not in waiting]
            self.pending = Modifiers()
        else:
            for draft in waiting:
                draft.part, draft.part_words = PERSON, token.text
            self._take(token)
        self._close_drafts()
        self.topic, self.topic_token, self.since_topic = PERSON, token, []

    def _read_amount(self, token: Token) -> None:
        self._take_with_size(token)

    def _read_expression(self, token: Token) -> None:
        self._take_with_size(token)

    def _read_slider(self, token: Token) -> None:
        self._take_with_size(token)

    def _take_with_size(self, token: Token) -> None:
        """Qualities before an amount or an expression say how much of it: "a big smile", "lighter freckles"."""
        for draft in reversed(self._waiting()):
            said, form = str(draft.token.value), draft.token.form
            multiple = self.lexicon.multipliers.get(said)
            if multiple is None:
                continue
            self.drafts.remove(draft)
            mine = draft.modifiers
            if form == BASE:
                mine.degree *= multiple
            else:
                mine.direction = (1 if multiple > 1 else -1) * (mine.direction or 1)
                mine.is_most = mine.is_most or form == SUPERLATIVE
            mine.words.append(draft.token.text)
            mine.words += self.pending.words
            self.pending = replace(mine, number=self.pending.number or mine.number, side=self.pending.side or mine.side)
        self._take(token)
        self.determiner = ""

    def _take(self, token: Token) -> None:
        topic_words = self.topic_token.text if self.topic_token is not None else ""
        is_said_of_topic = bool(self.topic) and "break" not in self.since_topic
        self.drafts.append(Draft(token, self.pending, self.topic, topic_words, is_said_of_topic))
        self.pending = Modifiers()
        self.since_topic.append(token.kind)


def _is_age(modifiers: Modifiers) -> bool:
    """Whether what stands there is an age alone: "make him 30"."""
    number = modifiers.number
    return number is not None and number[1] in ("", "years") and not number[2] and AGES[0] <= number[0] <= AGES[1]
