"""The training recipe on a tiny set of our own: the same result from the same seed, also after an interruption."""

import argparse
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from delegate_cli.encoders import adapter, batches, catalog
from delegate_cli.errors import EncoderError
from training import average, export, pools, train

AGENTS = [
    {"id": "refunds", "name": "Refunds", "description": "Gives money back for returned goods. Checks the receipt first."},
    {"id": "parcels", "name": "Parcels", "description": "Finds parcels that are late. Knows every carrier in the country."},
    {"id": "payroll", "name": "Payroll", "description": "Pays wages and explains pay slips. Corrects hours that are missing."},
    {"id": "gardens", "name": "Gardens", "description": "Advises on plants and lawns. Says when to sow and when to cut."},
]
TASKS = {
    "refunds": ["I want my money back for the kettle", "return these shoes please", "the lamp broke, refund it"],
    "parcels": ["where is my parcel", "the delivery is three days late", "track order 7781"],
    "payroll": ["my overtime is missing on the slip", "when are wages paid in May", "why is my tax so high"],
    "gardens": ["moss in the lawn", "when do I sow beans", "cut back the roses now or later"],
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two rosters with dev tasks, and a test task that must never be seen."""
    for name in ("shop", "other"):
        folder = tmp_path / "data" / "rosters" / name
        folder.mkdir(parents=True)
        (folder / "roster.yaml").write_text(yaml.safe_dump({"agents": AGENTS}))
        rows: list[dict[str, Any]] = [
            {"task": f"{task} {name}", "agent": agent, "split": "dev"} for agent, tasks in TASKS.items() for task in tasks
        ]
        rows.append({"task": "who won the match", "agent": None, "split": "dev"})
        rows.append({"task": "SECRET of the test split", "agent": "refunds", "split": "test"})
        (folder / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "data" / "catalogs").mkdir()
    return tmp_path / "data"


@pytest.fixture(autouse=True)
def nothing_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the rosters that this project wrote, which take a minute to read rivals of."""
    monkeypatch.setattr(pools, "read_written", lambda: [])


def options(data: Path, out: Path, **changes: Any) -> argparse.Namespace:
    usual = {"data": data, "out": out, "steps": 3, "rate": 1e-3, "anchor": 10.0, "hold": 0.0, "seed": 3, "leave": []}
    return argparse.Namespace(**{**usual, **changes})


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "model" / "model.safetensors")


def test_test_tasks_and_sample_requests_are_never_drawn(data: Path) -> None:
    found = pools.read_pools(data)
    assert [pool.name for pool in found] == ["other", "shop"]
    texts = {request for pool in found for agent in pool.agents for request in agent.requests}
    assert len(texts) == 24
    assert not [text for text in texts if "SECRET" in text]


def test_a_batch_has_no_answer_of_its_own_and_no_agent_twice(data: Path) -> None:
    found = pools.read_pools(data)
    rivals = np.array([[1, 2], [2, 3], [3, 0], [0, 1]])
    for number in range(20):
        batch = batches.draw(found[0], found[1:], rivals, random.Random(number))
        assert not batch.allowed.diagonal().any()
        assert len(batch.texts) == len(batch.owner) == len(batch.card)
        assert sorted(batch.owner[batch.card].tolist()) == [0, 1, 2, 3]
        assert (batch.owner == -1).sum() > 0


def test_requests_that_two_agents_fit_are_neither_right_nor_wrong() -> None:
    both = frozenset({"a", "b"})
    agents = tuple(pools.Candidate(name, ("shared", f"own {name}"), ((f"card {name}",),), (), name) for name in "abc")
    pool = pools.Pool("p", "p", agents, {"shared": both}, ())
    batch = batches.draw(pool, [], np.array([[1, 2], [0, 2], [0, 1]]), random.Random(1))
    names = np.array([next(name for name in "abc" if f"card {name}" in batch.texts[row]) for row in np.flatnonzero(batch.card)])
    places = {name: batch.owner[batch.card][row] for row, name in enumerate(names)}
    apart = np.ix_(batch.owner == places["a"], batch.owner == places["b"])
    assert not batch.allowed[apart].any()
    assert batch.allowed[np.ix_(batch.owner == places["a"], batch.owner == places["c"])].all()


