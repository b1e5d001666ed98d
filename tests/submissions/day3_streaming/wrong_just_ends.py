# wrong: after an error the stream ends as if it were whole, but for [DONE]
# fails: 3.8
# says: só acabou
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

import openai
from dotenv import load_dotenv
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer
from fastapi.sse import EventSourceResponse, ServerSentEvent, format_sse_event
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field

from solutions.day2_auth import auth_router, lifespan, verify_token

load_dotenv()

app = FastAPI(title="Streaming", lifespan=lifespan)
app.include_router(auth_router)

oauth2_scheme = OAuth2PasswordBearer(tokenUrl="login")


def current_user(token: Annotated[str, Depends(oauth2_scheme)]) -> str:
    return verify_token(token, "access").sub


User = Annotated[str, Depends(current_user)]


class GenerateIn(BaseModel):
    prompt: Annotated[str, Field(min_length=1, max_length=20_000)]
    model: str | None = None


class ChatIn(BaseModel):
    message: Annotated[str, Field(min_length=1)]
    model: str | None = None
    stream: bool = True


def chosen(model: str | None) -> str:
    return model or os.environ["DEFAULT_MODEL"]


def llm_for(model: str) -> ChatOpenAI:
    return ChatOpenAI(model=model, streaming=True, timeout=30)


def bad_gateway(error: Exception) -> HTTPException:
    return HTTPException(502, detail=f"Falha no provedor do modelo ({type(error).__name__})")


@dataclass
class Started:
    """Um stream de que o primeiro token já chegou."""

    first: str
    rest: AsyncIterator[str]

    async def events(self) -> AsyncIterator[ServerSentEvent]:
        if self.first:
            yield ServerSentEvent(raw_data=self.first)
        try:
            async for token in self.rest:
                yield ServerSentEvent(raw_data=token)
        except Exception:
            return
        else:
            yield ServerSentEvent(raw_data="[DONE]")


async def tokens(question: str, model: str) -> AsyncIterator[str]:
    async for chunk in llm_for(model).astream([HumanMessage(question)]):
        if chunk.text:
            yield chunk.text


async def start(question: str, model: str) -> Started:
    rest = tokens(question, model)
    try:
        return Started(await anext(rest, ""), rest)
    except (openai.OpenAIError, ValueError) as error:
        raise bad_gateway(error) from error


async def started_generation(body: GenerateIn, user: User) -> Started:
    # Em uma dependência: quando a operação de rota começa, o 200 do fastapi.sse já foi.
    return await start(body.prompt, chosen(body.model))


@app.post("/api/generate", response_class=EventSourceResponse)
async def generate(stream: Annotated[Started, Depends(started_generation)]) -> AsyncIterator[ServerSentEvent]:
    async for event in stream.events():
        yield event


@app.post("/chat")
async def chat(body: ChatIn, user: User):
    model = chosen(body.model)
    if not body.stream:
        try:
            answer = await llm_for(model).ainvoke(body.message)
        except (openai.OpenAIError, ValueError) as error:
            raise bad_gateway(error) from error
        return {"reply": answer.text, "user": user, "model": model, "usage": answer.usage_metadata}

    stream = await start(body.message, model)

    async def wire() -> AsyncIterator[bytes]:
        async for event in stream.events():
            yield format_sse_event(data_str=event.raw_data, event=event.event)

    return EventSourceResponse(wire())
