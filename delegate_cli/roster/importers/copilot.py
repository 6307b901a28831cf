"""GitHub Copilot's custom agents: `NAME.agent.md` (before: `NAME.chatmode.md`). The name in the frontmatter is optional."""

from delegate_cli.roster.importers.claude import one_agent
from delegate_cli.roster.importers.files import File, Found
from delegate_cli.roster.importers.frontmatter import read_front

FORMAT = "copilot-agent"
ENDINGS = (".agent.md", ".chatmode.md")


def read(file: File) -> Found:
    """The one agent of a file.

    Raises:
        Refused: it says nothing.
    """
    lower = file.name.lower()
    ending = next((each for each in ENDINGS if lower.endswith(each)), ".md")
    return one_agent(file, FORMAT, read_front(file), file.name[: -len(ending)])
