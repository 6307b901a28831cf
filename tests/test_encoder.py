"""The default encoder is the packaged model with the adapter; `@base` is the model as it was published."""

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from shell import SMALL

from delegate_cli.encoders import adapter, catalog
from delegate_cli.encoders.onnx import OnnxEncoder, open_encoder
from delegate_cli.errors import EncoderError

TEXTS = ("reset my password", "Where is my order? It was promised for Monday.", "Bitte übersetze diese E-Mail ins Englische.")


def test_the_adapter_is_the_file_that_the_catalogue_knows() -> None:
    assert hashlib.sha256(catalog.ADAPTER.read_bytes()).hexdigest() == catalog.ADAPTER_SHA256
    assert catalog.ADAPTER.stat().st_size <= 4_000_000
    card = adapter.describe(catalog.ADAPTER)
    assert "clinc150" in card["sets"]
    assert all(run["seed"] and run["steps"] for run in card["runs"])


def test_names_of_the_packaged_encoder() -> None:
    with_adapter, base = catalog.find(catalog.PACKAGED), catalog.find(catalog.BASE)
    assert with_adapter.adapter == catalog.ADAPTER
    assert base.adapter is None
    assert with_adapter.fingerprint != base.fingerprint
    assert catalog.find("sentence-transformers/all-MiniLM-L6-v2").fingerprint == base.fingerprint


@pytest.mark.filterwarnings("ignore")
def test_compiled_vectors_are_those_of_the_merged_model(compiled) -> None:
    from sentence_transformers import SentenceTransformer

    from delegate_cli.encoders.compile import merge_adapter, packaged

    encoder = OnnxEncoder(catalog.find(catalog.PACKAGED).folder(compiled))
    found = np.stack([encoder.encode(text) for text in TEXTS])
    model = SentenceTransformer(str(packaged()), device="cpu")
    base = model.encode(list(TEXTS), normalize_embeddings=True)
    merge_adapter(model, catalog.ADAPTER)
    merged = model.encode(list(TEXTS), normalize_embeddings=True)
    assert (found * merged).sum(axis=1).min() > 0.97  # int8
    assert (base * merged).sum(axis=1).max() < 0.995  # and the adapter does something


@pytest.mark.filterwarnings("ignore")
def test_sentences_that_have_nothing_to_do_with_delegation_keep_their_meaning() -> None:
    """500 pairs: two ways to say a thing, a neighbouring thing, and strangers; similarities before and after correlate."""
    from sentence_transformers import SentenceTransformer

    from delegate_cli.encoders.compile import merge_adapter, packaged

    lines = (Path(__file__).parent / "data" / "general.tsv").read_text().splitlines()
    sentences = [sentence for line in lines for sentence in line.split("\t")]
    model = SentenceTransformer(str(packaged()), device="cpu")
    before = model.encode(sentences, normalize_embeddings=True).reshape(len(lines), 3, -1)
    merge_adapter(model, catalog.ADAPTER)
    after = model.encode(sentences, normalize_embeddings=True).reshape(len(lines), 3, -1)

    def similarities(vectors: np.ndarray) -> np.ndarray:
        said, again, near = vectors[:, 0], vectors[:, 1], vectors[:, 2]
        pairs = ((said, again), (said, near), (again, near), (said, np.roll(said, 1, 0)), (near, np.roll(again, 7, 0)))
        return np.array([(left * right).sum(axis=1) for left, right in pairs])

    kinds = similarities(before), similarities(after)
    assert kinds[0].size == 500
    assert np.corrcoef(kinds[0].ravel(), kinds[1].ravel())[0, 1] > 0.97
    assert min(np.corrcoef(*kind)[0, 1] for kind in zip(*kinds, strict=True)) > 0.85  # also within each sort of pair


def test_another_file_in_the_adapters_place_is_refused(tmp_path, monkeypatch) -> None:
    from delegate_cli.encoders.compile import merge_adapter

    path = tmp_path / "delegation.safetensors"
    path.write_bytes(catalog.ADAPTER.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(EncoderError, match="not the file that was released"):
        merge_adapter(None, path)
    with pytest.raises(EncoderError, match="cannot read the adapter"):
        merge_adapter(None, tmp_path / "missing")


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2@bse", "all-MiniLM-L6-v2@", "other@base"])
def test_a_mistyped_variant_is_named_before_anything_is_loaded(name: str) -> None:
    with pytest.raises(EncoderError, match="names no encoder") as raised:
        catalog.find(name)
    assert catalog.BASE in raised.value.fix


def test_an_encoder_is_shared_while_it_is_in_use_and_its_files_are_the_same(kept: Path, tmp_path: Path) -> None:
    source = catalog.find(catalog.PACKAGED).folder(kept)
    folder = tmp_path / "own" / source.name
    shutil.copytree(source, folder)
    first = open_encoder(folder)
    assert open_encoder(folder) is first
    os.utime(folder / "tokenizer.json", (1, 1))
    assert open_encoder(folder) is not first
    (folder / "model.ort").write_bytes(b"")
    with pytest.raises(EncoderError):
        open_encoder(folder)


def test_a_name_that_is_not_there_is_one_error_also_without_the_hub(delegate) -> None:
    done = delegate("index", "rebuild", "--agents", SMALL, "--encoder", "nonsense", env={"HF_ENDPOINT": "http://127.0.0.1:9"})
    assert (done.code, done.out) == (2, "")
    assert "Retrying" not in done.err
    assert done.err.splitlines()[-1].startswith("error: the encoder nonsense cannot be loaded (")
    assert len(done.err.splitlines()) <= 2