def test_written_rosters_of_another_kind_are_strangers_to_each_other() -> None:
    def pool(name: str, family: str) -> pools.Pool:
        agents = tuple(
            pools.Candidate(f"{name}{each}", (f"{name} wants {each}",), ((f"card {each}",),), (), each) for each in "ab"
        )
        return pools.Pool(name, family, agents, {}, ())

    class Each:
        def of(self, pool: pools.Pool) -> Any:
            return np.array([[1], [0]])

    every = [pool("chat/gym", "written"), pool("chat/bank", "written"), pool("teams/ship", "written")]
    for number in range(20):
        _, batch = train.drawn(every[:1], every, Each(), random.Random(number))  # type: ignore[arg-type]
        nobody = [text.lower() for text, owner in zip(batch.texts, batch.owner, strict=True) if owner < 0]
        assert nobody
        assert not [text for text in nobody if "bank" in text or "gym" in text]


def test_wrong_pairs_are_held_apart_and_right_ones_are_not() -> None:
    owner = np.array([0, 0, 1, -1])
    allowed = ~np.eye(4, dtype=bool)
    batch = batches.Batch(("a", "b", "c", "d"), owner, np.zeros(4, dtype=bool), allowed)
    before = torch.eye(4)
    right, wrong = before.clone(), before.clone()
    right[1] = right[0]
    wrong[2] = wrong[3]
    assert train.nearer(before, before, batch) == 0
    assert train.nearer(right, before, batch) == 0
    assert train.nearer(wrong, before, batch) > 0
    assert train.nearer(before, wrong, batch) == 0  # further apart is no harm


@pytest.mark.filterwarnings("ignore")
def test_same_seed_same_weights_also_after_an_interruption(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train.train(options(data, tmp_path / "whole"))
    monkeypatch.setattr(train, "CHECKPOINT", 0.0)
    real = train.contrast
    calls: list[int] = []

    def killed(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(train, "contrast", killed)
    with pytest.raises(KeyboardInterrupt):
        train.train(options(data, tmp_path / "halves"))
    monkeypatch.setattr(train, "contrast", real)
    train.train(options(data, tmp_path / "halves"))
    whole, halves = weights(tmp_path / "whole"), weights(tmp_path / "halves")
    assert all(torch.equal(whole[name], halves[name]) for name in whole)
    steps = [json.loads(line)["step"] for line in (tmp_path / "halves" / "log.jsonl").read_text().splitlines()]
    assert steps == [0, 1, 2]

    train.train(options(data, tmp_path / "more", seed=4, steps=1, hold=20.0))
    more = weights(tmp_path / "more")
    assert not all(torch.equal(whole[name], more[name]) for name in whole)
    average.average([tmp_path / "whole", tmp_path / "more"], tmp_path / "mean", [0.75, 0.25])
    mean = weights(tmp_path / "mean")
    assert all(torch.allclose(mean[name], 0.75 * whole[name] + 0.25 * more[name], atol=1e-6) for name in whole)

    target = tmp_path / "adapter.safetensors"
    kept = export.export(tmp_path / "whole" / "model", target, {"seed": 3})
    assert kept > 0.95
    assert target.stat().st_size <= export.MOST
    base = load_file(train.packaged() / "model.safetensors")
    prefix = next(iter(load_file(target))).split("encoder.")[0]
    state = {f"{prefix}{name}": tensor.clone() for name, tensor in base.items()}
    adapter.merge(state, target, catalog.PACKAGED_SHA256)
    moved = [name for name in base.keys() & whole.keys() if not torch.equal(base[name], whole[name])]
    assert moved
    lost = sum(float((state[prefix + name] - whole[name]).square().sum()) for name in moved)
    assert lost == pytest.approx((1 - kept) * sum(float((whole[name] - base[name]).square().sum()) for name in moved), rel=0.01)
    assert adapter.describe(target) == {"seed": 3}


def test_an_adapter_for_other_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    one = torch.ones(1, 1, dtype=torch.int8)
    parts = {"w.up": one.repeat(2, 1), "w.down": one.repeat(1, 2), "w.scale": torch.ones(1)}
    save_file(parts, str(path), {adapter.BASE: "x"})
    with pytest.raises(EncoderError, match="another encoder"):
        adapter.merge({"w": torch.zeros(2, 2)}, path, "y")
    with pytest.raises(EncoderError, match="does not fit: w"):
        adapter.merge({"v": torch.zeros(2, 2)}, path, "x")
    state = {"w": torch.zeros(2, 2)}
    adapter.merge(state, path, "x")
    assert torch.equal(state["w"], torch.ones(2, 2))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(EncoderError, match="cannot be read"):
        adapter.merge(state, path, "x")
