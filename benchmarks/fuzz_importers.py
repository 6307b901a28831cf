"""`python -m benchmarks.fuzz_importers DATA`: real files of catalogues, damaged in many ways, and texts made of the words of
all formats, through every importer. Nothing may crash, hang, or hold more than a few times the file.

Each case is one damaged file, read as what its name says and, every tenth, in a folder together with others.
"""

import argparse
import random
import resource
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from delegate_cli.agents import Roster
from delegate_cli.errors import RosterError
from delegate_cli.roster.exporters import a2a, claude, openai_tools, own
from delegate_cli.roster.importers.detect import FORMATS, importer_of
from delegate_cli.roster.importers.files import File, Refused
from delegate_cli.roster.importers.sources import read_sources
from delegate_cli.roster.parse import parse_roster

CASES = 20_000
LIMIT = 5  # seconds of one case before it counts as a hang
SEED = 11
ENDINGS = (".md", ".json", ".yaml", ".yml")
WORDS = (
    *(
        "---\n",
        "\n---\n",
        "name: x\n",
        "description: ",
        "<example>",
        "</example>",
        "user: ",
        "assistant: ",
        "\\n",
        "tools: [",
        "- ",
    ),
    *(
        '{"tools": [',
        '"skills": [{',
        '"name": "a"',
        '"examples": ["b"]',
        '"mcpServers": {"s": {"command": "npx"',
        '"entries": [',
    ),
    *("role: r\n", "goal: g\n", "routes:\n", "utterances:\n", "&a [*a]", "*a", "!!python/object:os.system", "? ", "|\n", ">\n"),
    *(
        '"',
        "'",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        ": ",
        "\n",
        "\r\n",
        "\r",
        "\t",
        " ",
        "\x00",
        "\x1b[31m",
        "\ufeff",
        "\u2028",
        "\u202e",
    ),
    *("\U0001f600", "\\ud800", "1e999", "-0", "9" * 40, "NaN", "null", "true", "/*", "//", "```\n", "<!--", "-->", "# ", "%"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cases", type=int, default=CASES)
    options = parser.parse_args()
    seeds = [
        (each.name, each.read_bytes()) for each in sorted((options.data / "catalogs").rglob("*")) if each.suffix in ENDINGS
    ]
    tests = Path(__file__).resolve().parent.parent / "tests" / "data" / "catalogues"
    seeds += 20 * [(each.name, each.read_bytes()) for each in sorted(tests.rglob("*")) if each.is_file()]
    print(f"{len(seeds)} files to start from, {options.cases} cases")
    print(run(seeds, options.cases))


def run(seeds: list[tuple[str, bytes]], cases: int, seed: int = SEED) -> str:
    """Read so many damaged files; what came of them, in words.

    Raises:
        AssertionError: a crash, with the case's number; the same seed and number make the same file.
    """
    outcomes: Counter[str] = Counter()
    formats: Counter[str] = Counter()
    slowest, before = 0.0, _peak()
    signal.signal(signal.SIGALRM, _hang)
    for number, (name, data) in enumerate(damaged(seeds, cases, seed)):
        started = time.process_time()
        signal.alarm(LIMIT)
        try:
            outcome, format = read_case(name, data)
            if number % 10 == 0:
                read_in_folder(name, data)
        except Exception as error:
            raise AssertionError(f"case {number} ({name}, {data[:200]!r}): {type(error).__name__}: {error}") from error
        finally:
            signal.alarm(0)
        slowest = max(slowest, time.process_time() - started)
        outcomes[outcome] += 1
        formats[format] += 1
    told = ", ".join(f"{count} {name}" for name, count in outcomes.most_common())
    read = ", ".join(f"{name} {formats[name]}" for name in FORMATS if formats[name])
    grown = (_peak() - before) / 1024
    return f"{told}; slowest {slowest:.2f} s of CPU; memory grew by {grown:.0f} MiB at most\nread as: {read}"


def read_case(name: str, data: bytes) -> tuple[str, str]:
    """Read one file as a source that was named; what came of it, and the format. What was read can be written and read again.

    Raises:
        AssertionError: it cannot.
    """
    file = File(name, data)
    try:
        importer = importer_of(file, alone=True)
        if importer is None:
            return "no agents", ""
        found = importer.read(file)
    except Refused:
        return "refused", ""
    except RecursionError:
        return "too deep", ""
    assert found.agents
    agents = {agent.id: agent for agent in found.agents}
    roster = Roster(tuple(agents.values()))
    assert parse_roster(own.yaml_text(roster).encode()).agents == roster.agents
    return ("mended" if file.reasons else "read"), importer.FORMAT


def read_in_folder(name: str, data: bytes) -> None:
    """Read it beside a file that is whole; the whole one is there in any case."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "agents"
        (place / "other").mkdir(parents=True)
        (place / "whole.md").write_text("---\nname: whole-one\ndescription: Is there.\n---\n")
        (place / "other" / name).write_bytes(data)
        try:
            roster = read_sources([folder]).roster
        except RosterError:
            raise AssertionError("a broken file took the whole one with it") from None
        assert any(agent.name == "whole-one" for agent in roster)
        for text in (a2a.text(roster), openai_tools.text(roster), own.json_text(roster), *claude.files(roster).values()):
            text.encode("utf-8")


def damaged(seeds: list[tuple[str, bytes]], cases: int, seed: int = SEED) -> Iterator[tuple[str, bytes]]:
    """So many file names and damaged contents, the same for the same seed."""
    for number in range(cases):
        rng = random.Random(f"{seed} {number}")
        name, data = rng.choice(seeds)
        if number % 8 == 7:
            data = "".join(rng.choices(WORDS, k=rng.randint(1, 60))).encode("utf-8", "surrogatepass")
        for _ in range(rng.choice((0, 1, 1, 2, 4, 12))):
            data = _damage(data, rng)
        if rng.random() < 0.1:
            name = rng.choice(seeds)[0]
        yield name, data


def _damage(data: bytes, rng: random.Random) -> bytes:
    place, length = rng.randint(0, len(data)), rng.choice((1, 1, 3, 20, 300))
    word = rng.choice(WORDS).encode("utf-8", "surrogatepass")
    return rng.choice(
        (
            lambda: data[:place] + data[place + length :],
            lambda: data[:place] + word + data[place:],
            lambda: data[:place] + rng.randbytes(length) + data[place + length :],
            lambda: data[:place] + data[place : place + length] * rng.choice((2, 50)) + data[place:],
            lambda: data[:place],
            lambda: data[:place] + word * rng.choice((30, 400)) + data[place:],
            lambda: data.replace(b"\n", b"\r\n"),
            lambda: data.replace(b"\n", b"\r") if rng.random() < 0.3 else b"\xef\xbb\xbf" + data,
            lambda: data.replace(b'"', b"'", rng.randint(1, 5)),
            lambda: data.replace(b": ", b":", rng.randint(1, 5)),
            lambda: data.replace(b"---", b"", 1),
            lambda: data.decode("utf-8", "replace").encode(rng.choice(("utf-16", "latin-1")), "replace"),
        )
    )()


def _hang(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"took longer than {LIMIT} seconds")


def _peak() -> float:
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    main()
