"""The clients that people use: the openai SDK and langchain-openai."""

import asyncio
from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from workbook.llm import LocalLLM

WORDS = ("Olá", ",", " mundo", "\n\n", "  azul", "", " 🦜")
TEXT = "".join(WORDS)
ASKED: Any = [{"role": "user", "content": "oi"}]
TIME: Any = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object"}}}


def sdk(llm: LocalLLM, **options: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=llm.base_url, api_key="k", timeout=10, **options)


def chat(llm: LocalLLM, **options: Any) -> ChatOpenAI:
    return ChatOpenAI(model="m", base_url=llm.base_url, api_key=SecretStr("k"), timeout=10, **options)


def test_the_sdk_reads_an_answer_whole_and_streamed(llm: LocalLLM) -> None:
    llm.will_say(*WORDS)
    llm.will_say(*WORDS)
    with sdk(llm) as client:
        whole = client.chat.completions.create(model="m", messages=ASKED)
        with client.chat.completions.create(
            model="m", messages=ASKED, stream=True, stream_options={"include_usage": True}
        ) as stream:
            chunks = list(stream)
    assert whole.choices[0].message.content == TEXT
    assert tuple(chunk.choices[0].delta.content for chunk in chunks[1:-2]) == WORDS
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == len(WORDS)
    assert llm.requests[0].headers["x-stainless-async"] == "false"


def test_the_sdk_reads_tool_calls_whole_and_streamed(llm: LocalLLM) -> None:
    llm.will_call("get_time", {"zone": "UTC"})
    llm.will_call("get_time", {"zone": "UTC"})
    with sdk(llm) as client:
        whole = client.chat.completions.create(model="m", messages=ASKED, tools=[TIME])
        with client.chat.completions.stream(model="m", messages=ASKED, tools=[TIME]) as stream:
            streamed = stream.get_final_completion()
    for completion in (whole, streamed):
        (call,) = completion.choices[0].message.tool_calls or []
        assert call.type == "function"
        assert (call.function.name, call.function.arguments) == ("get_time", '{"zone": "UTC"}')


def test_the_sdk_lists_models(llm: LocalLLM) -> None:
    with sdk(llm) as client:
        assert "workbook" in [model.id for model in client.models.list()]


def test_the_async_sdk_streams_and_its_leaving_is_noticed(llm: LocalLLM) -> None:
    answer = llm.will_say("um", " dois", gated=True)
    answer.release()

    async def first_word() -> str | None:
        async with openai.AsyncOpenAI(base_url=llm.base_url, api_key="k", timeout=10) as client:
            stream = await client.chat.completions.create(model="m", messages=ASKED, stream=True)
            async with stream:
                await anext(stream)
                return (await anext(stream)).choices[0].delta.content

    assert asyncio.run(first_word()) == "um"
    assert llm.wait(lambda: llm.requests[0].hung_up, 10)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
    ],
)
def test_the_sdk_raises_the_error_of_each_failure(
    llm: LocalLLM, status: int, error: type[openai.APIStatusError]
) -> None:
    llm.will_fail(status, "porque sim", headers={"x-should-retry": "false"})
    with sdk(llm) as client, pytest.raises(error, match="porque sim"):
        client.chat.completions.create(model="m", messages=ASKED)
    assert len(llm.requests) == 1


def test_the_sdk_tries_again_after_a_failure(llm: LocalLLM) -> None:
    llm.will_fail(429, headers={"retry-after-ms": "1"})
    llm.will_say("pronto")
    with sdk(llm) as client:
        answer = client.chat.completions.create(model="m", messages=ASKED)
    assert answer.choices[0].message.content == "pronto"
    assert len(llm.requests) == 2


def test_the_sdk_raises_when_a_stream_reports_an_error(llm: LocalLLM) -> None:
    llm.will_say("um", then="error")
    with sdk(llm) as client, pytest.raises(openai.APIError, match="middle of its answer"):
        list(client.chat.completions.create(model="m", messages=ASKED, stream=True))


def test_the_sdk_cannot_connect_while_the_port_refuses(llm: LocalLLM) -> None:
    with sdk(llm, max_retries=0) as client, llm.refusing(), pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(model="m", messages=ASKED)


def test_langchain_streams_and_invokes_from_one_event_loop_after_another(llm: LocalLLM) -> None:
    async def stream() -> str:
        return "".join([chunk.text async for chunk in chat(llm, streaming=True).astream("oi")])

    async def invoke() -> str:
        return (await chat(llm).ainvoke("oi")).text

    for ask, streamed in [(stream, True), (invoke, False), (stream, True)]:
        llm.will_say(*WORDS)
        assert asyncio.run(ask()) == TEXT
        assert llm.requests[-1].streamed is streamed
    assert [request.prompt for request in llm.requests] == ["oi"] * 3


def test_langchain_sees_each_token_as_it_is_released(llm: LocalLLM) -> None:
    answer = llm.will_say("um", " dois", " três", gated=True)
    seen = []
    for chunk in chat(llm, streaming=True).stream("oi"):
        if chunk.text:
            seen.append(chunk.text)
            assert [sent.text for sent in llm.requests[0].sent] == seen
        answer.release() if len(seen) < 3 else answer.finish()
    assert tuple(seen) == answer.tokens


def test_langchain_asks_for_usage_and_gets_it(llm: LocalLLM) -> None:
    llm.will_say("um", " dois")
    *_, end = [chunk for chunk in chat(llm, stream_usage=True).stream("oi") if chunk.usage_metadata]
    assert end.usage_metadata is not None
    assert end.usage_metadata["output_tokens"] == 2


@pytest.mark.parametrize("streaming", [True, False])
def test_langchain_calls_a_tool_and_answers_with_its_result(llm: LocalLLM, streaming: bool) -> None:
    @tool
    def get_time(zone: str) -> str:
        """Tell the time."""
        return f"12:00 {zone}"

    llm.will_call("get_time", {"zone": "UTC"}, id="call_7")
    llm.will_say("São 12:00")
    model = chat(llm, streaming=streaming).bind_tools([get_time])
    wanted = model.invoke("que horas são?")
    assert isinstance(wanted, AIMessage)
    result = get_time.invoke(wanted.tool_calls[0])
    assert isinstance(result, ToolMessage)
    told = model.invoke([("user", "que horas são?"), wanted, result])
    assert told.text == "São 12:00"
    assert llm.requests[0].body["tools"][0]["function"]["name"] == "get_time"
    assert llm.requests[1].messages[-1]["content"] == "12:00 UTC"
    assert llm.requests[1].messages[-1]["tool_call_id"] == "call_7"
