# wrong: one queue at the top of the file for all streams
# fails: 3.7
# says: another
import asyncio
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

queue: asyncio.Queue = asyncio.Queue()


class GenerateRequest(BaseModel):
    prompt: str = Field(min_length=1)
    model: str = DEFAULT_MODEL


class ChatRequest(BaseModel):
    message: str = Field(min_length=1)
    model: str = DEFAULT_MODEL
    stream: bool = True


async def produce(prompt: str, model: str):
    try:
        async for chunk in ChatOpenAI(model=model, streaming=True, timeout=60).astream([HumanMessage(prompt)]):
            if chunk.text:
                await queue.put(ServerSentEvent(chunk.text))
        await queue.put(ServerSentEvent("[DONE]"))
    except Exception as error:
        await queue.put(error)


async def consume(producer: asyncio.Task, event):
    try:
        while True:
            if isinstance(event, Exception):
                yield ServerSentEvent("o LLM falhou", event="error")
                return
            yield event
            if event.data == "[DONE]":
                return
            event = await queue.get()
    finally:
        producer.cancel()


async def stream(prompt: str, model: str):
    producer = asyncio.create_task(produce(prompt, model))
    first = await queue.get()
    if isinstance(first, Exception):
        raise HTTPException(502, "O LLM falhou")
    return EventSourceResponse(consume(producer, first))


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
