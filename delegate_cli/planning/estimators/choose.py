"""The estimators by name. Fitting some needs a heavy library, which is loaded then; running them needs none."""

from collections.abc import Callable

from delegate_cli.planning.estimators.base import Arrays, Average, Estimator, fit_average
from delegate_cli.planning.estimators.likeness import Likeness, fit_likeness
from delegate_cli.planning.estimators.linear import Linear, fit_factors, fit_ridge
from delegate_cli.planning.estimators.neighbours import Neighbours, fit_neighbours
from delegate_cli.planning.estimators.network import Network
from delegate_cli.planning.estimators.trees import Trees
from delegate_cli.planning.features import Floats, Tasks

Fitter = Callable[[Tasks, Floats], Estimator]
DEFAULT = "likeness"
NAMES = ("average", "likeness", "ridge", "factors", "neighbours", "boosting", "variational")
_KINDS: dict[str, Callable[[Arrays], Estimator]] = {
    "average": Average,
    "likeness": Likeness,
    "ridge": Linear,
    "factors": Linear,
    "neighbours": Neighbours,
    "boosting": Trees,
    "variational": Network,
}


def fitter(name: str) -> Fitter:
    """What fits the estimator of this name, one of NAMES."""
    if name == "boosting":
        from delegate_cli.planning.estimators.boosting import fit_boosting  # scikit-learn: 1 s

        return fit_boosting
    if name == "variational":
        from delegate_cli.planning.estimators.variational import fit_variational  # torch: 3 s

        return fit_variational
    light: dict[str, Fitter] = {
        "average": fit_average,
        "likeness": fit_likeness,
        "ridge": fit_ridge,
        "factors": fit_factors,
        "neighbours": fit_neighbours,
    }
    return light[name]


def restored(name: str, arrays: Arrays) -> Estimator:
    """A fitted estimator from what was kept of it."""
    return _KINDS[name](arrays)
