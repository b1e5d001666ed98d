# wrong: the password is hashed again and the hashes compared
# fails: 2.2 2.3 2.4
# says: `==`

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


def create_access_token(sub: str) -> str:
    now = datetime.now(timezone.utc)
    to_encode = {"sub": sub, "type": "access", "jti": uuid.uuid4().hex, "iat": now}
    to_encode.update({"exp": now + timedelta(minutes=ACCESS_MINUTES)})
    return jwt.encode(to_encode, SECRET_KEY, algorithm=ALGORITHM)


def create_refresh_token(sub: str) -> str:
    now = datetime.now(timezone.utc)
    to_encode = {"sub": sub, "type": "refresh", "jti": uuid.uuid4().hex, "iat": now}
    to_encode.update({"exp": now + timedelta(days=REFRESH_DAYS)})
    return jwt.encode(to_encode, SECRET_KEY, algorithm=ALGORITHM)


def tokens_for(sub: str) -> dict:
    return {
        "access_token": create_access_token(sub),
        "refresh_token": create_refresh_token(sub),
        "token_type": "bearer",
    }


def verify_token(token: str, expected_type: str) -> dict:
    try:
        payload = jwt.decode(token, SECRET_KEY, algorithms=[ALGORITHM])
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
    valid = pwd.hash(data.password) == PASSWORD_HASH
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
