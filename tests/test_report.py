"""The report page and its pictures: self-contained, true to the figures, and safe whatever tasks and rosters say."""

import base64
import hashlib
import json
import os
import re
import struct
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
import shell
import yaml

from delegate_cli.confidence.intervals import share

VOID = {"meta", "br", "path", "use"}
HOSTILE = (
    "<script>alert(1)</script> ]]> --> \x1b[31m \u202etxt.exe \u2066 \x00 [bold]red[/bold] & \"quoted\" 'it' $x^2$ \uffff א"
)
TASKS = (
    {"task": "I want my money back for the shoes", "agent": "refunds"},
    {"task": "what is the airspeed of a swallow", "agent": None},
    {"task": "book me a train to Bonn", "agent": "payroll"},
    {"task": "my payslip is wrong", "agent": ["payroll", "refunds"]},
)


class Page(HTMLParser):
    """What a page holds: its elements with attributes, and the text below each id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.elements, self.below, self._open = text, [], {}, []
        self.feed(text)
        self.close()
        assert not self._open, "every element is closed"

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.elements.append((tag, found))
        if tag not in VOID:
            self._open.append((tag, found.get("id")))

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self._open.pop()[0] == tag, f"{tag} closes something else"

    def handle_data(self, data):
        for _, name in self._open:
            if name:
                self.below[name] = self.below.get(name, "") + data

    def values(self, name):
        return [attrs[name] for _, attrs in self.elements if name in attrs]

    def tags(self):
        return {tag for tag, _ in self.elements}


@pytest.fixture
def measured(invoke, tmp_path):
    """Run `eval` on rows of labelled tasks → (result, page)."""

    def run(*rows, agents=shell.SMALL, options=()):
        path, report = tmp_path / "tasks.jsonl", tmp_path / "report.html"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        done = invoke("eval", str(path), "--agents", agents, "--format", "json", "--report", str(report), *options)
        assert done.code == 0, done.err
        return done, Page(report.read_text(encoding="utf-8"))

    return run


def test_the_page_needs_nothing_else_and_allows_nothing_else(measured):
    _, page = measured(*TASKS)
    assert page.tags() & {"script", "link", "img", "iframe", "object", "form", "base"} == set()
    assert page.tags() >= {"header", "main", "section", "figure", "figcaption", "table", "caption", "svg"}
    assert page.text.startswith("<!doctype html>")
    assert not page.values("style")
    assert not page.values("src")
    links = page.values("href") + re.findall(r"url\(([^)]*)\)", page.text)
    assert links
    assert {link.removeprefix("#") for link in links} <= set(page.values("id"))
    assert "http" not in re.sub(r'http-equiv="[^"]*"', "", page.text)
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
    sheet = re.search(r"<style>(.*?)</style>", page.text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    policy = next(attrs["content"] for _, attrs in page.elements if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")


def test_ids_are_unique_and_every_picture_is_said_in_words(measured):
    _, page = measured(*TASKS)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    pictures = [attrs for _, attrs in page.elements if attrs.get("role") == "img"]
    assert [attrs["class"] for attrs in pictures] == ["light", "dark"] * 4
    for attrs in pictures:
        title, said = (page.below[name] for name in attrs["aria-labelledby"].split())
        assert title
        assert re.search(r"\d", said)


def test_the_figures_are_those_of_the_json(measured):
    done, page = measured(*TASKS)
    figures = done.json
    for name in ("top1", "top3", "false_accept"):
        words = f"{100 * figures[name]['value']:.1f}\u00a0%"
        assert words in page.text
        assert f"{100 * figures[name]['low']:.1f} to {100 * figures[name]['high']:.1f}" in page.text
    assert f"{100 * figures['ece']:.1f} points apart" in page.below["reliability-finding"]
    assert f"ECE {100 * figures['ece']:.1f} %" in page.below["reliability"]
    assert f"threshold {figures['handed_over']['threshold']:.3f}" in page.below["risk-coverage"]
    assert "target 5 %" in page.below["risk-coverage"]
    for figure in (figures["mrr"]["value"], figures["macro_f1"], figures["brier"], figures["none_auroc"]):
        assert f"{figure:.3f}" in page.below["figures"]
    assert "payroll and travel-desk, once" in page.below["confused"]
    assert "book me a train to Bonn" in page.below["misses"]
    assert "similarity" in page.below["misses"]
    assert "all-MiniLM-L6-v2" in page.below["measured"]
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", page.below["measured"])
    assert "4 tasks say little" in page.text


def test_hostile_text_stays_text(measured, tmp_path):
    agents = [
        {
            "id": "<script>alert(2)</script>",
            "description": HOSTILE.replace("\x00", "").replace("\x1b", "").replace("\uffff", ""),
        },
        {"id": "$\\frac{1$&\"'[red]", "description": "Sings songs", "examples": ["<img src=x onerror=alert(3)>"]},
        {"id": "W" * 150, "description": "Bakes bread"},
        {"id": "漢" * 150, "description": "Sweeps floors"},
    ]
    roster = tmp_path / "<b>roster.yaml"
    roster.write_text(yaml.safe_dump({"version": 1, "agents": agents}), encoding="utf-8")
    ids = [agent["id"] for agent in agents]
    rows = [{"task": f"{HOSTILE} {number}", "agent": name} for number, name in enumerate(ids)]
    rows += [{"task": f"sweep, bake and sing {name}", "agent": other} for name, other in pairwise(ids)]
    done, page = measured(*rows, agents=str(roster))
    assert done.json["confused"]
    assert page.tags() & {"script", "img", "b", "bold"} == set()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; ]]&gt;" in page.text
    assert "[bold]red[/bold]" in page.text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]", page.text)
    assert page.text.count("<bdi>") == page.text.count("</bdi>") > len(rows)
    labels = page.below["confusion"]
    assert "$\\frac" in labels
    assert "<script>alert(2)</script>" in labels
    assert "漢" * 14 not in re.sub(r"and .*", "", labels.partition("misses lie")[0])


def test_few_tasks_none_that_nobody_fits_and_only_such(measured):
    _, page = measured({"task": "I want my money back for the shoes", "agent": "refunds"})
    assert "One task says little" in page.text
    assert "nobody fits are handed over" not in page.text
    assert {"reliability", "risk-coverage", "levels"} <= set(page.values("id"))
    assert "confusion" not in page.values("id")
    assert "There is none." in page.below["misses"]
    done, page = measured({"task": "sing", "agent": None})
    assert done.json["reliability"][0]["count"] == 0
    assert done.json["risk_coverage_curve"] == []
    assert "svg" not in page.tags()
    assert "nobody fits are handed over" in page.text


def test_sizes_of_a_roster_of_twenty(measured, tmp_path):
    agents = yaml.safe_load((shell.DATA.parent.parent / "agents.yaml").read_text(encoding="utf-8"))["agents"][:20]
    for agent in agents:  # who stands in may not be among the twenty
        agent.pop("escalate_to", None)
    roster = tmp_path / "twenty.yaml"
    roster.write_text(shell.roster_text(agents), encoding="utf-8")
    rows = [{"task": agent["examples"][0], "agent": agent["id"]} for agent in agents]
    done, page = measured(*rows, agents=str(roster))
    assert "smaller rosters of 10 agents" in done.err
    assert "Its first choice is right" in page.below["sizes-finding"]
    assert "with 20 agents" in page.below["sizes-finding"]
    top1 = done.json["top1"]
    assert f"{100 * top1['low']:.1f} to {100 * top1['high']:.1f}" in page.below["figures"].partition("Smaller rosters")[2]


@pytest.mark.parametrize("sizes", [[10, 30, 50, 70, 72], [10, 30, 50, 70, 100, 4076], [20]])
def test_labels_of_sizes_do_not_touch(sizes):
    from delegate_cli.render.pictures import LIGHT, Picture, _sizes, svg

    rows = [{"agents": size, "top1": share(size // 2, size), "top3": None} for size in sizes]
    text = svg(Picture("sizes", "", lambda on, palette: _sizes(on, palette, rows)), LIGHT)
    shown = re.findall(r"<text([^>]*)>(\d+)</text>", text)
    below = [(name, label) for name, label in shown if 'text-anchor="middle"' in name]
    ticks = sorted((float(re.search(r' x="([\d.]+)"', name)[1]), int(label)) for name, label in below)
    gaps = [right[0] - left[0] for left, right in pairwise(ticks)]
    assert {label for _, label in ticks} <= set(sizes)
    assert ticks[-1][1] == sizes[-1]
    assert all(gap > 18 for gap in gaps)


def test_the_same_input_gives_the_same_page(measured):
    def fixed(page):
        return re.sub(r"(seconds|measured)(</t|</dt)(.*)", r"\1", page.text)

    assert fixed(measured(*TASKS)[1]) == fixed(measured(*TASKS)[1])


def test_plots_are_png_files_for_a_sharp_screen(invoke, tmp_path):
    path = tmp_path / "tasks.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in TASKS))
    folder = tmp_path / "deep" / "plots"
    done = invoke("eval", str(path), "--agents", shell.SMALL, "--plots", str(folder))
    assert done.code == 0
    assert sorted(each.name for each in folder.iterdir()) == [
        "confusion.png",
        "levels.png",
        "reliability.png",
        "risk-coverage.png",
    ]
    for each in folder.iterdir():
        data = each.read_bytes()
        assert data.startswith(b"\x89PNG")
        assert struct.unpack(">I", data[16:20])[0] == 1000
        assert f"wrote {each}" in done.err


@pytest.mark.parametrize(
    ("option", "where", "what"),
    [
        ("--report", "missing/report.html", "there is no folder"),
        ("--report", "tasks.jsonl/report.html", "there is no folder"),
        ("--report", ".", "something that is not a file"),
        ("--report", "/dev/null", "something that is not a file"),
        ("--plots", "tasks.jsonl", "cannot make the folder"),
        ("--plots", "tasks.jsonl/plots", "cannot make the folder"),
    ],
)
def test_a_place_that_cannot_be_written_is_one_line_before_anything_is_measured(invoke, tmp_path, option, where, what):
    path = tmp_path / "tasks.jsonl"
    path.write_text(json.dumps(TASKS[0]))
    done = invoke("eval", str(path), "--agents", shell.SMALL, option, str(tmp_path / where))
    assert (done.code, done.out) == (2, "")
    assert what in done.err
    assert done.err.count("\n") == 1
    assert not Path("/dev/null").is_file()


def test_a_full_disk_leaves_the_old_report(invoke, tmp_path, monkeypatch):
    path, report = tmp_path / "tasks.jsonl", tmp_path / "report.html"
    path.write_text(json.dumps(TASKS[0]))
    report.write_text("old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    done = invoke("eval", str(path), "--agents", shell.SMALL, "--report", str(report))
    assert done.code == 2
    assert f"cannot write {report}: No space left on device" in done.err
    assert report.read_text() == "old"
    assert sorted(each.name for each in tmp_path.iterdir() if each.is_file()) == ["report.html", "tasks.jsonl"]


def test_a_comparison_has_no_report(invoke, tmp_path):
    done = invoke("eval", "tasks.jsonl", "--compare", "a.yaml", "b.yaml", "--report", str(tmp_path / "report.html"))
    assert done.code == 2
    assert "--compare and --report do not go together" in done.err


def test_sizes_that_were_asked_for_are_drawn(measured):
    done, page = measured(*TASKS, options=["--sizes", "4,8"])
    assert [each["agents"] for each in done.json["sizes"]] == [4, 8]
    assert "with 4 agents and" in page.below["sizes-finding"]
    assert "smaller rosters" not in done.err


def test_without_matplotlib_the_error_says_what_to_install(delegate, tmp_path):
    (tmp_path / "matplotlib.py").write_text('raise ModuleNotFoundError("No module named matplotlib", name="matplotlib")')
    path = tmp_path / "tasks.jsonl"
    path.write_text(json.dumps(TASKS[0]))
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    done = delegate("eval", str(path), "--agents", shell.SMALL, "--report", str(tmp_path / "report.html"), env=env)
    assert (done.code, done.out) == (2, "")
    assert 'pip install "matplotlib>=3.8"' in done.err
    assert done.err.count("\n") == 1
    assert delegate("eval", str(path), "--agents", shell.SMALL, env=env).code == 0
