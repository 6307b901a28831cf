"""Where scores come from, one group of options for all commands of `delegate skills`, and what they are made into."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from delegate_cli.cli import streams
from delegate_cli.errors import UsageError

if TYPE_CHECKING:
    from delegate_cli.agents import Roster
    from delegate_cli.skills.population import History
    from delegate_cli.skills.scales import Scale
    from delegate_cli.skills.tables import Scores
    from delegate_cli.skills.team import Team


class Inputs(NamedTuple):
    """What profiles are made from, beside the cards."""

    history: "History | None"
    scores: "Scores | None"
    raw: bool


@dataclass(frozen=True, slots=True)
class SkillOptions:
    """What was given on the command line."""

    history: Annotated[
        str | None, typer.Option("--history", metavar="TABLE", help="CSV or Parquet: others that were measured, a row each.")
    ] = None
    scores: Annotated[
        str | None,
        typer.Option("--scores", metavar="TABLE", help="CSV or Parquet: more evaluations of the roster's agents."),
    ] = None
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="A,B,…", help="The history's skills; default: all columns of numbers.")
    ] = None
    family: Annotated[
        str | None,
        typer.Option("--family", metavar="COLUMN", help="The history's column that says which rows are akin."),
    ] = None
    scale: Annotated[
        list[str] | None,
        typer.Option("--scale", metavar="SKILL=SCALE", help="share, percent, elo or 1..5; a scale alone is for all skills."),
    ] = None
    raw: Annotated[
        bool, typer.Option("--raw", help="The Gaussian alone on the scores as they are, as the package skillinfer does.")
    ] = False

    @property
    def given(self) -> bool:
        """Whether anything says where scores come from."""
        return bool(self.history or self.scores or self.raw or self.columns or self.family or self.scale)

    def inputs(self, roster: "Roster", quiet: bool) -> Inputs:
        """The tables of these options; without any, those of the last `delegate skills infer`.

        Raises:
            TableError: a table cannot be used.
            UsageError: options that do not go together.
        """
        if not self.given:
            return _kept(roster, quiet)
        if self.history is None and (self.columns or self.family):
            raise UsageError("--columns and --family are about a history", "add --history TABLE")
        if self.history is None and self.scores is None and self.scale:
            raise UsageError("--scale is about a table of scores", "add --history TABLE or --scores TABLE")
        from delegate_cli.skills.tables import history, read_scores
        from delegate_cli.tables.read import read_table

        columns = [name.strip() for name in (self.columns or "").split(",") if name.strip()]
        others = None if self.history is None else read_scores(read_table(self.history), columns, self.family)
        ours = None if self.scores is None else read_scores(read_table(self.scores))
        skills = sorted({name for each in (others, ours) if each is not None for name in each.skills})
        scales = _scales(self.scale or [], skills)
        if ours is not None:
            ours = replace(ours, scales={name: scale for name, scale in scales.items() if name in ours.skills})
        if others is None or self.history is None:
            return Inputs(None, ours, self.raw)
        return Inputs(history(others, scales, self.history), ours, self.raw)

    def team(self, roster: "Roster", quiet: bool) -> "tuple[Team, Inputs]":
        """The profiles of the roster's agents, and what they were made from."""
        from delegate_cli.skills.team import team

        inputs = self.inputs(roster, quiet)
        return team(roster, inputs.history, inputs.scores, inputs.raw), inputs


def _scales(given: Sequence[str], skills: Sequence[str]) -> "Mapping[str, Scale]":
    from delegate_cli.skills.scales import parse_scale

    found: dict[str, Scale] = {}
    for each in given:
        skill, sign, scale = each.rpartition("=")
        if not sign:
            found = {**dict.fromkeys(skills, parse_scale(scale)), **found}
        elif skill in skills:
            found[skill] = parse_scale(scale)
        else:
            from delegate_cli.roster.document import unknown_key

            raise UsageError(f"--scale: no table has the skill {skill!r}", unknown_key(skill, list(skills)[:12]))
    return found


def _kept(roster: "Roster", quiet: bool) -> Inputs:
    from delegate_cli.index import store
    from delegate_cli.settings import home
    from delegate_cli.skills.keep import read_inputs

    try:
        return Inputs(*(read_inputs(store.folder_of(home(), roster)) or (None, None, False)))
    except store.Unusable as reason:
        if not quiet:
            streams.note(f"the history of skills is left out: {reason} (run: delegate skills infer --history TABLE)")
        return Inputs(None, None, False)
