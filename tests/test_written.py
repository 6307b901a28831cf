"""The rosters that this project wrote for training: every file can be read, and what is wrong in one is said with its place."""

import random
from pathlib import Path

import numpy as np
import pytest

from delegate_cli.encoders import batches
from training import written

GOOD = """roster: a shop
== late-parcel | Finds parcels that are late. Knows every carrier.
- where is my parcel
de Wo bleibt mein Paket?
x I want to change the address
== refunds
- money back please

== nobody
- who won the match
ja 天気はどうですか
"""


def read(folder: Path, text: str) -> batches.Pool:
    path = folder / "shop.txt"
    path.write_text(text)
    return written.pool_of(path)


def test_a_file_is_read(tmp_path: Path) -> None:
    pool = read(tmp_path, GOOD)
    late, refunds = pool.agents
    assert late.requests == ("where is my parcel", "Wo bleibt mein Paket?")
    assert late.wrong == ("I want to change the address",)
    assert late.cards == (("late parcel: Finds parcels that are late. Knows every carrier.",),)
    assert late.sentences == ("Finds parcels that are late.", "Knows every carrier.")
    assert (refunds.name, refunds.cards, refunds.sentences) == ("refunds", (("refunds",),), ())
    assert pool.nobody == ("who won the match", "天気はどうですか")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("roster: a shop", "a shop", "first line"),
        ("- money", "money", "refunds: not a request: money back please"),
        ("- money back please", "- ", "refunds: not a request"),
        ("- money back please", "x money back please", "refunds: no request"),
        ("== refunds", "== late-parcel", "late-parcel: twice"),
    ],
)
def test_a_wrong_line_is_said_with_its_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert "shop.txt" in str(raised.value)


def test_every_file_that_is_here_can_be_trained_on() -> None:
    pools = written.read_pools()
    assert len(pools) > 100
    assert len({pool.name for pool in pools}) == len(pools)
    texts = [text for pool in pools for agent in pool.agents for text in agent.requests]
    assert len(set(texts)) > 0.99 * len(texts)
    for pool in pools:
        assert len(pool.agents) >= 8, pool.name
        assert pool.nobody, pool.name


def test_a_request_that_only_looks_like_an_agents_is_wrong_for_that_agent_alone(tmp_path: Path) -> None:
    pool = read(tmp_path, GOOD)
    batch = batches.draw(pool, [], np.array([[1], [0]]), random.Random(1))
    (row,) = (place for place, text in enumerate(batch.texts) if "address" in text.lower())
    late = batch.owner[next(place for place, text in enumerate(batch.texts) if "parcel" in text.lower())]
    assert batch.owner[row] == -1
    assert batch.allowed[batch.owner == late, row].all()
    assert not batch.allowed[batch.owner != late, row].any()
