"""What the journal keeps of a task's text: all of it, its hash alone, or the text with placeholders for what is private."""

import hashlib
from collections.abc import Mapping
from typing import Any

from delegate_cli.settings import KeptText, Settings

# What can quote the task is left out by naming what cannot, so that a key added to the record later is not kept by accident.
_SAFE = frozenset(
    (
        *("v", "id", "ref", "status", "agent", "probability", "none", "margin", "threshold", "candidates", "excluded"),
        *("decider", "roster", "elapsed_ms", "confirmed", "lift", "missed", "traded", "escalation", "followup"),
    )
)
_SAFE_OF_ASK = frozenset(
    (
        *("top", "roles", "kinds", "needs", "max_cost", "max_latency", "allow", "deny", "local_only", "at", "presence"),
        "previous",
    )
)
_SAFE_OF_CANDIDATE = frozenset(
    ("agent", "name", "kind", "probability", "confidence", "rubric", "evidence", "head", "model", "model_rubric")
)


class Privacy:
    """Makes of a record what may be kept.

    Raises:
        UsageError: `redact` is set, and the extra of that name is not installed.
    """

    def __init__(self, settings: Settings) -> None:
        self._text = settings.journal.text
        self._redactor: Any = None
        if self._text is KeptText.REDACT:
            from delegate_cli.deciders.redact import Redactor  # phonenumbers, Faker and regex: 0.2 s

            self._redactor = Redactor(settings.llm.redact_patterns)

    def asked(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What was wanted, without earlier turns of a conversation."""
        return {key: value for key, value in asked.items() if self._text is KeptText.KEEP or key in _SAFE_OF_ASK}

    def keep(self, task: str, record: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
        """The text to keep, if any, and the record without what could give the task away."""
        if self._text is KeptText.KEEP:
            return task, record
        safe = {key: value for key, value in record.items() if key in _SAFE}
        safe["candidates"] = [_safe_candidate(each) for each in record.get("candidates", ())]
        return (self._redactor.text(task)[0] if self._redactor is not None else None), safe


def sha256(task: str) -> str:
    """The hash by which the same task is found again. A short or common text can be guessed from it."""
    return hashlib.sha256(task.encode("utf-8", "surrogatepass")).hexdigest()


def _safe_candidate(candidate: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in candidate.items() if key in _SAFE_OF_CANDIDATE}
    if "model_rubric" in found:  # a model's reason may quote the task
        found["model_rubric"] = {"level": found["model_rubric"]["level"], "reason": ""}
    return found
