"""An environment to learn delegating in, with the interface of Gymnasium and without needing it: a request comes in, an action
says whether it is split, who gets it, and how deep to go; what is wanted and done earns, every call costs.

Who works how well comes from `running.cases`: a simulation, or runs that were recorded. Nothing is called.

Actions, a whole number: 0 … ranks − 1 give what is at hand (the request, then each part) to that place of its shortlist, or to
another one where an answer is there already; then SPLIT, CRITIQUE (a second look, that may be wrong) and ACCEPT.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from delegate_cli.errors import UsageError
from delegate_cli.running.cases import Case, Stretch

Floats = np.ndarray[Any, np.dtype[np.float32]]
_FACTS = 8  # of an observation, beside four for each rank


@dataclass(frozen=True, slots=True)
class Discrete:
    """Whole numbers from 0 to n − 1."""

    n: int

    def contains(self, value: object) -> bool:
        return isinstance(value, int | np.integer) and not isinstance(value, bool) and 0 <= int(value) < self.n

    def sample(self, chance: np.random.Generator) -> int:
        return int(chance.integers(self.n))


@dataclass(frozen=True, slots=True)
class Box:
    """Vectors of float32 with every number between low and high."""

    low: float
    high: float
    shape: tuple[int, ...]

    def contains(self, value: object) -> bool:
        fits = isinstance(value, np.ndarray) and value.shape == self.shape and value.dtype == np.float32
        return bool(fits and np.all((value >= self.low) & (value <= self.high)))  # type: ignore[operator]


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts and what it costs. Rewards: 1 for all that is wanted, less `price` for every USD.

    Attributes:
        critique_usd, found, alarmed: the price of a second look, how often it finds what is wrong, and how often it doubts what
            is right.
        split_usd: for splitting and putting together, in all.
        useless: what an action costs that changes nothing.
        most: actions in an episode, after which it is cut off.
    """

    ranks: int = 3
    price: float = 2.0
    critique_usd: float = 0.005
    found: float = 0.7
    alarmed: float = 0.1
    split_usd: float = 0.005
    useless: float = 0.02
    most: int = 40


