# right: refresh tokens are signed with a key of their own, drawn from the secret
# differs: 2.3 2.5 2.7

import hmac
import os
import uuid
from datetime import datetime, timedelta, timezone

from dotenv import load_dotenv
from fastapi import Depends, FastAPI, HTTPException, status
from fastapi.security import OAuth2PasswordBearer
from jose import jwt
from pwdlib import PasswordHash
from pydantic import BaseModel

load_dotenv()

SECRET_KEY = os.environ.get("JWT_SECRET_KEY")
if not SECRET_KEY or len(SECRET_KEY) < 32:
    raise ValueError("JWT_SECRET_KEY precisa ter pelo menos 32 caracteres")

# uma chave por tipo: um refresh token nem chega a ter uma assinatura boa no lugar do outro
KEYS = {
    "access": SECRET_KEY,
    "refresh": hmac.new(SECRET_KEY.encode(), b"refresh", "sha256").hexdigest(),
}

ALGORITHM = os.environ.get("JWT_ALGORITHM", "HS256")
ACCESS_MINUTES = int(os.environ.get("ACCESS_TOKEN_EXPIRE_MINUTES", 30))
REFRESH_DAYS = int(os.environ.get("REFRESH_TOKEN_EXPIRE_DAYS", 7))
PASSWORD_HASH = os.environ.get(
    "ADMIN_PASSWORD_HASH",
    "$argon2id$v=19$m=65536,t=3,p=4$K+ZqcEwtpQUG9WMgLl5cBQ$2FuNRfSXsVDs2kW/U6ojmRjHTJXAf2TV8JMWI5Dmlno",
)

app = FastAPI(title="Auth")
oauth2_scheme = OAuth2PasswordBearer(tokenUrl="login")
pwd = PasswordHash.recommended()
blacklist = set()

credentials_exception = HTTPException(
    status_code=status.HTTP_401_UNAUTHORIZED,
    detail="Não foi possível validar as credenciais",
    headers={"WWW-Authenticate": "Bearer"},
)


class Login(BaseModel):
    username: str
    password: str


class RefreshRequest(BaseModel):
    refresh_token: str


class Message(BaseModel):
    message: str


def create_token(sub: str, kind: str, lifetime: timedelta) -> str:
    now = datetime.now(timezone.utc)
    claims = {"sub": sub, "type": kind, "jti": uuid.uuid4().hex, "iat": now, "exp": now + lifetime}
    return jwt.encode(claims, KEYS[kind], algorithm=ALGORITHM)


def tokens_for(sub: str) -> dict:
    return {
        "access_token": create_token(sub, "access", timedelta(minutes=ACCESS_MINUTES)),
        "refresh_token": create_token(sub, "refresh", timedelta(days=REFRESH_DAYS)),
        "token_type": "bearer",
    }


def verify_token(token: str, expected_type: str) -> dict:
    try:
        payload = jwt.decode(token, KEYS[expected_type], algorithms=[ALGORITHM])
    except Exception:
        raise credentials_exception
    # o jose não exige estes claims sozinho
    for claim in ("sub", "exp", "jti"):
        if payload.get(claim) is None:
            raise credentials_exception
    if payload.get("type") != expected_type:
        raise credentials_exception
    if payload["jti"] in blacklist:
        raise credentials_exception
    return payload


async def get_payload(token: str = Depends(oauth2_scheme)) -> dict:
    return verify_token(token, "access")


async def get_current_user(payload: dict = Depends(get_payload)) -> str:
    return payload["sub"]


@app.post("/login")
async def login(data: Login):
    valid = pwd.verify(data.password, PASSWORD_HASH)
    if data.username != "admin" or not valid:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "Usuário ou senha inválidos")
    return tokens_for(data.username)


@app.post("/refresh")
async def refresh(data: RefreshRequest):
    payload = verify_token(data.refresh_token, "refresh")
    blacklist.add(payload["jti"])
    return tokens_for(payload["sub"])


@app.post("/logout")
async def logout(payload: dict = Depends(get_payload)):
    blacklist.add(payload["jti"])
    return {"detail": "Logout efetuado"}


@app.get("/me")
async def me(user: str = Depends(get_current_user)):
    return {"username": user}


@app.post("/chat")
async def chat(data: Message, user: str = Depends(get_current_user)):
    return {"reply": f"{user} disse: {data.message}"}
