"""Ways of working as data: a YAML file → operators with calls, cost and gain by depth, and what is assumed.

A mistake is an error that names file, line and the nearest key. Knows nothing of agents' texts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from delegate_cli.agents import Kind
from delegate_cli.errors import RosterError, SettingsError
from delegate_cli.planning.formulas import Formula, FormulaError, constant, parse
from delegate_cli.planning.gains import FORMULA, MODELS, UNIT, Limits
from delegate_cli.roster import document
from delegate_cli.roster.document import Source
from delegate_cli.roster.readers import Field, one_of, read_fields, text, truth, whole

BUILTIN = Path(__file__).with_name("operators.yaml")
MAX_DEPTH = 64
MAX_CALLS = 10_000.0
MAX_OPERATORS = 50
MAX_DEPTHS = 12  # of one operator
MAX_BYTES = 1 << 20
_TRIED = (0.0, 0.5, 1.0)  # difficulties and successes at which formulas must have a value


@dataclass(frozen=True, slots=True)
class Range:
    """An assumed figure: the expected value between a cautious and a hopeful one, in either order."""

    cautious: float
    value: float
    hopeful: float

    @property
    def sides(self) -> tuple[float, float, float]:
        return self.cautious, self.value, self.hopeful

    @property
    def bounds(self) -> tuple[float, float]:
        return min(self.cautious, self.hopeful), max(self.cautious, self.hopeful)


@dataclass(frozen=True, slots=True)
class Gain:
    """What an operator does to success: a model with its parameters, or a formula of s, n and d; `source`: who measured it."""

    model: str = "none"
    parameters: Mapping[str, Range] = field(default_factory=dict)
    formula: Formula | None = None
    source: str | None = None

    @property
    def assumed(self) -> bool:
        """Whether it changes success by figures that nobody is said to have measured."""
        return self.model != "none" and self.source is None

    def success(self, s: float, n: int, d: float, side: int = 1) -> float:
        """Success of the whole at depth n, from that of one call; `side` 0 is cautious, 1 expected, 2 hopeful."""
        if self.formula is not None:
            return min(max(self.formula(s=s, n=n, d=d), 0.0), 1.0)
        chosen = {name: range_.sides[side] for name, range_ in self.parameters.items()}
        return min(max(MODELS[self.model].success(s, n, **chosen), 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class Operator:
    """One way of working.

    Attributes:
        kinds: of agents that can work so.
        depth: formulas of the difficulty d in [0, 1]; each is a plan of its own.
        calls, rounds: of the depth n and d; rounds come one after the other, calls of a round together.
        work: price and time of a call in those of a direct one.
        clauses: whether the depth is at most the number of the task's clauses.
    """

    name: str
    kinds: frozenset[Kind] = frozenset(Kind)
    depth: tuple[Formula, ...] = (constant(1),)
    calls: Formula = field(default_factory=lambda: constant(1))
    rounds: Formula = field(default_factory=lambda: constant(1))
    work: Formula = field(default_factory=lambda: constant(1))
    gain: Gain = Gain()
    clauses: bool = False

    def depths(self, difficulty: float, clauses: int) -> tuple[int, ...]:
        """How deep it may go for a task of this difficulty, ascending."""
        found = {min(max(round(each(d=difficulty)), 1), MAX_DEPTH) for each in self.depth}
        return tuple(sorted(each for each in found if not self.clauses or each <= clauses))


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is taken where nothing is known: success of one direct call by kind, tokens, and how latencies vary."""

    success: Mapping[Kind, Range]
    prompt_tokens: Range
    answer_tokens: Range
    latency: Range


@dataclass(frozen=True, slots=True)
class Operators:
    """All ways of working, by name, and the assumptions."""

    operators: tuple[Operator, ...]
    assumptions: Assumptions


