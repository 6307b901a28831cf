"""`delegate skills`: profiles from partial evaluations, who is best at what a task needs, and what to evaluate next."""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from delegate_cli.cli import groups, options, skill_options, streams
from delegate_cli.cli.skill_options import SkillOptions
from delegate_cli.errors import UsageError

if TYPE_CHECKING:
    from delegate_cli.agents import Roster
    from delegate_cli.encoders import Encoder
    from delegate_cli.pipeline import Delegator
    from delegate_cli.skills.team import Team

app = typer.Typer(help="What agents are measured to be good at, and what follows.", no_args_is_help=True, rich_markup_mode=None)


class Format(StrEnum):
    """How profiles are written."""

    TABLE = "table"
    PLAIN = "plain"
    JSON = "json"
    YAML = "yaml"


FormatOption = Annotated[Format | None, typer.Option("--format", "-f", help="Default: table at a terminal, plain in a pipe.")]
AgentId = Annotated[str, typer.Argument(metavar="AGENT", autocompletion=options.complete_agent, help="The agent's id.")]
MaybeAgent = Annotated[
    str | None, typer.Argument(metavar="[AGENT]", autocompletion=options.complete_agent, help="One agent alone.")
]
Weights = Annotated[
    str | None, typer.Option("--weights", "-w", metavar="SKILL=W,…", help="What the task needs, such as math=1,code=.3.")
]
Plot = Annotated[str | None, typer.Option("--plot", metavar="FILE", help="Also draw it as a PNG; needs matplotlib.")]


class View(NamedTuple):
    """How a record is shown."""

    plain: Any
    table: Any


@app.command(
    short_help="Turn partial scores into full profiles.",
    epilog="Examples:\n\n\b\n  delegate skills infer --history leaderboard.csv --columns math,code,writing\n"
    "  delegate skills infer --history evals.parquet --family vendor --scale arena=elo --format json\n"
    "  delegate skills infer --scores ours.csv        # agent,skill,score,trials: joins the cards' scores",
)
@groups.takes("source", SkillOptions)
def infer(
    agents: options.Agents = options.AgentsDefault,
    source: SkillOptions = SkillOptions(),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the profiles, but keep nothing for route.")] = False,
    format: FormatOption = None,
    encoder: options.Encoder = None,
    no_color: options.NoColor = False,
    quiet: options.Quiet = False,
) -> int:
    """Turn partial scores into full profiles, each figure with its uncertainty, and keep them for `route`."""
    delegator = options.open_delegator(agents, {"encoder": encoder}, quiet=quiet)
    made, inputs = source.team(delegator.roster, quiet)
    record = _profiles(made, list(made.profiles))
    if not dry_run:
        _keep(delegator, made, inputs)
    _show(record, "profiles", format, no_color)
    return 0


@app.command(
    short_help="Show profiles, also as pictures.", epilog="Example:\n\n\b\n  delegate skills show solver --plot solver.png"
)
@groups.takes("source", SkillOptions)
def show(
    agent: MaybeAgent = None,
    agents: options.Agents = options.AgentsDefault,
    source: SkillOptions = SkillOptions(),
    plot: Plot = None,
    format: FormatOption = None,
    no_color: options.NoColor = False,
    quiet: options.Quiet = False,
) -> int:
    """Show profiles: what was observed, what was inferred, and how sure that is."""
    _check_plot(plot)
    roster = _roster(agents)
    made, _ = source.team(roster, quiet)
    record = _profiles(made, [_known(agent, made, agents)] if agent is not None else list(made.profiles))
    if plot is not None:
        if agent is None:
            raise UsageError("--plot draws one agent's profile", "name the agent")
        _plot_profile(plot, record, quiet)
    _show(record, "profiles", format, no_color)
    return 0


