# wrong: the router is never given to the app
# fails: 1.4 1.2 1.3 1.6 1.7
# says: include_router

import os
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
from dotenv import load_dotenv
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel, Field, field_validator

load_dotenv()

# Configurações
BASE_URL = os.getenv("OPENAI_BASE_URL")
API_KEY = os.getenv("OPENAI_API_KEY")
MODELO = os.getenv("DEFAULT_MODEL")
ORIGENS = [origem.strip() for origem in os.getenv("ALLOWED_ORIGINS", "").split(",")]


# Abre o cliente quando o servidor sobe e fecha quando ele desce
@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.cliente = httpx.AsyncClient(timeout=60)
    yield
    await app.state.cliente.aclose()


app = FastAPI(title="Minha primeira API", version="1.1.0", lifespan=lifespan)

app.add_middleware(
    CORSMiddleware,
    allow_origins=ORIGENS,
    allow_methods=["*"],
    allow_headers=["*"],
)

router = APIRouter(tags=["chat"])


class ChatRequest(BaseModel):
    message: str = Field(max_length=5000)
    temperature: float | None = Field(default=None, ge=0, le=2)

    @field_validator("message")
    def validar_mensagem(cls, valor):
        valor = valor.strip()
        if len(valor) < 1 or len(valor) > 4000:
            raise ValueError("a mensagem deve ter de 1 a 4000 caracteres")
        return valor


class ChatResponse(BaseModel):
    reply: str
    model: str
    request_id: str


@app.get("/health")
async def health():
    return {"status": "ok", "version": app.version}


@router.post("/chat", response_model=ChatResponse)
async def chat(dados: ChatRequest, response: Response):
    # O mesmo id vai no corpo e no cabeçalho
    request_id = str(uuid4())
    response.headers["X-Request-ID"] = request_id
    return ChatResponse(reply=dados.message, model=MODELO, request_id=request_id)


@router.post("/ask")
async def ask(dados: ChatRequest, request: Request):
    corpo = {"model": MODELO, "messages": [{"role": "user", "content": dados.message}]}
    try:
        resposta = await request.app.state.cliente.post(
            f"{BASE_URL}/chat/completions",
            json=corpo,
            headers={"Authorization": f"Bearer {API_KEY}"},
        )
        resposta.raise_for_status()
        texto = resposta.json()["choices"][0]["message"]["content"]
    except httpx.HTTPError:
        raise HTTPException(status_code=502, detail="Não consegui falar com o LLM")
    except (KeyError, IndexError, TypeError, ValueError):
        raise HTTPException(status_code=502, detail="Não entendi a resposta do LLM")
    return {"reply": texto}
