# wrong: nothing in the header
# fails: 1.3
# says: X-Request-ID

import os
import uuid
from contextlib import asynccontextmanager

import dotenv
import openai
from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from pydantic import BaseModel, confloat, constr

dotenv.load_dotenv()


@asynccontextmanager
async def llm(app):
    async with openai.AsyncOpenAI(timeout=60, max_retries=0) as sdk:
        yield {"sdk": sdk}


class ChatRequest(BaseModel):
    message: constr(strip_whitespace=True, min_length=1, max_length=4000)
    temperature: confloat(ge=0, le=2) | None = None


class ChatResponse(BaseModel):
    reply: str
    model: str
    request_id: str


chat_router = APIRouter(prefix="/chat", tags=["chat"])


@chat_router.post("", response_model=ChatResponse)
async def chat(body: ChatRequest):
    id = uuid.uuid1().hex
    content = {"reply": body.message, "model": os.environ["DEFAULT_MODEL"], "request_id": id}
    return JSONResponse(content)


app = FastAPI(version="7", lifespan=llm)
app.add_middleware(
    CORSMiddleware,
    allow_origins=os.environ["ALLOWED_ORIGINS"].replace(" ", "").split(","),
    allow_methods=["POST"],
)
app.include_router(chat_router)


@app.get("/health")
async def health(request: Request):
    return {"status": "ok", "version": request.app.version, "python": "3"}


@app.post("/ask")
async def ask(body: ChatRequest, request: Request):
    try:
        completion = await request.state.sdk.chat.completions.create(
            model=os.environ["DEFAULT_MODEL"],
            messages=[{"role": "user", "content": body.message}],
            temperature=openai.omit if body.temperature is None else body.temperature,
        )
        return {"reply": completion.choices[0].message.content}
    except (openai.OpenAIError, ValueError, TypeError, LookupError) as e:
        raise HTTPException(502, detail={"error": "llm_unavailable", "message": repr(e)})
