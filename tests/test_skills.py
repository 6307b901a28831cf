"""Skill profiles: the published tutorial of skillinfer, what must always hold of a posterior, holes, scales, and tables."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delegate_cli.errors import UsageError
from delegate_cli.skills import scales
from delegate_cli.skills.gaussian import condition, fit
from delegate_cli.skills.population import History, Population, family_names
from delegate_cli.skills.profile import Evaluation, Profile, profile
from delegate_cli.skills.scales import PERCENT, SHARE, Scale
from delegate_cli.skills.scoring import next_evaluations, parse_weights, score
from delegate_cli.skills.team import team

# the tutorial "Agent Orchestration" of skillinfer 0.1.1
TUTORIAL = {
    "math": (0.88, 0.75, 0.70, 0.82, 0.65, 0.90, 0.72, 0.68),
    "code": (0.85, 0.80, 0.65, 0.78, 0.60, 0.88, 0.70, 0.62),
    "reasoning": (0.90, 0.82, 0.75, 0.85, 0.70, 0.92, 0.78, 0.72),
    "writing": (0.80, 0.85, 0.90, 0.75, 0.88, 0.78, 0.82, 0.92),
    "creativity": (0.70, 0.78, 0.85, 0.68, 0.82, 0.65, 0.75, 0.88),
}
OBSERVED = {
    "gpt-4o": ({"reasoning": 0.92, "code": 0.89}, 0.8996, 0.0177),
    "claude-3.5": ({"reasoning": 0.90, "writing": 0.95}, 0.8489, 0.0218),
    "llama-3-70b": ({"code": 0.78}, 0.8096, 0.0289),
    "gemini-pro": ({"reasoning": 0.85, "math": 0.88, "code": 0.82}, 0.8599, 0.0025),
    "mistral-large": ({"writing": 0.80}, 0.8121, 0.0563),
}
TASK = {"math": 1.0, "reasoning": 0.8, "code": 0.3}


def tutorial(raw: bool) -> Population:
    return Population(History.of([f"m{n}" for n in range(8)], list(TUTORIAL), np.array(list(TUTORIAL.values())).T), raw)


def factor_scores(rows: int, skills: int, seed: int) -> np.ndarray:
    """Shares with two common factors, as abilities have."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(rows, 2)) @ rng.normal(size=(2, skills))
    return np.asarray(1 / (1 + np.exp(-common - 0.5 * rng.normal(size=(rows, skills)))))


def made(rows: int = 60, skills: int = 6, seed: int = 0, holes: float = 0.0) -> Population:
    scores = factor_scores(rows, skills, seed)
    scores[np.random.default_rng(seed).random(scores.shape) < holes] = np.nan
    return Population(History.of([f"row{n:03d}" for n in range(rows)], [f"s{n}" for n in range(skills)], scores))


POPULATION = made()


@pytest.mark.parametrize("agent", OBSERVED)
def test_raw_profiles_are_those_of_the_published_tutorial(agent: str) -> None:
    scores, mean, std = OBSERVED[agent]
    found = score(profile(tutorial(raw=True), agent, {name: Evaluation(each) for name, each in scores.items()}), TASK)
    assert (found.mean, found.std) == (pytest.approx(mean, abs=1e-3), pytest.approx(std, abs=1e-3))


def test_the_usual_profiles_of_the_tutorial_are_near_and_no_surer_with_eight_rows() -> None:
    for agent, (scores, mean, _) in OBSERVED.items():
        of = profile(tutorial(raw=False), agent, {name: Evaluation(each) for name, each in scores.items()})
        assert score(of, TASK).mean == pytest.approx(mean, abs=0.02)
        raw = profile(tutorial(raw=True), agent, of_told(of))
        inferred = [name for name in TUTORIAL if name not in scores]
        assert np.mean([of.skills[name].std for name in inferred]) > 0.9 * np.mean([raw.skills[name].std for name in inferred])


