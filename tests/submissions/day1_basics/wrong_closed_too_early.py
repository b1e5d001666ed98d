# wrong: the client is closed before the app serves
# fails: 1.6 1.7
# says: `async with`

"""Day 1: chat and ask."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, TypedDict
from uuid import UUID, uuid4

from dotenv import load_dotenv
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from httpx import AsyncClient, HTTPError
from pydantic import BaseModel, Field, StringConstraints

load_dotenv()

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000)]
Temperature = Annotated[float, Field(ge=0, le=2)]


class State(TypedDict):
    client: AsyncClient


class ChatRequest(BaseModel):
    message: Text
    temperature: Temperature | None = None


class ChatResponse(BaseModel):
    reply: str
    model: str
    request_id: UUID


class AskResponse(BaseModel):
    reply: str


def env(name: str) -> str:
    return os.environ[name]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[State]:
    headers = {"Authorization": f"Bearer {env('OPENAI_API_KEY')}"}
    async with AsyncClient(base_url=env("OPENAI_BASE_URL"), headers=headers, timeout=45) as client:
        pass
    yield {"client": client}


def get_client(request: Request) -> AsyncClient:
    return request.state.client


Client = Annotated[AsyncClient, Depends(get_client)]
router = APIRouter(tags=["chat"])


@router.post("/chat")
async def chat(request: ChatRequest, response: Response) -> ChatResponse:
    answer = ChatResponse(reply=request.message, model=env("DEFAULT_MODEL"), request_id=uuid4())
    response.headers["X-Request-ID"] = str(answer.request_id)
    return answer


@router.post("/ask")
async def ask(request: ChatRequest, client: Client) -> AskResponse:
    payload = {"model": env("DEFAULT_MODEL"), "messages": [{"role": "user", "content": request.message}]}
    try:
        response = await client.post("/chat/completions", json=payload)
        response.raise_for_status()
        return AskResponse(reply=response.json()["choices"][0]["message"]["content"])
    except HTTPError as error:
        raise HTTPException(502, f"LLM unavailable: {error!r}") from error
    except (LookupError, TypeError, ValueError) as error:
        raise HTTPException(502, "LLM said something strange") from error


app = FastAPI(version="0.1.7", lifespan=lifespan)
app.include_router(router)
app.add_middleware(
    CORSMiddleware,
    allow_origins=[origin.strip() for origin in env("ALLOWED_ORIGINS").split(",")],
    allow_methods=["POST"],
)


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok", "version": app.version}
