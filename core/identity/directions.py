"""How a head moves when one of its traits is changed: the smallest change of the person that does it.

A code is whitened: its length says how unlike the mean a person is. Among all changes of code that move a trait by one unit
the one taken has the least

    |change|^2  +  HOLD^2 (other traits, in standard deviations)^2  +  (motion outside the trait's place / OUTSIDE_MM)^2
                +  (motion where the head is locked / LOCKED_MM)^2

so a nose grows wider and little else does; a longer face takes nose and upper lip along by their shares. Sex, age and weight
change the whole head as they do from person to person: they hold only each other and ancestry, and hold them exactly. What a
lock's faded border leaves of the motion is scaled so that the trait, measured on the mesh, moves by the unit that was asked for.
Where they are brought over from another family of heads (Gauges.person_codes) it is not the change that is least, but what it
moves beside the motion that was brought over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..errors import ModelError
from ..head.library import EMBEDDED, get_model, place_of
from ..head.model import HeadModel
from .catalogue import NAMES, TRAITS
from .gauges import NUM_PERSON, Gauges, load_gauges
from .locks import lock_field, nearness, region_rows

HOLD = 4.0
OUTSIDE_MM = 0.10
LOCKED_MM = 0.05
PLACE_FLAT_M, PLACE_FADE_M = 0.006, 0.030
"""A trait may move what lies this near to its place, and ever less over the second distance."""
LEAST_FREE = 0.5
"""A trait of which locks leave less than this share is held."""
REACH, MANTISSA_BITS = 1.15, 24
"""People reach this much farther than the mean head; of a float32."""
LEAST_DEVIATION = 1e-9
"""Of a trait in its unit: a model may have none of it."""
NUM_REMEMBERED = 8
"""Displacements that are remembered: a drag starts each change where the last one ended."""
SAMPLE_STEP = 4
"""Motion is judged at every so many-th vertex of the skin."""
PLACES: dict[str, tuple[str, ...]] = {
    "Nose": ("nose",), "Eyes": ("eyes", "forehead"), "Mouth": ("mouth",), "Jaw": ("jaw",), "Ears": ("ears",),
}  # fmt: skip
"""Group -> the locks' regions that its traits move; a group that is not here may move the whole head."""
OWN_PLACES: dict[str, tuple[str, ...]] = {
    "forehead_height": ("forehead", "skull"), "forehead_slope": ("forehead", "skull"), "brow_ridge": ("forehead", "eyes"),
    "cheekbones": ("cheeks",), "cheek_fullness": ("cheeks", "jaw"), "jaw_width": ("jaw", "neck", "cheeks"),
    "neck_width": ("neck",),
    "lip_projection": ("mouth", "jaw"), "philtrum_length": ("mouth", "nose"),
}  # fmt: skip
ALONG: dict[str, tuple[str, ...]] = {
    "face_length": ("nose_length", "philtrum_length", "chin_height", "jaw_corner_height", "upper_lip", "lower_lip"),
    "face_width": ("head_width", "jaw_width", "eye_spacing", "mouth_width"),
    "head_width": ("face_width", "ear_protrusion"), "head_length": ("forehead_slope",), "head_height": ("forehead_height",),
    "forehead_height": ("head_height",), "forehead_slope": ("head_length", "brow_ridge"),
    "brow_ridge": ("eye_depth", "forehead_slope"),
    "eye_depth": ("brow_ridge", "forehead_slope", "head_length"), "cheekbones": ("face_width", "cheek_fullness"),
    "nose_bridge_height": ("nose_bridge_curve", "nose_tip_projection"),
    "cheek_fullness": ("cheekbones", "mouth_width", "weight"),
    "nose_length": ("nose_tip_height", "philtrum_length", "face_length"),
    "nose_tip_height": ("nose_length",), "chin_height": ("face_length", "jaw_corner_height"),
    "jaw_width": ("neck_width", "cheek_fullness"),
    "neck_width": ("jaw_width",), "chin_projection": ("lip_projection",), "lip_projection": ("chin_projection",),
    "philtrum_length": ("face_length",), "eye_width": ("eye_opening",),
}  # fmt: skip
"""Trait -> others that a person expects to go along with it: they are not held."""
CARRIED: dict[str, dict[str, float]] = {"face_length": {"nose_length": 0.38, "philtrum_length": 0.10}}
"""Trait -> others that take a share of it: a longer face is longer in each of its thirds."""


