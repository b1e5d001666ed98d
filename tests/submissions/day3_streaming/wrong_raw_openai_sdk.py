# wrong: the openai SDK itself instead of LangChain
# fails: 3.4
# says: ChatOpenAI
import os

from dotenv import load_dotenv
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI, OpenAIError
from pydantic import BaseModel, Field

from solutions.day2_auth import auth_router, get_current_user

load_dotenv()

app = FastAPI()
app.include_router(auth_router)

MODEL = os.getenv("DEFAULT_MODEL", "gpt-4o-mini")
client = AsyncOpenAI(timeout=60)


class GenerateRequest(BaseModel):
    prompt: str = Field(min_length=1)
    model: str = MODEL


class ChatRequest(BaseModel):
    message: str = Field(min_length=1)
    model: str = MODEL
    stream: bool = True


async def tokens(text: str, model: str):
    messages = [{"role": "user", "content": text}]
    async with await client.chat.completions.create(model=model, messages=messages, stream=True) as chunks:
        async for chunk in chunks:
            if chunk.choices and (token := chunk.choices[0].delta.content):
                yield token


async def respond(text: str, model: str):
    answer = tokens(text, model)
    try:
        first = await anext(answer, "")
    except OpenAIError:
        raise HTTPException(502, "A OpenAI falhou.")

    async def body():
        try:
            for line in first.split("\n"):
                yield f"data: {line}\n"
            yield "\n"
            async for token in answer:
                yield "".join(f"data: {line}\n" for line in token.split("\n")) + "\n"
            yield "data: [DONE]\n\n"
        except Exception:
            yield "event: error\ndata: A OpenAI parou.\n\n"

    return StreamingResponse(body(), media_type="text/event-stream")


@app.post("/api/generate")
async def generate(body: GenerateRequest, user: str = Depends(get_current_user)):
    return await respond(body.prompt, body.model)


@app.post("/chat")
async def chat(body: ChatRequest, user: str = Depends(get_current_user)):
    if body.stream:
        return await respond(body.message, body.model)
    try:
        completion = await client.chat.completions.create(
            model=body.model, messages=[{"role": "user", "content": body.message}]
        )
    except OpenAIError:
        raise HTTPException(502, "A OpenAI falhou.")
    return {"reply": completion.choices[0].message.content, "user": user, "model": body.model}
