# wrong: verify_exp switched off
# fails: 2.5 2.7
# says: `exp`

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import uuid4

from dotenv import load_dotenv
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jose import ExpiredSignatureError, JWTError, jwt
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pydantic import BaseModel, ConfigDict, ValidationError

load_dotenv()


class AuthError(Exception):
    def __init__(self, message: str):
        self.message = message


class Kind(StrEnum):
    ACCESS = "access"
    REFRESH = "refresh"


@dataclass(frozen=True)
class Config:
    secret: str = os.getenv("JWT_SECRET_KEY", "")
    algorithm: str = os.getenv("JWT_ALGORITHM", "HS256")
    access: timedelta = timedelta(minutes=float(os.getenv("ACCESS_TOKEN_EXPIRE_MINUTES", "30")))
    refresh: timedelta = timedelta(days=float(os.getenv("REFRESH_TOKEN_EXPIRE_DAYS", "7")))
    issuer: str = "curso"
    audience: str = "curso-api"

    def validate(self) -> None:
        missing = 32 - len(self.secret.encode())
        if missing > 0:
            raise RuntimeError(f"JWT_SECRET_KEY: faltam {missing} bytes para os 32 exigidos.")


class Payload(BaseModel):
    model_config = ConfigDict(extra="allow")
    sub: str
    jti: str
    exp: int
    iat: int
    type: Kind


@dataclass
class User:
    username: str
    password_hash: str


class Users:
    """Um repositório de um usuário só. Amanhã, um banco."""

    def __init__(self, *users: User):
        self._users = {user.username: user for user in users}
        self._hasher = PasswordHash((Argon2Hasher(),))
        self._dummy = users[0].password_hash

    def authenticate(self, username: str, password: str) -> User:
        user = self._users.get(username)
        stored = user.password_hash if user else self._dummy
        valid = self._hasher.verify(password, stored)
        if user is None or not valid:
            raise AuthError("Usuário ou senha incorretos")
        return user


@dataclass
class Tokens:
    config: Config
    spent: dict[str, datetime] = field(default_factory=dict)

    def issue(self, user: str, kind: Kind) -> str:
        issued_at = datetime.now(UTC)
        expires_at = issued_at + (self.config.access if kind is Kind.ACCESS else self.config.refresh)
        payload = {
            "iss": self.config.issuer,
            "aud": self.config.audience,
            "sub": user,
            "iat": int(issued_at.timestamp()),
            "exp": int(expires_at.timestamp()),
            "jti": str(uuid4()),
            "type": kind.value,
        }
        return jwt.encode(payload, self.config.secret, algorithm=self.config.algorithm)

    def pair(self, user: str) -> dict[str, str]:
        return {
            "access_token": self.issue(user, Kind.ACCESS),
            "refresh_token": self.issue(user, Kind.REFRESH),
            "token_type": "bearer",
        }

    def verify(self, token: str, kind: Kind) -> Payload:
        try:
            claims = jwt.decode(
                token,
                self.config.secret,
                algorithms=[self.config.algorithm],
                audience=self.config.audience,
                issuer=self.config.issuer,
                options={"verify_exp": False, "require_sub": True, "require_aud": True},
            )
            payload = Payload(**claims)
        except ExpiredSignatureError:
            raise AuthError("Token vencido")
        except (JWTError, ValidationError, TypeError, ValueError, OverflowError):
            raise AuthError("Token inválido")
        if payload.type is not kind:
            raise AuthError("Tipo de token errado")
        if payload.jti in self.spent:
            raise AuthError("Token revogado")
        return payload

    def spend(self, payload: Payload) -> None:
        self.spent[payload.jti] = datetime.fromtimestamp(payload.exp, UTC)

    def rotate(self, token: str) -> dict[str, str]:
        payload = self.verify(token, Kind.REFRESH)
        self.spend(payload)
        return self.pair(payload.sub)


config = Config()
users = Users(
    User(
        "admin",
        os.getenv(
            "ADMIN_PASSWORD_HASH",
            "$argon2id$v=19$m=65536,t=3,p=4$K+ZqcEwtpQUG9WMgLl5cBQ$2FuNRfSXsVDs2kW/U6ojmRjHTJXAf2TV8JMWI5Dmlno",
        ),
    )
)
tokens = Tokens(config)
bearer = HTTPBearer(auto_error=False)


def current(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> Payload:
    if credentials is None:
        raise AuthError("Não autenticado")
    return tokens.verify(credentials.credentials, Kind.ACCESS)


Current = Annotated[Payload, Depends(current)]


@asynccontextmanager
async def lifespan(app: FastAPI):
    config.validate()
    yield


class Credentials(BaseModel):
    username: str
    password: str


class Renewal(BaseModel):
    refresh_token: str


auth = APIRouter()


@auth.post("/login")
def login(credentials: Credentials):
    user = users.authenticate(credentials.username, credentials.password)
    return tokens.pair(user.username)


@auth.post("/refresh")
async def refresh(renewal: Renewal):
    return tokens.rotate(renewal.refresh_token)


@auth.post("/logout")
async def logout(payload: Current):
    tokens.spend(payload)
    return {"ok": True}


@auth.get("/me")
async def me(payload: Current):
    return {"username": payload.sub, "expires": payload.exp}


app = FastAPI(lifespan=lifespan)
app.include_router(auth)


@app.exception_handler(AuthError)
async def auth_error(request: Request, error: AuthError):
    return JSONResponse(
        {"error": error.message, "request_id": str(uuid4())},
        status_code=401,
        headers={"WWW-Authenticate": "Bearer"},
    )


@app.post("/chat")
async def chat(body: dict, payload: Current):
    return {"reply": body.get("message", ""), "user": payload.sub}
