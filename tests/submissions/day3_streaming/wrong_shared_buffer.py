# wrong: the tokens of every stream go through one list at the top of the file
# fails: 3.7
# says: another|outr
import os
from typing import Annotated

from dotenv import load_dotenv
from fastapi import Depends, FastAPI, HTTPException
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from openai import OpenAIError
from pydantic import BaseModel, Field
from sse_starlette.sse import EventSourceResponse, ServerSentEvent

from solutions.day2_auth import auth_router, get_current_user

load_dotenv()
DEFAULT_MODEL = os.getenv("DEFAULT_MODEL", "gpt-4o-mini")

app = FastAPI()
app.include_router(auth_router)
User = Annotated[str, Depends(get_current_user)]

buffer: list[str] = []


class GenerateRequest(BaseModel):
    prompt: str = Field(min_length=1)
    model: str = DEFAULT_MODEL


class ChatRequest(BaseModel):
    message: str = Field(min_length=1)
    model: str = DEFAULT_MODEL
    stream: bool = True


async def tokens(prompt: str, model: str):
    buffer.clear()
    sent = 0
    async for chunk in ChatOpenAI(model=model, streaming=True, timeout=60).astream([HumanMessage(prompt)]):
        if chunk.text:
            buffer.append(chunk.text)
        while sent < len(buffer):
            sent += 1
            yield buffer[sent - 1]


async def events(first: str, rest):
    try:
        yield ServerSentEvent(first)
        async for token in rest:
            yield ServerSentEvent(token)
        yield ServerSentEvent("[DONE]")
    except Exception:
        yield ServerSentEvent("o LLM falhou", event="error")


async def stream(prompt: str, model: str):
    rest = tokens(prompt, model)
    try:
        first = await anext(rest)
    except OpenAIError:
        raise HTTPException(502, "O LLM falhou")
    return EventSourceResponse(events(first, rest))


@app.post("/api/generate")
async def generate(body: GenerateRequest, user: User):
    return await stream(body.prompt, body.model)


@app.post("/chat")
async def chat(body: ChatRequest, user: User):
    if body.stream:
        return await stream(body.message, body.model)
    try:
        answer = await ChatOpenAI(model=body.model, timeout=60).ainvoke([HumanMessage(body.message)])
    except OpenAIError:
        raise HTTPException(502, "O LLM falhou")
    return {"reply": answer.text, "user": user, "model": body.model}
