"""Dia 1: uma API pequena e completa, com um LLM atrás dela.

Com o servidor no ar, experimente-a em http://localhost:8000/docs.
"""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx
from dotenv import load_dotenv
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel, Field, StringConstraints

logger = logging.getLogger(__name__)

# Antes de qualquer leitura do ambiente. O que já está definido ganha do arquivo .env.
load_dotenv()
OPENAI_BASE_URL = os.getenv("OPENAI_BASE_URL", "http://127.0.0.1:8001/v1")
OPENAI_API_KEY = os.getenv("OPENAI_API_KEY", "local")
DEFAULT_MODEL = os.getenv("DEFAULT_MODEL", "gpt-4o-mini")
ALLOWED_ORIGINS = os.getenv("ALLOWED_ORIGINS", "http://localhost:3000")

# TODO 1.7: Atenda enquanto espera (GUIA_APRENDIZADO.md, 1.7)
TIMEOUT = httpx.Timeout(5)
LIMITS = httpx.Limits(max_connections=1)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Antes do `yield`, a partida do servidor; depois dele, o desligamento."""
    # TODO 1.6: Pergunte ao LLM (GUIA_APRENDIZADO.md, 1.6)
    yield


app = FastAPI(title="Dia 1: o básico de uma API", version="1.0.0", lifespan=lifespan)

# TODO 1.5: Abra a porta só para quem você conhece (GUIA_APRENDIZADO.md, 1.5)


@app.get("/health")
async def health() -> dict[str, str]:
    # TODO 1.1: Diga que está de pé (GUIA_APRENDIZADO.md, 1.1)
    raise NotImplementedError("TODO 1.1")


class ChatRequest(BaseModel):
    # TODO 1.2: Valide a entrada (GUIA_APRENDIZADO.md, 1.2)
    message: str
    temperature: float | None = None


class ChatResponse(BaseModel):
    # TODO 1.3: Responda com uma identidade (GUIA_APRENDIZADO.md, 1.3)
    pass


# TODO 1.4: Organize as rotas (GUIA_APRENDIZADO.md, 1.4)
@app.post("/chat")
async def chat(body: ChatRequest, response: Response) -> ChatResponse:
    # TODO 1.3: Responda com uma identidade (GUIA_APRENDIZADO.md, 1.3)
    raise NotImplementedError("TODO 1.3")


class AskResponse(BaseModel):
    reply: str


async def ask_llm(client: httpx.AsyncClient, body: ChatRequest) -> str:
    """A resposta do LLM; qualquer falha dele sai daqui como exceção."""
    # TODO 1.6: Pergunte ao LLM (GUIA_APRENDIZADO.md, 1.6)
    raise NotImplementedError("TODO 1.6")


def bad_gateway(detail: str, error: Exception) -> HTTPException:
    """502: a requisição estava certa; quem falhou foi o servidor atrás deste."""
    # O endereço e a causa são assunto do log, não de quem está do outro lado da internet.
    logger.error("%s [%s: %r]", detail, OPENAI_BASE_URL, error)
    return HTTPException(status_code=502, detail=detail)


# TODO 1.4: Organize as rotas (GUIA_APRENDIZADO.md, 1.4)
@app.post("/ask")
async def ask(body: ChatRequest, request: Request) -> AskResponse:
    # TODO 1.6: Pergunte ao LLM (GUIA_APRENDIZADO.md, 1.6)
    raise NotImplementedError("TODO 1.6")


# TODO 1.4: Organize as rotas (GUIA_APRENDIZADO.md, 1.4)
