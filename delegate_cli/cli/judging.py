"""What follows when a run's parts are done: one answer by a model, the same request at one agent alone, and the comparison."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from delegate_cli.cli import consent, streams
from delegate_cli.cli.watching import Progress
from delegate_cli.errors import SettingsError

if TYPE_CHECKING:
    from delegate_cli.ask import Ask
    from delegate_cli.cli.model_options import ModelOptions
    from delegate_cli.deciders.redact import Redactor
    from delegate_cli.decision import Decision
    from delegate_cli.pipeline import Delegator
    from delegate_cli.running.folder import RunFolder
    from delegate_cli.running.speaker import Speaker
    from delegate_cli.running.starting import Start
    from delegate_cli.settings import Llm, Settings
    from delegate_cli.splitting.plan import Plan


@dataclass(frozen=True, slots=True)
class Closing:
    """What is to be done when the parts are: put together by a model, compared with one agent; and how models are asked."""

    aggregate: bool
    judge: bool
    settings: "Settings"
    cache: bool = True
    redact: "Redactor | None" = None


def closing(settings: "Settings", asking: "ModelOptions", aggregate: bool, judge: bool) -> Closing:
    """From what was given on the command line.

    Raises:
        SettingsError: a judge is wanted, and there is no model.
    """
    from delegate_cli.running.speaker import judging_endpoint

    if judge and judging_endpoint(settings).model is None:
        raise SettingsError(
            "a judge is wanted, and there is no model to ask",
            "set judge.model or llm.model in the roster's settings, or --model",
        )
    redact = None
    if (asking.redact or settings.llm.redact) and (judge or aggregate):
        from delegate_cli.deciders.redact import Redactor

        redact = Redactor(settings.llm.redact_patterns)
    by_model = aggregate and settings.asks_model and settings.llm.configured
    return Closing(by_model, judge, settings, not asking.no_cache, redact)


@dataclass(frozen=True, slots=True)
class Rival:
    """One agent alone: its plan, None where nobody can or where nothing is to be compared, and the decision made for it now.

    `kept`: it stands in the folder of the run already.
    """

    plan: "Plan | None" = None
    decisions: "tuple[tuple[str, Decision], ...]" = ()
    kept: bool = False


def rival(
    delegator: "Delegator", start: "Start", ask: "Ask", wanted: Closing | None, folder: "RunFolder | None" = None
) -> Rival:
    """Who would do the request alone."""
    if wanted is None or not wanted.judge:
        return Rival()
    from delegate_cli.policy.constraints import exclude
    from delegate_cli.running import single

    known = None if folder is None else single.known_plan(folder)
    if known is not None:
        return Rival(known, kept=True)
    excluded = {each.agent: each for each in exclude(start.roster, replace(ask.constraints, local_only=start.local_only))}
    decision = delegator.decide(start.plan.request, replace(ask, ref=None))
    plan = single.plan_of(start.plan.request, decision, start.blocks, excluded)
    again = plan is None or single.same(start.plan, plan)
    return Rival(plan, () if again else ((single.ID, decision),))


def agree(start: "Start", alone: "Plan | None", yes: bool) -> None:
    """Ask whether one agent alone may do the request as well, where it would act.

    Raises:
        DelegateError: nobody agrees.
    """
    from delegate_cli.running import single

    if alone is not None and not single.same(start.plan, alone):
        consent.agreed(single.start_of(start, alone), yes, {}, ())


def begin(start: "Start", folder: "RunFolder", alone: "Plan | None") -> None:
    """The folder of the run of one agent, within that of the run."""
    from delegate_cli.running import single

    if alone is not None and not single.same(start.plan, alone):
        single.begin(alone, folder)


def close(start: "Start", folder: "RunFolder", wanted: Closing, alone: "Plan | None", quiet: bool) -> Any:
    """The judgement, if one is wanted; the answer is in the folder.

    Raises:
        KeyboardInterrupt: it was interrupted; what is done is kept.
    """
    from delegate_cli.render.judging import fallback_line, judgement_line
    from delegate_cli.running import outcome

    speaker = _speaker(start, folder, wanted, wanted.settings.llm) if wanted.aggregate else None
    record = outcome.put_together(start, folder, speaker)
    if "fallback" in record and not quiet:
        streams.note(fallback_line(record["fallback"]))
    if not wanted.judge:
        return None
    from delegate_cli.running.speaker import judging_endpoint

    _alone(start, folder, alone, quiet)
    found = outcome.judged(start, folder, alone, _speaker(start, folder, wanted, judging_endpoint(wanted.settings)))
    if not quiet:
        streams.note(judgement_line(found))
    return found


def _alone(start: "Start", folder: "RunFolder", alone: "Plan | None", quiet: bool) -> None:
    """Let one agent do the request alone, as far as that is not done."""
    from delegate_cli.running import folder as files
    from delegate_cli.running import single, starting
    from delegate_cli.running.records import State

    within = folder.within(files.SINGLE)
    if alone is None or within is None:
        return
    starting.settle(within)
    if within.results and all(result.state is State.DONE for result in within.results.values()):
        return
    own = single.start_of(start, alone)
    own = replace(own, caps=single.caps_left(start.caps, folder, folder.asked_usd + folder.decided_usd))
    if not quiet:
        streams.note("one agent alone, to compare")
    with Progress(own.plan, quiet) as watch:
        starting.execute(replace(own, watch=watch), within)


def _speaker(start: "Start", folder: "RunFolder", wanted: Closing, llm: "Llm") -> "Speaker":
    from delegate_cli.running import folder as files
    from delegate_cli.running.records import spent
    from delegate_cli.running.speaker import Speaker, within

    single = folder.within(files.SINGLE)
    calls = [*folder.calls.values(), *(() if single is None else single.calls.values())]
    caps, rows = start.caps, folder.lines(files.ASKED)
    left = None if caps.calls is None else caps.calls - len(calls) - len(rows)
    usd = None if caps.usd is None else caps.usd - (spent(calls) or 0.0) - folder.asked_usd - folder.decided_usd
    cache = llm.cache_mb if wanted.cache else 0.0
    local = start.local_only or wanted.settings.local_only
    return Speaker(within(llm, usd), folder, local, wanted.redact, cache, left)
