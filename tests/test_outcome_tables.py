"""Tables of outcomes: both layouts, and what is said of each mistake."""

from pathlib import Path

import numpy as np
import pytest

from delegate_cli.errors import TableError
from delegate_cli.planning.outcomes import mean_prices, read_outcomes, read_prices, require_choice

LONG = "task,agent,success,cost\nadd,small,1,0.1\nadd,large,1,1\nprove,small,0,0.1\nprove,large,true,\n"


def table(folder: Path, text: str, name: str = "outcomes.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_long_and_a_wide_table_say_the_same(tmp_path: Path) -> None:
    long = read_outcomes(table(tmp_path, LONG))
    wide = read_outcomes(table(tmp_path, "question,small,large,cost:small,cost:large\nadd,1,1,.1,1\nprove,0,1,.1,\n"))
    assert long.tasks == wide.tasks == ("add", "prove")
    assert long.agents == wide.agents == ("large", "small")
    np.testing.assert_array_equal(long.success, [[1, 1], [1, 0]])
    np.testing.assert_array_equal(long.success, wide.success)
    np.testing.assert_array_equal(long.cost, wide.cost)
    assert mean_prices(long, "x").tolist() == [1.0, 0.1]


def test_usual_names_and_numbered_lines_are_read(tmp_path: Path) -> None:
    named = read_outcomes(table(tmp_path, LONG.replace("agent", "model")))
    assert named.agents == ("large", "small")
    numbered = read_outcomes(table(tmp_path, ",task,small,large\n0,add,1,1\n7,prove,0,1\n"))  # as pandas writes them
    assert numbered.agents == ("large", "small")


@pytest.mark.parametrize("column", ["notes", "id"])
def test_a_column_that_is_no_agent_is_named(tmp_path: Path, column: str) -> None:
    cells = {"notes": ("fine", "hard"), "id": ("17", "18")}[column]
    text = f"task,small,large,{column}\nadd,1,1,{cells[0]}\nprove,0,1,{cells[1]}\n"
    with pytest.raises(TableError, match=f"line 2, column '{column}': .* each column is taken for an agent") as caught:
        read_outcomes(table(tmp_path, text))
    assert "remove the column" in caught.value.fix


def test_the_task_column_may_be_the_family_of_a_prompt(tmp_path: Path) -> None:
    found = read_outcomes(table(tmp_path, "task,prompt,small,large\nmath,2+2?,1,1\nlaw,May I?,0,1\n"))
    assert found.tasks == ("2+2?", "May I?")
    assert found.families == ("math", "law")


def test_repeats_are_averaged_where_that_is_wanted(tmp_path: Path) -> None:
    path = table(tmp_path, "task,agent,success\nadd,small,1\nadd,small,0\nadd,large,1\n")
    with pytest.raises(TableError, match=r"line 3: 'add' with 'small' is there already, on line 2"):
        read_outcomes(path)
    found = read_outcomes(path, repeats=True)
    assert found.success.tolist() == [[1.0, 0.5]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("task,agent,success\nadd,small,good\n", "line 2, column 'success': 'good' is not a number"),
        ("task,agent,success\nadd,small,\n", "line 2, column 'success': it is empty"),
        ("task,agent,success\nadd,small,7\n", "line 2, column 'success': 7 is above 1"),
        ("task,agent,success,cost\nadd,small,1,-2\n", "line 2, column 'cost': -2 is below 0"),
        ("task,agent,success,seconds\nadd,small,1,-2\n", "line 2, column 'seconds': -2 is below 0"),
        ("task,agent,success\nadd,,1\n", "line 2, column 'agent': it is empty"),
        ("task,small,large\nadd,1,0\nadd,1,1\n", "line 3: 'add' is there already, on line 2"),
        ("task,small,large\nadd,yes,0\n", "line 2, column 'small': 'yes' is not a number"),
        ("task,small,large\nadd,,\nprove,1,1\n", "line 2: no agent has an outcome for this task"),
        ("task,small,large\nadd,1,\nprove,1,\n", "column 'large': this agent has no outcome at all"),
        ("task,small,cost:large\nadd,1,1\n", "column 'cost:large': there is no column 'large' that it belongs to"),
        ("item,small\nadd,1\n", "no column holds the tasks"),
        ("task\nadd\n", "there is no column of outcomes"),
    ],
)
def test_a_mistake_names_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TableError) as caught:
        read_outcomes(table(tmp_path, text))
    assert message in caught.value.message
    assert caught.value.fix


def test_one_agent_or_a_hole_leaves_nothing_to_choose(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="there is one agent only, 'small'"):
        require_choice(read_outcomes(table(tmp_path, "task,small\nadd,1\n")), "x")
    with pytest.raises(TableError, match="'large' has no outcome for 'add'"):
        require_choice(read_outcomes(table(tmp_path, "task,small,large\nadd,1,\nprove,1,1\n")), "x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("agent,price\nsmall,1\n", "there is no price of 'large'"),
        ("agent,price\nsmall,-1\nlarge,1\n", "-1 is below 0"),
        ("agent,price\nsmall,1\nsmall,2\nlarge,1\n", "'small' is there already"),
    ],
)
def test_bad_prices(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TableError) as caught:
        read_prices(table(tmp_path, text), ("large", "small"))
    assert message in caught.value.message
