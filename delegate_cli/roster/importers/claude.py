"""Claude Code subagents: Markdown with frontmatter (name, description with `<example>` blocks, tools, model).

The text below the frontmatter is the subagent's prompt. It stays in its file; only where there is no description its beginning
stands for one.
"""

from delegate_cli.roster.importers import cards
from delegate_cli.roster.importers.carry import restored
from delegate_cli.roster.importers.files import File, Found, Refused
from delegate_cli.roster.importers.frontmatter import Front, lead, read_front, title
from delegate_cli.roster.importers.samples import split_samples

FORMAT = "claude-subagent"


def read(file: File) -> Found:
    """The one agent of a file.

    Raises:
        Refused: it says nothing.
    """
    return one_agent(file, FORMAT, read_front(file))


def one_agent(file: File, format: str, front: Front, name: str = "") -> Found:
    """An agent as its frontmatter says it; `name` is for a file that says none."""
    values = front.values
    if not front.there:
        file.mend("there is no frontmatter; its first lines are the description")
    named = cards.text(values.get("name")) or title(front.body) * (not front.there) or name or cards.telling(file)
    described = cards.text(values.get("description"))
    if front.there and not described:
        file.mend("there is no description; the first lines are taken for it")
    description, examples = split_samples(described or lead(front.body))
    if not description and not examples and not values.get("name"):
        raise Refused("it says nothing")
    tools = cards.words(values.get("tools", values.get("allowed-tools")))
    tags = cards.texts(values.get("tags"), cards.MAX_NAME)
    agent = cards.card(file, format, named, description, examples=examples, tools=tools, tags=tags, model=values.get("model"))
    return restored(agent, values.get("delegate"), file)
