# right: the template's own names; looks four times a second whether the client is still there
# differs: 3.7 3.8 3.9
import asyncio
import os
from contextlib import asynccontextmanager
from typing import Annotated

from dotenv import load_dotenv
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from openai import APIConnectionError, APIStatusError, OpenAIError
from pydantic import BaseModel, Field

from solutions.day2_auth import auth_router, get_current_user, lifespan

load_dotenv()
DEFAULT_MODEL = os.getenv("DEFAULT_MODEL", "gpt-4o-mini")
TIMEOUT = 30.0
watchers: set[asyncio.Task] = set()

app = FastAPI(lifespan=lifespan)
app.include_router(auth_router)
CurrentUser = Annotated[str, Depends(get_current_user)]


def sse(data: str, event: str = "") -> str:
    prefix = f"event: {event}\n" if event else ""
    return prefix + "\n".join(f"data: {line}" for line in data.split("\n")) + "\n\n"


async def read_llm(prompt: str, model: str, queue: asyncio.Queue) -> None:
    llm = ChatOpenAI(model=model, streaming=True, timeout=TIMEOUT)
    try:
        async for chunk in llm.astream([HumanMessage(prompt)]):
            if chunk.text:
                await queue.put(chunk.text)
        await queue.put(None)
    except Exception as error:
        await queue.put(error)


async def watch(request: Request, task: asyncio.Task) -> None:
    """Cancela a leitura do LLM quando o cliente não está mais lá."""
    while not task.done():
        await asyncio.sleep(0.25)
        if await request.is_disconnected():
            task.cancel()


class GenerateRequest(BaseModel):
    prompt: str = Field(min_length=1)
    model: str | None = None


class ChatRequest(BaseModel):
    message: str = Field(min_length=1)
    model: str | None = None
    stream: bool = True


@asynccontextmanager
async def llm_errors():
    try:
        yield
    except APIConnectionError:
        raise HTTPException(503, "O LLM não atende. Rode: uv run workbook llm")
    except APIStatusError as error:
        raise HTTPException(502, f"O LLM respondeu {error.status_code}.")
    except (OpenAIError, ValueError):
        raise HTTPException(502, "O LLM falhou.")


async def stream(request: Request, prompt: str, model: str) -> StreamingResponse:
    queue: asyncio.Queue = asyncio.Queue(maxsize=1)
    task = asyncio.create_task(read_llm(prompt, model, queue))
    watcher = asyncio.create_task(watch(request, task))
    # O asyncio só guarda referências fracas: sem isto, a tarefa poderia sumir no meio.
    watchers.add(watcher)
    watcher.add_done_callback(watchers.discard)
    async with llm_errors():
        item = await queue.get()
        if isinstance(item, Exception):
            raise item

    async def events(item):
        while isinstance(item, str):
            yield sse(item)
            item = await queue.get()
        yield sse("[DONE]") if item is None else sse("O LLM parou no meio.", "error")

    return StreamingResponse(events(item), media_type="text/event-stream")


@app.post("/api/generate")
async def generate(request: Request, body: GenerateRequest, user: CurrentUser):
    return await stream(request, body.prompt, body.model or DEFAULT_MODEL)


@app.post("/chat")
async def chat(request: Request, body: ChatRequest, user: CurrentUser):
    model = body.model or DEFAULT_MODEL
    if body.stream:
        return await stream(request, body.message, model)
    async with llm_errors():
        answer = await ChatOpenAI(model=model, timeout=TIMEOUT).ainvoke([HumanMessage(body.message)])
    return {"reply": answer.text, "user": user, "model": model}
