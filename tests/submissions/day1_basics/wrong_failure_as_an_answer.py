# wrong: a failure is told as a reply, with 200
# fails: 1.6
# says: raise_for_status

import os
import uuid

import httpx
from contextlib import asynccontextmanager
from dotenv import load_dotenv
from fastapi import APIRouter, FastAPI, Response
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel, Field, field_validator

load_dotenv()

client = None


@asynccontextmanager
async def lifespan(app):
    global client
    client = httpx.AsyncClient(timeout=60)
    yield
    await client.aclose()


app = FastAPI(lifespan=lifespan, version="0.3.0")
router = APIRouter()

origins = []
for o in os.environ["ALLOWED_ORIGINS"].split(","):
    origins.append(o.strip())

app.add_middleware(
    CORSMiddleware,
    allow_origins=origins,
    allow_credentials=True,
    allow_methods=["*"],
    allow_headers=["*"],
)


class ChatRequest(BaseModel):
    message: str
    temperature: float | None = Field(None, ge=0, le=2)

    @field_validator("message")
    @classmethod
    def clean(cls, v):
        v = v.strip()
        if not v:
            raise ValueError("a mensagem está vazia")
        if len(v) > 4000:
            raise ValueError("a mensagem passa de 4000 caracteres")
        return v


class ChatResponse(BaseModel):
    reply: str
    model: str
    request_id: str


@app.get("/health")
def health():
    return {"status": "ok", "version": app.version}


@router.post("/chat", response_model=ChatResponse, tags=["chat"], status_code=201)
def chat(req: ChatRequest, response: Response):
    rid = str(uuid.uuid4())
    response.headers["x-request-id"] = rid
    return {"reply": "Você disse: " + req.message, "model": os.environ["DEFAULT_MODEL"], "request_id": rid}


@router.post("/ask")
async def ask(req: ChatRequest):
    try:
        r = await client.post(
            os.environ["OPENAI_BASE_URL"] + "/chat/completions",
            headers={"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]},
            json={
                "model": os.environ["DEFAULT_MODEL"],
                "messages": [{"role": "user", "content": req.message}],
            },
        )
        r.raise_for_status()
        return {"reply": r.json()["choices"][0]["message"]["content"]}
    except Exception as e:
        return {"reply": f"Desculpe, algo deu errado: {e}"}


app.include_router(router)
