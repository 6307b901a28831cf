"""A policy for `running.env`, learnt by REINFORCE (Williams 1992) in numpy: one hidden layer, actions that change nothing left
out, the mean of the same case's other episodes as baseline."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from delegate_cli.running.env import Env, Floats

_HIDDEN = 32
_BETAS = (0.9, 0.999)  # of Adam


class Acting(Protocol):
    """A way of choosing actions."""

    def act(self, observation: Floats, mask: Any) -> int:
        """One of those that change something."""
        ...


@dataclass(slots=True)
class Policy:
    """Weights of the two layers: (observation + 1, hidden) and (hidden + 1, actions)."""

    first: Any
    second: Any

    @classmethod
    def new(cls, env: Env, seed: int) -> "Policy":
        chance = np.random.default_rng(seed)
        size = env.observation_space.shape[0] + 1
        first = chance.normal(0.0, size**-0.5, (size, _HIDDEN))
        return cls(first, np.zeros((_HIDDEN + 1, env.action_space.n)))

    def chances(self, observation: Floats, mask: Any) -> tuple[Any, Any, Any]:
        """Probabilities of actions, and what both layers saw."""
        seen = np.append(observation, 1.0)
        hidden = np.append(np.tanh(seen @ self.first), 1.0)
        logits = np.where(mask, hidden @ self.second, -np.inf)
        weights = np.exp(logits - logits.max())
        return weights / weights.sum(), hidden, seen

    def act(self, observation: Floats, mask: Any) -> int:
        """The likeliest action."""
        return int(self.chances(observation, mask)[0].argmax())


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long to learn: `rounds` of `requests` requests, each done `times` times over; `entropy` falls to none."""

    rounds: int = 600
    requests: int = 16
    times: int = 4
    rate: float = 0.01
    entropy: float = 0.1


def learn(env: Env, seed: int, schedule: Schedule = Schedule()) -> Policy:
    """A policy after so many episodes; the same for the same seed."""
    chance, policy = np.random.default_rng(seed), Policy.new(env, seed)
    moments = [(np.zeros_like(each), np.zeros_like(each)) for each in (policy.first, policy.second)]
    for turn in range(1, schedule.rounds + 1):
        gradients = [np.zeros_like(policy.first), np.zeros_like(policy.second)]
        entropy = schedule.entropy * (1 - turn / schedule.rounds)
        for _ in range(schedule.requests):
            start = {"seed": int(chance.integers(2**31)), "options": {"case": int(chance.integers(len(env.cases)))}}
            runs = [_episode(env, policy, chance, start) for _ in range(schedule.times)]
            mean = float(np.mean([total for _, total in runs]))
            for steps, total in runs:
                for step in steps:
                    _add(gradients, policy, step, total - mean, entropy)
        rate = schedule.rate * (1 - 0.9 * turn / schedule.rounds)
        for weights, gradient, (one, two) in zip((policy.first, policy.second), gradients, moments, strict=True):
            gradient /= schedule.requests * schedule.times
            one += (1 - _BETAS[0]) * (gradient - one)
            two += (1 - _BETAS[1]) * (gradient**2 - two)
            whole = np.sqrt(two / (1 - _BETAS[1] ** turn)) + 1e-8
            weights += rate * (one / (1 - _BETAS[0] ** turn)) / whole
    return policy


def _episode(env: Env, policy: Policy, chance: np.random.Generator, start: dict[str, Any]) -> tuple[list[Any], float]:
    observation, info = env.reset(**start)
    steps, total, over = [], 0.0, False
    while not over:
        probability, hidden, seen = policy.chances(observation, info["mask"])
        action = int(np.searchsorted(np.cumsum(probability), chance.random() * (1 - 1e-9)))
        steps.append((probability, hidden, seen, action))
        observation, reward, ended, late, info = env.step(action)
        total, over = total + reward, ended or late
    return steps, total


def _add(gradients: list[Any], policy: Policy, step: Any, advantage: float, entropy: float) -> None:
    """One step's part of the gradient of expected reward and entropy."""
    probability, hidden, seen, action = step
    inside = np.zeros_like(probability)
    used = probability > 0
    logs = np.log(probability[used])
    inside[used] = -entropy * probability[used] * (logs - (probability[used] * logs).sum())
    inside -= advantage * probability
    inside[action] += advantage
    gradients[1] += np.outer(hidden, inside)
    gradients[0] += np.outer(seen, (policy.second[:-1] @ inside) * (1 - hidden[:-1] ** 2))
