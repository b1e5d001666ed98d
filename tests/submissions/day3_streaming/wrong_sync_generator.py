# wrong: a plain generator in Starlette's threads, which nobody can cancel
# fails: 3.9
# says: llm\.stream
import itertools
import os

from dotenv import load_dotenv
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from langchain_openai import ChatOpenAI
from openai import APIError
from pydantic import BaseModel, Field

from solutions.day2_auth import auth_router, get_current_user

load_dotenv()
app = FastAPI(title="Dia 3 sem async")
app.include_router(auth_router)


class GenerateRequest(BaseModel):
    prompt: str = Field(min_length=1)
    model: str | None = None


class ChatRequest(BaseModel):
    message: str = Field(min_length=1)
    model: str | None = None
    stream: bool = True


def llm(model: str | None) -> ChatOpenAI:
    return ChatOpenAI(model=model or os.environ["DEFAULT_MODEL"], streaming=True, timeout=60)


def event(text: str) -> str:
    return "data: " + text.replace("\n", "\ndata: ") + "\n\n"


def answer(text: str, model: str | None) -> StreamingResponse:
    tokens = (chunk.text for chunk in llm(model).stream(text) if chunk.text)
    try:
        first = list(itertools.islice(tokens, 1))
    except APIError as error:
        raise HTTPException(502, f"LLM: {type(error).__name__}")

    def body():
        try:
            yield from map(event, itertools.chain(first, tokens))
            yield event("[DONE]")
        except Exception:
            yield "event: error\n" + event("parou no meio")

    return StreamingResponse(body(), media_type="text/event-stream")


@app.post("/api/generate")
def generate(body: GenerateRequest, user: str = Depends(get_current_user)):
    return answer(body.prompt, body.model)


@app.post("/chat")
def chat(body: ChatRequest, user: str = Depends(get_current_user)):
    if body.stream:
        return answer(body.message, body.model)
    asked = llm(body.model)
    try:
        message = asked.invoke(body.message)
    except APIError as error:
        raise HTTPException(502, f"LLM: {type(error).__name__}")
    return {"reply": message.text, "user": user, "model": asked.model_name}
