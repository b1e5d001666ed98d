# wrong: the whole answer is awaited in the route, then cut up to look like a stream
# fails: 3.5 3.6 3.8 3.9
# says: ainvoke
import os
from typing import Iterator

from dotenv import load_dotenv
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field

from solutions.day2_auth import auth_router, get_current_user

load_dotenv()
router = APIRouter()
SIZE = 6


class GenerateRequest(BaseModel):
    prompt: str = Field(min_length=1)
    model: str | None = None


class ChatRequest(BaseModel):
    message: str = Field(min_length=1)
    model: str | None = None
    stream: bool = True


def model_or_default(model: str | None) -> str:
    return model or os.environ["DEFAULT_MODEL"]


async def full_answer(text: str, model: str) -> str:
    llm = ChatOpenAI(model=model, streaming=True, timeout=60)
    try:
        return "".join([chunk.text async for chunk in llm.astream([HumanMessage(text)])])
    except Exception as error:
        raise HTTPException(502, "LLM indisponível") from error


def pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), SIZE):
        piece = text[start : start + SIZE]
        yield "".join(f"data: {line}\n" for line in piece.split("\n")) + "\n"
    yield "data: [DONE]\n\n"


@router.post("/api/generate")
async def generate(request: GenerateRequest, _: str = Depends(get_current_user)):
    text = await full_answer(request.prompt, model_or_default(request.model))
    return StreamingResponse(pieces(text), media_type="text/event-stream")


@router.post("/chat")
async def chat(request: ChatRequest, user: str = Depends(get_current_user)):
    model = model_or_default(request.model)
    text = await full_answer(request.message, model)
    if request.stream:
        return StreamingResponse(pieces(text), media_type="text/event-stream")
    return {"reply": text, "user": user, "model": model}


app = FastAPI()
app.include_router(auth_router)
app.include_router(router)
