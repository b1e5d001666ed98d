"""Dia 3: cada token do LLM chega a quem perguntou assim que existe."""

import logging
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from dotenv import load_dotenv
from fastapi import Depends, FastAPI, HTTPException
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from openai import APIConnectionError, APIStatusError, OpenAIError
from pydantic import BaseModel, Field
from starlette.types import Send

# O seu Dia 2 mora em `day2_auth.template`, e o de referência em `solutions.day2_auth`: esta linha escolhe.
from day2_auth.template import auth_router, get_current_user, lifespan

logger = logging.getLogger(__name__)

# TODO 3.1: Leia as configurações (GUIA_APRENDIZADO.md, 3.1)
DEFAULT_MODEL = ""

# TODO 3.7: Várias conversas ao mesmo tempo (GUIA_APRENDIZADO.md, 3.7)
TIMEOUT: float | None = None

# O mesmo lifespan do Dia 2: sem um segredo forte, este servidor também não sobe.
app = FastAPI(title="Dia 3: streaming com LangChain", lifespan=lifespan)

# TODO 3.2: Reaproveite o seu Dia 2 (GUIA_APRENDIZADO.md, 3.2)


def sse(data: str, event: str = "") -> str:
    """Um evento SSE, pronto para o fio."""
    # TODO 3.3: Enquadramento SSE (GUIA_APRENDIZADO.md, 3.3)
    raise NotImplementedError("TODO 3.3")


class IncompleteAnswer(Exception):
    """O LLM desligou sem dizer por que parou."""


async def stream_llm(prompt: str, model: str) -> AsyncIterator[str]:
    """Os pedaços de texto do LLM, um a um, assim que chegam."""
    # TODO 3.4: Converse com o LLM pelo LangChain (GUIA_APRENDIZADO.md, 3.4)
    raise NotImplementedError("TODO 3.4")
    yield
    # TODO 3.8: Quando o LLM falha (GUIA_APRENDIZADO.md, 3.8)


# TODO 3.5: Um token de cada vez (GUIA_APRENDIZADO.md, 3.5)


# TODO 3.8: Quando o LLM falha (GUIA_APRENDIZADO.md, 3.8)


class EventStream(StreamingResponse):
    media_type = "text/event-stream"

    # `status_code` está aqui porque o FastAPI o procura nesta assinatura para montar o OpenAPI.
    def __init__(self, events: AsyncIterator[str], status_code: int = 200) -> None:
        # Sem estes cabeçalhos, um cache ou um proxy pode juntar tudo e entregar de uma vez.
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(events, status_code, headers)
        self.events = events

    # TODO 3.9: Quando o cliente vai embora (GUIA_APRENDIZADO.md, 3.9)


# TODO 3.5: Um token de cada vez (GUIA_APRENDIZADO.md, 3.5)
@app.post("/api/generate")
async def generate() -> None:
    raise NotImplementedError("TODO 3.5")


# TODO 3.6: Com ou sem streaming (GUIA_APRENDIZADO.md, 3.6)
@app.post("/chat")
async def chat() -> None:
    raise NotImplementedError("TODO 3.6")


# TODO 3.10: Bônus: um agente com ferramenta (GUIA_APRENDIZADO.md, 3.10)
