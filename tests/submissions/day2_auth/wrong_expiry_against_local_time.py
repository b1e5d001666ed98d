# wrong: UTC compared with the local clock
# fails: 2.5 2.7
# says: relógio em UTC

import base64
import hashlib
import hmac
import json
import os
import time
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any
from uuid import uuid4

from dotenv import load_dotenv
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pwdlib import PasswordHash
from pydantic import BaseModel

load_dotenv()

KEY = os.getenv("JWT_SECRET_KEY", "").encode()
HEADER = {"alg": "HS256", "typ": "JWT"}
LIFETIMES = {
    "access": int(os.getenv("ACCESS_TOKEN_EXPIRE_MINUTES", "30")) * 60,
    "refresh": int(os.getenv("REFRESH_TOKEN_EXPIRE_DAYS", "7")) * 86_400,
}
ADMIN_HASH = os.getenv(
    "ADMIN_PASSWORD_HASH",
    "$argon2id$v=19$m=65536,t=3,p=4$K+ZqcEwtpQUG9WMgLl5cBQ$2FuNRfSXsVDs2kW/U6ojmRjHTJXAf2TV8JMWI5Dmlno",
)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def signature(signed: str) -> str:
    return b64(hmac.new(KEY, signed.encode(), hashlib.sha256).digest())


def encode(kind: str, sub: str) -> str:
    now = time.time()
    claims = {"sub": sub, "iat": now, "exp": now + LIFETIMES[kind], "jti": str(uuid4()), "type": kind}
    signed = ".".join(b64(json.dumps(part).encode()) for part in (HEADER, claims))
    return f"{signed}.{signature(signed)}"


def decode(token: str, kind: str) -> dict[str, Any]:
    signed, _, given = token.rpartition(".")
    if not hmac.compare_digest(given.encode(), signature(signed).encode()):
        raise ValueError("assinatura")
    header, payload = (json.loads(unb64(part)) for part in signed.split("."))
    if header["alg"] != "HS256":
        raise ValueError("algoritmo")
    if datetime.utcfromtimestamp(payload["exp"]) < datetime.now():
        raise ValueError("prazo")
    if payload["type"] != kind or not isinstance(payload["sub"], str):
        raise ValueError("tipo ou dono")
    if payload["jti"] in forgotten:
        raise ValueError("revogado")
    return payload


forgotten: set[str] = set()
hasher = PasswordHash.recommended()


def verify(token: str, kind: str) -> dict[str, Any]:
    try:
        return decode(token, kind)
    except Exception:
        raise HTTPException(401, "Token inválido", {"WWW-Authenticate": "Bearer"}) from None


def session(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> dict[str, Any]:
    return verify(credentials.credentials, "access")


Session = Annotated[dict[str, Any], Depends(session)]


@asynccontextmanager
async def lifespan(app: FastAPI):
    if len(KEY) < 32:
        raise RuntimeError(f"JWT_SECRET_KEY tem {len(KEY)} bytes; o mínimo é 32.")
    yield


app = FastAPI(lifespan=lifespan)


class Login(BaseModel):
    username: str
    password: str


class Refresh(BaseModel):
    refresh_token: str


class Chat(BaseModel):
    message: str


def pair(sub: str) -> dict[str, str]:
    return {
        "access_token": encode("access", sub),
        "refresh_token": encode("refresh", sub),
        "token_type": "bearer",
    }


@app.post("/login")
def login(body: Login):
    if not hasher.verify(body.password, ADMIN_HASH) or body.username != "admin":
        raise HTTPException(401, "Usuário ou senha incorretos")
    return pair(body.username)


@app.post("/refresh")
async def refresh(body: Refresh):
    payload = verify(body.refresh_token, "refresh")
    forgotten.add(payload["jti"])
    return pair(payload["sub"])


@app.post("/logout", status_code=204)
async def logout(payload: Session) -> None:
    forgotten.add(payload["jti"])


@app.get("/me")
async def me(payload: Session):
    return {"username": payload["sub"]}


@app.post("/chat")
async def chat(body: Chat, payload: Session):
    return {"reply": body.message}
