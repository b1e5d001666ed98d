# wrong: /chat does not stream unless it is asked to
# fails: 3.6
# says: True
from os import getenv

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from dotenv import load_dotenv
from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse, Response
from langchain_core.messages import HumanMessage
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
    stream: bool = False


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
