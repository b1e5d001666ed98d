"""What a client reads off the wire, with nothing but httpx."""

import json
import random
from typing import Any

import httpx
import pytest

from workbook.llm import LocalLLM


def ask(llm: LocalLLM, prompt: Any = "oi", **fields: Any) -> httpx.Response:
    body = {"model": "m", "messages": [{"role": "user", "content": prompt}], **fields}
    return httpx.post(f"{llm.base_url}/chat/completions", json=body)


def data_of(response: httpx.Response) -> list[str]:
    events = response.content.decode().split("\n\n")
    assert events.pop() == ""
    return [event.removeprefix("data: ") for event in events]


def chunks_of(response: httpx.Response) -> list[dict[str, Any]]:
    *chunks, done = data_of(response)
    assert done == "[DONE]"
    return [json.loads(chunk) for chunk in chunks]


def test_a_stream_is_the_role_the_tokens_the_reason_and_done(llm: LocalLLM) -> None:
    llm.will_say("uma", " palavra", "\nduas")
    response = ask(llm, stream=True)
    choices = [chunk["choices"][0] for chunk in chunks_of(response)]
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert [choice["delta"] for choice in choices] == [
        {"role": "assistant", "content": ""},
        {"content": "uma"},
        {"content": " palavra"},
        {"content": "\nduas"},
        {},
    ]
    assert [choice["finish_reason"] for choice in choices] == [None, None, None, None, "stop"]


def test_chunks_of_a_stream_share_their_id_and_name_the_model_asked_for(llm: LocalLLM) -> None:
    chunks = chunks_of(ask(llm, stream=True))
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert {(chunk["object"], chunk["model"]) for chunk in chunks} == {("chat.completion.chunk", "m")}


def test_usage_comes_last_in_a_stream_and_only_when_asked_for(llm: LocalLLM) -> None:
    llm.will_say("a", "b")
    llm.will_say("a", "b")
    plain = chunks_of(ask(llm, stream=True))
    counted = chunks_of(ask(llm, "duas palavras", stream=True, stream_options={"include_usage": True}))
    assert not any("usage" in chunk for chunk in plain)
    assert [chunk["usage"] for chunk in counted[:-1]] == [None] * 4
    assert counted[-1]["choices"] == []
    assert counted[-1]["usage"] == {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}


def test_an_answer_that_is_not_streamed_is_one_completion_with_usage(llm: LocalLLM) -> None:
    llm.will_say("uma", " palavra")
    document = ask(llm).json()
    choice = document["choices"][0]
    assert document["object"] == "chat.completion"
    assert choice["message"] == {"role": "assistant", "content": "uma palavra", "refusal": None}
    assert choice["finish_reason"] == "stop"
    assert document["usage"] == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def test_any_text_survives_the_wire(llm: LocalLLM) -> None:
    dice = random.Random(42)
    pieces = [
        "\n",
        "\r",
        "\r\n",
        "\n\n",
        " ",
        "",
        "ã",
        "🦜",
        "👩‍🚀",
        "\u2028",
        "\x85",
        "data: ",
        "[DONE]",
        '"',
        "\\",
    ]
    tokens = ["".join(dice.choices(pieces, k=dice.randint(0, 4))) for _ in range(1000)]
    llm.will_say(*tokens)
    streamed = chunks_of(ask(llm, stream=True))[1:-1]
    assert [chunk["choices"][0]["delta"]["content"] for chunk in streamed] == tokens
    llm.will_say(*tokens)
    assert ask(llm).json()["choices"][0]["message"]["content"] == "".join(tokens)


def test_a_tool_call_is_streamed_name_first_and_arguments_in_pieces(llm: LocalLLM) -> None:
    llm.will_call("get_time", {"zone": "America/São_Paulo"}, id="call_1")
    choices = [chunk["choices"][0] for chunk in chunks_of(ask(llm, stream=True))]
    calls = [choice["delta"]["tool_calls"][0] for choice in choices[1:-1]]
    assert choices[0]["delta"] == {"role": "assistant", "content": None}
    assert calls[0] == {
        "index": 0,
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_time", "arguments": ""},
    }
    assert len(calls) > 2
    arguments = "".join(call["function"]["arguments"] for call in calls)
    assert json.loads(arguments) == {"zone": "America/São_Paulo"}
    assert choices[-1]["finish_reason"] == "tool_calls"