def load_operators(path: str | Path | None = None) -> Operators:
    """The package's own operators, with those of a file.

    Raises:
        SettingsError: the file cannot be read, or has a mistake; the message names file and line.
    """
    own = _read(BUILTIN)
    given: dict[str, Any] = {} if path is None else _read(Path(path))
    named = {} if given.get("builtin") is False else {each.name: each for each in own["operators"]}
    named |= {each.name: each for each in given.get("operators", ())}
    if not named:
        raise SettingsError(f"{path}: there is no operator", "add one, or leave out `builtin: false`")
    known = own["assumptions"] | given.get("assumptions", {})
    success = own["assumptions"]["success"] | given.get("assumptions", {}).get("success", {})
    assumed = Assumptions(
        {Kind(kind): value for kind, value in success.items()},
        *(known[name] for name in ("prompt_tokens", "answer_tokens", "latency")),
    )
    return Operators(tuple(sorted(named.values(), key=lambda each: each.name)), assumed)


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.is_dir():
            raise SettingsError(f"{path} is a folder", "name a file of operators")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError(f"cannot read {path}: {reason}", "check the path") from None
    if len(data) > MAX_BYTES:
        raise SettingsError(f"{path} is larger than 1 MiB", "a file of operators is a few lines each")
    source = Source(path.name if path == BUILTIN else str(path))
    try:
        root = document.compose(data, source)
        if root is None:
            raise source.error("the file is empty", None, "add `operators:`, or leave out --operators")
        return read_fields(root, source, "the file", FILE)
    except RosterError as error:
        raise SettingsError(error.message, error.fix) from None


def _range(low: float, high: float) -> Any:
    return partial(_read_range, limits=(low, high))


def _read_range(node: yaml.Node, source: Source, what: str, limits: Limits) -> Range:
    """A number, or three."""
    nodes = [node] * 3
    if isinstance(node, yaml.SequenceNode):
        nodes = document.sequence(node, source, what)
        if len(nodes) != 3:
            raise source.error(f"{what} has {len(nodes)} numbers", node, "write one, or three: cautious, expected, hopeful")
    values = [document.number(each, source, what) for each in nodes]
    low, high = limits
    for each, value in zip(nodes, values, strict=True):
        if not low <= value <= high:
            raise source.error(f"{what} must be between {low:g} and {high:g}, not {value:g}", each, "correct it")
    if not min(values[0], values[2]) <= values[1] <= max(values[0], values[2]):
        raise source.error(f"{what}: the expected value {values[1]:g} is not between the others", node, "put it in the middle")
    return Range(*values)


def _formula(names: tuple[str, ...], low: float, high: float) -> Any:
    return partial(_read_formula, names=names, limits=(low, high))


def _read_formula(node: yaml.Node, source: Source, what: str, names: tuple[str, ...], limits: Limits) -> Formula:
    """A formula that has a value wherever it may be asked for one, within limits."""
    source.count(node)
    if not isinstance(node, yaml.ScalarNode) or document.is_null(node):
        raise source.error(
            f"{what} must be a number or a formula, not {document.describe(node)}", node, "write one such as 2 * n"
        )
    try:
        formula = parse(node.value, names)
        for values in _trials(names):
            value = formula(**values)
            if not limits[0] <= value <= limits[1]:
                at = ", ".join(f"{name} = {each:g}" for name, each in values.items())
                raise FormulaError(f"is {value:g} at {at}", f"keep it between {limits[0]:g} and {limits[1]:g}")
    except FormulaError as error:
        raise source.error(f"{what} {error}", node, error.fix) from None
    return formula


def _trials(names: tuple[str, ...]) -> list[dict[str, float]]:
    found: list[dict[str, float]] = [{}]
    for name in names:
        values = tuple(map(float, range(1, MAX_DEPTH + 1))) if name == "n" else _TRIED
        found = [each | {name: value} for each in found for value in values]
    return found


def _depth(node: yaml.Node, source: Source, what: str) -> tuple[Formula, ...]:
    nodes = document.sequence(node, source, what) if isinstance(node, yaml.SequenceNode) else [node]
    if not 1 <= len(nodes) <= MAX_DEPTHS:
        raise source.error(f"{what} has {len(nodes)} values", node, f"write one to {MAX_DEPTHS}")
    return tuple(_read_formula(each, source, what, ("d",), (1, MAX_DEPTH)) for each in nodes)


