"""Ways of working: their models of gain, formulas, and files of operators with every mistake."""

from math import comb
from pathlib import Path

import pytest
from scipy.stats import betabinom
from test_planning_plans import doer

from delegate_cli.agents import Kind
from delegate_cli.errors import SettingsError
from delegate_cli.planning import gains
from delegate_cli.planning.formulas import FormulaError, parse
from delegate_cli.planning.operators import load_operators
from delegate_cli.planning.plans import plans

OWN = load_operators()


def test_a_majority_of_independent_calls_is_binomial_and_of_like_ones_beta_binomial() -> None:
    for s in (0.1, 0.5, 0.8):
        for n in (3, 4, 9):
            exact = sum(comb(n, k) * s**k * (1 - s) ** (n - k) * (0.5 if 2 * k == n else 1) for k in range((n + 1) // 2, n + 1))
            assert gains.majority(s, n, 0) == pytest.approx(exact)
            spread = betabinom(n, s, 1 - s)  # correlation 1 / (1 + a + b)
            like = spread.sf(n // 2) + (spread.pmf(n // 2) / 2 if n % 2 == 0 else 0)
            assert gains.majority(s, n, 0.5) == pytest.approx(float(like))
            assert gains.majority(s, n, 1) == s


def test_gains_where_they_are_known() -> None:
    assert gains.majority(0.4, 9, 0.2) < 0.4  # a majority of those who are mostly wrong is worse
    assert gains.review(0.8, 2, 0, 0) == 0.8
    assert gains.review(0.5, 1, 0.4, 0.1) == pytest.approx(0.45 + 0.5 * 0.4 * 0.5)
    assert gains.split(0.81, 2, 1, 1) == pytest.approx(0.81)  # parts that are no easier, and join for nothing
    assert gains.split(0.81, 2, 1, 0.9) == pytest.approx(0.729)
    assert gains.odds(0.5, 1, 3) == pytest.approx(0.75)


def test_harder_tasks_are_worked_on_deeper() -> None:
    voting = next(each for each in OWN.operators if each.name == "self-consistency")
    assert max(voting.depths(0.6, 1)) > max(voting.depths(0.2, 1))
    parts = next(each for each in OWN.operators if each.name == "split")
    assert (parts.depths(0.5, 1), parts.depths(0.5, 3)) == ((), (2, 3))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os').system('x')", "no arithmetic"),
        ("n.__class__", "no arithmetic"),
        ("(lambda: n)()", "no arithmetic"),
        ("[n for n in (1, 2)]", "no arithmetic"),
        ("'a' * 3", "no arithmetic"),
        ("True", "no arithmetic"),
        ("1if n else 2", "no arithmetic"),
        ("3j", "no arithmetic"),
        ("m + 1", "unknown name 'm'"),
        ("min(n)", "gives min 1 values"),
        ("(" * 90 + "n", "no formula"),
        ("-" * 190 + "n" * 20, "longer"),
        ("n +", "no formula"),
    ],
)
def test_what_is_no_formula_is_never_run(text: str, message: str) -> None:
    with pytest.raises(FormulaError, match=message):
        parse(text, ("n", "d"))


def test_a_formula_without_a_value_is_an_error_and_huge_powers_take_no_time() -> None:
    assert parse("2 * n + ceil(n / 3) - -1", ("n",))(n=4) == 11
    for text in ("9 ** 9 ** 9 ** 9", "1 / (n - 1)", "log(n - 1)", "(0 - n) ** .5", "1e308 * 10"):
        with pytest.raises(FormulaError, match=r"no value|finite"):
            parse(text, ("n",))(n=1)


HEAD = "operators:\n  - name: mine\n    gain: {model: none}\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("operatrs: []\n", 1, "did you mean 'operators'"),
        (HEAD + "    dept: 3\n", 4, "did you mean 'depth'"),
        (HEAD + "    calls: 2 * m\n", 4, "unknown name 'm'"),
        (HEAD + "    calls: [1]\n", 4, "must be a number or a formula"),
        (HEAD + "    calls: -n\n", 4, "is -1 at n = 1"),
        (HEAD + "    calls: 1 / d\n", 4, "has no value at n = 1, d = 0"),
        (HEAD + "    depth: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]\n", 4, "has 13 values"),
        (HEAD + "    depth: 100 * d\n", 4, "between 1 and 64"),
        (HEAD + "    for: [ai, robot]\n", 4, "cannot be 'robot'"),
        (HEAD + "    for: []\n", 4, "is empty"),
        (HEAD + "    clauses: perhaps\n", 4, "true or false"),
        (HEAD + "  - name: mine\n    gain: {model: none}\n", 4, "two operators 'mine'"),
        ("operators:\n  - name: mine\n", 2, "has no gain"),
        ("operators:\n  - gain: {model: none}\n", 2, "has no name"),
        ("operators:\n  - name: mine\n    gain: {model: majorty}\n", 3, "did you mean 'majority'"),
        ("operators:\n  - name: mine\n    gain: {model: majority}\n", 3, "lacks correlation"),
        ("operators:\n  - name: mine\n    gain: {model: odds, factor: [1, 3, 2]}\n", 3, "not between the others"),
        ("operators:\n  - name: mine\n    gain: {model: odds, factor: [1, 2]}\n", 3, "has 2 numbers"),
        ("operators:\n  - name: mine\n    gain: {model: odds, factor: .nan}\n", 3, "must be a number"),
        ("operators:\n  - name: mine\n    gain: {model: majority, correlation: 1.5}\n", 3, "between 0 and 1"),
        ("operators:\n  - name: mine\n    gain: {model: formula, success: s.real}\n", 3, "no arithmetic"),
        ("operators: 3\n", 1, "must be a list"),
        ("version: 2\n", 1, "version 2"),
        ("assumptions: {success: {ai: much}}\n", 1, "must be a number"),
        ("operators:\n\t- a\n", 2, "not valid YAML"),
    ],
)
def test_a_bad_file_of_operators_names_line_and_cure(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = tmp_path / "operators.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as error:
        load_operators(path)
    assert f"operators.yaml, line {line}:" in error.value.message
    assert said in f"{error.value.message} {error.value.fix}"
    assert error.value.fix


def test_other_bad_files(tmp_path: Path) -> None:
    empty, only = tmp_path / "empty.yaml", tmp_path / "only.yaml"
    empty.write_text("")
    only.write_text("builtin: false\n")
    for path in (empty, only, tmp_path, tmp_path / "missing.yaml"):
        with pytest.raises(SettingsError):
            load_operators(path)


def test_own_operators_join_and_replace_ours(tmp_path: Path) -> None:
    path = tmp_path / "operators.yaml"
    path.write_text(
        "assumptions: {success: {ai: 0.5}}\noperators:\n"
        "  - {name: direct, gain: {model: formula, success: 'min(s * 1.1 ** n, 1)', source: our tickets}}\n"
        "  - {name: twice, calls: 2, gain: {model: formula, success: 1 - (1 - s) ** 2}}\n"
    )
    known = load_operators(path)
    assert {each.name for each in known.operators} == {each.name for each in OWN.operators} | {"twice"}
    assert known.assumptions.success[Kind.AI].value == 0.5
    assert known.assumptions.success[Kind.HUMAN] == OWN.assumptions.success[Kind.HUMAN]
    found = {each.operator: each for each in plans([doer("a", 1.0, 0.5)], known)}
    assert (found["direct"].success.value, found["direct"].assumed) == (pytest.approx(0.55), ())
    assert (found["twice"].success.value, found["twice"].assumed) == (0.75, ("what twice gains (a formula)",))
    path.write_text("builtin: false\noperators: [{name: alone, gain: {model: none}}]\n")
    assert [each.name for each in load_operators(path).operators] == ["alone"]
