"""The environment of `running.env` as one of Gymnasium's own, for libraries that ask for that. Nothing else needs Gymnasium."""

from typing import Any

import numpy as np

from delegate_cli.errors import UsageError
from delegate_cli.running.env import Env

try:
    import gymnasium
except ImportError as error:
    raise UsageError(f"{error.name} is not installed", "run: pip install gymnasium, or use delegate_cli.running.env") from None


class GymEnv(gymnasium.Env[Any, Any]):
    """The same episodes, spaces and rewards. `step` takes only whole numbers of `action_space`, as there."""

    metadata = {"render_modes": []}  # noqa: RUF012  # as Gymnasium has it

    def __init__(self, env: Env) -> None:
        self.env = env
        box = env.observation_space
        self.action_space = gymnasium.spaces.Discrete(env.action_space.n)
        self.observation_space = gymnasium.spaces.Box(box.low, box.high, box.shape, np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode."""
        super().reset(seed=seed)
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take an action."""
        return self.env.step(int(action))
