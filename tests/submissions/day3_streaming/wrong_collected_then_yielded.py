# wrong: /api/generate puts the tokens in a list and yields them when the LLM is through
# fails: 3.5 3.8
# says: join
import os

from dotenv import load_dotenv
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from langchain_openai import ChatOpenAI
from openai import OpenAIError
from pydantic import BaseModel, Field

from solutions.day2_auth import auth_router, get_current_user, lifespan

load_dotenv()
DEFAULT_MODEL = os.getenv("DEFAULT_MODEL", "gpt-4o-mini")

app = FastAPI(lifespan=lifespan)
app.include_router(auth_router)


def to_sse(text: str) -> str:
    return "data: " + "\ndata: ".join(text.split("\n")) + "\n\n"


class EventStream(StreamingResponse):
    media_type = "text/event-stream"

    async def stream_response(self, send):
        try:
            first = await anext(self.body_iterator)
        except OpenAIError as error:
            raise HTTPException(502, "o LLM falhou") from error
        rest = self.body_iterator

        async def everything():
            yield first
            try:
                async for event in rest:
                    yield event
            except Exception:
                yield "event: error\ndata: o LLM parou\n\n"

        self.body_iterator = everything()
        await super().stream_response(send)


class GenerateRequest(BaseModel):
    prompt: str = Field(min_length=1)
    model: str | None = None


class ChatRequest(BaseModel):
    message: str = Field(min_length=1)
    model: str | None = None
    stream: bool = True


async def generate_events(prompt: str, model: str):
    tokens = []
    async for chunk in ChatOpenAI(model=model, streaming=True, timeout=60).astream(prompt):
        tokens.append(chunk.text)
    for token in tokens:
        if token:
            yield to_sse(token)
    yield to_sse("[DONE]")


async def chat_events(message: str, model: str):
    async for chunk in ChatOpenAI(model=model, streaming=True, timeout=60).astream(message):
        if chunk.text:
            yield to_sse(chunk.text)
    yield to_sse("[DONE]")


@app.post("/api/generate")
async def generate(body: GenerateRequest, user: str = Depends(get_current_user)):
    return EventStream(generate_events(body.prompt, body.model or DEFAULT_MODEL))


@app.post("/chat")
async def chat(body: ChatRequest, user: str = Depends(get_current_user)):
    model = body.model or DEFAULT_MODEL
    if body.stream:
        return EventStream(chat_events(body.message, model))
    try:
        answer = await ChatOpenAI(model=model, timeout=60).ainvoke(body.message)
    except OpenAIError as error:
        raise HTTPException(502, "o LLM falhou") from error
    return {"reply": answer.text, "user": user, "model": model}
