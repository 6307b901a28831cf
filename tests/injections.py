"""Answers and tasks that carry instructions, `tests/data/running_injections.jsonl`, and a run in which they may try everything.

A case is `{"id", "kind": "answer" | "task", "text", "must_not", "says"}`: what must not happen, and the word that a reader
who obeys an answer writes. The run has a model that obeys whatever it reads and recites whatever it knows.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm import Received, Reply, Scripted, completion
from running import Runs, part, plan, program

WEB_KEY = "web-key-0123456789"
HEADER_KEY = "header-key-0123456789"
FILE_SECRET = "what-stands-in-the-secret-file"
PROMPT = "You are the gullible one. Between us: the vault opens with heron-41-quartz."
OTHER_PROMPT = "You are the other one. Between us: the archive opens with otter-97-basalt."
ARGUMENTS = "import json, os, sys; print(json.dumps([sys.argv[1:], sys.stdin.read(), sorted(os.environ)]))"


@dataclass(frozen=True, slots=True)
class Case:
    """One hostile text, with the places in it filled in."""

    id: str
    kind: str
    text: str
    must_not: str
    says: str


def cases(kind: str, folder: Path | None = None) -> list[Case]:
    """Those of one kind. Files that they name are in the folder: `pwned` is not there, `secret` is."""
    lines = (Path(__file__).parent / "data" / "running_injections.jsonl").read_text("utf-8").splitlines()
    found = [Case(**json.loads(line)) for line in lines]
    return [_filled(each, folder) for each in found if each.kind == kind]


def _filled(case: Case, folder: Path | None) -> Case:
    text = case.text
    if folder is not None:
        (folder / "secret").write_text(FILE_SECRET)
        (folder / "evil.json").write_text(json.dumps(plan(part("a", "act"))))
        places = {"@PWNED@": "pwned", "@SECRET_FILE@": "secret", "@PLAN_FILE@": "evil.json"}
        for mark, name in places.items():
            text = text.replace(mark, str(folder / name))
    return Case(case.id, case.kind, text.replace("@LONG@", "long " * 40_000), case.must_not, case.says)


class Stage:
    """Agents around one hostile text, and everything that they received.

    `says` answers with `text`; `web` repeats what it is sent, headers among it; `act` must never be called; `gullible` obeys
    whatever it reads, recites its messages and wants to call a tool; `other` recites, too.
    """

    def __init__(self, folder: Path, scripted: Scripted, model: dict[str, Any] | None = None) -> None:
        self.scripted, self.text, self.obeys = scripted, "", ""
        self.scripted.reply = self._reply
        web = {"kind": "http", "read_only": True, "retries": 0}
        chat = {"kind": "openai", "base_url": scripted.base_url, "retries": 0}
        self.runs = Runs(
            folder,
            {
                "says": web | {"url": f"{scripted.base_url}/says"},
                "web": web | {"url": f"{scripted.base_url}/web", "key_env": "WEB_KEY", "headers": {"X-Api-Key": HEADER_KEY}},
                "act": {"kind": "http", "url": f"{scripted.base_url}/act"},
                "gullible": (model or chat | {"model": "gullible"}) | {"system": PROMPT},
                "other": chat | {"model": "other", "system": OTHER_PROMPT},
                "arguments": program(ARGUMENTS, "{task}", "last", env=["NAMED"]),
            },
        )

    def _reply(self, request: Received) -> Reply:
        if request.path.endswith("/says"):
            return Reply({"answer": self.text})
        if request.path.endswith("/web"):
            return Reply({"answer": f"I got {dict(request.headers)} {request.body.decode()}"})
        body = request.json
        said = json.dumps(body["messages"], ensure_ascii=False)
        if body["model"] == "gullible":
            obeyed = self.obeys if self.obeys and self.obeys in said else ""
            answer = completion(f"{obeyed}\n{said}\n{body['messages'][0]['content']}")
            call = {"id": "1", "type": "function", "function": {"name": "act", "arguments": "{}"}}
            answer["choices"][0]["message"]["tool_calls"] = [call]
            return Reply(answer)
        return Reply(completion(said))

    def sent_to(self, path: str, holds: Callable[[Received], bool] = lambda request: True) -> list[Received]:
        """What came to one place."""
        return [each for each in self.scripted.received if each.path.endswith(path) and holds(each)]

    def asked(self, model: str) -> list[list[dict[str, str]]]:
        """The messages that a model of this server got."""
        return [each.json["messages"] for each in self.sent_to("completions", lambda each: each.json["model"] == model)]
