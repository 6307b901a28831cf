"""Agent skills: a folder with a SKILL.md whose frontmatter has name and description. The folder is named like the skill."""

from delegate_cli.roster.importers.claude import one_agent
from delegate_cli.roster.importers.files import File, Found
from delegate_cli.roster.importers.frontmatter import read_front

FORMAT = "skill"


def read(file: File) -> Found:
    """The one skill of a file.

    Raises:
        Refused: it says nothing.
    """
    return one_agent(file, FORMAT, read_front(file), file.folders[-1] if file.folders else "")
