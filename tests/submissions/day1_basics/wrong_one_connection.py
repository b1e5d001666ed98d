# wrong: a client that allows one connection: the second question queues
# fails: 1.7
# says: max_connections

"""API do Dia 1."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated
from uuid import UUID, uuid4

import httpx
from dotenv import load_dotenv
from fastapi import APIRouter, Depends, FastAPI, Request, Response, status
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

load_dotenv()
logger = logging.getLogger("day1")

VERSION = "2.0.1"


def _read_origins() -> list[str]:
    raw = os.getenv("ALLOWED_ORIGINS", "")
    return [origin for part in raw.split(",") if (origin := part.strip())]


@dataclass(frozen=True)
class Settings:
    """Configuração lida do ambiente."""

    base_url: str = field(default_factory=lambda: os.getenv("OPENAI_BASE_URL", "https://api.openai.com/v1"))
    api_key: str = field(default_factory=lambda: os.getenv("OPENAI_API_KEY", ""))
    model: str = field(default_factory=lambda: os.getenv("DEFAULT_MODEL", "gpt-4o-mini"))
    origins: list[str] = field(default_factory=_read_origins)


settings = Settings()


class LLMError(Exception):
    """O LLM não respondeu como deveria."""


class ChatRequest(BaseModel):
    """Entrada de /chat e de /ask."""

    model_config = ConfigDict(str_strip_whitespace=True)

    message: str = Field(min_length=1, max_length=4000, examples=["Olá!"])
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] = 0.7


class ChatResponse(BaseModel):
    """Saída de /chat."""

    reply: str
    model: str
    request_id: UUID = Field(default_factory=uuid4)


class AskResponse(BaseModel):
    reply: str


class Health(BaseModel):
    status: str = "ok"
    version: str = VERSION


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    """Abre o cliente HTTP na partida e o fecha no fim."""
    app.state.http = httpx.AsyncClient(
        base_url=settings.base_url,
        timeout=httpx.Timeout(connect=5.0, read=60.0, write=10.0, pool=60.0),
        limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
    )
    try:
        yield
    finally:
        await app.state.http.aclose()


def get_http(request: Request) -> httpx.AsyncClient:
    """Dependência: o cliente compartilhado."""
    return request.app.state.http


app = FastAPI(title="Dia 1", version=VERSION, lifespan=lifespan)
app.add_middleware(
    CORSMiddleware,
    allow_origins=settings.origins,
    allow_methods=["GET", "POST", "OPTIONS"],
    allow_headers=["Content-Type", "Authorization"],
)

router = APIRouter(tags=["chat"])


@app.exception_handler(LLMError)
async def on_llm_error(request: Request, exc: LLMError) -> JSONResponse:
    logger.warning("LLM: %r", exc.__cause__)
    return JSONResponse(status_code=status.HTTP_502_BAD_GATEWAY, content={"detail": str(exc)})


@app.get("/health")
async def health() -> Health:
    return Health()


@router.post("/chat")
async def chat(payload: ChatRequest, response: Response) -> ChatResponse:
    """Devolve a mensagem recebida."""
    answer = ChatResponse(reply=payload.message, model=settings.model)
    response.headers["X-Request-ID"] = str(answer.request_id)
    return answer


async def complete(http: httpx.AsyncClient, payload: ChatRequest) -> str:
    """Pergunta ao LLM e devolve o texto da resposta."""
    try:
        response = await http.post(
            "chat/completions",
            headers={"Authorization": f"Bearer {settings.api_key}"},
            json={
                "model": settings.model,
                "temperature": payload.temperature,
                "messages": [
                    {"role": "system", "content": "Responda em português."},
                    {"role": "user", "content": payload.message},
                ],
            },
        )
        response.raise_for_status()
        content = response.json()["choices"][0]["message"]["content"]
    except httpx.HTTPError as exc:
        raise LLMError("Não foi possível falar com o LLM.") from exc
    except (KeyError, IndexError, TypeError, ValueError) as exc:
        raise LLMError("O LLM devolveu uma resposta inesperada.") from exc
    return content


@router.post("/ask")
async def ask(payload: ChatRequest, http: Annotated[httpx.AsyncClient, Depends(get_http)]) -> AskResponse:
    """Repassa a pergunta ao LLM."""
    return AskResponse(reply=await complete(http, payload))


app.include_router(router)
