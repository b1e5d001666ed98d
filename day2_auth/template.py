"""Dia 2: uma porta com chave. Login por senha, tokens com prazo, rotas com guarda.

Com o servidor no ar, experimente-a em http://localhost:8000/docs: o botão "Authorize" recebe o token.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import uuid4

from dotenv import load_dotenv
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jose import jwt
from pwdlib import PasswordHash
from pydantic import BaseModel

load_dotenv()

# Sem valor padrão, de propósito: segredo escrito no código é segredo público.
JWT_SECRET_KEY = os.getenv("JWT_SECRET_KEY", "")
JWT_ALGORITHM = os.getenv("JWT_ALGORITHM", "HS256")
ACCESS_TOKEN_EXPIRE_MINUTES = int(os.getenv("ACCESS_TOKEN_EXPIRE_MINUTES", "30"))
REFRESH_TOKEN_EXPIRE_DAYS = int(os.getenv("REFRESH_TOKEN_EXPIRE_DAYS", "7"))

ADMIN_USERNAME = "admin"
# O padrão é o hash de "admin123", para começar sem configurar nada; o de verdade vem do ambiente.
ADMIN_PASSWORD_HASH = os.getenv(
    "ADMIN_PASSWORD_HASH",
    "$argon2id$v=19$m=65536,t=3,p=4$K+ZqcEwtpQUG9WMgLl5cBQ$2FuNRfSXsVDs2kW/U6ojmRjHTJXAf2TV8JMWI5Dmlno",
)

password_hash = PasswordHash.recommended()
bearer = HTTPBearer()
auth_router = APIRouter(tags=["auth"])

# Os `jti` que não valem mais. Em memória: só cresce, some ao reiniciar e outro processo não vê.
revoked: set[str] = set()

TokenType = Literal["access", "refresh"]


class Claims(BaseModel):
    sub: str
    jti: str
    type: TokenType


class TokenPair(BaseModel):
    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    # TODO 2.1: Recuse um segredo fraco (GUIA_APRENDIZADO.md, 2.1)
    yield


def authenticate(username: str, password: str) -> bool:
    # TODO 2.2: Confira a senha pelo hash (GUIA_APRENDIZADO.md, 2.2)
    raise NotImplementedError("TODO 2.2")


def create_token(username: str, token_type: TokenType, lifetime: timedelta) -> str:
    # TODO 2.3: Emita tokens com prazo (GUIA_APRENDIZADO.md, 2.3)
    raise NotImplementedError("TODO 2.3")


def create_token_pair(username: str) -> TokenPair:
    # TODO 2.3: Emita tokens com prazo (GUIA_APRENDIZADO.md, 2.3)
    raise NotImplementedError("TODO 2.3")


# TODO 2.4: Faça o login (GUIA_APRENDIZADO.md, 2.4)


def verify_token(token: str, token_type: TokenType) -> Claims:
    # TODO 2.5: Desconfie de todo token (GUIA_APRENDIZADO.md, 2.5)
    raise NotImplementedError("TODO 2.5")


# TODO 2.6: Proteja as rotas (GUIA_APRENDIZADO.md, 2.6)
async def get_current_user() -> str:
    raise NotImplementedError("TODO 2.6")


# TODO 2.7: Renove uma vez só (GUIA_APRENDIZADO.md, 2.7)


# TODO 2.8: Saia de verdade (GUIA_APRENDIZADO.md, 2.8)

app = FastAPI(title="Dia 2: autenticação com JWT", lifespan=lifespan)
app.include_router(auth_router)


# TODO 2.6: Proteja as rotas (GUIA_APRENDIZADO.md, 2.6)
