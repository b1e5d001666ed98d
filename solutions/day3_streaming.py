"""Dia 3: cada token do LLM chega a quem perguntou assim que existe."""

import logging
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from dotenv import load_dotenv
from fastapi import Depends, FastAPI, HTTPException
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from openai import APIConnectionError, APIStatusError, OpenAIError
from pydantic import BaseModel, Field
from starlette.types import Send

# O seu Dia 2 mora em `day2_auth.template`, e o de referência em `solutions.day2_auth`: esta linha escolhe.
from solutions.day2_auth import auth_router, get_current_user, lifespan

logger = logging.getLogger(__name__)

### BEGIN SOLUTION 3.1
### STUB DEFAULT_MODEL = ""
load_dotenv()
DEFAULT_MODEL = os.getenv("DEFAULT_MODEL", "gpt-4o-mini")
### END SOLUTION

### BEGIN SOLUTION 3.7
### STUB TIMEOUT: float | None = None
# Em segundos, de um pedaço a outro da resposta. Sem prazo, um LLM mudo prende a conversa para sempre.
TIMEOUT = 60.0
### END SOLUTION

# O mesmo lifespan do Dia 2: sem um segredo forte, este servidor também não sobe.
app = FastAPI(title="Dia 3: streaming com LangChain", lifespan=lifespan)

### BEGIN SOLUTION 3.2
app.include_router(auth_router)

CurrentUser = Annotated[str, Depends(get_current_user)]
### END SOLUTION


def sse(data: str, event: str = "") -> str:
    """Um evento SSE, pronto para o fio."""
    ### BEGIN SOLUTION 3.3
    fields = [f"event: {event}"] if event else []
    # Um `data:` para cada linha. Só estes três terminam linha no SSE; `splitlines()` conhece mais oito.
    fields += [f"data: {line}" for line in re.split(r"\r\n|\r|\n", data)]
    # A linha vazia despacha o evento.
    return "\n".join(fields) + "\n\n"
    ### END SOLUTION


class IncompleteAnswer(Exception):
    """O LLM desligou sem dizer por que parou."""


async def stream_llm(prompt: str, model: str) -> AsyncIterator[str]:
    """Os pedaços de texto do LLM, um a um, assim que chegam."""
    ### BEGIN SOLUTION 3.4
    ### STUB raise NotImplementedError("TODO 3.4")
    ### STUB yield
    # Aqui, e não no topo do arquivo: sem OPENAI_API_KEY o construtor falha, e o servidor nem subiria.
    llm = ChatOpenAI(model=model, streaming=True, timeout=TIMEOUT)
    finish_reason = None
    async for chunk in llm.astream([HumanMessage(prompt)]):
        # O primeiro pedaço e os últimos chegam sem texto. Um espaço ou um "\n" sozinho é texto.
        if chunk.text:
            yield chunk.text
        finish_reason = chunk.response_metadata.get("finish_reason", finish_reason)
    ### END SOLUTION
    ### BEGIN SOLUTION 3.8
    ### STUB
    # Uma resposta cortada aqui não levanta erro nenhum: só falta o finish_reason.
    if finish_reason is None:
        raise IncompleteAnswer
    ### END SOLUTION


### BEGIN SOLUTION 3.5
async def events(tokens: AsyncIterator[str]) -> AsyncIterator[str]:
    # Nada de lista nem de `join`: o que entra sai na mesma volta do laço.
    async for token in tokens:
        yield sse(token)
    # O fim da conexão não prova nada, porque uma queda também a encerra. O [DONE] prova.
    yield sse("[DONE]")


### END SOLUTION


### BEGIN SOLUTION 3.8
@contextmanager
def llm_failures() -> Iterator[None]:
    """Enquanto a resposta não começou, uma falha do LLM ainda pode virar código de status."""
    try:
        yield
    except APIConnectionError as error:
        raise failure(503, "O LLM não atende. Para iniciar um local: uv run workbook llm", error) from error
    except APIStatusError as error:
        raise failure(502, f"O LLM recusou a pergunta (status {error.status_code}).", error) from error
    # ValueError: um pedaço que não é JSON. TimeoutError: o LLM só dá sinal de vida, sem texto.
    except (OpenAIError, IncompleteAnswer, ValueError, TimeoutError) as error:
        raise failure(502, "O LLM falhou antes de responder.", error) from error


def failure(status_code: int, detail: str, error: Exception) -> HTTPException:
    # A causa é assunto do log: o texto do provedor pode trazer até um pedaço da sua chave.
    logger.error("%s [%r]", detail, error)
    return HTTPException(status_code, detail)