def test_a_tool_call_comes_whole_when_not_streamed(llm: LocalLLM) -> None:
    llm.will_call("get_time", {"zone": "UTC"}, id="call_1")
    choice = ask(llm).json()["choices"][0]
    function = {"name": "get_time", "arguments": '{"zone": "UTC"}'}
    assert choice["message"]["content"] is None
    assert choice["message"]["tool_calls"] == [{"id": "call_1", "type": "function", "function": function}]
    assert choice["finish_reason"] == "tool_calls"


def test_left_alone_it_makes_up_words_that_are_new_each_time(llm: LocalLLM) -> None:
    first, second = (ask(llm).json()["choices"][0]["message"]["content"] for _ in range(2))
    assert first.split()
    assert first != second


def test_an_answerer_says_what_it_makes_of_the_prompt() -> None:
    with LocalLLM(answerer=lambda prompt: ["eco:", " ", prompt], pace=0.001) as llm:
        llm.will_say("roteiro")
        assert ask(llm, "oi").json()["choices"][0]["message"]["content"] == "roteiro"
        assert ask(llm, "oi").json()["choices"][0]["message"]["content"] == "eco: oi"
        streamed = chunks_of(ask(llm, "olá", stream=True))[1:-1]
    assert [chunk["choices"][0]["delta"]["content"] for chunk in streamed] == ["eco:", " ", "olá"]


def test_the_record_holds_what_was_asked(llm: LocalLLM) -> None:
    llm.will_say("a", "", "b")
    body = {"model": "gpt", "stream": True, "messages": [{"role": "user", "content": "olá"}]}
    headers = {"Authorization": "Bearer k", "X-Twice": "sim"}
    httpx.post(f"{llm.base_url}/chat/completions", json=body, headers=headers)
    (request,) = llm.requests
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == "Bearer k"
    assert request.headers["x-twice"] == "sim"
    assert request.body == body == json.loads(request.raw)
    assert (request.messages, request.prompt, request.model) == (body["messages"], "olá", "gpt")
    assert (request.streamed, request.finished, request.hung_up) == (True, True, False)
    assert [sent.text for sent in request.sent] == ["a", "", "b"]
    assert [sent.at for sent in request.sent] == sorted(sent.at for sent in request.sent)


def test_a_header_sent_twice_is_recorded_joined(llm: LocalLLM) -> None:
    httpx.post(f"{llm.base_url}/chat/completions", json={}, headers=[("X-Two", "a"), ("X-Two", "b")])
    assert llm.requests[0].headers["x-two"] == "a, b"


def test_the_prompt_is_the_last_user_message_in_one_part_or_many(llm: LocalLLM) -> None:
    parts = [{"type": "text", "text": "um"}, {"type": "image_url"}, {"type": "text", "text": " dois"}]
    history = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "antes"},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": "a"},
    ]
    ask(llm, messages=history)
    ask(llm, messages=history[:1])
    assert [request.prompt for request in llm.requests] == ["um dois", ""]


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b'"oi"', b"\xff", b"{}", b'{"messages": []}', b"[" * 100_000]
)
def test_a_request_that_is_not_one_is_refused_recorded_and_takes_no_script(llm: LocalLLM, raw: bytes) -> None:
    answer = llm.will_say("guardada")
    response = httpx.post(f"{llm.base_url}/chat/completions", content=raw)
    error = response.json()["error"]
    assert response.status_code == 400
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert (llm.requests[0].raw, llm.requests[0].finished, answer.request) == (raw, True, None)


def test_a_missing_field_is_named(llm: LocalLLM) -> None:
    response = httpx.post(f"{llm.base_url}/chat/completions", json={"model": "m"})
    assert response.json()["error"]["param"] == "messages"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/responses", 404), ("GET", "/nada", 404), ("GET", "/chat/completions", 405)],
)
def test_other_paths_get_an_error_in_openai_form(llm: LocalLLM, method: str, path: str, status: int) -> None:
    response = httpx.request(method, llm.base_url + path)
    assert response.status_code == status
    assert path in response.json()["error"]["message"]
    assert llm.requests == ()


def test_models_are_listed(llm: LocalLLM) -> None:
    listed = httpx.get(f"{llm.base_url}/models").json()
    assert listed["object"] == "list"
    assert "gpt-4o-mini" in {model["id"] for model in listed["data"]}


def test_a_body_over_four_megabytes_is_refused(llm: LocalLLM) -> None:
    assert ask(llm, "x" * 4_000_000).status_code == 200
    response = ask(llm, "x" * 4 * 1024 * 1024)
    assert response.status_code == 413
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert len(llm.requests) == 1
