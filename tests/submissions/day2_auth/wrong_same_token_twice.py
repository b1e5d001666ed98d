# wrong: both fields hold the access token
# fails: 2.4 2.3 2.7
# says: o mesmo token

import os
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from dotenv import load_dotenv
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jose import JWTError, jwt
from pwdlib import PasswordHash
from pydantic import BaseModel

load_dotenv()


def setting(name: str, default: str = "") -> str:
    return os.getenv(name, default)


# jti -> (usuário, tipo): a lista de quem está vivo
issued: dict[UUID, tuple[str, str]] = {}

passwords = PasswordHash.recommended()
bearer = HTTPBearer()


@asynccontextmanager
async def lifespan(_: FastAPI):
    size = len(setting("JWT_SECRET_KEY").encode())
    if size < 32:
        raise RuntimeError(f"JWT_SECRET_KEY tem {size} bytes, precisa de 32")
    yield
    issued.clear()


app = FastAPI(lifespan=lifespan)


def refuse():
    raise HTTPException(401, "Token recusado", headers={"WWW-Authenticate": "Bearer"})


def issue(username: str, kind: str) -> str:
    jti = uuid4()
    issued[jti] = (username, kind)
    born = datetime.now(UTC).replace(microsecond=0)
    if kind == "access":
        dies = born + timedelta(minutes=int(setting("ACCESS_TOKEN_EXPIRE_MINUTES", "30")))
    else:
        dies = born + timedelta(days=int(setting("REFRESH_TOKEN_EXPIRE_DAYS", "7")))
    return jwt.encode(
        {"sub": username, "type": kind, "jti": jti.hex, "iat": born, "exp": dies},
        setting("JWT_SECRET_KEY"),
        setting("JWT_ALGORITHM", "HS256"),
    )


def both(username: str) -> dict[str, str]:
    access = issue(username, "access")
    return {
        "token_type": "bearer",
        "access_token": access,
        "refresh_token": access,
    }


def verify_token(token: str, kind: str) -> tuple[UUID, str]:
    try:
        claims = jwt.decode(
            token,
            setting("JWT_SECRET_KEY"),
            algorithms=[setting("JWT_ALGORITHM", "HS256")],
            options={"require_exp": True, "require_sub": True, "require_jti": True},
        )
        jti = UUID(claims["jti"])
        username, issued_as = issued[jti]
    except (JWTError, TypeError, ValueError, KeyError, OverflowError):
        refuse()
    if (claims["sub"], claims.get("type")) != (username, kind) or issued_as != kind:
        refuse()
    return jti, username


def alive(credentials: HTTPAuthorizationCredentials = Depends(bearer)) -> tuple[UUID, str]:
    return verify_token(credentials.credentials, "access")


def get_current_user(token: tuple[UUID, str] = Depends(alive)) -> str:
    return token[1]


class Login(BaseModel):
    username: str
    password: str


class Renew(BaseModel):
    refresh_token: str


class Chat(BaseModel):
    message: str


@app.post("/login")
def login(form: Login):
    right = passwords.verify(
        form.password,
        setting(
            "ADMIN_PASSWORD_HASH",
            "$argon2id$v=19$m=65536,t=3,p=4$K+ZqcEwtpQUG9WMgLl5cBQ$2FuNRfSXsVDs2kW/U6ojmRjHTJXAf2TV8JMWI5Dmlno",
        ),
    )
    if form.username == "admin" and right:
        return both("admin")
    raise HTTPException(401, "Usuário ou senha incorretos")


@app.post("/refresh")
async def refresh(body: Renew):
    jti, username = verify_token(body.refresh_token, "refresh")
    del issued[jti]
    return both(username)


@app.post("/logout", status_code=202)
async def logout(token: tuple[UUID, str] = Depends(alive)):
    del issued[token[0]]


@app.get("/me")
async def me(user: str = Depends(get_current_user)):
    return {"username": user}


@app.post("/chat", dependencies=[Depends(alive)])
async def chat(body: Chat):
    return {"reply": body.message}