class EditingSpace:
    """A head model and its gauges, and what was found about them; kept between the changes of a drag.

    grid_m: differences on this grid (15 nm for the built-in head) are added to float32 coordinates without rounding, so that long
    drags do not drift.
    """

    def __init__(self, model: HeadModel, gauges: Gauges) -> None:
        self.model, self.gauges = model, gauges
        self.grid_m = 2.0 ** (np.ceil(np.log2(REACH * np.abs(model.template).max())) - MANTISSA_BITS)
        self.basis = np.ascontiguousarray(model.identity_basis.reshape(model.num_identity, -1), np.float32)
        faces = model.faces[model.face_parts == 0]
        self._sample = np.unique(faces[faces >= 0])[::SAMPLE_STEP]
        sampled = model.identity_basis[:, self._sample].astype(np.float32) * 1000
        self._sampled_basis = sampled.reshape(model.num_identity, -1).T.copy()
        self._fields: dict[frozenset[str], np.ndarray] = {}
        self._moving: dict[tuple[str, ...], np.ndarray] = {}
        self._displaced: dict[bytes, np.ndarray] = {}
        self._directions: dict[tuple[str, frozenset[str]], np.ndarray] = {}

    def field(self, locks: Iterable[str]) -> np.ndarray:
        """How far the locks hold each vertex, [V] in [0, 1]."""
        locks = frozenset(locks)
        if locks not in self._fields:
            self._fields[locks] = lock_field(self.model, locks)
        return self._fields[locks]

    def displace(self, code: np.ndarray) -> np.ndarray:
        """Offsets [V, 3] m, float32, of a change of code [K] where nothing is locked. Not to be written to."""
        key = code.tobytes()
        if key not in self._displaced:
            if len(self._displaced) == NUM_REMEMBERED:
                del self._displaced[next(iter(self._displaced))]
            self._displaced[key] = (np.asarray(code, np.float32) @ self.basis).reshape(-1, 3)
        return self._displaced[key]

    def motion_form(self, weights: np.ndarray) -> np.ndarray:
        """Quadratic form [K, K] of code changes: their weighted mean square motion in mm^2; weights [V]."""
        share = np.repeat(weights[self._sample], 3)
        rows = np.flatnonzero(share > 1e-3)
        if not len(rows):
            return np.zeros((self.model.num_identity,) * 2)
        weighted = self._sampled_basis[rows] * np.sqrt(share[rows])[:, None]
        return (weighted.T @ weighted).astype(np.float64) * 3 / share.sum()

    def is_held(self, name: str, locks: Collection[str]) -> bool:
        """Whether locks hold what a measured trait is measured between, so that it cannot be changed."""
        t = NAMES.index(name)
        if not locks or t < NUM_PERSON:
            return False
        free, left = (np.linalg.norm(self._unlocked_response(t, frozenset(some))) for some in ((), locks))
        return TRAITS[t].place in locks or bool(left < LEAST_FREE * free)

    def direction(self, name: str, locks: Collection[str] = ()) -> np.ndarray:
        """The change of code [K] that one unit of a trait is, under locks that do not hold it."""
        key = (name, frozenset(locks))
        if key not in self._directions:
            self._directions[key] = self._solve(NAMES.index(name), key[1])
        return self._directions[key]

    def response(self, name: str, locks: Collection[str] = ()) -> np.ndarray:
        """What each axis of the code does to a trait [K], in its unit: of the person's code, and of the mesh under locks."""
        t = NAMES.index(name)
        return self.gauges.weights[:, t] if t < NUM_PERSON else self._unlocked_response(t, frozenset(locks))

    def _solve(self, t: int, locks: frozenset[str]) -> np.ndarray:
        form = np.eye(self.model.num_identity) + self.lock_form(locks)
        return self._person_code(t, form) if t < NUM_PERSON else self._measure_code(t, form, locks)

    def lock_form(self, locks: frozenset[str]) -> np.ndarray:
        """What motion of locked vertices costs a change of code, [K, K]."""
        return self.motion_form(self.field(locks)) / LOCKED_MM**2 if locks else np.zeros((self.model.num_identity,) * 2)

    def _person_code(self, t: int, form: np.ndarray) -> np.ndarray:
        """Least change with this score 1 and the others, and ancestry's shares, 0."""
        scores, start = self.person_scores(), np.zeros(len(form))
        if self.gauges.person_codes is not None:
            beside = self.motion_form(np.ones(len(self.model.template))) / OUTSIDE_MM**2
            form = form + beside
            start = np.linalg.solve(form, self.gauges.person_codes[:, t] + beside @ self.gauges.person_codes[:, t])
        towards = np.linalg.solve(form, scores)
        wanted = np.eye(scores.shape[1])[t] * np.linalg.norm(self.gauges.weights[:, t]) ** -1
        code: np.ndarray = start + towards @ (np.linalg.pinv(scores.T @ towards, rcond=1e-6) @ (wanted - scores.T @ start))
        return code / (code @ self.gauges.weights[:, t])

    def person_scores(self) -> np.ndarray:
        """Unit codes [K, 6] along sex, age, weight and ancestry's shares (which sum to 1: one of the six says nothing new)."""
        scores = np.column_stack([self.gauges.weights[:, :NUM_PERSON], self.gauges.ancestry_weights])
        return scores / np.maximum(np.linalg.norm(scores, axis=0), LEAST_DEVIATION)

    def _measure_code(self, t: int, form: np.ndarray, locks: frozenset[str]) -> np.ndarray:
        trait = TRAITS[t]
        deviations = np.maximum(np.linalg.norm(self.gauges.weights, axis=0), LEAST_DEVIATION)
        held = [i for i, name in enumerate(NAMES) if i != t and name not in ALONG.get(trait.name, ())]
        scores = self.gauges.weights[:, held] / deviations[held]
        form = form + HOLD**2 * scores @ scores.T
        places = OWN_PLACES.get(trait.name, PLACES.get(trait.group, ()))
        if places:
            form = form + self.motion_form(self._outside(places)) * (1 / OUTSIDE_MM**2)
        goals = {trait.name: 1.0}
        goals |= {name: share for name, share in CARRIED.get(trait.name, {}).items() if not self.is_held(name, locks)}
        responses = np.stack([self._unlocked_response(NAMES.index(name), locks) for name in goals], 1)
        towards = np.linalg.solve(form, responses)
        return towards @ np.linalg.solve(responses.T @ towards, np.array(list(goals.values())))

    def _unlocked_response(self, t: int, locks: frozenset[str]) -> np.ndarray:
        """What each axis of the code does to a measured trait on the mesh, [K] mm, under locks."""
        if not locks:
            return self.gauges.weights[:, t]
        m = t - NUM_PERSON
        rows = self.gauges.rows[m]
        weights = self.gauges.coefficients[m] * (1 - self.field(locks)[rows])[:, None]
        return np.einsum("nc,knc->k", weights, self.model.identity_basis[:, rows].astype(np.float64))

    def _outside(self, places: tuple[str, ...]) -> np.ndarray:
        if places not in self._moving:
            near = nearness(self.model, region_rows(self.model, places), PLACE_FADE_M, PLACE_FLAT_M)
            self._moving[places] = 1 - near
        return self._moving[places]


@lru_cache(maxsize=3)
def open_space(name: str = EMBEDDED) -> EditingSpace:
    """Of a head model (library.get_model's name) on the mesh that its heads wear; loaded once a process. Raises ModelError."""
    model = get_model(name)
    if model.worn is not None:
        return EditingSpace(model.worn, load_traits_of(name))
    gauges = load_gauges()
    if model.topology != gauges.topology:
        raise ModelError("The head model and its table of measures are of different versions: reinstall the extension.")
    return EditingSpace(model, gauges.of_model(model))


def load_traits_of(name: str) -> Gauges:
    """The table of a FLAME file that is made ready. Raises ModelError."""
    from ..flame.head_file import load_flame_gauges

    return load_flame_gauges(place_of(Path(name)))
