# wrong: tokens are held until a word is whole
# fails: 3.5 3.8
# says: junta os tokens
import os
from typing import AsyncGenerator

from dotenv import load_dotenv
from fastapi import FastAPI, Header, HTTPException
from fastapi.responses import StreamingResponse
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from openai import APIStatusError, OpenAIError
from pydantic import BaseModel, Field

from solutions.day2_auth import auth_router, verify_token

load_dotenv()
MODELO_PADRAO = os.getenv("DEFAULT_MODEL") or "gpt-4o-mini"

app = FastAPI()
app.include_router(auth_router)

prompt = ChatPromptTemplate.from_messages(
    [("system", "Você é um assistente simpático. Responda em português."), ("human", "{pergunta}")]
)


def monta_cadeia(modelo: str):
    return prompt | ChatOpenAI(model=modelo, streaming=True, timeout=60) | StrOutputParser()


def usuario_do_cabecalho(cabecalho: str | None) -> str:
    esquema, _, token = (cabecalho or "").partition(" ")
    if esquema.lower() != "bearer" or not token:
        raise HTTPException(401, "Faça login primeiro", headers={"WWW-Authenticate": "Bearer"})
    return verify_token(token, "access").sub


def enquadra(texto: str) -> bytes:
    return b"data: " + texto.encode().replace(b"\n", b"\ndata: ") + b"\n\n"


def http_do_erro(erro: OpenAIError) -> HTTPException:
    if isinstance(erro, APIStatusError):
        return HTTPException(502, f"O LLM respondeu com o status {erro.status_code}")
    return HTTPException(503, "Não consegui falar com o LLM. Ele está rodando?")


async def responde(pergunta: str, modelo: str) -> StreamingResponse:
    pedacos = monta_cadeia(modelo).astream({"pergunta": pergunta})
    primeiro = ""
    try:
        # Os primeiros pedaços podem vir vazios.
        while not primeiro:
            primeiro = await anext(pedacos)
    except StopAsyncIteration:
        pass
    except OpenAIError as erro:
        raise http_do_erro(erro) from erro

    async def corpo() -> AsyncGenerator[bytes, None]:
        palavra = primeiro
        try:
            async for pedaco in pedacos:
                palavra += pedaco
                if palavra.endswith((" ", "\n", ".", "!")):
                    yield enquadra(palavra)
                    palavra = ""
            if palavra:
                yield enquadra(palavra)
            yield b"data: [DONE]\n\n"
        except (OpenAIError, ValueError):
            yield b"event: error\ndata: o modelo caiu\n\n"

    return StreamingResponse(corpo(), media_type="text/event-stream")


class Pergunta(BaseModel):
    prompt: str = Field(..., min_length=1)
    model: str | None = None


class Conversa(BaseModel):
    message: str = Field(..., min_length=1)
    model: str | None = None
    stream: bool | None = True


@app.post("/api/generate")
async def generate(corpo: Pergunta, authorization: str | None = Header(None)):
    usuario_do_cabecalho(authorization)
    return await responde(corpo.prompt, corpo.model or MODELO_PADRAO)


@app.post("/chat")
async def chat(corpo: Conversa, authorization: str | None = Header(None)):
    usuario = usuario_do_cabecalho(authorization)
    modelo = corpo.model or MODELO_PADRAO
    if corpo.stream is False:
        try:
            texto = await monta_cadeia(modelo).ainvoke({"pergunta": corpo.message})
        except OpenAIError as erro:
            raise http_do_erro(erro) from erro
        return dict(reply=texto, user=usuario, model=modelo)
    return await responde(corpo.message, modelo)
