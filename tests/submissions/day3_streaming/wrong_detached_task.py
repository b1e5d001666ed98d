# wrong: a background task reads the LLM to the end, for a history, whether or not anybody listens
# fails: 3.9
# says: create_task
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

app = FastAPI()
app.include_router(auth_router)

history: dict[str, list[str]] = {}
running: set[asyncio.Task] = set()


class GenerateRequest(BaseModel):
    prompt: str = Field(min_length=1)
    model: str | None = None


class ChatRequest(BaseModel):
    message: str = Field(min_length=1)
    model: str | None = None
    stream: bool = True


def get_model(name: str | None) -> str:
    return name or os.getenv("DEFAULT_MODEL", "gpt-4o-mini")


async def collect(prompt: str, model: str, user: str, tokens: asyncio.Queue):
    answer = ""
    try:
        async for chunk in ChatOpenAI(model=model, streaming=True, timeout=60).astream(prompt):
            if chunk.text:
                answer += chunk.text
                tokens.put_nowait(chunk.text)
        tokens.put_nowait(None)
    except Exception as error:
        tokens.put_nowait(error)
    history.setdefault(user, []).append(answer)


async def stream(prompt: str, model: str, user: str) -> StreamingResponse:
    tokens: asyncio.Queue = asyncio.Queue()
    task = asyncio.create_task(collect(prompt, model, user, tokens))
    running.add(task)
    task.add_done_callback(running.discard)
    first = await tokens.get()
    if isinstance(first, Exception):
        raise HTTPException(502, "LLM fora do ar") from first

    async def body():
        token = first
        while isinstance(token, str):
            yield "data: " + "\ndata: ".join(token.split("\n")) + "\n\n"
            token = await tokens.get()
        yield "data: [DONE]\n\n" if token is None else "event: error\ndata: LLM fora do ar\n\n"

    return StreamingResponse(body(), media_type="text/event-stream")


@app.post("/api/generate")
async def generate(body: GenerateRequest, user: str = Depends(get_current_user)):
    return await stream(body.prompt, get_model(body.model), user)


@app.post("/chat")
async def chat(body: ChatRequest, user: str = Depends(get_current_user)):
    model = get_model(body.model)
    if body.stream:
        return await stream(body.message, model, user)
    try:
        answer = await ChatOpenAI(model=model, timeout=60).ainvoke(body.message)
    except OpenAIError as error:
        raise HTTPException(502, "LLM fora do ar") from error
    return {"reply": answer.text, "user": user, "model": model}
