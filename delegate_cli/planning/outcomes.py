"""Tables of outcomes: which agent did which task, how well, and what it cost. From a long or a wide table to arrays.

Long: a line for each piece of work, with `task`, `agent`, `success` or `score`; where known `cost` (USD), `seconds`, `family`.
Wide: a line for each task and a column of successes for each agent; `cost:AGENT` and `seconds:AGENT` may stand beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from delegate_cli.errors import TableError
from delegate_cli.tables.read import read_table
from delegate_cli.tables.table import Table, as_number, shown

Floats = NDArray[np.float64]
TEXTS = ("prompt", "question", "query", "text", "task")  # what the column with the task may be called, first come first
FAMILIES = ("family", "task_name", "category", "task")  # the same for what sort of task it is
DOERS = ("agent", "model")  # what the column of a long table with who did it may be called
COST, SECONDS = "cost:", "seconds:"
PER_CALL, PER_1K, PER_1M, NO_USD = "call", "1k", "1m", "other"  # what prices are for


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of tasks.

    Attributes:
        tasks: the texts, each once.
        agents: ids or names, sorted.
        success: shape (tasks, agents), in [0, 1]; NaN where an agent did not do a task.
        cost: the same in USD, NaN where not known; None where nothing is.
        seconds: the same in seconds.
        families: what sort of task each is, where the table says it.
        per: what the costs are for: PER_CALL, or PER_1K tokens.
    """

    tasks: tuple[str, ...]
    agents: tuple[str, ...]
    success: Floats
    cost: Floats | None = None
    seconds: Floats | None = None
    families: tuple[str, ...] | None = None
    per: str = PER_CALL

    def __len__(self) -> int:
        return len(self.tasks)

    @property
    def complete(self) -> bool:
        """Whether every agent did every task."""
        return not bool(np.isnan(self.success).any())

    def rows(self, chosen: NDArray[np.int64]) -> "Outcomes":
        """Some of the tasks."""
        return Outcomes(
            tuple(self.tasks[row] for row in chosen),
            self.agents,
            self.success[chosen],
            None if self.cost is None else self.cost[chosen],
            None if self.seconds is None else self.seconds[chosen],
            None if self.families is None else tuple(self.families[row] for row in chosen),
            self.per,
        )


def read_outcomes(path: str | Path, field: str | None = None, repeats: bool = False) -> Outcomes:
    """Outcomes from a CSV or Parquet file.

    Args:
        field: the column with the text of the task, where it has no usual name (TEXTS).
        repeats: take the mean where a task (in a long table: with the same agent) stands more than once.

    Raises:
        TableError: the file is no such table, or a value makes no sense; the message names line and column.
    """
    return outcomes_of(read_table(path), field, repeats)


def outcomes_of(table: Table, field: str | None = None, repeats: bool = False) -> Outcomes:
    """The same from a table in memory."""
    if field is not None:
        table.require(field)
    text = field or next((name for name in TEXTS if name in table.columns), None)
    if text is None:
        raise table.error(None, None, "no column holds the tasks", f"call it {' or '.join(TEXTS)}, or name it with --field")
    doer = next((name for name in DOERS if name in table.columns), None)
    long = doer is not None and ("success" in table.columns or "score" in table.columns)
    found = _long(table, text, doer, repeats) if doer is not None and long else _wide(table, text, repeats)
    nothing = np.isnan(found.success).all(axis=1)
    if nothing.any():
        row = table.texts(text).index(found.tasks[int(np.argmax(nothing))])
        raise table.error(row, None, "no agent has an outcome for this task", "fill one in, or remove the line")
    for place, agent in enumerate(found.agents):
        if np.isnan(found.success[:, place]).all():
            raise table.error(None, agent, "this agent has no outcome at all", "fill some in, or remove it")
    return found


def _family(table: Table, text: str) -> str | None:
    return next((name for name in FAMILIES if name in table.columns and name != text), None)


def _long(table: Table, text: str, doer: str, repeats: bool) -> Outcomes:
    if not repeats:
        table.distinct(text, doer)
    measure = "success" if "success" in table.columns else "score"
    texts, doers = table.texts(text), table.texts(doer)
    tasks, agents = tuple(dict.fromkeys(texts)), tuple(sorted(set(doers)))
    task_at, agent_at = ({name: place for place, name in enumerate(names)} for names in (tasks, agents))
    rows = np.array([task_at[each] for each in texts])
    columns = np.array([agent_at[each] for each in doers])

    def grid(values: Floats) -> Floats:
        return _means(rows, columns, values, (len(tasks), len(agents)))

    family = _family(table, text)
    first = dict(zip(reversed(texts), reversed(table.texts(family)), strict=True)) if family else {}
    return Outcomes(
        tasks,
        agents,
        grid(table.numbers(measure, 0, 1)),
        grid(table.numbers("cost", 0, holes=True)) if "cost" in table.columns else None,
        grid(table.numbers("seconds", 0, holes=True)) if "seconds" in table.columns else None,
        tuple(first[task] for task in tasks) if family else None,
    )


