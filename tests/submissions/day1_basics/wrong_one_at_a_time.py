# wrong: a lock around the question: one at a time
# fails: 1.7
# says: lock|trava|cadeado

import asyncio
import os
import re
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import uuid4

import httpx
from dotenv import load_dotenv
from fastapi import APIRouter, Body, FastAPI, HTTPException, Request, Response
from fastapi.middleware import Middleware
from fastapi.middleware.cors import CORSMiddleware
from pydantic import AfterValidator, BaseModel

# --- esquemas -------------------------------------------------------------------------------------------


def short_enough(text: str) -> str:
    text = text.strip()
    if not 1 <= len(text) <= 4000:
        raise ValueError(f"são {len(text)} caracteres; valem de 1 a 4000")
    return text


def in_range(value: float) -> float:
    assert 0 <= value <= 2, "fora do intervalo de 0 a 2"
    return value


class ChatRequest(BaseModel):
    message: Annotated[str, AfterValidator(short_enough)]
    temperature: Annotated[float, AfterValidator(in_range)] = 1.0


class Answer(BaseModel):
    reply: str


class ChatResponse(Answer):
    model: str
    request_id: str


# --- rotas ----------------------------------------------------------------------------------------------

status_routes = APIRouter(tags=["status"])
chat_routes = APIRouter(tags=["chat", "day1"])
MODEL = "DEFAULT_MODEL"


@status_routes.get("/health", tags=["infra"])
async def health(request: Request):
    return {"version": request.app.openapi()["info"]["version"], "status": "ok"}


@chat_routes.post("/chat")
async def chat(request: Request, response: Response, body: ChatRequest) -> ChatResponse:
    request_id = request.state.request_id
    return ChatResponse(reply=f"«{body.message}»", model=os.environ[MODEL], request_id=request_id)


@chat_routes.post("/ask")
async def ask(request: Request, message: Annotated[str, Body(embed=True)]) -> Answer:
    question = {"model": os.environ[MODEL], "messages": [{"role": "user", "content": message}]}
    async with request.app.state.lock:
        try:
            response = await request.app.state.client.post("/chat/completions", json=question)
        except httpx.TransportError:
            raise HTTPException(502, "LLM fora do ar")
    if response.is_error:
        raise HTTPException(502, f"O LLM respondeu {response.status_code}")
    try:
        return Answer(reply=response.json()["choices"][0]["message"]["content"])
    except Exception:
        raise HTTPException(502, "O LLM respondeu algo que não entendo")


# --- aplicação ------------------------------------------------------------------------------------------


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.lock = asyncio.Lock()
    authorization = {"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
    async with httpx.AsyncClient(
        base_url=os.environ["OPENAI_BASE_URL"], headers=authorization, timeout=None
    ) as app.state.client:
        yield


def create_app() -> FastAPI:
    load_dotenv()
    origins = re.split(r"\s*,\s*", os.environ["ALLOWED_ORIGINS"].strip())
    cors = Middleware(
        CORSMiddleware,
        allow_origin_regex="|".join(map(re.escape, origins)),
        allow_methods=["POST", "GET"],
    )
    app = FastAPI(version="1.2.3", lifespan=lifespan, middleware=[cors])

    @app.middleware("http")
    async def identify(request: Request, call_next):
        request.state.request_id = str(uuid4())
        response = await call_next(request)
        response.headers["X-Request-ID"] = request.state.request_id
        return response

    app.include_router(status_routes)
    app.include_router(chat_routes)
    return app