def of_told(of: Profile) -> dict[str, Evaluation]:
    return {name: each.evaluation for name, each in of.skills.items() if each.evaluation is not None}


evaluations = st.dictionaries(
    st.sampled_from(POPULATION.skills),
    st.builds(Evaluation, st.floats(0, 1), st.sampled_from([None, 1, 20, 5000, math.inf])),
    max_size=5,
)


@settings(max_examples=40, deadline=None)
@given(evaluations)
def test_an_observation_never_makes_less_sure(given: dict[str, Evaluation]) -> None:
    prior, posterior = profile(POPULATION, "", {}).posterior, profile(POPULATION, "", given).posterior
    assert (np.diag(posterior.covariance) <= np.diag(prior.covariance) + 1e-12).all()
    assert np.linalg.eigvalsh(posterior.covariance).min() > -1e-9
    for each in profile(POPULATION, "", given).skills.values():
        assert 0 <= each.low <= each.high <= 1
        assert 0 <= each.mean <= 1


@settings(max_examples=20, deadline=None)
@given(evaluations, st.randoms())
def test_the_order_of_observations_changes_nothing(given: dict[str, Evaluation], random) -> None:
    items = list(given.items())
    random.shuffle(items)
    assert profile(POPULATION, "", dict(items)).as_dict() == profile(POPULATION, "", given).as_dict()


def test_the_order_of_rows_and_columns_changes_nothing() -> None:
    scores = factor_scores(30, 4, 3)
    rows, skills = [f"r{n}" for n in range(30)], ["b", "d", "a", "c"]
    down, across = np.random.default_rng(0).permutation(30), [2, 0, 3, 1]
    one = Population(History.of(rows, skills, scores))
    other = Population(History.of([rows[n] for n in down], [skills[n] for n in across], scores[np.ix_(down, np.array(across))]))
    known = {"a": Evaluation(0.7, 50)}
    assert profile(one, "", known).as_dict() == profile(other, "", known).as_dict()


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 1), st.sampled_from(POPULATION.skills))
def test_endless_trials_are_exact_and_few_are_not(share: float, skill: str) -> None:
    exact = profile(POPULATION, "", {skill: Evaluation(share, math.inf)}).skills[skill]
    assert exact.mean == pytest.approx(share, abs=1e-6)
    assert exact.std == pytest.approx(0, abs=1e-5)
    stds = [profile(POPULATION, "", {skill: Evaluation(share, trials)}).skills[skill].std for trials in (3, 30, 3000)]
    assert stds[2] < stds[1] <= stds[0] + 1e-9
    assert stds[0] > 0.01


def test_observed_is_a_flag_and_no_small_deviation() -> None:
    skills = profile(POPULATION, "", {"s0": Evaluation(0.5, 2)}).skills
    assert skills["s0"].observed
    assert skills["s0"].std > 0.03
    assert not skills["s1"].observed


def test_repeated_evaluations_accumulate() -> None:
    assert Evaluation(0.9, 10).joined(Evaluation(0.6, 20)) == Evaluation(pytest.approx(0.7), 30, 2)
    assert Evaluation(0.9).joined(Evaluation(0.6, 20)).joined(Evaluation(0.6)) == Evaluation(pytest.approx(0.7), None, 3)
    once, thrice = (profile(POPULATION, "", {"s0": Evaluation(0.7, None, runs)}).skills["s0"].std for runs in (1, 3))
    assert thrice < once


def test_the_gaussian_without_holes_is_ledoit_and_wolfs() -> None:
    from sklearn.covariance import LedoitWolf

    values = factor_scores(40, 5, 1)
    known = LedoitWolf().fit(values)
    found = fit(values)
    assert np.allclose(found.covariance, known.covariance_, atol=1e-8)
    coefficients, left = condition(found, np.array([1, 3]), np.array([0.0, 0.1]))
    inverse = np.linalg.inv(found.covariance[np.ix_([1, 3], [1, 3])] + np.diag([0.0, 0.1]))
    assert np.allclose(coefficients, inverse @ found.covariance[[1, 3]])
    assert np.allclose(left, found.covariance - found.covariance[:, [1, 3]] @ inverse @ found.covariance[[1, 3]])


