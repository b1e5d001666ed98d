# wrong: one history for all conversations
# fails: 3.7
# says: histórico
import os
from dataclasses import dataclass
from typing import Annotated, Optional

from dotenv import find_dotenv, load_dotenv
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from langchain_openai import ChatOpenAI
from openai import OpenAIError
from pydantic import BaseModel, constr
from sse_starlette import EventSourceResponse

from solutions.day2_auth import auth_router, get_current_user, lifespan


@dataclass(frozen=True)
class Settings:
    default_model: str
    timeout: float = 45.0

    @classmethod
    def load(cls) -> "Settings":
        load_dotenv(find_dotenv())
        return cls(default_model=os.environ.get("DEFAULT_MODEL", "gpt-4.1-mini"))


class LLMService:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.history = [("system", "Você é um assistente.")]

    def client(self, model: Optional[str]) -> ChatOpenAI:
        return ChatOpenAI(
            model=model or self.settings.default_model,
            streaming=True,
            timeout=self.settings.timeout,
        )

    async def open(self, text: str, model: Optional[str]) -> "Conversation":
        self.history.append(("user", text))
        conversation = Conversation(self.client(model).astream(self.history))
        await conversation.wait_for_first_token()
        return conversation

    async def answer(self, text: str, model: Optional[str]) -> str:
        return (await self.client(model).ainvoke([("user", text)])).text


class Conversation:
    def __init__(self, chunks) -> None:
        self.chunks = chunks
        self.first = ""

    async def wait_for_first_token(self) -> None:
        async for chunk in self.chunks:
            if chunk.text:
                self.first = chunk.text
                return

    async def events(self):
        try:
            if self.first:
                yield {"data": self.first}
            async for chunk in self.chunks:
                if chunk.text:
                    yield {"data": chunk.text}
        except Exception as exc:
            yield {"event": "error", "data": type(exc).__name__}
            return
        yield {"data": "[DONE]"}


class Generate(BaseModel):
    prompt: constr(min_length=1)
    model: Optional[str] = None


class Chat(BaseModel):
    message: constr(min_length=1)
    model: Optional[str] = None
    stream: bool = True


router = APIRouter(tags=["llm"])


def get_service(request: Request) -> LLMService:
    return request.app.state.llm


Service = Annotated[LLMService, Depends(get_service)]
User = Annotated[str, Depends(get_current_user)]


@router.post("/api/generate")
async def generate(data: Generate, service: Service, user: User):
    conversation = await service.open(data.prompt, data.model)
    return EventSourceResponse(conversation.events())


@router.post("/chat")
async def chat(data: Chat, service: Service, user: User):
    if data.stream:
        return EventSourceResponse((await service.open(data.message, data.model)).events())
    reply = await service.answer(data.message, data.model)
    return {"reply": reply, "user": user, "model": data.model or service.settings.default_model}


async def llm_failed(request: Request, exc: Exception) -> JSONResponse:
    return JSONResponse({"detail": "O serviço de IA está indisponível."}, status_code=503)


def create_app() -> FastAPI:
    app = FastAPI(lifespan=lifespan)
    app.state.llm = LLMService(Settings.load())
    app.add_exception_handler(OpenAIError, llm_failed)
    app.include_router(auth_router)
    app.include_router(router)
    return app
