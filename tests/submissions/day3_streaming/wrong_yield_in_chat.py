# wrong: /chat itself has a yield, so it streams JSON Lines, whatever `stream` says
# fails: 3.6 3.8
# says: JSON Lines
import os
from typing import Annotated

from dotenv import load_dotenv
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from openai import OpenAIError
from pydantic import BaseModel, Field

from solutions.day2_auth import auth_router, get_current_user, lifespan

load_dotenv()
DEFAULT_MODEL = os.getenv("DEFAULT_MODEL", "gpt-4o-mini")

app = FastAPI(title="Dia 3", lifespan=lifespan)
app.include_router(auth_router)

CurrentUser = Annotated[str, Depends(get_current_user)]


def sse(data, event=""):
    name = f"event: {event}\n" if event else ""
    data = data.replace("\n", "\ndata: ")
    return f"{name}data: {data}\n\n"


async def stream_llm(prompt, model):
    llm = ChatOpenAI(model=model, streaming=True, timeout=60)
    async for chunk in llm.astream([HumanMessage(prompt)]):
        if chunk.text:
            yield chunk.text


async def events(first, tokens):
    yield sse(first)
    try:
        async for token in tokens:
            yield sse(token)
    except Exception:
        yield sse("o LLM parou no meio", event="error")
    else:
        yield sse("[DONE]")


async def streaming(prompt, model):
    tokens = stream_llm(prompt, model)
    try:
        first = await anext(tokens, "")
    except OpenAIError:
        raise HTTPException(502, "O LLM falhou. Ele está no ar?")
    return StreamingResponse(events(first, tokens), media_type="text/event-stream")


class GenerateRequest(BaseModel):
    prompt: str = Field(min_length=1)
    model: str | None = None


class ChatRequest(BaseModel):
    message: str = Field(min_length=1)
    model: str | None = None
    stream: bool = True


@app.post("/api/generate")
async def generate(body: GenerateRequest, user: CurrentUser):
    return await streaming(body.prompt, body.model or DEFAULT_MODEL)


@app.post("/chat")
async def chat(body: ChatRequest, user: CurrentUser):
    model = body.model or DEFAULT_MODEL
    if body.stream:
        async for token in stream_llm(body.message, model):
            yield sse(token)
        yield sse("[DONE]")
    else:
        try:
            answer = await ChatOpenAI(model=model, timeout=60).ainvoke([HumanMessage(body.message)])
        except OpenAIError:
            raise HTTPException(502, "O LLM falhou. Ele está no ar?")
        yield {"reply": answer.text, "user": user, "model": model}