def test_holes_are_filled_better_than_with_the_mean() -> None:
    whole = factor_scores(120, 6, 2)
    holed = whole.copy()
    holed[np.random.default_rng(1).random(whole.shape) < 0.4] = np.nan
    best, found = fit(whole).covariance, fit(holed).covariance
    filled = fit(np.where(np.isnan(holed), np.nanmean(holed, axis=0), holed)).covariance
    assert np.abs(found - best).mean() < 0.6 * np.abs(filled - best).mean()
    assert np.linalg.eigvalsh(found).min() > 0


@pytest.mark.parametrize(("rows", "holes"), [(2, 0.0), (3, 0.5), (8, 0.3), (25, 0.6)])
def test_small_and_holed_populations_give_finite_profiles(rows: int, holes: float) -> None:
    population = made(rows, 6, rows, holes)
    for each in profile(population, "", {"s1": Evaluation(0.8, 40), "s4": Evaluation(0.2)}).skills.values():
        assert 0 <= each.low <= each.mean <= each.high <= 1


def test_nine_in_ten_intervals_hold() -> None:
    scores = factor_scores(160, 8, 7)
    skills = [f"s{n}" for n in range(8)]
    population = Population(History.of([f"r{n:03d}" for n in range(60)], skills, scores[:60]))
    inside = []
    for row in scores[60:]:
        found = profile(population, "", {"s0": Evaluation(row[0], math.inf), "s5": Evaluation(row[5], math.inf)}).skills
        inside += [found[name].low <= row[at] <= found[name].high for at, name in enumerate(skills) if at not in (0, 5)]
    assert np.mean(inside) > 0.85 < 0.95


def test_intervals_of_a_roster_that_is_its_own_small_population_hold() -> None:
    inside, spans = [], []
    for seed in range(12):
        scores = 0.2 + 0.6 * factor_scores(5, 5, seed)  # as far apart as models are
        holed = np.where(np.random.default_rng(seed).random(scores.shape) < 0.5, np.nan, scores)
        names, skills = [f"r{n}" for n in range(5)], [f"s{n}" for n in range(5)]
        population = Population(History.of(names, skills, holed, [SHARE] * 5, [""] * 5))
        for row, name in enumerate(names):
            known = {skill: Evaluation(holed[row, at]) for at, skill in enumerate(skills) if not np.isnan(holed[row, at])}
            found = profile(population, name, known, itself=True).skills
            assert all(found[skill].mean == pytest.approx(each.score, abs=0.03) for skill, each in known.items())
            hidden = [(found[skill], scores[row, at]) for at, skill in enumerate(skills) if skill not in known]
            inside += [each.low <= true <= each.high for each, true in hidden]
            spans += [each.high - each.low for each, _ in hidden]
    assert np.mean(inside) > 0.85
    assert np.mean(spans) < 0.85


def test_a_skill_on_an_open_scale_that_the_history_lacks_stays_where_it_was_measured() -> None:
    from delegate_cli.agents import Agent, Roster, Skill

    cards = [Agent(name, name, skills={"arena": Skill(elo, open=True)}) for name, elo in (("ann", 1250.0), ("ben", 1100.0))]
    past = History.of([f"m{n}" for n in range(8)], ["math"], np.array([TUTORIAL["math"]]).T)
    found = team(Roster((*cards, Agent("cat", "Cat", skills={"math": Skill(0.8)}))), past).profiles
    assert found["ann"].skills["arena"].mean == pytest.approx(1250, abs=2)
    assert found["cat"].skills["arena"].mean == pytest.approx(1175, abs=5)
    assert found["cat"].skills["arena"].low < 1050 < 1300 < found["cat"].skills["arena"].high


