# wrong: the agent's answer comes whole, at the end
# fails: 3.10
# says: até o LLM terminar
import json
import os
import time
import warnings
from typing import Annotated, AsyncIterator

from dotenv import load_dotenv
from fastapi import Body, Depends, FastAPI, HTTPException, Response
from fastapi.responses import JSONResponse, StreamingResponse
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from openai import APIConnectionError, APIError
from pydantic import BaseModel, Field, field_validator

from solutions.day2_auth import auth_router, get_current_user, lifespan

load_dotenv(override=False)


class Config(BaseModel):
    model: str = Field(default_factory=lambda: os.getenv("DEFAULT_MODEL", "gpt-4o-mini"))
    timeout: float = 60


config = Config()
app = FastAPI(title="API de chat", version="3.0.0", lifespan=lifespan)
app.include_router(auth_router)
LoggedIn = Annotated[str, Depends(get_current_user)]


class GenerateRequest(BaseModel):
    prompt: str
    model: str | None = None
    temperature: float | None = Field(None, ge=0, le=2)

    @field_validator("prompt")
    @classmethod
    def not_empty(cls, prompt: str) -> str:
        if not prompt:
            raise ValueError("o prompt está vazio")
        return prompt


class Numbered:
    """Numera os eventos de um stream."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, name: str, data: str) -> str:
        self.count += 1
        lines = [f"id: {self.count}", f"event: {name}"]
        lines.extend("data: " + line for line in data.split("\n"))
        return "\n".join(lines) + "\n\n"


async def ask(question: str, model: str, **options) -> AsyncIterator[str]:
    llm = ChatOpenAI(model=model, streaming=True, timeout=config.timeout, **options)
    system = SystemMessage("Responda como um professor paciente.")
    async for chunk in llm.astream([system, HumanMessage(question)]):
        if chunk.text != "":
            yield chunk.text


async def event_stream(first: str, tokens: AsyncIterator[str]) -> AsyncIterator[str]:
    event = Numbered()
    yield ": início\nretry: 3000\n\n"
    try:
        if first:
            yield event("token", first)
        async for token in tokens:
            yield event("token", token)
    except APIError as error:
        yield event("error", json.dumps({"type": type(error).__name__, "at": time.time()}, indent=2))
        return
    yield event("done", "[DONE]")


async def streamed(tokens: AsyncIterator[str]) -> Response:
    try:
        first = await anext(tokens, "")
    except APIConnectionError as error:
        raise HTTPException(503, "LLM fora do ar") from error
    except APIError as error:
        raise HTTPException(502, ["O LLM devolveu um erro", type(error).__name__]) from error
    return StreamingResponse(
        event_stream(first, tokens),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@app.post("/api/generate")
async def generate(request: GenerateRequest, user: LoggedIn) -> Response:
    options = {} if request.temperature is None else {"temperature": request.temperature}
    return await streamed(ask(request.prompt, request.model or config.model, **options))


@app.post("/chat")
async def chat(
    user: LoggedIn,
    message: Annotated[str, Body(min_length=1)],
    model: Annotated[str | None, Body()] = None,
    stream: Annotated[bool, Body()] = True,
) -> Response:
    model = model or config.model
    if stream:
        return await streamed(ask(message, model))
    started = time.perf_counter()
    llm = ChatOpenAI(model=model, streaming=True, timeout=config.timeout)
    try:
        answer = await llm.ainvoke([HumanMessage(message)])
    except APIError as error:
        return JSONResponse({"detail": "O LLM devolveu um erro"}, 502)
    seconds = time.perf_counter() - started
    return JSONResponse({"reply": answer.text, "user": user, "model": model, "seconds": seconds})


def word_count(text: str) -> int:
    """Conta as palavras de um texto."""
    return len(text.split())


def today(timezone: str = "UTC") -> str:
    """Diz a data de hoje."""
    from datetime import datetime
    from zoneinfo import ZoneInfo

    return datetime.now(ZoneInfo(timezone)).date().isoformat()


@app.post("/agent")
async def agent(user: LoggedIn, message: Annotated[str, Body(embed=True, min_length=1)]) -> Response:
    from langgraph.prebuilt import create_react_agent

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = create_react_agent(
            ChatOpenAI(model=config.model, streaming=True, timeout=config.timeout), [word_count, today]
        )

    async def answer() -> AsyncIterator[str]:
        result = await graph.ainvoke({"messages": [("user", message)]})
        for letter in result["messages"][-1].text:
            yield letter

    return await streamed(answer())