def _wide(table: Table, text: str, repeats: bool) -> Outcomes:
    if not repeats:
        table.distinct(text)
    family = _family(table, text)
    aside = (text, family, "")  # a first column without a name counts the lines, and is nobody
    agents = sorted(name for name in table.columns if name not in aside and not name.startswith((COST, SECONDS)))
    if not agents:
        fix = "add one of successes for each agent, or the columns agent and success"
        raise table.error(None, None, "there is no column of outcomes", fix)
    for name in table.columns:
        agent = name.partition(":")[2] if name.startswith((COST, SECONDS)) else None
        if agent is not None and agent not in agents:
            raise table.error(None, name, f"there is no column {shown(agent)} that it belongs to", "add it, or remove this one")
    for agent in agents:
        _check_outcomes(table, agent)
    texts = table.texts(text)
    tasks = tuple(dict.fromkeys(texts))
    at = {name: place for place, name in enumerate(tasks)}
    rows = np.array([at[each] for each in texts])

    def grid(prefix: str, high: float) -> Floats | None:
        if prefix and not any(prefix + agent in table.columns for agent in agents):
            return None
        values = np.full((len(tasks), len(agents)), np.nan)
        for place, agent in enumerate(agents):
            if prefix + agent in table.columns:
                column = table.numbers(prefix + agent, 0, high, holes=True)
                values[:, place] = _means(rows, np.zeros_like(rows), column, (len(tasks), 1))[:, 0]
        return values

    success = grid("", 1)
    assert success is not None
    first = dict(zip(reversed(texts), reversed(table.texts(family)), strict=True)) if family else {}
    families = tuple(first[task] for task in tasks) if family else None
    return Outcomes(tasks, tuple(agents), success, grid(COST, np.inf), grid(SECONDS, np.inf), families)


def _check_outcomes(table: Table, agent: str) -> None:
    """Raise a TableError, which says what else the column may be, where most of it is no outcome."""
    cells = table.columns[agent]
    odd = [row for row, cell in enumerate(cells) if (value := as_number(cell)) is None or value < 0 or value > 1]
    if 2 * len(odd) > len(cells):
        kind = "not a number" if as_number(cells[odd[0]]) is None else "not between 0 and 1"
        what = f"{shown(str(cells[odd[0]]))} is {kind}, and each column is taken for an agent's outcomes"
        fix = "remove the column if it is no agent; a long table has the columns task, agent and success"
        raise table.error(odd[0], agent, what, fix)


def _means(rows: NDArray[np.int64], columns: NDArray[np.int64], values: Floats, shape: tuple[int, int]) -> Floats:
    """Mean of the values in each cell, NaN where there is none."""
    known = ~np.isnan(values)
    total, count = np.zeros(shape), np.zeros(shape)
    np.add.at(total, (rows[known], columns[known]), values[known])
    np.add.at(count, (rows[known], columns[known]), 1)
    with np.errstate(invalid="ignore"):
        means: Floats = total / count
    return means


def require_choice(outcomes: Outcomes, path: str) -> None:
    """Raise a TableError unless agents can be compared: at least two, each of whom did every task."""
    if len(outcomes.agents) < 2:
        raise TableError(
            f"{path}: there is one agent only, {shown(outcomes.agents[0])}, and nothing to choose",
            "add the outcomes of another",
        )
    if not outcomes.complete:
        row, column = np.argwhere(np.isnan(outcomes.success))[0]
        where = f"{shown(outcomes.agents[column])} has no outcome for {shown(outcomes.tasks[row])}"
        raise TableError(f"{path}: {where}", "agents are compared on tasks that all did: fill it in, or remove the task")


def read_prices(path: str | Path, agents: Sequence[str]) -> Floats:
    """Price of one call of each agent, from a table with the columns `agent` (or `model`) and `price`; any one unit.

    Raises:
        TableError: an agent is missing, stands twice, or its price is no number of at least 0.
    """
    table = read_table(path)
    name = "model" if "model" in table.columns and "agent" not in table.columns else "agent"
    table.require(name, "price")
    table.distinct(name)
    known = dict(zip(table.texts(name), table.numbers("price", 0).tolist(), strict=True))
    for agent in agents:
        if agent not in known:
            raise table.error(None, None, f"there is no price of {shown(agent)}", "add a line for it")
    return np.array([known[agent] for agent in agents])


def priced(outcomes: Outcomes, prices: Floats, per: str = PER_CALL) -> Outcomes:
    """With one price for all calls of an agent, shape (agents,), in the place of the table's costs.

    Args:
        per: what the prices are for; those that are no USD (NO_USD) leave the costs unknown.
    """
    if per == NO_USD:
        return replace(outcomes, cost=None, per=NO_USD)
    thousand = prices / 1000 if per == PER_1M else prices
    cost = np.where(np.isnan(outcomes.success), np.nan, thousand)
    return replace(outcomes, cost=cost, per=PER_CALL if per == PER_CALL else PER_1K)


def mean_prices(outcomes: Outcomes, path: str) -> Floats:
    """Mean cost of each agent in the table, shape (agents,).

    Raises:
        TableError: the table has none, or not of every agent.
    """
    if outcomes.cost is None:
        raise TableError(f"{path}: there is no cost of any agent", "add costs, or give --price FILE")
    for place, agent in enumerate(outcomes.agents):
        if np.isnan(outcomes.cost[:, place]).all():
            raise TableError(f"{path}: there is no cost of {shown(agent)}", "add it, or give --price FILE")
    means: Floats = np.nanmean(outcomes.cost, axis=0)
    return means
