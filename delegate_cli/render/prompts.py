"""Requests to a model as people read them, as a dry run prints them, and what they came to in one line."""

import json
from collections.abc import Sequence
from typing import Any

from delegate_cli.endpoints import Request
from delegate_cli.endpoints.wire import encode_body, estimated_tokens
from delegate_cli.render.text import clean
from delegate_cli.settings import Llm


def prompt_text(requests: Sequence[Request]) -> str:
    """The messages of each request, under a line that tells them apart."""
    parts = []
    for number, request in enumerate(requests, 1):
        parts.append(f"── request {number} of {len(requests)}: {clean(request.path)}")
        messages = request.body.get("messages")
        if not isinstance(messages, list):
            parts.append(_lines(json.dumps(request.body, ensure_ascii=False, indent=1)))
            continue
        parts += [f"[{clean(str(each['role']))}]\n{_lines(str(each['content']))}" for each in messages]
    return "\n".join(parts)


def dry_record(request: Request, llm: Llm, ref: Any) -> dict[str, Any]:
    """A request with its exact bytes as text, where it would go, and what it may cost at most; USD only with prices."""
    inputs, outputs = estimated_tokens(request)
    usd = None if llm.prices is None else llm.prices.cost(inputs, outputs)
    return {
        "ref": ref,
        "url": f"{llm.url}/{request.path.lstrip('/')}",
        "body": encode_body(request.body).decode("utf-8"),
        "estimate": {"input_tokens": inputs, "output_tokens": outputs, "cost_usd": usd},
    }


def summary_line(spent: dict[str, Any]) -> str:
    """Calls, answers from the cache, tokens, USD where prices are set, and how often the head had to do alone."""
    facts = [f"{spent['calls']:,} calls", f"{spent['cached']:,} cached"]
    facts.append(f"{spent['input_tokens']:,} tokens in, {spent['output_tokens']:,} out")
    if spent["cost_usd"] is not None:
        facts.append(f"{spent['cost_usd']:.4f} USD")
    failed = spent["fallbacks"]
    kinds = ", ".join(f"{code} {count}" for code, count in sorted(failed.items()))
    facts.append(f"{sum(failed.values())} fallbacks" + (f" ({kinds})" if kinds else ""))
    return f"model: {', '.join(facts)}"


def _lines(text: str) -> str:
    return "\n".join(clean(line) for line in text.split("\n"))
