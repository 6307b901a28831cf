"""Answers that a roster learns from, kept beside its index: one file LEARNED, swapped in by one rename, for the owner alone.

Each time something is learnt is a step that can be undone: an answer says at which step it came, and at which one a later
answer took its place. Knows nothing of journals or of what answers are worth.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from delegate_cli.agents import Agent, Blend, Roster
from delegate_cli.index import sealed, store
from delegate_cli.index.calibration import Label

FORMAT = 1  # raise when a key means something else than before
NAME = "LEARNED"


class Lesson(NamedTuple):
    """A task and who is right for it; no agent: nobody is.

    `example`: whether it is a sample request now, which a copy of another one is not. `sort`: how it came to be answered,
    by which a step says how many tasks it stands for.
    """

    task: str
    agent: str | None
    decision: str
    at: float
    example: bool
    sort: str = "asked"
    step: int = 1
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """All lessons, and facts of each step, the last one last.

    The facts are `weights` of lessons by their sort, `unseen`, `blend` (how much all that was learnt counts), `at` and `date`.
    """

    lessons: tuple[Lesson, ...] = ()
    steps: tuple[Mapping[str, Any], ...] = field(default=())

    @property
    def standing(self) -> list[Lesson]:
        """The lessons that no later one took the place of."""
        return [lesson for lesson in self.lessons if lesson.until is None]

    def taught(self, roster: Roster) -> Roster:
        """The roster with what was learnt among its sample requests; lessons of agents that are gone wait for them."""
        more: dict[str, list[str]] = {}
        for lesson in self.standing:
            if lesson.example and lesson.agent in roster.position:
                more.setdefault(str(lesson.agent), []).append(lesson.task)
        if not more:
            return roster
        blend = Blend(*self.steps[-1].get("blend", ())) if self.steps else Blend()
        return Roster(tuple(_with(agent, more.get(agent.id, ())) for agent in roster), roster.path, roster.settings, blend)

    def blended(self, blend: Blend) -> "Learned":
        """With what the last step found of how much all that was learnt is to count."""
        return replace(self, steps=(*self.steps[:-1], {**self.steps[-1], "blend": [blend.weight, blend.offset]}))

    def gone(self, roster: Roster) -> list[str]:
        """The agents that something was learnt about and that the roster no longer has."""
        agents = {lesson.agent for lesson in self.standing if lesson.agent is not None}
        return sorted(agent for agent in agents if agent not in roster.position)

    @property
    def labels(self) -> list[Label]:
        """The lessons that stand, as labelled tasks."""
        weights = self.steps[-1]["weights"] if self.steps else {}
        return [
            Label(each.task, () if each.agent is None else (each.agent,), float(weights.get(each.sort, 1.0)), each.decision)
            for each in self.standing
        ]

    def undone(self) -> "Learned":
        """Without the last step."""
        last = len(self.steps)
        lessons = (lesson._replace(until=None if lesson.until == last else lesson.until) for lesson in self.lessons)
        return Learned(tuple(lesson for lesson in lessons if lesson.step != last), self.steps[:-1])

    def then(self, new: Iterable[Lesson], replaced: Iterable[str], facts: Mapping[str, Any]) -> "Learned":
        """With one more step.

        Args:
            replaced: the decisions whose lessons no longer stand.
        """
        step, over = len(self.steps) + 1, frozenset(replaced)
        kept = (
            lesson._replace(until=step) if lesson.until is None and lesson.decision in over else lesson
            for lesson in self.lessons
        )
        return Learned((*kept, *(lesson._replace(step=step) for lesson in new)), (*self.steps, facts))


def read(folder: Path) -> Learned:
    """What was learnt; nothing where there is no file.

    Raises:
        Unusable: it is damaged.
    """
    record = sealed.read(folder / NAME, FORMAT)
    if record is None:
        return Learned()
    return Learned(tuple(Lesson(*lesson) for lesson in record["lessons"]), tuple(record["steps"]))


def teach(home: Path, roster: Roster, say: Callable[[str], None]) -> Roster:
    """The roster with what was learnt for it; where that cannot be read, without it, and a line says so."""
    try:
        return read(store.folder_of(home, roster)).taught(roster)
    except (store.Unusable, KeyError, TypeError, ValueError) as reason:
        said = str(reason) if isinstance(reason, store.Unusable) else "it is damaged"
        say(f"what was learnt from answers is left out: {said} (run: delegate learn --undo, and learn again)")
        return roster


def untaught(roster: Roster) -> Roster:
    """The roster as its file has it."""
    if not any(agent.learned for agent in roster):
        return roster
    return Roster(tuple(replace(agent, learned=()) for agent in roster), roster.path, roster.settings)


def write(folder: Path, learned: Learned) -> None:
    """Replace what was learnt; call it under `store.lock`. Learning nothing leaves no file.

    Raises:
        IndexUnavailable: it cannot be written; the former one stays.
    """
    if learned.steps:
        lessons = [list(lesson) for lesson in learned.lessons]
        sealed.write(folder / NAME, FORMAT, {"lessons": lessons, "steps": list(learned.steps)})
    else:
        sealed.forget(folder / NAME)


def _with(agent: Agent, more: Iterable[str]) -> Agent:
    new = tuple(dict.fromkeys(text for text in more if text not in agent.examples))
    return replace(agent, learned=new) if new else agent
