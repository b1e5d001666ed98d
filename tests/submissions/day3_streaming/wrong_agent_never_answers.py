# wrong: after the tool the graph ends
# fails: 3.10
# says: nunca soube
import asyncio
import os
from contextlib import suppress
from typing import Annotated

from dotenv import load_dotenv
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from langchain_core.messages import AIMessageChunk
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from pydantic import BaseModel, Field

from solutions.day2_auth import auth_router, get_current_user, lifespan

load_dotenv()

DEFAULT_MODEL = os.environ.get("DEFAULT_MODEL", "gpt-4o-mini")
END_OF_STREAM = object()

app = FastAPI(title="Dia 3, com grafo", lifespan=lifespan)
app.include_router(auth_router)


@tool
def multiply(a: float, b: float) -> float:
    """Multiplica dois números."""
    return a * b


def build_graph(model: str, tools: list | None = None):
    llm = ChatOpenAI(model=model, streaming=True, timeout=60, stream_usage=False)
    if tools:
        llm = llm.bind_tools(tools)

    async def assistant(state: MessagesState):
        return {"messages": [await llm.ainvoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("assistant", assistant)
    builder.add_edge(START, "assistant")
    if tools:
        builder.add_node("tools", ToolNode(tools))
        builder.add_conditional_edges("assistant", tools_condition)
        builder.add_edge("tools", END)
    else:
        builder.add_edge("assistant", END)
    return builder.compile()


async def run_graph(graph, text: str, queue: asyncio.Queue) -> None:
    """Põe na fila cada token; no fim, a marca de fim ou o erro."""
    try:
        async for message, _meta in graph.astream({"messages": [("user", text)]}, stream_mode="messages"):
            if isinstance(message, AIMessageChunk) and message.text:
                await queue.put(message.text)
        await queue.put(END_OF_STREAM)
    except Exception as error:
        await queue.put(error)


async def read(queue: asyncio.Queue, task: asyncio.Task):
    try:
        while (item := await queue.get()) is not END_OF_STREAM:
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        # O grafo lê o LLM em tarefas dele: cancelar a nossa é o que as faz parar.
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.shield(asyncio.gather(task, return_exceptions=True))


def frame(text: str, event: str | None = None) -> str:
    head = f"event: {event}\n" if event else ""
    return head + "".join(f"data: {line}\n" for line in text.split("\n")) + "\n"


async def sse_response(graph, text: str) -> StreamingResponse:
    queue: asyncio.Queue = asyncio.Queue()
    tokens = read(queue, asyncio.create_task(run_graph(graph, text, queue)))
    try:
        first = await anext(tokens, None)
    except Exception as error:
        raise HTTPException(502, "O modelo falhou antes de começar a responder.") from error

    async def body():
        try:
            if first is not None:
                yield frame(first)
            async for token in tokens:
                yield frame(token)
            yield frame("[DONE]")
        except Exception:
            yield frame("a resposta foi interrompida", event="error")
        finally:
            await tokens.aclose()

    return StreamingResponse(body(), media_type="text/event-stream")


class GenerateRequest(BaseModel):
    prompt: str = Field(min_length=1)
    model: str = Field(default_factory=lambda: DEFAULT_MODEL)


class ChatRequest(BaseModel):
    message: str = Field(min_length=1)
    model: str = Field(default_factory=lambda: DEFAULT_MODEL)
    stream: bool = True


class AgentRequest(BaseModel):
    message: str


CurrentUser = Annotated[str, Depends(get_current_user)]


@app.post("/api/generate")
async def generate(body: GenerateRequest, user: CurrentUser):
    return await sse_response(build_graph(body.model), body.prompt)


@app.post("/chat")
async def chat(body: ChatRequest, user: CurrentUser):
    graph = build_graph(body.model)
    if body.stream:
        return await sse_response(graph, body.message)
    try:
        final = await graph.ainvoke({"messages": [("user", body.message)]})
    except Exception as error:
        raise HTTPException(502, "O modelo falhou.") from error
    return {"reply": final["messages"][-1].text, "user": user, "model": body.model}


@app.post("/agent")
async def agent(body: AgentRequest, user: CurrentUser):
    return await sse_response(build_graph(DEFAULT_MODEL, [multiply]), body.message)
