# right: anyio's memory streams and task group inside the response; a graph that writes its own stream
# differs: 3.1 3.7 3.9 3.10
from os import getenv

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from dotenv import load_dotenv
from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse, Response
from langchain_core.messages import HumanMessage
from langchain_core.tools import StructuredTool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field
from starlette.types import Receive, Scope, Send

from solutions.day2_auth import auth_router, get_current_user, lifespan

app = FastAPI(lifespan=lifespan)
app.include_router(auth_router)


def default_model() -> str:
    load_dotenv()
    return getenv("DEFAULT_MODEL", "gpt-4o-mini")


def sse(data: str, name: str = "message") -> bytes:
    rows = [f"event: {name}", *(f"data: {row}" for row in data.split("\n")), "", ""]
    return "\n".join(rows).encode()


class TokenStream(Response):
    """Lê o LLM em uma tarefa, vigia o cliente em outra e escreve o que houver."""

    def __init__(self, tokens) -> None:
        self.tokens = tokens
        self.background = None
        self.status_code = 200

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sender, receiver = anyio.create_memory_object_stream[bytes](0)
        async with anyio.create_task_group() as group:
            group.start_soon(self.watch, receive, group.cancel_scope)
            group.start_soon(self.pump, sender)
            async with receiver:
                begun = False
                async for event in receiver:
                    if isinstance(event, Exception):
                        detail = {"detail": "O modelo está fora do ar."}
                        await JSONResponse(detail, 503)(scope, receive, send)
                        break
                    if not begun:
                        begun = True
                        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
                        await send({"type": "http.response.start", "status": 200, "headers": headers})
                    await send({"type": "http.response.body", "body": event, "more_body": True})
                else:
                    await send({"type": "http.response.body", "body": b""})
            group.cancel_scope.cancel()

    async def watch(self, receive: Receive, scope: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        scope.cancel()

    async def pump(self, sender: MemoryObjectSendStream) -> None:
        begun = False
        async with sender:
            try:
                async for token in self.tokens:
                    begun = True
                    await sender.send(sse(token))
                await sender.send(sse("[DONE]"))
            except Exception as error:
                await sender.send(sse("falhou", "error") if begun else error)


async def tokens_of(text: str, model: str | None):
    llm = ChatOpenAI(model=model or default_model(), streaming=True, timeout=60)
    async for chunk in llm.astream([HumanMessage(content=text)]):
        if chunk.text:
            yield chunk.text


class Generate(BaseModel):
    prompt: str = Field(min_length=1)
    model: str | None = Field(None, min_length=1)


class Chat(BaseModel):
    message: str = Field(min_length=1)
    model: str | None = Field(None, min_length=1)
    stream: bool = True


class Answer(BaseModel):
    reply: str
    user: str
    model: str


@app.post("/api/generate", dependencies=[Depends(get_current_user)])
async def generate(body: Generate):
    return TokenStream(tokens_of(body.prompt, body.model))


@app.post("/chat", responses={200: {"model": Answer}})
async def chat(body: Chat, user: str = Depends(get_current_user)):
    if body.stream:
        return TokenStream(tokens_of(body.message, body.model))
    model = body.model or default_model()
    try:
        answer = await ChatOpenAI(model=model, timeout=60).ainvoke([HumanMessage(content=body.message)])
    except Exception:
        return JSONResponse({"detail": "O modelo está fora do ar."}, 503)
    return Answer(reply=answer.text, user=user, model=model)


def weather(city: str) -> str:
    """Diz como está o tempo em uma cidade."""
    return f"{city}: sol, 28 °C"


async def agent_tokens(message: str):
    from langgraph.config import get_stream_writer
    from langgraph.graph import END, START, MessagesState, StateGraph

    tools = {"weather": StructuredTool.from_function(weather)}
    llm = ChatOpenAI(model=default_model(), streaming=True, timeout=60).bind_tools(list(tools.values()))

    async def think(state: MessagesState):
        write, whole = get_stream_writer(), None
        async for chunk in llm.astream(state["messages"]):
            if chunk.text:
                write(chunk.text)
            whole = chunk if whole is None else whole + chunk
        return {"messages": [whole]}

    async def act(state: MessagesState):
        calls = state["messages"][-1].tool_calls
        return {"messages": [await tools[call["name"]].ainvoke(call) for call in calls]}

    graph = StateGraph(MessagesState).add_node("think", think).add_node("act", act)
    graph.add_edge(START, "think").add_edge("act", "think")
    graph.add_conditional_edges("think", lambda state: "act" if state["messages"][-1].tool_calls else END)
    async for text in graph.compile().astream({"messages": [("user", message)]}, stream_mode="custom"):
        yield text


class Question(BaseModel):
    message: str


@app.post("/agent", dependencies=[Depends(get_current_user)])
async def agent(body: Question):
    return TokenStream(agent_tokens(body.message))
