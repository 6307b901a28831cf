"""GET /openapi.json: what the server answers, from the same schemas that requests are held against."""

from functools import cache
from typing import Any

from delegate_cli import __version__
from delegate_cli.render.schema import decision_schema
from delegate_cli.serving import choices, wire
from delegate_cli.serving.client import EXPECT

_JSON = "application/json"
_TEXT = {"type": "string"}
_REFUSED = {
    "400": "The body is not of this shape.",
    "401": "A token is wanted.",
    "403": "A page of another site asks.",
    "404": "An agent that is named does not exist.",
    "405": "Another method.",
    "408": "The body did not arrive in time.",
    "409": "A skill's score is asked for that no agent of this roster could have.",
    "412": f"`{EXPECT}` names another roster, settings or index.",
    "413": "The body is too large.",
    "415": "The body is not application/json.",
    "421": "The server does not answer to that name.",
    "422": "The body makes no sense: a day that does not exist, half a character.",
    "500": "A bug.",
    "502": "A model endpoint gives no answer.",
    "503": "Too busy, or there is no index.",
    "504": "It took too long.",
}


@cache
def description() -> dict[str, Any]:
    """OpenAPI 3.1."""
    one, many = wire.one_schema(), wire.many_schema()
    decided = {
        "anyOf": [
            _ref("Decision"),
            {
                "type": "object",
                "properties": {"decisions": {"type": "array", "items": _ref("Decision")}},
                "required": ["decisions"],
            },
        ]
    }
    paths: dict[str, Any] = {
        "/v1/decide": {"post": _post("decide", "Who should do this task, or each of these?", {"anyOf": [one, many]}, decided)},
        "/v1/decisions": {
            "post": _post("decisions", "OpenAI's wire; choices are answered.", choices.DECISIONS_SCHEMA, {"type": "object"})
        },
        "/v1/systemone": {
            "post": _post(
                "systemone", "The System One wire; choices are answered.", choices.SYSTEMONE_SCHEMA, {"type": "object"}
            )
        },
        "/healthz": {"get": _get("healthz", "Whether the server lives.", _JSON, _ref("Health"))},
        "/metrics": {"get": _get("metrics", "Figures for Prometheus.", "text/plain", _TEXT)},
        "/openapi.json": {"get": _get("openapi", "This.", _JSON, {"type": "object"})},
    }
    decision = {key: value for key, value in decision_schema().items() if key != "$schema"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "delegate", "version": __version__, "description": "Who should do this task?"},
        "paths": paths,
        "components": {
            "schemas": {"Decision": decision, "Error": _error(), "Health": _health()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _post(name: str, summary: str, body: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    refused = {status: _answer(says, _JSON, _ref("Error")) for status, says in _REFUSED.items()}
    return {
        "operationId": name,
        "summary": summary,
        "requestBody": {"required": True, "content": {_JSON: {"schema": body}}},
        "responses": {"200": _answer("The answer.", _JSON, answer), **refused},
    }


def _get(name: str, summary: str, kind: str, answer: dict[str, Any]) -> dict[str, Any]:
    refused = {status: _answer(_REFUSED[status], _JSON, _ref("Error")) for status in ("401", "403", "405", "421", "500")}
    return {"operationId": name, "summary": summary, "responses": {"200": _answer("The answer.", kind, answer), **refused}}


def _answer(says: str, kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": says, "content": {kind: {"schema": schema}}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _error() -> dict[str, Any]:
    words = dict.fromkeys(("code", "message", "fix"), _TEXT)
    return {
        "type": "object",
        "properties": {"error": {"type": "object", "properties": words, "required": list(words)}},
        "required": ["error"],
    }


def _health() -> dict[str, Any]:
    roster = {"path": {"type": ["string", "null"]}, "sha256": _TEXT, "agents": {"type": "integer"}}
    return {
        "type": "object",
        "properties": {
            "status": {"enum": ["ok"]},
            "version": _TEXT,
            "roster": {"type": "object", "properties": roster, "required": list(roster)},
            "problem": {"type": ["string", "null"], "description": "Why the roster could not be loaded again."},
        },
        "required": ["status", "version", "roster", "problem"],
    }
