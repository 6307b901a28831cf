"""Asking a model endpoint: against a real llama.cpp server, and with every fault that a scripted one can have."""

import json
import urllib.request

import llm


def _post(url: str, body: object) -> dict[str, object]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        found: dict[str, object] = json.loads(answer.read())
    return found


def test_the_real_server_has_logprobs_and_embeddings(llama: llm.Llama) -> None:
    body = {"model": llama.model, "messages": [{"role": "user", "content": "A or B?"}], "max_tokens": 1, "logprobs": True}
    found = _post(f"{llama.base_url}/chat/completions", body | {"top_logprobs": 20})
    assert found["model"] == llama.model
    assert len(found["choices"][0]["logprobs"]["content"][0]["top_logprobs"]) == 20  # type: ignore[index]
    found = _post(f"{llama.base_url}/embeddings", {"model": llama.model, "input": ["one", "two"]})
    assert [len(each["embedding"]) for each in found["data"]] == [576, 576]  # type: ignore[attr-defined]


def test_the_scripted_server_records_exact_bytes(scripted: llm.Scripted, llama: llm.Llama) -> None:
    scripted.replies = [llm.Reply(llm.completion("B"))]
    assert _post(f"{scripted.base_url}/chat/completions", {"ä": 1})["choices"][0]["message"]["content"] == "B"  # type: ignore[index]
    assert scripted.bodies == [b'{"\\u00e4": 1}']
    scripted.reply = llm.forward(llama.base_url)
    assert len(_post(f"{scripted.base_url}/embeddings", {"model": "x", "input": ["one"]})["data"]) == 1  # type: ignore[arg-type]
