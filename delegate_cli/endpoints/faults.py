"""What can go wrong with an answer: the error that says so, whether asking again may help, and after how long."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from delegate_cli.errors import CredentialsError, EndpointError, RefusedRequest

AGAIN = frozenset({408, 409, 425, 429})  # and every 5xx but 501
_FILTERED = ("content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation")
_SPENT = ("insufficient_quota", "billing_hard_limit_reached")


class Fault(Exception):
    """One failed attempt.

    `wait` is what the server asked for, in seconds; `sent` whether it may have been paid for; `silent` whether there was no
    sign of life.
    """

    def __init__(
        self, error: EndpointError, *, again: bool = False, wait: float | None = None, sent: bool = False, silent: bool = False
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.again = again
        self.wait = wait
        self.sent = sent
        self.silent = silent


@dataclass(frozen=True, slots=True)
class Place:
    """Whom a message is about; the secret is what no message may repeat."""

    host: str
    model: str
    secret: str = ""

    def quoted(self, text: object) -> str:
        """A server's own words, short, on one line and without the key, as an error may repeat them."""
        line = " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())
        if self.secret:
            line = line.replace(self.secret, "…")
        return line if len(line) <= 160 else line[:159] + "…"


def of_status(status: int, headers: Mapping[str, str], content: bytes, place: Place) -> Fault:
    """The fault that an answer with an error status is."""
    said, code = _said(content)
    words = f": {place.quoted(said)}" if said else ""
    if status in (401, 403):
        refused = "refuses the key" if status == 401 else "refuses this key or model"
        error: EndpointError = CredentialsError(
            f"{place.host} {refused} ({status}{words})", "set OPENAI_API_KEY, or name the key's variable in llm.key_env"
        )
        return Fault(error)
    if any(word in (code, said) for word in _FILTERED):
        return Fault(EndpointError(f"{place.host} filtered the request ({status}{words})", "ask with --decider head"))
    if status == 404:
        fix = "correct llm.model, or llm.base_url, which usually ends in /v1"
        return Fault(EndpointError(f"{place.host} knows no model {place.model!r} or no such path (404{words})", fix))
    if status == 429 and code in _SPENT:
        return Fault(EndpointError(f"the quota at {place.host} is used up (429{words})", "raise it with the provider"))
    if status == 501:  # it will not have learnt it a second later
        fix = "use a model and server that can do this, or another --decider"
        return Fault(EndpointError(f"{place.host} cannot do this ({status}{words})", fix))
    wait = retry_after(headers)
    if status == 429:
        fix = "lower --concurrency, or set llm.rate_limit_rpm"
        return Fault(EndpointError(f"{place.host} takes no more requests for now (429{words})", fix), again=True, wait=wait)
    if status in AGAIN or status >= 500:
        fix = "try again later, or look at the server's log"
        return Fault(EndpointError(f"{place.host} failed ({status}{words})", fix), again=True, wait=wait)
    if 300 <= status < 400:
        fix = "set llm.base_url to where it points; redirections are not followed, since they would carry key and task along"
        return Fault(EndpointError(f"{place.host} redirects elsewhere ({status})", fix))
    fix = "check llm.model and llm.base_url, or use --decider head"
    return Fault(RefusedRequest(f"{place.host} does not accept the request ({status}{words})", fix))


def of_timeout(seconds: float, place: Place) -> Fault:
    error = EndpointError(f"{place.host} gave no answer within {seconds:g} s", "raise llm.timeout_s, or use a faster model")
    return Fault(error, again=True, sent=True, silent=True)


def of_connection(reason: str, place: Place, sent: bool) -> Fault:
    """No connection, or one that broke off."""
    why = place.quoted(reason)
    if sent:
        error = EndpointError(f"{place.host} broke off ({why})", "look at the server's log")
    else:
        error = EndpointError(f"cannot reach {place.host} ({why})", "start the server, or correct llm.base_url")
    return Fault(error, again=True, sent=sent, silent=not sent)


def read_answer(path: str, content: bytes, place: Place) -> Mapping[str, Any]:
    """The body of an answer with status 200.

    Raises:
        Fault: it is no JSON object, has no choices, was filtered, or carries an error.
    """
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        error = EndpointError(f"{place.host} answered with broken JSON", "check that llm.base_url is an OpenAI-compatible API")
        raise Fault(error, again=True, sent=True)
    if body.get("error"):
        said, code = _said(content)
        error = EndpointError(f"{place.host} answered with an error: {place.quoted(said or code)}", "look at the server's log")
        raise Fault(error, again=code not in _FILTERED, sent=True)
    if path == "chat/completions":
        _check_choices(body, place)
    return body


def _check_choices(body: Mapping[str, Any], place: Place) -> None:
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, dict) or not isinstance(first.get("message"), dict):
        raise Fault(EndpointError(f"{place.host} answered without a choice", "try another model"), again=True, sent=True)
    if first.get("finish_reason") == "content_filter":
        error = EndpointError(f"{place.host} filtered the answer of {place.model!r}", "ask with --decider head")
        raise Fault(error, sent=True)


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that the server asks to wait (RFC 9110 10.2.3: seconds or a date; and OpenAI's own milliseconds)."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1e3
    raw = headers.get("retry-after")
    seconds = _number(raw)
    if seconds is not None or not raw:
        return seconds
    try:
        until = parsedate_to_datetime(raw)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())


def _number(raw: str | None) -> float | None:
    try:
        value = float(raw or "")
    except ValueError:
        return None
    return value if 0 <= value < 1e9 else None


def _said(content: bytes) -> tuple[str, str]:
    """Message and code word of an error in any of the usual shapes; else the beginning of the text."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        text = content[:400].decode("utf-8", "replace").strip()
        return ("" if text.startswith("<") else text), ""  # a proxy's HTML page says nothing on one line
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, dict):
        message = error.get("message") or error.get("detail") or ""
        return str(message), str(error.get("code") or error.get("type") or "")
    return str(error), ""
