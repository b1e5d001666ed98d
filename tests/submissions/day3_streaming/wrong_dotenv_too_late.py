# wrong: the model is read before load_dotenv()
# fails: 3.1
# says: load_dotenv\(\)
import os
import uuid
from contextlib import aclosing
from datetime import datetime, timedelta, timezone

import dotenv
from fastapi import Depends, FastAPI, HTTPException, status
from fastapi.responses import StreamingResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jose import JWTError, jwt
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from openai import OpenAIError
from pwdlib import PasswordHash
from pydantic import BaseModel, Field

SECRET = os.environ["JWT_SECRET_KEY"]
MODEL = os.getenv("DEFAULT_MODEL", "gpt-4o-mini")
HASH = os.environ["ADMIN_PASSWORD_HASH"]

dotenv.load_dotenv()

app = FastAPI()
security = HTTPBearer(auto_error=False)
hasher = PasswordHash.recommended()


class Credentials(BaseModel):
    username: str
    password: str


def issue(kind: str, lifetime: timedelta) -> str:
    now = datetime.now(timezone.utc)
    claims = {"sub": "admin", "type": kind, "iat": now, "exp": now + lifetime, "jti": uuid.uuid4().hex}
    return jwt.encode(claims, SECRET, algorithm="HS256")


@app.post("/login", status_code=status.HTTP_201_CREATED)
def login(credentials: Credentials):
    if credentials.username != "admin" or not hasher.verify(credentials.password, HASH):
        raise HTTPException(401, "Credenciais inválidas")
    return {
        "access_token": issue("access", timedelta(minutes=15)),
        "refresh_token": issue("refresh", timedelta(days=7)),
        "token_type": "bearer",
    }


def who(credentials: HTTPAuthorizationCredentials | None = Depends(security)) -> str:
    denied = HTTPException(401, "Não autenticado", headers={"WWW-Authenticate": "Bearer"})
    if credentials is None:
        raise denied
    try:
        claims = jwt.decode(credentials.credentials, SECRET, algorithms=["HS256"])
    except JWTError:
        raise denied
    if claims.get("type") != "access":
        raise denied
    return claims["sub"]


class Prompt(BaseModel):
    prompt: str = Field(min_length=1)
    model: str | None = None


class Message(BaseModel):
    message: str = Field(min_length=1)
    model: str | None = None
    stream: bool = True


def event(letter: str) -> str:
    # Uma quebra de linha é um evento com duas linhas vazias de dados.
    return "data: \ndata: \n\n" if letter == "\n" else "data: " + letter + "\n\n"


async def letters(prompt: str, model: str):
    async with aclosing(
        ChatOpenAI(model=model, streaming=True, timeout=60).astream([HumanMessage(prompt)])
    ) as chunks:
        async for chunk in chunks:
            for letter in chunk.text:
                yield letter


async def stream(prompt: str, model: str) -> StreamingResponse:
    source = letters(prompt, model)
    try:
        head = [await anext(source)]
    except StopAsyncIteration:
        head = []
    except OpenAIError:
        raise HTTPException(status.HTTP_502_BAD_GATEWAY, "O modelo não respondeu")

    async def body():
        async with aclosing(source):
            try:
                for letter in head:
                    yield event(letter)
                async for letter in source:
                    yield event(letter)
            except Exception:
                yield "event:error\ndata:interrompido\n\n"
                return
        yield "data:[DONE]\n\n"

    return StreamingResponse(body(), headers={"Content-Type": "text/event-stream; charset=utf-8"})


@app.post("/api/generate")
async def generate(body: Prompt, user: str = Depends(who)):
    return await stream(body.prompt, body.model or MODEL)


@app.post("/chat")
async def chat(body: Message, user: str = Depends(who)):
    model = body.model or MODEL
    if body.stream:
        return await stream(body.message, model)
    try:
        result = await ChatOpenAI(model=model, timeout=60).ainvoke([HumanMessage(body.message)])
    except OpenAIError:
        raise HTTPException(status.HTTP_502_BAD_GATEWAY, "O modelo não respondeu")
    return {"reply": result.content, "user": user, "model": model}
