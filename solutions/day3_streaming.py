"""Dia 3: cada token do LLM chega a quem perguntou assim que existe.

Rode com `uvicorn solutions.day3_streaming:app --reload --timeout-graceful-shutdown 1`.
"""

import logging
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from typing import Annotated

from dotenv import load_dotenv
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from openai import APIConnectionError, APIStatusError, OpenAIError
from pydantic import BaseModel, Field
from starlette.types import Receive, Scope, Send

from solutions.day2_auth import auth_router, get_current_user, lifespan

logger = logging.getLogger(__name__)

load_dotenv()
DEFAULT_MODEL = os.getenv("DEFAULT_MODEL", "gpt-4o-mini")
app = FastAPI(title="Dia 3: streaming com LangChain", lifespan=lifespan)
app.include_router(auth_router)
CurrentUser = Annotated[str, Depends(get_current_user)]

def sse(data: str, event: str = "") -> str:
    fields = [f"event: {event}"] if event else []
    fields += [f"data: {line}" for line in re.split(r"\r\n|\r|\n", data)]
    return "\n".join(fields) + "\n\n"

@contextmanager
def llm_failures() -> Iterator[None]:
    try:
        yield
    except APIStatusError as error:
        raise HTTPException(502, f"O LLM recusou a pergunta (status {error.status_code}).") from error
    except APIConnectionError as error:
        raise HTTPException(503, "O LLM não atende. Para iniciar um local: uv run workbook llm") from error
    except (OpenAIError, ValueError) as error:
        raise HTTPException(502, "O LLM não terminou a resposta.") from error

async def stream_llm(prompt: str, model: str) -> AsyncGenerator[str, None]:
    llm = ChatOpenAI(model=model, streaming=True, timeout=60)
    finished = False
    async for chunk in llm.astream([HumanMessage(prompt)]):
        finished = finished or "finish_reason" in chunk.response_metadata
        if chunk.text:
            yield chunk.text
    if not finished:
        raise OpenAIError("sem finish_reason")

async def events(tokens: AsyncIterator[str]) -> AsyncIterator[str]:
    async for token in tokens:
        yield sse(token)
    yield sse("[DONE]")

async def rest_or_error(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    try:
        async for event in rest:
            yield event
    except Exception:
        logger.exception("o stream parou no meio")
        yield sse("A resposta parou no meio. Tente de novo.", event="error")

CLOSE = os.getenv("CLOSE") == "1"
FIRST = os.getenv("FIRST", "1") == "1"
class EventStream(StreamingResponse):
    media_type = "text/event-stream"

    def __init__(self, tokens):
        super().__init__(events(tokens))
        self.tokens = tokens

    async def stream_response(self, send: Send) -> None:
        if not FIRST: return await super().stream_response(send)
        it = aiter(self.body_iterator)
        with llm_failures():
            first = await anext(it)
        self.body_iterator = rest_or_error(first, it)
        await super().stream_response(send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if CLOSE: await self.tokens.aclose()

class GenerateRequest(BaseModel):
    prompt: str = Field(min_length=1)
    model: str | None = None

@app.post("/api/generate", response_class=EventStream)
async def generate(body: GenerateRequest, user: CurrentUser) -> EventStream:
    return EventStream(stream_llm(body.prompt, body.model or DEFAULT_MODEL))

@app.post("/naive")
async def naive(body: GenerateRequest, user: CurrentUser) -> StreamingResponse:
    it = events(stream_llm(body.prompt, body.model or DEFAULT_MODEL))
    first = await anext(it)
    return StreamingResponse(rest_or_error(first, it), media_type="text/event-stream")

from fastapi.sse import EventSourceResponse, ServerSentEvent
@app.post("/native", response_class=EventSourceResponse)
async def native(body: GenerateRequest, user: CurrentUser):
    async for token in stream_llm(body.prompt, body.model or DEFAULT_MODEL):
        yield ServerSentEvent(raw_data=token)
    yield ServerSentEvent(raw_data="[DONE]")


async def stream_agent(message, model):
    from langchain_core.tools import tool
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode, tools_condition
    @tool
    def count_letter(word: str, letter: str) -> int:
        """Conta."""
        return word.count(letter)
    llm = ChatOpenAI(model=model, streaming=True, timeout=60).bind_tools([count_letter])
    async def think(state: MessagesState):
        return {"messages": [await llm.ainvoke(state["messages"])]}
    graph = StateGraph(MessagesState)
    graph.add_node("llm", think)
    graph.add_node("tools", ToolNode([count_letter]))
    graph.add_edge(START, "llm")
    graph.add_conditional_edges("llm", tools_condition)
    graph.add_edge("tools", "llm")
    agent = graph.compile()
    if os.getenv("ACL"):
        async with aclosing(agent.astream({"messages": [HumanMessage(message)]}, stream_mode="messages")) as st:
            async for chunk, _ in st:
                if chunk.type == "AIMessageChunk" and chunk.text: yield chunk.text
    else:
        async for chunk, _ in agent.astream({"messages": [HumanMessage(message)]}, stream_mode="messages"):
            if chunk.type == "AIMessageChunk" and chunk.text:
                yield chunk.text

@app.post("/agent", response_class=EventStream)
async def agent(body: GenerateRequest, user: CurrentUser) -> EventStream:
    return EventStream(stream_agent(body.prompt, body.model or DEFAULT_MODEL))
