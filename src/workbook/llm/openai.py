"""OpenAI's protocol: chat completions and models (https://platform.openai.com/docs/api-reference/chat)."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request as HTTPRequest
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from workbook.llm.exchange import Exchange, read_body
from workbook.llm.record import Ledger, Request
from workbook.llm.script import Answer, Failure, Scripts

MODELS = ("workbook", "gpt-4o-mini", "gpt-4.1-mini")
ERRORS = {
    401: ("invalid_request_error", "invalid_api_key"),
    429: ("requests", "rate_limit_exceeded"),
}


def routes(scripts: Scripts, ledger: Ledger) -> list[Route]:
    """The paths of the protocol that the server knows."""
    return [
        Route("/v1/chat/completions", ChatCompletions(scripts, ledger), methods=["POST"]),
        Route("/v1/models", models, methods=["GET"]),
    ]


async def models(request: HTTPRequest) -> JSONResponse:
    """The models listed; any other name is answered too."""
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "workbook"} for name in MODELS]
    return JSONResponse({"object": "list", "data": data})


async def http_error(request: HTTPRequest, error: Exception) -> JSONResponse:
    """An HTTP error that is not about the model, in OpenAI's form."""
    assert isinstance(error, HTTPException)
    message = f"{error.detail} ({request.method} {request.url.path})"
    return JSONResponse(error_body(error.status_code, message), error.status_code, error.headers)


def error_body(status: int, message: str, param: str | None = None) -> dict[str, Any]:
    """The error object that OpenAI answers with."""
    type_, code = ERRORS.get(status, ("invalid_request_error" if status < 500 else "server_error", None))
    return {"error": {"message": message, "type": type_, "param": param, "code": code}}


class ChatCompletions:
    """`POST /v1/chat/completions`, as an ASGI app."""

    def __init__(self, scripts: Scripts, ledger: Ledger) -> None:
        self._scripts = scripts
        self._ledger = ledger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = await read_body(receive)
        if raw is None:
            return
        request = Request.of(scope, raw)
        script = refusal(request) or self._scripts.take(request)
        self._ledger.arrived(request)
        await Exchange(request, self._ledger, scope, receive, send).play(script, ChatVoice(request))


def refusal(request: Request) -> Failure | None:
    """What is wrong with a request, if anything."""
    if not isinstance(request.body, dict):
        return Failure(400, "We could not parse the JSON body of your request.")
    if not request.messages:
        return Failure(400, "Missing required parameter: 'messages'.", param="messages")
    return None


class ChatVoice:
    """Writes the answer to one chat request."""

    media_type = "text/event-stream; charset=utf-8"

    def __init__(self, request: Request) -> None:
        self._request = request
        self._head = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": request.model or MODELS[0],
        }

    def opening(self, answer: Answer) -> Iterator[bytes]:
        """The role alone; then a tool call, its name first and its arguments in pieces."""
        yield self._delta({"role": "assistant", "content": None if answer.call else ""})
        if answer.call is not None:
            call, arguments = _call(answer), answer.call.arguments
            call["function"]["arguments"] = ""
            yield self._delta({"tool_calls": [{"index": 0, **call}]})
            for start in range(0, len(arguments), 5):
                piece = {"index": 0, "function": {"arguments": arguments[start : start + 5]}}
                yield self._delta({"tool_calls": [piece]})

    def token(self, text: str) -> bytes:
        """A chunk with one token."""
        return self._delta({"content": text})

    def ending(self, answer: Answer) -> Iterator[bytes]:
        """Why it ended, the usage if it was asked for, `[DONE]`."""
        yield self._delta({}, _finish_reason(answer))
        if self._with_usage:
            yield self._chunk([], usage=self._usage(answer))
        yield _event("[DONE]")

    def malformed(self) -> bytes:
        """A chunk that stops in the middle of its JSON."""
        return _event('{"id": "chatcmpl-')

    def error(self, message: str) -> bytes:
        """An error where a chunk should be."""
        return _event(json.dumps(error_body(500, message)))

    def whole(self, answer: Answer) -> bytes:
        """The completion object of an answer that is not streamed."""
        message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
        if answer.call is not None:
            message |= {"content": None, "tool_calls": [_call(answer)]}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(answer)}
        document = {
            **self._head,
            "object": "chat.completion",
            "choices": [choice],
            "usage": self._usage(answer),
        }
        return json.dumps(document).encode()

    def failure(self, failure: Failure) -> bytes:
        """The error object."""
        return json.dumps(error_body(failure.status, failure.message, failure.param)).encode()

    def _delta(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return self._chunk([choice])

    def _chunk(self, choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> bytes:
        chunk = {**self._head, "object": "chat.completion.chunk", "choices": choices}
        if self._with_usage:
            chunk["usage"] = usage
        # ASCII JSON: a line separator of Unicode inside a token must not end a line for any reader.
        return _event(json.dumps(chunk))

    @property
    def _with_usage(self) -> bool:
        options = self._request.body.get("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True

    def _usage(self, answer: Answer) -> dict[str, int]:
        asked, said = len(self._request.prompt.split()), len(answer.tokens)
        return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def _call(answer: Answer) -> dict[str, Any]:
    assert answer.call is not None
    function = {"name": answer.call.name, "arguments": answer.call.arguments}
    return {"id": answer.call.id, "type": "function", "function": function}


def _finish_reason(answer: Answer) -> str | None:
    if answer.then == "silent_end":
        return None
    return "tool_calls" if answer.call else "stop"


def _event(data: str) -> bytes:
    return f"data: {data}\n\n".encode()