@app.command(
    short_help="Rank agents by the skills that a task needs.",
    epilog="Examples:\n\n\b\n  delegate skills rank 'Prove that the sum converges' --weights math=1,reasoning=.8,code=.3\n"
    "  delegate skills rank 'Solve 3x^2 - 7x + 2 = 0 and show each step' --bar 0.8 --plot ranking.png",
)
@groups.takes("source", SkillOptions)
def rank(
    task: Annotated[str, typer.Argument(metavar="TASK", help="The task.")],
    agents: options.Agents = options.AgentsDefault,
    weights: Weights = None,
    ask_model: Annotated[bool, typer.Option("--ask-model", help="Let the model that is set say what the task needs.")] = False,
    bar: Annotated[float | None, typer.Option("--bar", help="Also P(score > BAR).")] = None,
    source: SkillOptions = SkillOptions(),
    plot: Plot = None,
    format: FormatOption = None,
    encoder: options.Encoder = None,
    no_color: options.NoColor = False,
    quiet: options.Quiet = False,
) -> int:
    """Rank agents by the skills that a task needs: given weights, else the skills that its words are nearest to."""
    from delegate_cli.ask import check_task
    from delegate_cli.skills.scoring import score

    _check_plot(plot)
    text = check_task(task)
    if bar is not None and not isfinite(bar):
        raise UsageError("--bar is no finite number", "write a share such as 0.8")
    made, _ = source.team(_roster(agents), quiet)
    chosen, by = _weights(text, made, weights, ask_model, agents, encoder, quiet)
    scores = sorted((score(each, chosen, bar) for each in made.profiles.values()), key=lambda each: (-each.mean, each.agent))
    ranking = [each.as_dict() for each in scores]
    record = {"task": text, "weights": chosen, "by": by, "bar": bar, "ranking": ranking, "notes": list(made.notes)}
    if plot is not None:
        rows = [(each["agent"], each, each["observed"] > 0.5) for each in ranking]
        _draw(plot, "ranking", "Expected score", rows, quiet, bar=bar)
    _show(record, "ranking", format, no_color)
    return 0


@app.command(
    "next",
    short_help="Say which evaluation of an agent would tell most.",
    epilog="Example:\n\n\b\n  delegate skills next solver --weights math=1,code=.3 --trials 200",
)
@groups.takes("source", SkillOptions)
def next_evaluation(
    agent: AgentId,
    agents: options.Agents = options.AgentsDefault,
    weights: Weights = None,
    trials: Annotated[int | None, typer.Option("--trials", min=1, help="How many trials the evaluation would have.")] = None,
    source: SkillOptions = SkillOptions(),
    format: FormatOption = None,
    no_color: options.NoColor = False,
    quiet: options.Quiet = False,
) -> int:
    """Which evaluation of an agent would tell most: of a task's score with --weights, else of all its skills."""
    from delegate_cli.skills.scoring import next_evaluations, parse_weights

    made, _ = source.team(_roster(agents), quiet)
    profile = made.profiles[_known(agent, made, agents)]
    chosen = None if weights is None else parse_weights(weights, made.population.skills)
    gains = [each.as_dict() for each in next_evaluations(profile, chosen, trials)]
    _show({"agent": profile.agent, "weights": chosen, "next": gains, "notes": list(made.notes)}, "next", format, no_color)
    return 0


def _roster(agents: options.Sources) -> "Roster":
    return options.read_roster(agents)


def _known(agent: str, made: "Team", agents: options.Sources) -> str:
    if agent not in made.profiles:
        from delegate_cli.roster.naming import nearest_agent

        raise UsageError(f"{options.named(agents)} has no agent {agent!r}", nearest_agent(agent, made.profiles))
    return agent


def _profiles(made: "Team", chosen: Sequence[str]) -> dict[str, Any]:
    population = made.population
    facts = {
        "rows": len(population.history.rows),
        "skills": len(population.skills),
        "own": made.alone,
        "scales": {name: scale.as_dict() for name, scale in zip(population.skills, population.scales, strict=True)},
    }
    return {"population": facts, "agents": [made.profiles[agent].as_dict() for agent in chosen], "notes": list(made.notes)}


def _keep(delegator: "Delegator", made: "Team", inputs: skill_options.Inputs) -> None:
    from delegate_cli.index import store
    from delegate_cli.skills import keep

    encoder, roster = delegator.encoder(), delegator.roster
    vectors = _vectors(encoder, made, roster)
    folder = store.folder_of(delegator.folder, roster)
    with store.lock(folder):
        keep.write(folder, roster, made, inputs.history, inputs.scores, inputs.raw, vectors, encoder.fingerprint)


def _vectors(encoder: "Encoder", made: "Team", roster: "Roster") -> Any:
    import numpy as np

    return np.array([encoder.encode(text) for text in _texts(made, roster)], dtype=np.float32)


