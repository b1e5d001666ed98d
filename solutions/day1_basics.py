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

### BEGIN SOLUTION 1.7
### STUB TIMEOUT = httpx.Timeout(5)
### STUB LIMITS = httpx.Limits(max_connections=1)
# Um LLM pode pensar por quase um minuto; já a conexão, ou abre logo ou não abre.
TIMEOUT = httpx.Timeout(60, connect=5)
# Cada /ask à espera ocupa uma conexão: com uma só, a segunda pergunta ficaria na fila da primeira.
LIMITS = httpx.Limits(max_connections=100)
### END SOLUTION


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Antes do `yield`, a partida do servidor; depois dele, o desligamento."""
    ### BEGIN SOLUTION 1.6
    ### STUB yield
    # Um cliente só, para que as conexões com o LLM sejam reaproveitadas de uma pergunta para a outra.
    async with httpx.AsyncClient(
        base_url=OPENAI_BASE_URL,
        headers={"Authorization": f"Bearer {OPENAI_API_KEY}"},
        timeout=TIMEOUT,
        limits=LIMITS,
    ) as client:
        app.state.llm = client
        yield
    ### END SOLUTION


app = FastAPI(title="Dia 1: o básico de uma API", version="1.0.0", lifespan=lifespan)

### BEGIN SOLUTION 1.5
app.add_middleware(
    CORSMiddleware,
    allow_origins=[origin.strip() for origin in ALLOWED_ORIGINS.split(",")],
    allow_methods=["GET", "POST"],
    # Sem isto, o JavaScript da página recebe o cabeçalho, mas não pode lê-lo.
    expose_headers=["X-Request-ID"],
)
### END SOLUTION


@app.get("/health")
async def health() -> dict[str, str]:
    ### BEGIN SOLUTION 1.1
    return {"status": "ok", "version": app.version}
    ### END SOLUTION


class ChatRequest(BaseModel):
    ### BEGIN SOLUTION 1.2
    ### STUB message: str
    ### STUB temperature: float | None = None
    # Os espaços das pontas saem antes da contagem: "   " tem zero caracteres.
    message: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    ### END SOLUTION


class ChatResponse(BaseModel):
    ### BEGIN SOLUTION 1.3
    ### STUB pass
    reply: str
    model: str
    request_id: UUID
    ### END SOLUTION


### BEGIN SOLUTION 1.4
### STUB @app.post("/chat")
router = APIRouter(tags=["chat"])


@router.post("/chat")
### END SOLUTION
async def chat(body: ChatRequest, response: Response) -> ChatResponse:
    ### BEGIN SOLUTION 1.3
    request_id = uuid4()
    response.headers["X-Request-ID"] = str(request_id)
    return ChatResponse(reply=body.message, model=DEFAULT_MODEL, request_id=request_id)
    ### END SOLUTION


class AskResponse(BaseModel):
    reply: str


async def ask_llm(client: httpx.AsyncClient, body: ChatRequest) -> str:
    """A resposta do LLM; qualquer falha dele sai daqui como exceção."""
    ### BEGIN SOLUTION 1.6
    payload: dict[str, Any] = {
        "model": DEFAULT_MODEL,
        "messages": [{"role": "user", "content": body.message}],
    }
    if body.temperature is not None:
        payload["temperature"] = body.temperature
    response = await client.post("/chat/completions", json=payload)
    # Para o httpx, um 401 ou um 500 é uma resposta como outra qualquer, até que se peça isto.
    response.raise_for_status()
    reply: str = response.json()["choices"][0]["message"]["content"]
    return reply
    ### END SOLUTION


def bad_gateway(detail: str, error: Exception) -> HTTPException:
    """502: a requisição estava certa; quem falhou foi o servidor atrás deste."""
    # O endereço e a causa são assunto do log, não de quem está do outro lado da internet.
    logger.error("%s [%s: %r]", detail, OPENAI_BASE_URL, error)
    return HTTPException(status_code=502, detail=detail)


### BEGIN SOLUTION 1.4
### STUB @app.post("/ask")
@router.post("/ask")
### END SOLUTION
async def ask(body: ChatRequest, request: Request) -> AskResponse:
    ### BEGIN SOLUTION 1.6
    try:
        return AskResponse(reply=await ask_llm(request.app.state.llm, body))
    except httpx.HTTPStatusError as error:
        raise bad_gateway(f"O LLM recusou a pergunta: {error.response.status_code}.", error) from error
    except httpx.RequestError as error:
        raise bad_gateway("O LLM não atende. Para iniciar um local: uv run workbook llm", error) from error
    except (LookupError, TypeError, ValueError) as error:
        raise bad_gateway("O LLM respondeu em um formato que não conheço.", error) from error
    ### END SOLUTION


### BEGIN SOLUTION 1.4
app.include_router(router)
### END SOLUTION
