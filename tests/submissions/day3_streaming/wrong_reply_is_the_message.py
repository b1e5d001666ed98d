# wrong: `reply` is the whole message object
# fails: 3.6
# says: \.text
import asyncio
import os

from dotenv import load_dotenv
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from langchain_openai import ChatOpenAI
from openai import OpenAIError
from pydantic import BaseModel, Field

from solutions.day2_auth import auth_router, get_current_user

load_dotenv()

DEFAULT_MODEL = os.environ["DEFAULT_MODEL"]
SILENCE = 5.0

app = FastAPI()
app.include_router(auth_router)


class GenerateRequest(BaseModel):
    prompt: str = Field(min_length=1)
    model: str | None = None


class ChatRequest(BaseModel):
    message: str = Field(min_length=1)
    model: str | None = None
    stream: bool = True


class Feed:
    """Tokens de uma conversa, lidos do LLM por uma tarefa só dela."""

    def __init__(self, text: str, model: str):
        self.queue: asyncio.Queue[tuple[str, object]] = asyncio.Queue()
        self.llm = ChatOpenAI(model=model, streaming=True, timeout=60)
        self.task = asyncio.create_task(self.fill(text))

    async def fill(self, text: str):
        try:
            async for chunk in self.llm.astream(text):
                if chunk.text:
                    self.queue.put_nowait(("token", chunk.text))
            self.queue.put_nowait(("end", None))
        except Exception as error:
            self.queue.put_nowait(("error", error))

    async def next(self):
        """O próximo item, ou um ping depois de um tempo de silêncio."""
        try:
            async with asyncio.timeout(SILENCE):
                return await self.queue.get()
        except TimeoutError:
            return "ping", None


async def to_events(feed: Feed, item):
    try:
        while True:
            match item:
                case "token", text:
                    yield "".join(f"data: {line}\n" for line in text.split("\n")) + "\n"
                case "ping", _:
                    yield ": ping\n\n"
                case "error", _:
                    yield "event: error\ndata: {}\n\n"
                    break
                case "end", _:
                    yield "data: [DONE]\n\n"
                    break
            item = await feed.next()
    finally:
        feed.task.cancel()


async def open_stream(text: str, model: str) -> StreamingResponse:
    feed = Feed(text, model)
    kind, value = first = await feed.queue.get()
    if kind == "error":
        raise HTTPException(502, "o provedor falhou") from value
    return StreamingResponse(to_events(feed, first), media_type="text/event-stream")


@app.post("/api/generate")
async def generate(body: GenerateRequest, user: str = Depends(get_current_user)):
    return await open_stream(body.prompt, body.model or DEFAULT_MODEL)


@app.post("/chat")
async def chat(body: ChatRequest, user: str = Depends(get_current_user)):
    model = body.model or DEFAULT_MODEL
    if body.stream:
        return await open_stream(body.message, model)
    try:
        reply = await ChatOpenAI(model=model, timeout=60).ainvoke(body.message)
    except (OpenAIError, ValueError) as error:
        raise HTTPException(502, "o provedor falhou") from error
    return {"reply": reply, "user": user, "model": model}
