"""Gates, hang-ups, failures: what a check does with the server."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import httpx
import pytest

from workbook.llm import Ending, LocalLLM, Request


def body(prompt: str = "oi", stream: bool = True) -> dict[str, Any]:
    return {"stream": stream, "messages": [{"role": "user", "content": prompt}]}


def ask(llm: LocalLLM, prompt: str = "oi", stream: bool = True) -> httpx.Response:
    return httpx.post(f"{llm.base_url}/chat/completions", json=body(prompt, stream))


@contextmanager
def listening(llm: LocalLLM, prompt: str = "oi") -> Iterator[Iterator[str]]:
    with httpx.stream("POST", f"{llm.base_url}/chat/completions", json=body(prompt)) as response:
        yield (line for line in response.iter_lines() if line)


def last(llm: LocalLLM) -> Request:
    assert llm.wait(lambda: llm.requests, 10)
    return llm.requests[-1]


def test_a_gated_token_leaves_only_when_released(llm: LocalLLM) -> None:
    answer = llm.will_say("um", "dois", "três", gated=True)
    with listening(llm) as lines:
        assert '"role"' in next(lines)
        for number, token in enumerate(answer.tokens):
            # An answer to somebody else: the server has had its chance to say too much.
            ask(llm)
            assert len(llm.requests[0].sent) == number
            answer.release()
            assert token.removesuffix("ês") in next(lines)
        ask(llm)
        assert not llm.requests[0].finished
        answer.finish()
        assert '"stop"' in next(lines)
        assert next(lines) == "data: [DONE]"
    assert llm.requests[0].finished


def test_tokens_may_be_released_several_at_once_and_beforehand(llm: LocalLLM) -> None:
    answer = llm.will_say("um", "dois", "tres", gated=True)
    answer.release(2)
    with listening(llm) as lines:
        next(lines)
        assert llm.wait(lambda: len(last(llm).sent) == 2, 10)
        answer.release(5)
        assert llm.wait(lambda: len(last(llm).sent) == 3, 10)
        assert not last(llm).finished
        answer.finish()
        assert list(lines)[-1] == "data: [DONE]"


def test_finish_lets_everything_leave(llm: LocalLLM) -> None:
    answer = llm.will_say("um", "dois", gated=True)
    answer.finish()
    assert "data: [DONE]" in ask(llm).text
    assert (answer.text, answer.request) == ("umdois", llm.requests[0])


def test_a_gated_answer_that_is_not_streamed_waits_for_the_end(llm: LocalLLM) -> None:
    answer = llm.will_say("um", " dois", gated=True)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(ask, llm, "oi", False)
        assert llm.wait(lambda: answer.request, 10)
        answer.release(2)
        ask(llm, "outra", False)
        assert not waiting.done()
        answer.finish()
        assert waiting.result(10).json()["choices"][0]["message"]["content"] == "um dois"
    assert [sent.text for sent in llm.requests[0].sent] == ["um", " dois"]


def test_scripts_are_taken_in_order_by_the_first_request_that_matches(llm: LocalLLM) -> None:
    first, cats, second = llm.will_say("1"), llm.will_say("miau", to="gato"), llm.will_say("2")
    for prompt in ("oi", "oi de novo", "um gato"):
        ask(llm, prompt)
    assert [first.request, second.request, cats.request] == list(llm.requests)


def test_two_streams_at_once_get_each_their_own_words(llm: LocalLLM) -> None:
    ones, twos = llm.will_say("a", "b", gated=True, to="um"), llm.will_say("x", "y", gated=True, to="dois")
    with listening(llm, "dois") as second, listening(llm, "um") as first:
        next(first), next(second)
        for left, right in zip("ab", "xy", strict=True):
            twos.release()
            assert f'"content": "{right}"' in next(second)
            ones.release()
            assert f'"content": "{left}"' in next(first)


@pytest.mark.parametrize("gated", [True, False])
def test_a_client_that_leaves_in_mid_stream_is_noticed(llm: LocalLLM, gated: bool) -> None:
    answer = llm.will_say("um", "dois", gated=gated, then="stall")
    answer.release()
    with listening(llm) as lines:
        next(lines), next(lines)
        assert not last(llm).hung_up
    assert llm.wait(lambda: last(llm).hung_up, 10)
    assert not last(llm).finished


def test_a_client_that_leaves_before_any_answer_is_noticed(llm: LocalLLM) -> None:
    stalls = llm.will_stall(), llm.will_say("x", gated=True)
    for stall, stream in zip(stalls, (True, False), strict=True):
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(
                f"{llm.base_url}/chat/completions",
                json=body(stream=stream),
                timeout=httpx.Timeout(5, read=0.05),
            )
        assert stall.request is not None
        assert llm.wait(partial(getattr, stall.request, "hung_up"), 10)
    assert [request.sent for request in llm.requests] == [[], []]


def test_a_client_that_leaves_after_the_end_did_not_hang_up(llm: LocalLLM) -> None:
    ask(llm)
    assert llm.wait(lambda: llm.open_connections == 0, 10)
    assert (last(llm).finished, last(llm).hung_up) == (True, False)


def test_a_failure_has_its_status_message_and_headers(llm: LocalLLM) -> None:
    failure = llm.will_fail(429, "devagar", headers={"Retry-After": "7", "x-should-retry": "false"})
    response = ask(llm)
    assert response.status_code == 429
    assert response.json()["error"] == {
        "message": "devagar",
        "type": "requests",
        "param": None,
        "code": "rate_limit_exceeded",
    }
    assert (response.headers["retry-after"], response.headers["x-should-retry"]) == ("7", "false")
    assert failure.request is last(llm)
    assert last(llm).finished
    assert ask(llm).status_code == 200


def test_failures_last_as_often_as_told(llm: LocalLLM) -> None:
    llm.will_fail(401, times=2)
    llm.will_fail(500, times=None)
    assert [ask(llm).status_code for _ in range(5)] == [401, 401, 500, 500, 500]
    llm.reset()
    assert ask(llm).status_code == 200


@pytest.mark.parametrize(
    ("then", "after"),
    [("cut", None), ("malformed", 'data: {"id": "chatcmpl-'), ("error", 'data: {"error": {"message"')],
)
def test_a_stream_may_break_after_its_tokens(llm: LocalLLM, then: Ending, after: str | None) -> None:
    llm.will_say("um", "dois", then=then)
    lines: list[str] = []
    with pytest.raises(httpx.RemoteProtocolError), listening(llm) as stream:
        lines.extend(iter(stream.__next__, "never"))
    assert "dois" in lines[2]
    assert [line[: len(after or "")] for line in lines[3:]] == ([after] if after else [])
    assert len(last(llm).sent) == 2
    assert (last(llm).finished, last(llm).hung_up) == (False, False)


def test_a_broken_end_waits_for_the_gate_too(llm: LocalLLM) -> None:
    answer = llm.will_say("um", gated=True, then="cut")
    with listening(llm) as lines:
        answer.release()
        next(lines), next(lines)
        ask(llm)
        answer.finish()
        with pytest.raises(httpx.RemoteProtocolError):
            next(lines)


def test_a_silent_end_has_neither_reason_nor_done(llm: LocalLLM) -> None:
    llm.will_say("um", then="silent_end")
    events = ask(llm).text.split("\n\n")
    assert len(events) == 3
    assert '"content": "um"' in events[1]
    assert events[2] == ""


def test_answers_that_are_not_streamed_break_too(llm: LocalLLM) -> None:
    llm.will_say("um", then="cut")
    with pytest.raises(httpx.RemoteProtocolError):
        ask(llm, stream=False)
    llm.will_say("um", then="malformed")
    with pytest.raises(json.JSONDecodeError):
        ask(llm, stream=False).json()
    llm.will_say("um", then="error")
    assert ask(llm, stream=False).status_code == 500
    llm.will_say("um", then="silent_end")
    assert ask(llm, stream=False).json()["choices"][0]["finish_reason"] is None
