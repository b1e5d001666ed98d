# wrong: llm.stream, which blocks, in an async generator
# fails: 3.7 3.9
# says: llm\.astream
import os

from dotenv import load_dotenv
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
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


def format_sse(data: str) -> str:
    lines = "".join(f"data: {line}\n" for line in data.split("\n"))
    return f"{lines}\n"


async def stream_llm(prompt: str, model: str):
    llm = ChatOpenAI(model=model, streaming=True, timeout=60)
    for chunk in llm.stream([HumanMessage(content=prompt)]):
        if chunk.content:
            yield chunk.content


async def start(prompt: str, model: str):
    tokens = stream_llm(prompt, model)
    try:
        first = await tokens.__anext__()
    except OpenAIError:
        raise HTTPException(status_code=502, detail="O LLM não respondeu")

    async def event_generator():
        yield format_sse(first)
        try:
            async for token in tokens:
                yield format_sse(token)
        except Exception:
            yield "event: error\n" + format_sse("interrompido")
            return
        yield format_sse("[DONE]")

    return StreamingResponse(event_generator(), media_type="text/event-stream")


@app.post("/api/generate")
async def generate(body: GenerateRequest, user: str = Depends(get_current_user)):
    return await start(body.prompt, body.model or DEFAULT_MODEL)


@app.post("/chat")
async def chat(body: ChatRequest, user: str = Depends(get_current_user)):
    model = body.model or DEFAULT_MODEL
    if body.stream:
        return await start(body.message, model)
    try:
        answer = await ChatOpenAI(model=model, timeout=60).ainvoke([HumanMessage(content=body.message)])
    except OpenAIError:
        raise HTTPException(status_code=502, detail="O LLM não respondeu")
    return {"reply": answer.content, "user": user, "model": model}
