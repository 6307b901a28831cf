"""Small formulas of a file, such as `2 * n + 1`, read strictly: numbers, known names, + - * / **, and a few functions.

Text is parsed and walked, never run as code. All figures are floats, so that no power takes long.
"""

import ast
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from delegate_cli.roster.document import nearest, shown

MAX_LENGTH = 200  # characters
FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "ceil": lambda value: float(math.ceil(value)),
    "floor": lambda value: float(math.floor(value)),
    "sqrt": math.sqrt,
    "log": math.log,
    "exp": math.exp,
}
_COUNTS = {"min": 2, "max": 2}  # arguments; the others take one
_JOINS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: lambda left, right: left / right,
    ast.Pow: lambda left, right: math.pow(left, right),
}


class FormulaError(ValueError):
    """What is wrong with a formula, and how to mend it."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula and the text that it was read from."""

    text: str
    tree: ast.expr

    def __call__(self, **values: float) -> float:
        """Its value.

        Raises:
            FormulaError: it divides by zero, is too large, or is no number.
        """
        try:
            value = _value(self.tree, values)
        except (ZeroDivisionError, OverflowError, ValueError) as error:
            at = ", ".join(f"{name} = {value:g}" for name, value in values.items())
            raise FormulaError(f"{shown(self.text)} has no value at {at} ({error})", "keep it finite there") from None
        if not math.isfinite(value):
            raise FormulaError(f"{shown(self.text)} is no finite number", "keep it finite")
        return value


def constant(value: float) -> Formula:
    """A formula that is a number."""
    return Formula(f"{value:g}", ast.Constant(float(value)))


def parse(text: str, names: tuple[str, ...]) -> Formula:
    """A formula of these names.

    Raises:
        FormulaError: it is none.
    """
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"is longer than {MAX_LENGTH} characters", "shorten it")
    try:
        with warnings.catch_warnings(action="ignore"):  # of odd literals
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise FormulaError(f"{shown(text)} is no formula", "write one such as 2 * n + 1") from None
    _check(tree, names)
    return Formula(text.strip(), tree)


def _check(node: ast.expr, names: tuple[str, ...]) -> None:
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float()):
            return None
        case ast.Name(id=name):
            if name in names:
                return None
            near = nearest(name, [*names, *FUNCTIONS])
            fix = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
            raise FormulaError(f"has the unknown name {shown(name)}", fix)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return _check(inner, names)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _JOINS:
            _check(left, names)
            return _check(right, names)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            if len(arguments) != _COUNTS.get(name, 1):
                raise FormulaError(f"gives {name} {len(arguments)} values", f"give it {_COUNTS.get(name, 1)}")
            for each in arguments:
                _check(each, names)
            return None
    raise FormulaError(
        "has a part that is no arithmetic", f"use numbers, {', '.join(names)}, + - * / **, {', '.join(FUNCTIONS)}"
    )


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=number):
            return float(number)  # type: ignore[arg-type]
        case ast.Name(id=name):
            return float(values[name])
        case ast.UnaryOp(operand=inner):
            return -_value(inner, values)
        case ast.BinOp(left=left, op=op, right=right):
            return _JOINS[type(op)](_value(left, values), _value(right, values))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return float(FUNCTIONS[name](*(_value(each, values) for each in arguments)))
    raise AssertionError(node)
