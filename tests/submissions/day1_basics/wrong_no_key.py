# wrong: the key is left at home
# fails: 1.6
# says: OPENAI_API_KEY

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from uuid import UUID

import httpx
from dotenv import load_dotenv
from fastapi import APIRouter, FastAPI, HTTPException, Response
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel, Field, ValidationError, field_validator

load_dotenv()


class Completion(BaseModel):
    """O pedaço da resposta do LLM que nos interessa."""

    class Choice(BaseModel):
        class Message(BaseModel):
            content: str

        message: Message

    choices: list[Choice] = Field(min_length=1)

    @property
    def text(self) -> str:
        return self.choices[0].message.content


class LLM:
    def __init__(self) -> None:
        self.model = os.getenv("DEFAULT_MODEL", "gpt-4o-mini")
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        client = httpx.AsyncClient(base_url=os.environ["OPENAI_BASE_URL"], timeout=60)
        self._client = await self._stack.enter_async_context(client)

    async def close(self) -> None:
        await self._stack.aclose()

    async def ask(self, message: str, **options: float) -> str:
        messages = [{"role": "user", "content": message}]
        body = {"model": self.model, "messages": messages, **options}
        request = self._client.build_request("POST", "/chat/completions", json=body)
        response = await self._client.send(request)
        return Completion.model_validate_json(response.raise_for_status().content).text


llm = LLM()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    await llm.open()
    yield
    await llm.close()


class ChatRequest(BaseModel):
    message: str = Field(min_length=1, max_length=4000)
    temperature: float | None = Field(default=None, ge=0, le=2)

    @field_validator("message", mode="before")
    @classmethod
    def trim(cls, value: object) -> object:
        return value.strip() if isinstance(value, str) else value


@dataclass
class ChatResponse:
    reply: str
    model: str
    request_id: UUID


def health() -> dict[str, str]:
    return {"status": "ok", "version": version("fastapi")}


def chat(body: ChatRequest, response: Response) -> ChatResponse:
    request_id = UUID(bytes=secrets.token_bytes(16), version=4)
    response.headers.append("X-Request-ID", request_id.hex)
    return ChatResponse(body.message, llm.model, request_id)


async def ask(body: ChatRequest) -> dict[str, str]:
    options = body.model_dump(include={"temperature"}, exclude_none=True)
    try:
        return {"reply": await llm.ask(body.message, **options)}
    except httpx.HTTPStatusError as error:
        reason = f"o LLM respondeu {error.response.status_code}"
    except httpx.HTTPError:
        reason = "o LLM não atende"
    except ValidationError:
        reason = "o LLM respondeu em outro formato"
    raise HTTPException(502, reason)


def routes(*added: tuple[str, Callable[..., object | Awaitable[object]]]) -> APIRouter:
    router = APIRouter(tags=["chat"])
    for path, function in added:
        router.add_api_route(path, function, methods=["POST"])
    return router


service = FastAPI(version=version("fastapi"), lifespan=lifespan)
service.add_api_route("/health", health)
service.include_router(routes(("/chat", chat), ("/ask", ask)))

# Por fora de tudo: até a resposta de um erro inesperado sai com os cabeçalhos de CORS.
app = CORSMiddleware(
    service,
    allow_origins=tuple(map(str.strip, os.getenv("ALLOWED_ORIGINS", "").split(","))),
    allow_methods=("GET", "POST", "DELETE"),
    expose_headers=("X-Request-ID",),
)
