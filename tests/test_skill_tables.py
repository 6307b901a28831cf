"""Tables of scores and a roster's cards → histories and profiles, and what is said of each mistake."""

from pathlib import Path

import numpy as np
import pytest
from test_skills import TUTORIAL

from delegate_cli.agents import Agent, Roster, Skill
from delegate_cli.errors import TableError, UsageError
from delegate_cli.skills.population import History
from delegate_cli.skills.profile import Evaluation
from delegate_cli.skills.scales import PERCENT, SHARE
from delegate_cli.skills.tables import history, read_scores
from delegate_cli.skills.team import team
from delegate_cli.tables.read import read_table


def table(folder: Path, text: str) -> Path:
    (folder / "scores.csv").write_text(text)
    return folder / "scores.csv"


def test_wide_and_long_tables_are_the_same_history(tmp_path: Path) -> None:
    wide = read_scores(read_table(table(tmp_path, "model,vendor,math,code\na,x,90,\nb,y,70,55\nb,y,80,55\n")), family="vendor")
    long = read_scores(
        read_table(table(tmp_path, "agent,skill,score\nb,math,70\nb,code,55\na,math,90\nb,math,80\nb,code,55\n"))
    )
    one, two = history(wide, {}, "w"), history(long, {}, "l")
    assert np.array_equal(one.scores, two.scores, equal_nan=True)
    assert one.scores.tolist()[1] == [55, 75]
    assert (one.families, one.scales) == (("x", "y"), (PERCENT, PERCENT))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("agent,math\na,high\nb,1\n", "line 2, column 'math': 'high' is not a number"),
        ("agent,math,code\na,1,x7\nb,0,0.6\n", "line 2, column 'code': 'x7' is not a number"),
        ("agent,skill,score,trials\na,math,.5,0\nb,math,.5,3\n", "line 2, column 'trials': 0 is below 1"),
        ("agent,vendor\na,x\nb,y\n", "there are no scores"),
        ("agent,math\na,0.5\nb,\n", "fewer than two agents have scores"),
        ("agent,math\n,0.5\n", "line 2, column 'agent': it is empty"),
        ("math,code\n1,2\n", "no column names the agents"),
        ("agent,math\na,0.5\nb,1.5\n", "b has 1.5 in 'math', outside 0 to 1"),
    ],
)
def test_tables_that_cannot_be_used_say_why(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        history(
            read_scores(read_table(table(tmp_path, text)), ["math"] if "high" in text else ()), {"math": SHARE}, "scores.csv"
        )


def test_the_rosters_own_skills_join_a_history(tmp_path: Path) -> None:
    cards = [
        Agent("ann", "Ann", skills={"MATH": Skill(0.9, 50), "cooking": Skill(0.5)}),
        Agent("ben", "Ben", skills={"math": Skill(0.2)}),
        Agent("cat", "Cat"),
    ]
    past = History.of([f"m{n}" for n in range(8)], ["math", "code"], np.array([TUTORIAL["math"], TUTORIAL["code"]]).T)
    extra = read_scores(read_table(table(tmp_path, "agent,skill,score,trials\nann,math,0.7,50\ndan,math,0.1,\n")))
    found = team(Roster(tuple(cards)), past, extra)
    assert found.notes == (
        "scores of agents that the roster does not have: dan",
        "not in the history, so nothing follows from them: cooking",
    )
    ann = found.profiles["ann"].skills
    assert ann["math"].evaluation == Evaluation(pytest.approx(0.8), 100, 2)
    assert ann["cooking"].observed
    assert ann["code"].mean > found.profiles["ben"].skills["code"].mean + 0.1
    assert found.profiles["cat"].skills["math"].mean == pytest.approx(np.mean(TUTORIAL["math"]), abs=0.01)
    alone = team(Roster(tuple(cards)), None)
    assert alone.population.skills == ("MATH", "cooking")
    with pytest.raises(TableError, match="on a scale with bounds"):
        team(Roster((Agent("ann", "Ann", skills={"math": Skill(1200, open=True)}),)), past)
    with pytest.raises(UsageError, match="no agent of the roster has a score"):
        team(Roster((cards[2],)), past)