def test_what_is_curved_is_learnt_from_neighbours() -> None:
    rng = np.random.default_rng(0)
    first = rng.random(400)
    second = 4 * (first - 0.5) ** 2  # no correlation at all
    population = Population(History.of([f"r{n}" for n in range(400)], ["a", "b"], np.column_stack([first, second])))
    for known in (0.02, 0.5, 0.98):
        assert profile(population, "", {"a": Evaluation(known)}).skills["b"].mean == pytest.approx(
            4 * (known - 0.5) ** 2, abs=0.12
        )


@given(st.floats(0, 1))
def test_a_share_comes_back_from_its_logit(share: float) -> None:
    assert SHARE.told(SHARE.inside(share)) == pytest.approx(share, abs=1e-9)


def test_scales_are_detected_and_parsed() -> None:
    assert scales.detect(np.array([0.2, np.nan, 1.0])) == SHARE
    assert scales.detect(np.array([0.2, 88.0])) == PERCENT
    assert not scales.detect(np.array([1180.0, 1302.0])).bounded
    assert scales.parse_scale("1..5") == Scale(1, 5)
    assert scales.parse_scale("1..5").share(4) == 0.75
    assert not scales.parse_scale("elo").bounded
    for wrong in ("5..1", "points", "1..", ""):
        with pytest.raises(UsageError, match="no scale"):
            scales.parse_scale(wrong)


def test_open_scales_infer_like_others() -> None:
    rng = np.random.default_rng(0)
    ability = rng.normal(size=80)
    scores = np.column_stack([1200 + 80 * ability, 1 / (1 + np.exp(-ability))])
    population = Population(History.of([f"r{n}" for n in range(80)], ["arena", "math"], scores))
    found = profile(population, "", {"math": Evaluation(0.9)})
    assert found.skills["arena"].mean == pytest.approx(1200 + 80 * math.log(9), abs=25)
    assert score(found, {"arena": 1.0}, bar=0.5).above == pytest.approx(1, abs=0.01)


def test_a_score_joins_skills_that_err_together() -> None:
    found = profile(POPULATION, "", {"s0": Evaluation(0.8)})
    both, one = score(found, {"s1": 1, "s2": 1}, bar=0.5), score(found, {"s1": 1})
    assert both.mean == pytest.approx((found.skills["s1"].mean + found.skills["s2"].mean) / 2, abs=0.01)
    assert one.std == pytest.approx(found.skills["s1"].std, rel=0.05)
    assert both.low < both.mean < both.high
    assert 0 <= both.above <= 1
    assert score(found, {"s0": 1, "s1": 3}).observed == 0.25


def test_the_next_evaluation_is_the_one_that_tells_most() -> None:
    found = profile(POPULATION, "", {"s0": Evaluation(0.8)})
    gains = next_evaluations(found, {"s3": 1.0})
    assert gains[0].skill == "s3"
    assert gains[-1].share < 0.5
    again = next(gain for gain in next_evaluations(found) if gain.skill == "s0")
    assert again.share < min(gain.share for gain in next_evaluations(found) if gain.skill != "s0")
    few, many = (next_evaluations(found, {"s3": 1.0}, trials)[0].after for trials in (5, 500))
    assert many < few


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("maths=1", "no skill 'maths'"),
        ("math=x", "no number"),
        ("math=-1", "no number"),
        ("", "nothing"),
        ("math=0", "nothing"),
        ("math=1,MATH=2", "math twice"),
    ],
)
def test_weights_that_cannot_be_read(text: str, message: str) -> None:
    assert parse_weights("Math=2, code", ["math", "code"]) == {"math": 2.0, "code": 1.0}
    with pytest.raises(UsageError, match=message):
        parse_weights(text, ["math", "code"])


def test_families_are_seen_by_name_where_there_are_some() -> None:
    names = [f"{vendor}-{n}" for vendor in ("qwen", "llama", "gemma", "phi", "yi", "glm") for n in range(3)]
    assert family_names([f"lab/{name}" for name in names])[0] == "qwen"
    assert set(family_names([f"model_{n}" for n in range(9)])) == {""}