def _texts(made: "Team", roster: "Roster") -> list[str]:
    from delegate_cli.skills.weighing import described

    return [described(skill, roster.settings.get("skills") or {}) for skill in made.population.skills]


def _weights(
    task: str, made: "Team", given: str | None, ask_model: bool, agents: options.Sources, encoder: str | None, quiet: bool
) -> tuple[dict[str, float], str]:
    """The weights of a task's skills, and by whom they are."""
    from delegate_cli.skills.scoring import parse_weights

    skills = made.population.skills
    if given is not None:
        if ask_model:
            raise UsageError("--weights and --ask-model do not go together", "give one of them")
        return parse_weights(given, skills), "given"
    delegator = options.open_delegator(agents, {"encoder": encoder}, quiet=quiet)
    with delegator:
        used = delegator.encoder()
        vectors, vector = _vectors(used, made, delegator.roster), used.encode(task)
        if ask_model:
            return _asked(task, made, delegator, vectors @ vector), "by the model"
    from delegate_cli.skills.weighing import weigh

    found = weigh(skills, vectors, vector)
    if not found:
        near = int((vectors @ vector).argmax())
        fix = f"say in settings.skills what they mean, or give --weights, such as {skills[near]}=1"
        raise UsageError(f"no skill is near to the task's words; the nearest is {skills[near]}", fix)
    return found, "by the task's words"


def _asked(task: str, made: "Team", delegator: "Delegator", similarity: Any) -> dict[str, float]:
    """The model's weights of the skills that are nearest to the task."""
    import asyncio

    from delegate_cli.endpoints.client import open_client
    from delegate_cli.errors import SettingsError
    from delegate_cli.skills import asking

    settings = delegator.settings
    if not settings.llm.configured:
        raise SettingsError("--ask-model needs a model, and none is set", "set llm.model, or give --weights")
    if settings.llm.redact:
        from delegate_cli.deciders.redact import Redactor

        task, _ = Redactor(settings.llm.redact_patterns).text(task)
    near = sorted(sorted(range(len(similarity)), key=lambda at: -float(similarity[at]))[: asking.MOST])
    texts, skills = _texts(made, delegator.roster), made.population.skills

    async def ask() -> dict[str, float]:
        client = open_client(settings)
        try:
            return await asking.weigh(client, task, [skills[at] for at in near], [texts[at] for at in near])
        finally:
            await client.close()

    found = asyncio.run(ask())
    if not found:
        raise UsageError("the model says that no skill matters for this task", "give --weights")
    return found


def _show(record: dict[str, Any], what: str, format: Format | None, no_color: bool) -> None:
    if format is Format.YAML:
        import yaml

        streams.write(yaml.safe_dump(record, sort_keys=False, allow_unicode=True))
        return
    from delegate_cli.render import skills

    view = View(getattr(skills, f"plain_{what}"), getattr(skills, f"table_{what}"))
    options.write_record(record, view, None if format is None else options.Listing(format.value), no_color)


def _check_plot(plot: str | None) -> None:
    from delegate_cli.cli import reporting

    if plot is not None:
        reporting.check_picture(plot)


def _plot_profile(plot: str, record: Mapping[str, Any], quiet: bool) -> None:
    profile, scales = record["agents"][0], record["population"]["scales"]
    skills = sorted(profile["skills"].items(), key=lambda item: (-item[1]["mean"], item[0]))
    rows = [(name, each, each["observed"]) for name, each in skills]
    _draw(plot, "profile", f"Skills of {profile['agent']}", rows, quiet, {name for name in scales if scales[name] == "open"})


def _draw(
    plot: str,
    name: str,
    title: str,
    rows: Sequence[tuple[str, Mapping[str, Any], bool]],
    quiet: bool,
    unbounded: Collection[str] = (),
    bar: float | None = None,
) -> None:
    from pathlib import Path

    from delegate_cli.render.files import write_file
    from delegate_cli.render.pictures import png
    from delegate_cli.render.skill_pictures import Line, intervals

    lines = [
        Line(label, each["mean"], each["low"], each["high"], observed, label not in unbounded) for label, each, observed in rows
    ]
    write_file(Path(plot), png(intervals(name, title, lines, bar)))
    if not quiet:
        streams.note(f"wrote {plot}")
