"""A small variational encoder of the task whose code also says who succeeds. Fitting is a home of torch.

The code is Gaussian (Kingma & Welling 2014); it is trained to give back the task's vector and form and each agent's success.
What is kept of it is the mean of the code and the head on it, which numpy runs.
"""

import numpy as np
import torch

from delegate_cli.planning.estimators.base import joined, rates
from delegate_cli.planning.estimators.network import Network
from delegate_cli.planning.features import Floats, Tasks
from delegate_cli.planning.kernel import scale

HIDDEN, CODE = 64, 16
STEPS, BATCH = 600, 256
RECONSTRUCTION, DIVERGENCE = 0.3, 0.02  # weights beside the likelihood of success
DECAY = 0.02


class _Coder(torch.nn.Module):  # type: ignore[misc]
    def __init__(self, inputs: int, agents: int) -> None:
        super().__init__()
        self.first = torch.nn.Linear(inputs, HIDDEN)
        self.mean = torch.nn.Linear(HIDDEN, CODE)
        self.spread = torch.nn.Linear(HIDDEN, CODE)
        self.back = torch.nn.Sequential(torch.nn.Linear(CODE, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, inputs))
        self.head = torch.nn.Linear(CODE, agents)

    def loss(self, batch: torch.Tensor, target: torch.Tensor, known: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.first(batch))
        mean, spread = self.mean(hidden), self.spread(hidden).clamp(-6, 2)
        code = mean + torch.randn_like(mean) * torch.exp(spread / 2)
        logits = self.head(code) + offset
        each = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
        likelihood = (each * known).sum() / known.sum().clamp(min=1)
        given_back = ((self.back(code) - batch) ** 2).sum(1).mean()
        divergence = 0.5 * (mean**2 + spread.exp() - 1 - spread).sum(1).mean()
        return likelihood + RECONSTRUCTION * given_back + DIVERGENCE * divergence


def fit_variational(tasks: Tasks, success: Floats) -> Network:
    """The same seed gives the same network on the same machine."""
    middle, width = scale(tasks.forms)
    own = np.clip(rates(success), 0.01, 0.99)
    known = ~np.isnan(success)
    inputs, target, mask, offset = (
        torch.tensor(np.asarray(array, dtype=np.float32))
        for array in (joined(tasks, middle, width), np.where(known, success, 0), known, np.log(own / (1 - own)))
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = _Coder(inputs.shape[1], success.shape[1])
        step = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=DECAY)
        for _ in range(STEPS):
            rows = torch.randint(len(inputs), (min(BATCH, len(inputs)),))
            step.zero_grad()
            model.loss(inputs[rows], target[rows], mask[rows], offset).backward()
            step.step()
    arrays = {"middle": middle, "width": width, "offset": offset.double().numpy()}
    for name in ("first", "mean", "head"):
        layer = getattr(model, name)
        arrays[f"{name}_weight"] = layer.weight.detach().double().numpy()
        arrays[f"{name}_bias"] = layer.bias.detach().double().numpy()
    return Network(arrays)