async def rest_or_error(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    """Depois do primeiro evento o 200 já foi: só resta contar a falha dentro do próprio stream."""
    yield first
    try:
        async for event in rest:
            yield event
    # A saída do cliente não cai aqui: CancelledError não é uma Exception, e precisa seguir adiante.
    except Exception:
        logger.exception("O stream parou no meio.")
        yield sse("A resposta parou no meio. Tente de novo.", event="error")


### END SOLUTION


class EventStream(StreamingResponse):
    media_type = "text/event-stream"

    # `status_code` está aqui porque o FastAPI o procura nesta assinatura para montar o OpenAPI.
    def __init__(self, events: AsyncIterator[str], status_code: int = 200) -> None:
        # Sem estes cabeçalhos, um cache ou um proxy pode juntar tudo e entregar de uma vez.
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(events, status_code, headers)
        self.events = events

    ### BEGIN SOLUTION 3.9
    async def stream_response(self, send: Send) -> None:
        # O primeiro evento é esperado aqui dentro, e não na rota: aqui o Starlette já vigia a conexão,
        # e cancela a espera (e com ela a requisição ao LLM) se o cliente for embora.
        with llm_failures():
            first = await anext(self.events)
        self.body_iterator = rest_or_error(first, self.events)
        await super().stream_response(send)

    ### END SOLUTION


### BEGIN SOLUTION 3.5
### STUB @app.post("/api/generate")
### STUB async def generate() -> None:
### STUB     raise NotImplementedError("TODO 3.5")
class GenerateRequest(BaseModel):
    prompt: str = Field(min_length=1)
    model: str | None = None


@app.post("/api/generate", response_class=EventStream)
async def generate(body: GenerateRequest, user: CurrentUser) -> EventStream:
    return EventStream(events(stream_llm(body.prompt, body.model or DEFAULT_MODEL)))


### END SOLUTION


### BEGIN SOLUTION 3.6
### STUB @app.post("/chat")
### STUB async def chat() -> None:
### STUB     raise NotImplementedError("TODO 3.6")
class ChatRequest(BaseModel):
    message: str = Field(min_length=1)
    model: str | None = None
    stream: bool = True


class ChatReply(BaseModel):
    reply: str
    user: str
    model: str


# `response_model` descreve o JSON; uma Response pronta, como o EventStream, passa sem ser tocada.
@app.post("/chat", response_model=ChatReply)
async def chat(body: ChatRequest, user: CurrentUser) -> EventStream | ChatReply:
    model = body.model or DEFAULT_MODEL
    if body.stream:
        return EventStream(events(stream_llm(body.message, model)))
    with llm_failures():
        llm = ChatOpenAI(model=model, timeout=TIMEOUT)
        answer = await llm.ainvoke([HumanMessage(body.message)])
    return ChatReply(reply=answer.text, user=user, model=model)


### END SOLUTION


### BEGIN SOLUTION 3.10
@tool
def count_letter(word: str, letter: str) -> int:
    """Conta quantas vezes uma letra aparece em uma palavra."""
    return word.lower().count(letter.lower())


def build_agent(model: str) -> Runnable[Any, Any]:
    # Só quem usa paga: o LangGraph leva quase um segundo para ser importado.
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode, tools_condition

    llm = ChatOpenAI(model=model, streaming=True, timeout=TIMEOUT).bind_tools([count_letter])

    async def think(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await llm.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("think", think)
    graph.add_node("tools", ToolNode([count_letter]))
    graph.add_edge(START, "think")
    # O LLM pediu uma ferramenta? Vai para "tools" e volta com o resultado. Não pediu? Fim.
    graph.add_conditional_edges("think", tools_condition)
    graph.add_edge("tools", "think")
    return graph.compile()


async def stream_agent(message: str, model: str) -> AsyncIterator[str]:
    # Em uma thread: o import pesado pararia, por esse segundo, todas as outras conversas.
    agent = await run_in_threadpool(build_agent, model)
    question = {"messages": [HumanMessage(message)]}
    async for chunk, _ in agent.astream(question, stream_mode="messages"):
        # Pelo mesmo canal passam os resultados das ferramentas, que não são para o usuário.
        if isinstance(chunk, AIMessageChunk) and chunk.text:
            yield chunk.text


class AgentRequest(BaseModel):
    message: str = Field(min_length=1)


@app.post("/agent", response_class=EventStream)
async def agent(body: AgentRequest, user: CurrentUser) -> EventStream:
    return EventStream(events(stream_agent(body.message, DEFAULT_MODEL)))


### END SOLUTION
