"""What is asked of a person before agents act, and before a call is made again of which nobody knows how it ended."""

import sys
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from delegate_cli.cli import streams
from delegate_cli.errors import NotEligible, Unasked, UsageError
from delegate_cli.render.text import clean

if TYPE_CHECKING:
    from delegate_cli.running.folder import RunFolder
    from delegate_cli.running.prospects import Consent
    from delegate_cli.running.starting import Start


def agreed(start: "Start", yes: bool, before: Mapping[str, Sequence[str]], done: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Subtask → agents that may do it, without those that need a consent nobody gives.

    Args:
        before: what was agreed to when the run began, over the same roster.
        done: subtasks that are not done again.

    Raises:
        UsageError: an agent would act, and there is nobody to ask.
        Unasked: somebody should say whether an agent is right, and there is nobody to ask; the answer was no; or nobody fits.
        NotEligible: constraints left nobody.
    """
    from delegate_cli.running.prospects import consents

    _check_anybody(start)
    wanted = [
        each
        for each in consents(start.plan, start.roster, start.blocks, start.chosen)
        if each.subtask not in done and each.agent not in before.get(each.subtask, ())
    ]
    if yes or not wanted:
        return dict(start.chosen)
    if streams.is_terminal(sys.stdin) and streams.is_terminal(sys.stderr):
        for each in wanted:
            streams.note(
                clean(f"  {each.subtask}  {each.agent}{' (should another fail)' if each.fallback else ''}: {each.reason}")
            )
        if not _says_yes("Go ahead?"):
            raise Unasked("nothing was run: it was not agreed to", "change the plan, or give --yes")
        return dict(start.chosen)
    _refuse([each for each in wanted if not each.fallback], start)
    missing = {(each.subtask, each.agent) for each in wanted}
    return {
        subtask: tuple(agent for agent in agents if (subtask, agent) not in missing) for subtask, agents in start.chosen.items()
    }


def repeated(start: "Start", folder: "RunFolder", all_of_them: bool) -> frozenset[str]:
    """Subtasks whose last call may be made again although it may have been done."""
    from delegate_cli.running import starting

    office = starting.office_of(start, folder.id)
    found = set()
    for subtask, call in starting.open_ended(start.plan, folder).items():
        if all_of_them or not starting.needs_word(start, office, call):
            found.add(subtask)
            continue
        if streams.is_terminal(sys.stdin) and streams.is_terminal(sys.stderr):
            streams.note(clean(f"  {subtask}: the last call of {call.agent} did not end; it may have been done or paid for"))
            if _says_yes("Make it again?"):
                found.add(subtask)
    return frozenset(found)


def _check_anybody(start: "Start") -> None:
    if any(start.chosen.values()):
        return
    statuses = {each.assigned.status.value for each in start.plan.subtasks if each.assigned is not None}
    if "no_eligible" in statuses:
        raise NotEligible("constraints left nobody who may do it", "see: delegate route with the same options")
    raise Unasked("nobody fits", "name an agent in a plan, or see: delegate route --all")


def _refuse(wanted: "list[Consent]", start: "Start") -> None:
    """Raise where the first choice of a subtask is not agreed to."""
    acting = [each for each in wanted if start.blocks[each.agent].acts]
    said = "; ".join(f"{each.subtask} {each.agent}: {each.reason}" for each in wanted)
    if acting:
        fix = "agree with --yes, or write `read_only: true` into run blocks that change nothing"
        raise UsageError(f"this is asked first, and there is no terminal to ask at: {said}", fix)
    if wanted:
        raise Unasked(f"a person should be asked: {said}", "agree with --yes, or name the agents in a plan")


def _says_yes(question: str) -> bool:
    """Whether the answer is yes; anything else is no. The question goes to stderr: stdout is data."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().casefold() in ("y", "yes")