class Env:
    """One request an episode. Deterministic: the same seed and the same actions give the same rewards.

    An observation is a vector of float32, between −1 and 1: whether it may still be split, whether an answer is there, what the
    critique said (−1, 0, 1), how far along it is, the probability of the likeliest cut, clauses, parts and actions so far; then
    for each rank probability, price, rate of earlier work, and whether it was tried. What an agent really can is not in it.

    Args:
        cases: what episodes are drawn from.
    """

    def __init__(self, cases: Sequence[Case], rules: Rules = Rules()) -> None:
        self.cases = [each for each in cases if each.whole is not None or each.parts]
        if not self.cases:
            raise UsageError("there is nothing to learn on", "give at least one case that was done whole or in parts")
        self.rules = rules
        self.split, self.critique, self.accept = range(rules.ranks, rules.ranks + 3)
        self.action_space = Discrete(rules.ranks + 3)
        self.observation_space = Box(-1.0, 1.0, (_FACTS + 4 * rules.ranks,))
        self._chance = np.random.default_rng()
        self._over = True
        self._tried: set[int] = set()
        self._answer: str | None = None
        self._verdict = 0

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[Floats, dict[str, Any]]:
        """Begin an episode; `options={"case": n}` names the case.

        Raises:
            UsageError: there is no such case.
        """
        if seed is not None:
            self._chance = np.random.default_rng(seed)
        number = (options or {}).get("case")
        if number is None:
            number = int(self._chance.integers(len(self.cases)))
        if not 0 <= number < len(self.cases):
            raise UsageError(f"there is no case {number}", f"name one below {len(self.cases)}")
        self.case = self.cases[number]
        known = [each for each in (self.case.whole, *self.case.parts) if each is not None]
        agents = sorted({agent for each in known for agent, _ in each.chances})
        # drawn before anything is done, so that two ways of working meet the same luck
        luck = self._chance.random((len(agents), self.case.goals))
        self._luck = {(agent, goal): luck[row, goal] for row, agent in enumerate(agents) for goal in range(self.case.goals)}
        self._doubts = self._chance.random(self.rules.most)
        self._pending = list(self.case.parts) if self.case.whole is None else [self.case.whole]
        self._place, self._steps, self._over = 0, 0, False
        self._open = self.case.whole is not None  # whether it may still be split
        self._undone = [False] * self.case.goals
        self._usd = 0.0
        self._clear()
        return self._observe(), self._info()

    def step(self, action: int) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Observation, reward, whether it ended, whether it was cut off, and facts (`mask`, `usd`, `quality` at the end).

        Raises:
            UsageError: the episode is over or was never begun, or there is no such action.
        """
        if self._over:
            raise UsageError("the episode is over", "call reset first")
        if not self.action_space.contains(action):
            raise UsageError(f"there is no action {action!r}", f"use a whole number below {self.action_space.n}")
        number = int(action)
        self._steps += 1
        reward = -self.rules.useless
        if self.mask[number]:
            before = self._usd
            self._act(number)
            reward = -self.rules.price * (self._usd - before)
        ended = self._place == len(self._pending)
        late = not ended and self._steps >= self.rules.most
        self._over = ended or late
        if ended:
            reward += self.quality
        return self._observe(), float(reward), ended, late, self._info()

    @property
    def mask(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which actions change anything now."""
        found = np.zeros(self.action_space.n, dtype=bool)
        if self._place < len(self._pending):
            for rank in range(min(self.rules.ranks, len(self._at.choices))):
                found[rank] = rank not in self._tried
            found[self.split] = self._open and bool(self.case.parts)
            found[self.critique] = self._answer is not None and not self._verdict
            found[self.accept] = self._answer is not None
        return found

    @property
    def quality(self) -> float:
        """The share of what is wanted that is done; what no part covers is not."""
        covered = {goal for each in self._pending for goal in each.goals}
        return sum(goal in covered and not self._undone[goal] for goal in range(self.case.goals)) / self.case.goals

    @property
    def _at(self) -> Stretch:
        return self._pending[min(self._place, len(self._pending) - 1)]

    def _act(self, action: int) -> None:
        if action < self.rules.ranks:
            choice = self._at.choices[action]
            self._tried.add(action)
            self._answer, self._verdict, self._open = choice.agent, 0, False
            self._usd += choice.usd
        elif action == self.split:
            self._pending, self._open = list(self.case.parts), False
            self._usd += self.rules.split_usd
        elif action == self.critique:
            self._usd += self.rules.critique_usd
            right = all(self._does(goal) for goal in self._at.goals)
            doubts = self._doubts[self._steps - 1] < (self.rules.alarmed if right else self.rules.found)
            self._verdict = -1 if doubts else 1
        else:
            for goal in self._at.goals:
                self._undone[goal] |= not self._does(goal)
            self._place += 1
            self._clear()

    def _does(self, goal: int) -> bool:
        """Whether the answer at hand does what is wanted."""
        assert self._answer is not None
        return bool(self._luck[self._answer, goal] < self._at.chances[self._answer, goal])

    def _clear(self) -> None:
        self._tried, self._answer, self._verdict = set(), None, 0

    def _observe(self) -> Floats:
        case, rules, over = self.case, self.rules, self._place == len(self._pending)
        facts = [
            float(self._open and bool(case.parts)),
            float(self._answer is not None),
            float(self._verdict),
            self._place / len(self._pending),
            case.cut,
            min(1.0, math.log1p(case.clauses) / 3),
            min(1.0, len(case.parts) / 8),
            min(1.0, self._steps / rules.most),
        ]
        for rank in range(rules.ranks):
            known = not over and rank < len(self._at.choices)
            each = self._at.choices[rank] if known else None
            price = 0.0 if each is None else min(1.0, rules.price * each.usd * 5)
            facts += [0.0, 0.0, 0.0] if each is None else [each.probability, price, each.rate]
            facts.append(float(rank in self._tried))
        return np.clip(np.array(facts, dtype=np.float32), -1.0, 1.0)

    def _info(self) -> dict[str, Any]:
        info: dict[str, Any] = {"mask": self.mask, "usd": self._usd}
        return info | {"quality": self.quality} if self._over and self._place == len(self._pending) else info
