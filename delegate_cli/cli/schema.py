"""`delegate schema`: the formats, for programs."""

from enum import StrEnum
from typing import Annotated

import typer

from delegate_cli.cli import streams

EXAMPLES = """Examples:

\b
  delegate schema roster > roster.schema.json
  delegate schema decision | jq '.anyOf[0].required'
"""


class What(StrEnum):
    """Which format."""

    ROSTER = "roster"
    DECISION = "decision"
    JOURNAL = "journal"
    PLAN = "plan"


def schema(what: Annotated[What | None, typer.Argument(help="Only this one.")] = None) -> int:
    """Print the JSON Schema of the roster, of the decision record, of the lines of `journal export`, and of a plan."""
    from delegate_cli.render.journal_schema import journal_schema
    from delegate_cli.render.jsonl import json_text
    from delegate_cli.render.plan_schema import plan_schema
    from delegate_cli.render.schema import decision_schema
    from delegate_cli.roster.fields import roster_schema

    makers = {
        What.ROSTER: roster_schema,
        What.DECISION: decision_schema,
        What.JOURNAL: journal_schema,
        What.PLAN: plan_schema,
    }
    streams.write(json_text(makers[what]() if what else {name.value: make() for name, make in makers.items()}))
    return 0
