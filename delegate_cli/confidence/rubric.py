"""A candidate's rubric: five criteria in [0, 1] with a reason in words each, joined into a level from 1 to 5."""

from bisect import bisect_right
from dataclasses import dataclass

from delegate_cli.decision import Criterion, Evidence, EvidenceKind, Rubric

# P(right) = σ(SLOPE · logit(capability × scope)), fitted on the dev splits of the public rosters (`make constants`), where
# evidence added next to nothing to that product (coefficient 0.15); separation and clarity follow from the same probabilities.
SLOPE = 0.80
BOUNDS = (0.35, 0.6, 0.8, 0.93)  # chances of being right at which levels 2 to 5 begin
_WEAK, _STRONG = 0.15, 0.75  # similarities that count as no evidence and as full evidence
_QUOTE = 72


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one candidate among the others. Probabilities in [0, 1]."""

    probability: float  # that this agent is right
    share: float  # its probability among the agents, given that somebody fits
    rival: float  # probability of the best other candidate
    rival_name: str  # "" when there is no other
    first: bool
    agents: int  # how many were eligible
    spread: float  # effective number of agents in question, at least 1
    none: float
    evidence: Evidence


def assess(standing: Standing) -> Rubric:
    """The rubric of one candidate."""
    evidence = strength(standing.evidence.similarity)
    criteria = (
        Criterion("capability", standing.share, _capability(standing)),
        Criterion("evidence", evidence, _evidence(standing.evidence)),
        Criterion("separation", _separation(standing), _separation_words(standing)),
        Criterion("clarity", 1.0 / standing.spread, _clarity(standing.spread)),
        Criterion("scope", 1.0 - standing.none, f"the chance that no agent fits is {percent(standing.none)}"),
    )
    return Rubric(level(standing.probability), criteria)


def strength(similarity: float) -> float:
    """A similarity as evidence in [0, 1]."""
    return min(1.0, max(0.0, (similarity - _WEAK) / (_STRONG - _WEAK)))


def level(probability: float) -> int:
    """1 to 5 for a probability in [0, 1], which is capability × scope."""
    safe = min(max(probability, 1e-6), 1 - 1e-6)
    return 1 + bisect_right(BOUNDS, 1 / (1 + (1 / safe - 1) ** SLOPE))


def percent(share: float) -> str:
    """A share in words that never says 0 % or 100 % of something uncertain."""
    if share < 0.01:
        return "below 1 %"
    return "above 99 %" if share > 0.99 else f"{share:.0%}".replace("%", " %")


def _capability(standing: Standing) -> str:
    if standing.agents == 1:
        return "it is the only agent there is"
    among = "both agents" if standing.agents == 2 else f"{standing.agents} agents"
    place = "fits best" if standing.first else "fits less well than the first"
    return f"{place} of {among}: {percent(standing.share)} if anyone fits"


def _evidence(evidence: Evidence) -> str:
    what = "sample request" if evidence.kind is EvidenceKind.EXAMPLE else "line of its card"
    words = {5: "very near", 4: "near", 3: "fairly near", 2: "distant", 1: "far"}
    near = words[1 + bisect_right((0.3, 0.42, 0.55, 0.7), evidence.similarity)]
    return f"{near}: {what} “{shorten(evidence.text)}” ({evidence.similarity:.2f})"


def _separation(standing: Standing) -> float:
    total = standing.probability + standing.rival
    return standing.probability / total if total > 0 else 0.0


def _separation_words(standing: Standing) -> str:
    if not standing.rival_name:
        return "there is no other agent to confuse it with"
    if standing.first:
        times = standing.probability / max(standing.rival, 1e-9)
        amount = "over 100 times" if times > 100 else f"{times:.1f} times"
        return f"{amount} as likely as {standing.rival_name}"
    return f"{percent(standing.probability)} against {percent(standing.rival)} for {standing.rival_name}"


def _clarity(spread: float) -> str:
    return "the task points to one agent" if spread < 1.5 else f"the task could mean about {spread:.0f} agents"


def shorten(text: str, limit: int = _QUOTE) -> str:
    """One line of at most `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
