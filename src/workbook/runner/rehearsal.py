"""What programs do, done once before any is there: the first time costs a tenth of a second.

Pydantic, the openai SDK and LangChain build validators and tables when they are first used. A process that
was forked after that has them.
"""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import httpx2
from fastapi import APIRouter, Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import StreamingResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from pydantic import BaseModel, Field, SecretStr


def run() -> None:
    """Serve a request that streams an LLM's answer, all in memory: no thread, no socket, no loop is left."""
    asyncio.run(rehearse())


class Question(BaseModel):
    prompt: str = Field(min_length=1)
    model: str | None = None


async def rehearse() -> None:
    app = make_app()
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://rehearsal") as client,
    ):
        (await client.post("/ask", json={"prompt": "oi"}, headers={"authorization": "Bearer x"})).read()
        (await client.post("/ask", json={"prompt": ""})).read()


def make_app() -> FastAPI:
    router = APIRouter(tags=["chat"])

    @router.post("/ask")
    async def ask(
        question: Question, user: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]
    ) -> StreamingResponse:
        return StreamingResponse(answer(question.prompt), media_type="text/event-stream")

    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origins=["http://rehearsal"])
    app.include_router(router)
    return app


async def answer(prompt: str) -> Any:
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(lambda request: reply(request))) as client:
        llm = ChatOpenAI(
            model="none", api_key=SecretStr("none"), base_url="http://llm/v1", http_async_client=client
        )
        async for chunk in llm.astream([HumanMessage(prompt)]):
            yield chunk.text
        yield (await llm.ainvoke([HumanMessage(prompt)])).text
        async for part, _ in make_graph(llm).astream(
            {"messages": [HumanMessage(prompt)]}, stream_mode="messages"
        ):
            yield part.text


@tool
def look_up(word: str) -> str:
    """Look a word up."""
    return word


def make_graph(llm: ChatOpenAI) -> Any:
    async def think(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await llm.bind_tools([look_up]).ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("think", think)
    graph.add_node("tools", ToolNode([look_up]))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", tools_condition)
    graph.add_edge("tools", "think")
    return graph.compile()


def reply(request: httpx2.Request) -> httpx2.Response:
    """What an LLM answers, streamed or not."""
    head = {"id": "x", "created": 0, "model": "none"}
    if not json.loads(request.content).get("stream"):
        message = {"role": "assistant", "content": "oi"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return httpx2.Response(200, json={**head, "object": "chat.completion", "choices": [choice]})
    deltas = [{"role": "assistant", "content": ""}, {"content": "oi"}, {}]
    chunks = [
        {
            **head,
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}],
        }
        for delta in deltas
    ]
    events = [*map(json.dumps, chunks), "[DONE]"]
    text = "".join(f"data: {event}\n\n" for event in events)
    return httpx2.Response(200, text=text, headers={"content-type": "text/event-stream"})
