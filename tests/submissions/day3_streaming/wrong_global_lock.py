# wrong: one conversation at a time, to spare the LLM
# fails: 3.7
# says: lock
import asyncio
import os

from dotenv import load_dotenv
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from openai import OpenAIError
from pydantic import BaseModel, Field

from solutions.day2_auth import auth_router, get_current_user, lifespan

load_dotenv()


class Service:
    def __init__(self):
        self.model = os.getenv("DEFAULT_MODEL", "gpt-4o-mini")
        self.turn = asyncio.Semaphore(1)

    def chain(self, model):
        prompt = ChatPromptTemplate.from_messages([("human", "{text}")])
        return prompt | ChatOpenAI(model=model or self.model, streaming=True, timeout=60)

    async def stream(self, text, model):
        async with self.turn:
            async for chunk in self.chain(model).astream({"text": text}):
                if chunk.text:
                    yield chunk.text

    async def answer(self, text, model):
        return await self.chain(model).ainvoke({"text": text})


service = Service()
app = FastAPI(lifespan=lifespan)
app.include_router(auth_router)


class GenerateRequest(BaseModel):
    prompt: str = Field(min_length=1)
    model: str | None = None


class ChatRequest(BaseModel):
    message: str = Field(min_length=1)
    model: str | None = None
    stream: bool = True


def event(data, name=None):
    lines = [f"event: {name}"] if name else []
    return "\n".join(lines + [f"data: {line}" for line in data.split("\n")]) + "\n\n"


async def events(first, tokens):
    try:
        yield event(first)
        async for token in tokens:
            yield event(token)
        yield event("[DONE]")
    except Exception:
        yield event("interrompido", "error")
    finally:
        await tokens.aclose()


async def respond(text, model):
    tokens = service.stream(text, model)
    try:
        first = await anext(tokens)
    except OpenAIError:
        raise HTTPException(503, "LLM indisponível")
    return StreamingResponse(events(first, tokens), media_type="text/event-stream")


@app.post("/api/generate")
async def generate(body: GenerateRequest, user=Depends(get_current_user)):
    return await respond(body.prompt, body.model)


@app.post("/chat")
async def chat(body: ChatRequest, user=Depends(get_current_user)):
    if body.stream:
        return await respond(body.message, body.model)
    try:
        reply = await service.answer(body.message, body.model)
    except OpenAIError:
        raise HTTPException(503, "LLM indisponível")
    return {"reply": reply.text, "user": user, "model": body.model or service.model}
