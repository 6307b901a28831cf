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


def schema(what: Annotated[What | None, typer.Argument(help="Only this one.")] = None) -> int:
    """Print the JSON Schema of the roster and of the decision record."""
    from delegate_cli.render.jsonl import json_text
    from delegate_cli.render.schema import decision_schema
    from delegate_cli.roster.fields import roster_schema

    both = {What.ROSTER: roster_schema, What.DECISION: decision_schema}
    streams.write(json_text(both[what]() if what else {name.value: make() for name, make in both.items()}))
    return 0
