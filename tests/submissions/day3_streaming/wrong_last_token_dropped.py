# wrong: a loop that looks one token ahead, and forgets the last one
# fails: 3.3 3.5 3.8
# says: último|last
import os

from dotenv import load_dotenv
from fastapi import Depends, FastAPI, HTTPException
from fastapi.sse import EventSourceResponse, format_sse_event
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from openai import OpenAIError
from pydantic import BaseModel, Field

from solutions.day2_auth import auth_router, get_current_user

load_dotenv()
DEFAULT_MODEL = os.getenv("DEFAULT_MODEL", "gpt-4o-mini")

app = FastAPI()
app.include_router(auth_router)


class GenerateRequest(BaseModel):
    prompt: str = Field(min_length=1)
    model: str | None = None


class ChatRequest(BaseModel):
    message: str = Field(min_length=1)
    model: str | None = None
    stream: bool = True


async def stream_llm(text, model):
    async for chunk in ChatOpenAI(model=model, streaming=True, timeout=60).astream([HumanMessage(text)]):
        if chunk.text:
            yield chunk.text


async def events(token, tokens):
    try:
        async for following in tokens:
            yield format_sse_event(data_str=token)
            token = following
    except Exception:
        yield format_sse_event(data_str="falhou", event="error")
    else:
        yield format_sse_event(data_str="[DONE]")


async def respond(text, model):
    tokens = stream_llm(text, model)
    try:
        first = await anext(tokens)
    except OpenAIError:
        raise HTTPException(502, detail="Falha no LLM")
    return EventSourceResponse(events(first, tokens))


@app.post("/api/generate")
async def generate(body: GenerateRequest, user: str = Depends(get_current_user)):
    return await respond(body.prompt, body.model or DEFAULT_MODEL)


@app.post("/chat")
async def chat(body: ChatRequest, user: str = Depends(get_current_user)):
    model = body.model or DEFAULT_MODEL
    if body.stream:
        return await respond(body.message, model)
    try:
        answer = await ChatOpenAI(model=model, timeout=60).ainvoke([HumanMessage(body.message)])
    except OpenAIError:
        raise HTTPException(502, detail="Falha no LLM")
    return {"reply": answer.text, "user": user, "model": model}
