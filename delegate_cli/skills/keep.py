"""What `delegate skills infer` keeps beside an index: its inputs (SKILLS-HISTORY), and profiles as `route` reads them (SKILLS).

Both are swapped in by one rename, for the owner alone. The profiles say which scores of which agents they were made of, so that
profiles of an edited roster are noticed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from delegate_cli.agents import Roster
from delegate_cli.encoders import Vectors
from delegate_cli.index import sealed, store
from delegate_cli.skills.known import ARRAYS, NAME, Known, digest
from delegate_cli.skills.population import History
from delegate_cli.skills.profile import Estimate, Evaluation
from delegate_cli.skills.scales import Scale
from delegate_cli.skills.tables import Scores
from delegate_cli.skills.team import Team

INPUTS = "SKILLS-HISTORY"
FORMAT = 1  # raise when a key means something else than before


def write(
    folder: Path,
    roster: Roster,
    made: Team,
    history: History | None,
    scores: Scores | None,
    raw: bool,
    vectors: Vectors,
    encoder: str,
) -> None:
    """Replace profiles and inputs, under `store.lock`.

    Args:
        vectors: of the skills' descriptions, in the population's order, by the encoder with this fingerprint.

    Raises:
        IndexUnavailable: they cannot be written; the former ones stay.
    """
    inputs = {
        "raw": raw,
        "history": None if history is None else _history(history),
        "scores": None if scores is None else _scores(scores),
        "scales": {} if scores is None else {skill: _bounds(scale) for skill, scale in scores.scales.items()},
    }
    sealed.write(folder / INPUTS, FORMAT, inputs)
    sealed.replace_file(folder / NAME, known_of(roster, made, vectors, encoder).packed())


def known_of(roster: Roster, made: Team, vectors: Vectors, encoder: str) -> Known:
    """The profiles as `route` reads them."""
    agents = tuple(made.profiles)
    told = [[made.profiles[agent].estimate(at) for at in range(len(made.population.skills))] for agent in agents]
    rows = [[_figures(each) for each in row] for row in told]
    numbers = {name: np.array([[each[name] for each in row] for row in rows], dtype=np.float32) for name in ARRAYS}
    bounded = tuple(scale.bounded for scale in made.population.scales)
    return Known(agents, made.population.skills, bounded, numbers, vectors, encoder, digest(roster))


def read_inputs(folder: Path) -> tuple[History | None, Scores | None, bool] | None:
    """The history, the further evaluations and whether scores were taken raw; None where nothing was inferred.

    Raises:
        Unusable: the record is damaged.
    """
    record = sealed.read(folder / INPUTS, FORMAT)
    if record is None:
        return None
    try:
        history, scores = record["history"], record["scores"]
        return (
            None if history is None else _read_history(history),
            None if scores is None else _read_scores(scores, record.get("scales", {})),
            bool(record["raw"]),
        )
    except (KeyError, TypeError, ValueError):
        raise store.Unusable("it is damaged") from None


def _figures(estimate: Estimate) -> dict[str, float]:
    """By name; trials are -1 for a skill that was inferred, 0 where nobody counted."""
    figures = {name: getattr(estimate, name) for name in ("mean", "std", "low", "high")}
    measured = estimate.evaluation
    if measured is None:
        return {**figures, "score": 0.0, "trials": -1.0}
    return {**figures, "score": measured.score, "trials": min(measured.trials or 0.0, 1e9)}


def _history(history: History) -> dict[str, Any]:
    return {
        "rows": history.rows,
        "skills": history.skills,
        "scores": [[None if math.isnan(value) else value for value in row] for row in history.scores.tolist()],
        "scales": [_bounds(scale) for scale in history.scales],
        "families": history.families,
    }


def _read_history(record: Mapping[str, Any]) -> History:
    scales = [_scale(bounds) for bounds in record["scales"]]
    rows: Sequence[str] = record["rows"]
    scores = np.array([[math.nan if value is None else value for value in row] for row in record["scores"]], dtype=np.float64)
    return History.of(rows, record["skills"], scores.reshape(len(rows), len(scales)), scales, record["families"])


def _scores(scores: Scores) -> dict[str, Any]:
    return {agent: {skill: asdict(each) for skill, each in found.items()} for agent, found in scores.by_agent.items()}


def _bounds(scale: Scale) -> list[float | None] | None:
    return [scale.low, scale.high] if scale.bounded else None


def _scale(bounds: Sequence[float] | None) -> Scale:
    return Scale() if bounds is None else Scale(bounds[0], bounds[1])


def _read_scores(record: Mapping[str, Any], scales: Mapping[str, Sequence[float] | None]) -> Scores:
    found = {agent: {skill: Evaluation(**each) for skill, each in skills.items()} for agent, skills in record.items()}
    return Scores(
        found,
        tuple(sorted({skill for each in found.values() for skill in each})),
        {},
        {name: _scale(each) for name, each in scales.items()},
    )
