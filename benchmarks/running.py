"""Splitting, running, judging and processing from end to end: `make bench-run`.

The example roster, its programs as they are, and all other AI agents, the splitter and the judge played by one real model on
loopback: llama.cpp with 135 million parameters, or any server with --base-url. So small a model answers poorly, and its points
mean nothing: what is shown is that all of it works together, and that every file that is written is valid JSON.
"""

import argparse
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PROMPTS = (
    "Where is order TH-20932?",
    "Refund the scanner I sent back two weeks ago, and then draft the release notes for version 3.2",
    "Where is order TH-20933? Also translate this letter into French: the goods arrive on Monday.",
    "Check these addresses: info@nordwind.example, a.brunner@markt.example, a.brunner@markt.example",
    "Reset my password, and write a short post about the new scanner",
    "Write the release notes for version 3.2 and then a post about them",
    "Where is my parcel TH-20934; check the mailing list info@a.example, b@a.example for role addresses",
    "Introduce our scanners to a chemist chain",
)
SETTINGS = "settings:\n  run: {kind: openai, max_tokens: 80, timeout_s: 300}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url")
    parser.add_argument("--model")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "bench-run")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    roster = given.folder / "agents.yaml"
    roster.write_text((ROOT / "agents.yaml").read_text().replace("settings:\n", SETTINGS, 1))
    prompts = given.folder / "prompts.jsonl"
    prompts.write_text("".join(json.dumps({"id": f"p{number}", "task": task}) + "\n" for number, task in enumerate(PROMPTS, 1)))
    with ExitStack() as stack:
        url, model = given.base_url, given.model
        if url is None:
            sys.path.insert(0, str(ROOT / "tests"))
            from llm import run_llama

            served = stack.enter_context(run_llama())
            url, model = served.base_url, served.model
        home = given.folder / "home"
        facts = {"BASE_URL": url, "MODEL": model, "TIMEOUT_S": "600"}
        env = {**os.environ, "DELEGATE_HOME": str(home), **{f"DELEGATE_LLM_{name}": value for name, value in facts.items()}}
        own = ["--agents", str(roster), "--at", "any"]
        call(env, "split", *own, PROMPTS[6])
        call(env, "run", *own, "--yes", "--judge", PROMPTS[6])
        call(env, "process", *own, "--yes", "--format", "table", str(prompts))
        call(env, "runs", "list")
    print(f"{checked(home / 'runs') + checked(home / 'batches')} files, all valid JSON")


def call(env: dict[str, str], *arguments: str) -> None:
    print(f"$ delegate {' '.join(arguments)}", flush=True)
    subprocess.run([sys.executable, "-m", "delegate_cli", *arguments], env=env, cwd=ROOT, check=False)


def checked(folder: Path) -> int:
    """How many files there are, each of which is valid."""
    files = [path for path in folder.rglob("*.json*") if path.is_file()]
    for path in files:
        text = path.read_text("utf-8")
        rows: list[Any] = [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else [json.loads(text)]
        assert all(isinstance(row, dict) for row in rows), path
    return len(files)


if __name__ == "__main__":
    main()
