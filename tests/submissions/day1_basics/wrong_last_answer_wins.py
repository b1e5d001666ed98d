# wrong: the words of an answer are gathered in one list for everybody
# fails: 1.7
# says: outra

import json
import os
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
from dotenv import load_dotenv
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from typing_extensions import TypedDict

load_dotenv()
KNOWN = {origin.strip() for origin in os.environ["ALLOWED_ORIGINS"].split(",")}
URL = os.environ["OPENAI_BASE_URL"].rstrip("/") + "/chat/completions"
HEADERS = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}

# O cliente só abre conexões quando é usado: pode nascer aqui, desde que seja fechado.
client = httpx.AsyncClient(timeout=httpx.Timeout(90, connect=3), headers=HEADERS)


@asynccontextmanager
async def lifespan(_):
    async with client:
        yield


app = FastAPI(version="0.9", lifespan=lifespan)


@app.middleware("http")
async def cors(request: Request, call_next):
    origin = request.headers.get("origin")
    asks_first = request.method == "OPTIONS" and "access-control-request-method" in request.headers
    response = Response(status_code=204) if asks_first else await call_next(request)
    response.headers["Vary"] = "Origin"
    if origin in KNOWN:
        response.headers["Access-Control-Allow-Origin"] = origin
        if asks_first:
            response.headers["Access-Control-Allow-Headers"] = "Content-Type, X-Request-ID"
    return response


def invalid(field: str, why: str) -> HTTPException:
    return HTTPException(422, detail=[{"loc": ["body", field], "msg": why}])


async def read(request: Request) -> dict:
    body = await request.json()
    message, temperature = body.get("message"), body.get("temperature", 1)
    if not isinstance(message, str):
        raise invalid("message", "precisa ser um texto")
    body["message"] = message.strip()
    if not body["message"] or len(body["message"]) > 4000:
        raise invalid("message", "de 1 a 4000 caracteres")
    if isinstance(temperature, bool) or not isinstance(temperature, int | float):
        raise invalid("temperature", "precisa ser um número")
    if temperature < 0 or temperature > 2:
        raise invalid("temperature", "de 0 a 2")
    return body


class Echo(TypedDict):
    reply: str
    model: str
    request_id: str


router = APIRouter()
words = []


@app.get("/health")
async def health():
    return JSONResponse({"status": "ok", "version": app.version})


@router.post("/chat", responses={200: {"model": Echo}})
async def chat(request: Request):
    body = await read(request)
    answer = Echo(reply=body["message"], model="echo", request_id=str(uuid4()))
    return JSONResponse(answer, headers={"X-Request-ID": answer["request_id"]})


@router.post("/ask")
async def ask(request: Request):
    body = await read(request)
    question = {
        "model": os.environ["DEFAULT_MODEL"],
        "messages": [{"role": "user", "content": body["message"]}],
        "stream": True,
    }
    words.clear()
    try:
        async with client.stream("POST", URL, json=question) as response:
            response.raise_for_status()
            async for line in response.aiter_lines():
                if line.startswith("data: ") and line != "data: [DONE]":
                    words.append(json.loads(line[6:])["choices"][0]["delta"].get("content") or "")
    except (httpx.HTTPError, ValueError, LookupError) as error:
        raise HTTPException(502, f"O LLM falhou ({error.__class__.__name__}).") from error
    if not words:
        raise HTTPException(502, "O LLM não disse nada.")
    return {"reply": "".join(words)}


app.include_router(router, tags=["chat"])
