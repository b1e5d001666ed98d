"""Dia 2: uma porta com chave. Login por senha, tokens com prazo, rotas com guarda.

Com o servidor no ar, experimente-a em http://localhost:8000/docs: o botão "Authorize" recebe o token.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import uuid4

from dotenv import load_dotenv
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jose import jwt
from pwdlib import PasswordHash
from pydantic import BaseModel

load_dotenv()

# Sem valor padrão, de propósito: segredo escrito no código é segredo público.
JWT_SECRET_KEY = os.getenv("JWT_SECRET_KEY", "")
JWT_ALGORITHM = os.getenv("JWT_ALGORITHM", "HS256")
ACCESS_TOKEN_EXPIRE_MINUTES = int(os.getenv("ACCESS_TOKEN_EXPIRE_MINUTES", "30"))
REFRESH_TOKEN_EXPIRE_DAYS = int(os.getenv("REFRESH_TOKEN_EXPIRE_DAYS", "7"))

ADMIN_USERNAME = "admin"
# O padrão é o hash de "admin123", para começar sem configurar nada; o de verdade vem do ambiente.
ADMIN_PASSWORD_HASH = os.getenv(
    "ADMIN_PASSWORD_HASH",
    "$argon2id$v=19$m=65536,t=3,p=4$K+ZqcEwtpQUG9WMgLl5cBQ$2FuNRfSXsVDs2kW/U6ojmRjHTJXAf2TV8JMWI5Dmlno",
)

password_hash = PasswordHash.recommended()
bearer = HTTPBearer()
auth_router = APIRouter(tags=["auth"])

# Os `jti` que não valem mais. Em memória: só cresce, some ao reiniciar e outro processo não vê.
revoked: set[str] = set()

TokenType = Literal["access", "refresh"]


class Claims(BaseModel):
    sub: str
    jti: str
    type: TokenType


class TokenPair(BaseModel):
    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    ### BEGIN SOLUTION 2.1
    ### STUB yield
    # O HS256 pede uma chave de 256 bits ou mais. Bytes, não letras: um "ç" são dois.
    if len(JWT_SECRET_KEY.encode()) < 32:
        raise RuntimeError(
            "JWT_SECRET_KEY ausente ou com menos de 32 bytes. Gere uma com: "
            'python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    yield
    ### END SOLUTION


def authenticate(username: str, password: str) -> bool:
    ### BEGIN SOLUTION 2.2
    # A senha é conferida até para quem não existe: o tempo da resposta não conta quem existe.
    password_matches = password_hash.verify(password, ADMIN_PASSWORD_HASH)
    return password_matches and username == ADMIN_USERNAME
    ### END SOLUTION


def create_token(username: str, token_type: TokenType, lifetime: timedelta) -> str:
    ### BEGIN SOLUTION 2.3
    now = datetime.now(UTC)
    claims = {
        "sub": username,
        "iat": now,
        "exp": now + lifetime,
        # Dois tokens do mesmo segundo são diferentes, e cada um pode ser revogado sozinho.
        "jti": str(uuid4()),
        "type": token_type,
    }
    return jwt.encode(claims, JWT_SECRET_KEY, algorithm=JWT_ALGORITHM)
    ### END SOLUTION


def create_token_pair(username: str) -> TokenPair:
    ### BEGIN SOLUTION 2.3
    return TokenPair(
        access_token=create_token(username, "access", timedelta(minutes=ACCESS_TOKEN_EXPIRE_MINUTES)),
        refresh_token=create_token(username, "refresh", timedelta(days=REFRESH_TOKEN_EXPIRE_DAYS)),
    )
    ### END SOLUTION


### BEGIN SOLUTION 2.4
class LoginRequest(BaseModel):
    username: str
    password: str


def unauthorized(detail: str) -> HTTPException:
    return HTTPException(status_code=401, detail=detail, headers={"WWW-Authenticate": "Bearer"})


# `def`, não `async def`: o Argon2 ocupa a CPU por dezenas de milissegundos, e aqui vai para uma thread.
@auth_router.post("/login")
def login(body: LoginRequest) -> TokenPair:
    if not authenticate(body.username, body.password):
        raise unauthorized("Usuário ou senha incorretos.")
    return create_token_pair(body.username)


### END SOLUTION


def verify_token(token: str, token_type: TokenType) -> Claims:
    ### BEGIN SOLUTION 2.5
    try:
        payload = jwt.decode(
            token,
            JWT_SECRET_KEY,
            # Quem escolhe o algoritmo somos nós, nunca o cabeçalho do token.
            algorithms=[JWT_ALGORITHM],
            # Sem isto, um token sem `exp` vale para sempre.
            options={"require_exp": True},
        )
        claims = Claims.model_validate(payload)
    except Exception as error:
        # Não só JWTError: `exp` nulo é TypeError, infinito é OverflowError, e nenhum merece um 500.
        raise unauthorized("Token inválido ou expirado.") from error
    if claims.type != token_type or claims.jti in revoked:
        raise unauthorized("Token inválido ou expirado.")
    return claims
    ### END SOLUTION


### BEGIN SOLUTION 2.6
### STUB async def get_current_user() -> str:
### STUB     raise NotImplementedError("TODO 2.6")
async def get_current_claims(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)],
) -> Claims:
    return verify_token(credentials.credentials, "access")


async def get_current_user(claims: Annotated[Claims, Depends(get_current_claims)]) -> str:
    return claims.sub


@auth_router.get("/me")
async def me(username: Annotated[str, Depends(get_current_user)]) -> dict[str, str]:
    return {"username": username}


### END SOLUTION


### BEGIN SOLUTION 2.7
class RefreshRequest(BaseModel):
    refresh_token: str


@auth_router.post("/refresh")
async def refresh(body: RefreshRequest) -> TokenPair:
    claims = verify_token(body.refresh_token, "refresh")
    # Sem `await` entre conferir e revogar, duas requisições com o mesmo token não passam juntas.
    revoked.add(claims.jti)
    return create_token_pair(claims.sub)


### END SOLUTION


### BEGIN SOLUTION 2.8
@auth_router.post("/logout", status_code=204)
async def logout(claims: Annotated[Claims, Depends(get_current_claims)]) -> None:
    revoked.add(claims.jti)


### END SOLUTION

app = FastAPI(title="Dia 2: autenticação com JWT", lifespan=lifespan)
app.include_router(auth_router)


### BEGIN SOLUTION 2.6
class ChatRequest(BaseModel):
    message: str


@app.post("/chat")
async def chat(body: ChatRequest, username: Annotated[str, Depends(get_current_user)]) -> dict[str, str]:
    return {"reply": body.message, "user": username}


### END SOLUTION