def _kinds(node: yaml.Node, source: Source, what: str) -> frozenset[Kind]:
    found = frozenset(one_of(Kind)(each, source, what) for each in document.sequence(node, source, what))
    if not found:
        raise source.error(f"{what} is empty", node, "name kinds, or leave it out for all")
    return found


def _gain(node: yaml.Node, source: Source, what: str) -> Gain:
    pairs = document.mapping(node, source, what)
    if "model" not in pairs:
        raise source.error(f"{what} has no model", node, f"add one of: {', '.join([*MODELS, FORMULA])}")
    model = document.text(pairs["model"][1], source, f"{what}.model")
    if model != FORMULA and model not in MODELS:
        known = [*MODELS, FORMULA]
        raise source.error(
            f"there is no gain model {document.shown(model)}", pairs["model"][1], document.unknown_key(model, known)
        )
    if model == FORMULA:
        own = {"success": Field(_formula(("s", "n", "d"), -100.0, 100.0), {})}
    else:
        own = {name: Field(_range(*limits), {}) for name, limits in MODELS[model].parameters.items()}
    values = read_fields(node, source, what, {"model": Field(text, {}), "source": Field(text, {})} | own)
    for name in own:
        if name not in values:
            raise source.error(f"{what} lacks {name}, which the model {model} needs", node, f"add {name}: …")
    parameters = {} if model == FORMULA else {name: values[name] for name in own}
    return Gain(model, parameters, values["success"] if model == FORMULA else None, values.get("source"))


def _operator(node: yaml.Node, source: Source, what: str) -> Operator:
    values = read_fields(node, source, what, OPERATOR)
    if "name" not in values:
        raise source.error(f"{what} has no name", node, "add name: …")
    if "gain" not in values:
        raise source.error(f"{what} has no gain", node, "add gain: {model: none}, or what it does to success")
    values["kinds"] = values.pop("for", frozenset(Kind))
    return Operator(**values)


def _operators(node: yaml.Node, source: Source, what: str) -> tuple[Operator, ...]:
    nodes = document.sequence(node, source, what)
    if len(nodes) > MAX_OPERATORS:
        raise source.error(f"{what} has {len(nodes)} operators", node, f"at most {MAX_OPERATORS} can be weighed")
    found = [_operator(each, source, f"{what}[{place}]") for place, each in enumerate(nodes)]
    _distinct(found, nodes, source)
    return tuple(found)


def _distinct(found: Iterable[Operator], nodes: list[yaml.Node], source: Source) -> None:
    seen: set[str] = set()
    for each, node in zip(found, nodes, strict=True):
        if each.name in seen:
            raise source.error(f"there are two operators {document.shown(each.name)}", node, "rename one")
        seen.add(each.name)


def _version(node: yaml.Node, source: Source, what: str) -> int:
    value: int = whole(1)(node, source, what)
    if value != 1:
        raise source.error(f"version {value} is not known", node, "write version: 1")
    return value


def _fields(fields: Mapping[str, Field]) -> Any:
    return lambda node, source, what: read_fields(node, source, what, fields)


SUCCESS = {kind.value: Field(_range(*UNIT), {}) for kind in Kind}
TOKENS = Field(_range(0, 10_000_000), {})
ASSUMPTIONS = {
    "success": Field(_fields(SUCCESS), {}),
    "prompt_tokens": TOKENS,
    "answer_tokens": TOKENS,
    "latency": Field(_range(0, 1000), {}),
}
OPERATOR = {
    "name": Field(text, {}),
    "for": Field(_kinds, {}),
    "depth": Field(_depth, {}),
    "calls": Field(_formula(("n", "d"), 0, MAX_CALLS), {}),
    "rounds": Field(_formula(("n", "d"), 0, MAX_CALLS), {}),
    "work": Field(_formula(("n", "d"), 0, 1000), {}),
    "gain": Field(_gain, {}),
    "clauses": Field(truth, {}),
}
FILE = {
    "version": Field(_version, {}),
    "builtin": Field(truth, {}),
    "assumptions": Field(_fields(ASSUMPTIONS), {}),
    "operators": Field(_operators, {}),
}
