# wrong: algorithms left out of jwt.decode
# fails: 2.5
# says: `algorithms`

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

JWT_SECRET_KEY = os.getenv("JWT_SECRET_KEY", "")
JWT_ALGORITHM = os.getenv("JWT_ALGORITHM", "HS256")
ACCESS_TOKEN_EXPIRE_MINUTES = int(os.getenv("ACCESS_TOKEN_EXPIRE_MINUTES", "30"))
REFRESH_TOKEN_EXPIRE_DAYS = int(os.getenv("REFRESH_TOKEN_EXPIRE_DAYS", "7"))

ADMIN_USERNAME = "admin"
ADMIN_PASSWORD_HASH = os.getenv(
    "ADMIN_PASSWORD_HASH",
    "$argon2id$v=19$m=65536,t=3,p=4$K+ZqcEwtpQUG9WMgLl5cBQ$2FuNRfSXsVDs2kW/U6ojmRjHTJXAf2TV8JMWI5Dmlno",
)

password_hash = PasswordHash.recommended()
bearer = HTTPBearer()
auth_router = APIRouter(tags=["auth"])
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
    key_size = len(JWT_SECRET_KEY.encode())
    if key_size < 32:
        raise RuntimeError(f"JWT_SECRET_KEY muito curta: {key_size} bytes")
    yield


def authenticate(username: str, password: str) -> bool:
    senha_ok = password_hash.verify(password, ADMIN_PASSWORD_HASH)
    usuario_ok = username == ADMIN_USERNAME
    return senha_ok and usuario_ok


def create_token(username: str, token_type: TokenType, lifetime: timedelta) -> str:
    agora = datetime.now(UTC)
    claims = {
        "sub": username,
        "iat": agora,
        "exp": agora + lifetime,
        "jti": str(uuid4()),
        "type": token_type,
    }
    return jwt.encode(claims, JWT_SECRET_KEY, algorithm=JWT_ALGORITHM)


def create_token_pair(username: str) -> TokenPair:
    access_lifetime = timedelta(minutes=ACCESS_TOKEN_EXPIRE_MINUTES)
    refresh_lifetime = timedelta(days=REFRESH_TOKEN_EXPIRE_DAYS)
    return TokenPair(
        access_token=create_token(username, "access", access_lifetime),
        refresh_token=create_token(username, "refresh", refresh_lifetime),
    )


class LoginRequest(BaseModel):
    username: str
    password: str


@auth_router.post("/login")
def login(credentials: LoginRequest) -> TokenPair:
    if not authenticate(credentials.username, credentials.password):
        raise HTTPException(status_code=401, detail="Usuário ou senha inválidos.")
    return create_token_pair(credentials.username)


def verify_token(token: str, token_type: TokenType) -> Claims:
    invalid = HTTPException(status_code=401, detail="Token inválido.", headers={"WWW-Authenticate": "Bearer"})
    try:
        payload = jwt.decode(token, JWT_SECRET_KEY, options={"require_exp": True})
        claims = Claims(**payload)
    except Exception:
        raise invalid
    if claims.type != token_type:
        raise invalid
    if claims.jti in revoked:
        raise invalid
    return claims


def current_claims(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> Claims:
    return verify_token(credentials.credentials, "access")


def get_current_user(claims: Annotated[Claims, Depends(current_claims)]) -> str:
    return claims.sub


@auth_router.get("/me")
def me(user: Annotated[str, Depends(get_current_user)]):
    return {"username": user}


class RefreshRequest(BaseModel):
    refresh_token: str


@auth_router.post("/refresh")
async def refresh(body: RefreshRequest) -> TokenPair:
    claims = verify_token(body.refresh_token, "refresh")
    revoked.add(claims.jti)
    return create_token_pair(claims.sub)


@auth_router.post("/logout")
async def logout(claims: Annotated[Claims, Depends(current_claims)]):
    revoked.add(claims.jti)
    return {"message": "Você saiu."}


app = FastAPI(title="Dia 2", lifespan=lifespan)
app.include_router(auth_router)


class ChatRequest(BaseModel):
    message: str


@app.post("/chat")
async def chat(body: ChatRequest, user: Annotated[str, Depends(get_current_user)]):
    return {"reply": body.message, "user": user}
