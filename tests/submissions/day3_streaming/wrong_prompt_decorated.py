# wrong: instructions are written into the prompt
# fails: 3.4
# says: SystemMessage
import logging
import os
import uuid

from dotenv import load_dotenv
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import HTTPException
from fastapi.responses import StreamingResponse
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field

from solutions.day2_auth import auth_router, get_current_user, lifespan

load_dotenv()
log = logging.getLogger("day3")


class LLMDown(Exception):
    pass


app = FastAPI(title="Assistente", lifespan=lifespan)


@app.middleware("http")
async def add_request_id(request: Request, call_next):
    response = await call_next(request)
    response.headers["X-Request-ID"] = str(uuid.uuid4())
    return response


@app.exception_handler(LLMDown)
async def llm_down(request: Request, exc: LLMDown):
    from fastapi.responses import JSONResponse

    return JSONResponse(status_code=503, content={"detail": {"code": "llm_unavailable", "message": str(exc)}})


def make_llm(model: str | None) -> ChatOpenAI:
    return ChatOpenAI(model=model or os.environ["DEFAULT_MODEL"], streaming=True, timeout=20)


async def stream_llm(prompt: str, model: str | None):
    async for event in make_llm(model).astream_events(
        f"Responda em português, com até 3 frases: {prompt}", version="v2"
    ):
        if event["event"] == "on_chat_model_stream" and event["data"]["chunk"].content:
            yield event["data"]["chunk"].content


class SSE:
    """Um stream SSE que só começa quando o LLM já disse alguma coisa."""

    def __init__(self, prompt: str, model: str | None):
        self.tokens = stream_llm(prompt, model)

    async def ready(self) -> "SSE":
        try:
            self.first = await self.tokens.__anext__()
        except StopAsyncIteration:
            self.first = ""
        except Exception as exc:
            log.exception("LLM failed")
            raise LLMDown("O LLM não está disponível agora. Tente de novo em instantes.") from exc
        return self

    @staticmethod
    def data(text: str) -> str:
        return "\r\n".join("data: " + part for part in text.split("\n")) + "\r\n\r\n"

    async def __aiter__(self):
        if self.first:
            yield self.data(self.first)
        try:
            async for token in self.tokens:
                yield self.data(token)
        except Exception as exc:
            log.exception("LLM failed in mid-stream")
            yield "event: error\r\n" + self.data("O LLM parou no meio da resposta.")
        else:
            yield self.data("[DONE]")


router = APIRouter(dependencies=[Depends(get_current_user)])


class GenerateRequest(BaseModel):
    prompt: str = Field(min_length=1)
    model: str | None = None


class ChatRequest(BaseModel):
    message: str
    model: str | None = None
    stream: bool = True


@router.post("/api/generate")
async def generate(request: GenerateRequest):
    sse = await SSE(request.prompt, request.model).ready()
    return StreamingResponse(sse.__aiter__(), media_type="text/event-stream")


@router.post("/chat")
async def chat(request: ChatRequest, user: str = Depends(get_current_user)):
    if request.stream:
        sse = await SSE(request.message, request.model).ready()
        return StreamingResponse(sse.__aiter__(), media_type="text/event-stream")
    llm = make_llm(request.model)
    try:
        message = await llm.ainvoke(request.message)
    except Exception as exc:
        raise LLMDown("O LLM não está disponível agora.") from exc
    return {"reply": message.content, "user": user, "model": llm.model_name}


app.include_router(auth_router)
app.include_router(router)
