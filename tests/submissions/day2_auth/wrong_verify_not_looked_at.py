# wrong: what verify returns is not looked at
# fails: 2.2 2.4
# says: o que `verify` devolve

import os
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from dotenv import load_dotenv
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from jose import jwt
from pwdlib import PasswordHash
from pydantic import BaseModel, Field

load_dotenv()

SECRET = os.getenv("JWT_SECRET_KEY") or ""
ALGORITHM = os.getenv("JWT_ALGORITHM", "HS256")
MINUTES = int(os.getenv("ACCESS_TOKEN_EXPIRE_MINUTES", "30"))
DAYS = int(os.getenv("REFRESH_TOKEN_EXPIRE_DAYS", "7"))
HASH = os.getenv(
    "ADMIN_PASSWORD_HASH",
    "$argon2id$v=19$m=65536,t=3,p=4$K+ZqcEwtpQUG9WMgLl5cBQ$2FuNRfSXsVDs2kW/U6ojmRjHTJXAf2TV8JMWI5Dmlno",
)
PROTECTED = {"/me", "/chat", "/logout"}

hasher = PasswordHash.recommended()
revoked_until: dict[str, int] = {}


@asynccontextmanager
async def lifespan(app: FastAPI):
    if len(SECRET.encode()) < 32:
        raise SystemExit("JWT_SECRET_KEY ausente ou curta demais: use pelo menos 32 bytes")
    yield


app = FastAPI(lifespan=lifespan)


class InvalidToken(Exception):
    pass


def make_token(username: str, kind: str, lifetime: timedelta) -> str:
    now = datetime.now(UTC)
    return jwt.encode(
        {"sub": username, "type": kind, "jti": str(uuid4()), "iat": now, "exp": now + lifetime},
        SECRET,
        ALGORITHM,
    )


def make_pair(username: str) -> dict[str, str]:
    return dict(
        access_token=make_token(username, "access", timedelta(minutes=MINUTES)),
        refresh_token=make_token(username, "refresh", timedelta(days=DAYS)),
        token_type="bearer",
    )


def check_token(token: str, kind: str) -> dict:
    try:
        claims = jwt.decode(token, SECRET, algorithms=[ALGORITHM], options={"require_exp": True})
        if claims["type"] != kind or claims["jti"] in revoked_until or not claims["sub"]:
            raise InvalidToken
        return claims
    except Exception as problem:
        raise InvalidToken from problem


@app.middleware("http")
async def guard(request: Request, call_next):
    if request.url.path in PROTECTED:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            if scheme.casefold() != "bearer":
                raise InvalidToken
            request.state.claims = check_token(token, "access")
        except InvalidToken:
            return JSONResponse({"detail": "Não autenticado"}, 401, {"WWW-Authenticate": "bearer"})
    return await call_next(request)


class LoginBody(BaseModel):
    username: str = Field(min_length=1)
    password: str = Field(min_length=1)


@app.post("/login")
def login(body: LoginBody):
    hasher.verify(body.password, HASH)
    if not (body.username == "admin"):
        raise HTTPException(status_code=401, detail="Credenciais inválidas")
    return make_pair(body.username)


class RefreshBody(BaseModel):
    refresh_token: str = Field(min_length=1)


@app.post("/refresh")
async def refresh(body: RefreshBody):
    try:
        claims = check_token(body.refresh_token, "refresh")
    except InvalidToken:
        raise HTTPException(status_code=401, detail="Refresh token inválido") from None
    revoked_until[claims["jti"]] = claims["exp"]
    return make_pair(claims["sub"])


@app.post("/logout")
async def logout(request: Request):
    now = datetime.now(UTC).timestamp()
    # o que já venceu não precisa mais ser lembrado
    for jti in [jti for jti, exp in revoked_until.items() if exp < now]:
        del revoked_until[jti]
    revoked_until[request.state.claims["jti"]] = request.state.claims["exp"]
    return Response(status_code=204)


@app.get("/me")
async def me(request: Request):
    return {"username": request.state.claims["sub"]}


class ChatBody(BaseModel):
    message: str


@app.post("/chat")
async def chat(body: ChatBody, request: Request):
    return {"reply": body.message[::-1], "user": request.state.claims["sub"]}
