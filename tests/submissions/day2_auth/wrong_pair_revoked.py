# wrong: the refresh token of the session is revoked with it
# fails: 2.8
# says: também o refresh token

import logging
import os
import threading
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from uuid import uuid4

from dotenv import load_dotenv
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Security
from fastapi.security import HTTPBearer
from jose import jwt
from pwdlib import PasswordHash
from pydantic import BaseModel

load_dotenv()
log = logging.getLogger(__name__)


class Database:
    """Tudo em memória, com um cadeado só."""

    def __init__(self):
        self.lock = threading.Lock()
        self.revoked = set()
        self.used = set()
        self.dead_families = set()


def unauthorized():
    return HTTPException(401, "Não autorizado", headers={"WWW-Authenticate": "Bearer"})


class Auth:
    def __init__(self, env):
        self.secret = env.get("JWT_SECRET_KEY", "")
        self.algorithm = env.get("JWT_ALGORITHM", "HS256")
        self.minutes = int(env.get("ACCESS_TOKEN_EXPIRE_MINUTES", 30))
        self.days = int(env.get("REFRESH_TOKEN_EXPIRE_DAYS", 7))
        self.hash = env.get(
            "ADMIN_PASSWORD_HASH",
            "$argon2id$v=19$m=65536,t=3,p=4$K+ZqcEwtpQUG9WMgLl5cBQ$2FuNRfSXsVDs2kW/U6ojmRjHTJXAf2TV8JMWI5Dmlno",
        )
        self.db = Database()

    def check(self):
        if len(self.secret) < 32:
            log.critical("configuração: JWT_SECRET_KEY precisa de 32 caracteres ou mais")
            raise RuntimeError("configuração inválida")

    def token(self, sub, type, lifetime, family):
        now = datetime.now(tz=timezone.utc)
        claims = {
            "jti": uuid4().hex,
            "sub": sub,
            "type": type,
            "iat": now,
            "exp": now + lifetime,
            "fam": family,
        }
        return jwt.encode(claims, self.secret, algorithm=self.algorithm)

    def tokens(self, sub, family=None):
        family = family or uuid4().hex
        return TokensOut(
            access_token=self.token(sub, "access", timedelta(minutes=self.minutes), family),
            refresh_token=self.token(sub, "refresh", timedelta(days=self.days), family),
        )

    def read(self, token, type):
        try:
            claims = jwt.decode(token, self.secret, algorithms=[self.algorithm])
            if not (claims["type"] == type and claims["sub"] and claims["exp"]):
                raise ValueError(type)
        except Exception as error:
            raise unauthorized() from error
        return claims

    def access(self, token):
        claims = self.read(token, "access")
        with self.db.lock:
            if claims["jti"] in self.db.revoked:
                raise unauthorized()
        return claims

    def rotate(self, token):
        claims = self.read(token, "refresh")
        family = claims.get("fam")
        with self.db.lock:
            if claims["jti"] in self.db.used:
                # alguém tem uma cópia: ninguém mais desta família renova
                self.db.dead_families.add(family)
            if family in self.db.dead_families:
                raise HTTPException(403, "Sessão encerrada: faça login de novo")
            self.db.used.add(claims["jti"])
        return self.tokens(claims["sub"], family)

    def revoke(self, claims):
        with self.db.lock:
            self.db.revoked.add(claims["jti"])
            self.db.dead_families.add(claims["fam"])


class LoginIn(BaseModel):
    username: str
    password: str


class RefreshIn(BaseModel):
    refresh_token: str


class ChatIn(BaseModel):
    message: str


class TokensOut(BaseModel):
    access_token: str
    refresh_token: str
    token_type: str = "bearer"


auth = Auth(os.environ)
password_hash = PasswordHash.recommended()
router = APIRouter(prefix="")


def claims(credentials=Security(HTTPBearer())):
    return auth.access(credentials.credentials)


@router.post("/login", status_code=201, response_model=TokensOut)
def login(data: LoginIn):
    if password_hash.verify(data.password, auth.hash) and data.username == "admin":
        return auth.tokens("admin")
    raise unauthorized()


@router.post("/refresh", status_code=201, response_model=TokensOut)
def refresh(data: RefreshIn):
    return auth.rotate(data.refresh_token)


@router.post("/logout")
def logout(claims=Depends(claims)):
    auth.revoke(claims)
    return {"message": "Até logo!"}


@router.get("/me")
def me(claims=Depends(claims)):
    return {"username": claims["sub"], "family": claims["fam"] if "fam" in claims else None}


@router.post("/chat")
def chat(data: ChatIn, claims=Depends(claims)):
    return {"reply": data.message.upper()}


@asynccontextmanager
async def lifespan(app):
    auth.check()
    yield


app = FastAPI(lifespan=lifespan)
app.include_router(router)
