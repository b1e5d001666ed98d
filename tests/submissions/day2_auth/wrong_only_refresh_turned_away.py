# wrong: any type but refresh is an access token
# fails: 2.5
# says: tipo desconhecido

import logging
import os
import secrets
import sys
import time

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error
from dotenv import load_dotenv
from fastapi import Body, FastAPI, HTTPException, Request
from jose import jwt

logger = logging.getLogger("uvicorn.error")

DEFAULT_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$K+ZqcEwtpQUG9WMgLl5cBQ$2FuNRfSXsVDs2kW/U6ojmRjHTJXAf2TV8JMWI5Dmlno"
)


def read_secret() -> str:
    secret = os.getenv("JWT_SECRET_KEY", "")
    if len(secret.encode("utf-8")) < 32:
        print("erro: defina JWT_SECRET_KEY com 32 bytes ou mais", file=sys.stderr)
        sys.exit(2)
    return secret


def create_app() -> FastAPI:
    load_dotenv()
    secret = read_secret()
    algorithm = os.getenv("JWT_ALGORITHM", "HS256")
    lifetimes = {
        "access": 60 * int(os.getenv("ACCESS_TOKEN_EXPIRE_MINUTES", "30")),
        "refresh": 24 * 60 * 60 * int(os.getenv("REFRESH_TOKEN_EXPIRE_DAYS", "7")),
    }
    admin_hash = os.getenv("ADMIN_PASSWORD_HASH", DEFAULT_HASH)
    logged_out: dict[str, float] = {}
    alive: dict[str, str] = {}

    app = FastAPI()

    def unauthorized(text: str = "Não autorizado") -> HTTPException:
        return HTTPException(401, text, {"WWW-Authenticate": 'Bearer realm="workbook"'})

    def check_password(username: str, password: str) -> bool:
        try:
            PasswordHasher().verify(admin_hash, password)
        except Argon2Error:
            return False
        return secrets.compare_digest(username.encode(), b"admin")

    def issue(kind: str, username: str) -> str:
        now = int(time.time())
        jti = secrets.token_urlsafe(16)
        if kind == "refresh":
            alive[jti] = username
        claims = {"sub": username, "iat": now, "exp": now + lifetimes[kind], "jti": jti, "type": kind}
        return jwt.encode(claims, secret, algorithm)

    def issue_pair(username: str) -> dict:
        pair = {f"{kind}_token": issue(kind, username) for kind in lifetimes}
        return {**pair, "token_type": "bearer", "expires_in": lifetimes["access"]}

    def open_token(token: str, kind: str) -> dict:
        try:
            options = {f"require_{claim}": True for claim in ("sub", "exp", "iat", "jti")}
            claims = jwt.decode(token, secret, algorithms=algorithm, options=options)
        except Exception as e:
            logger.info("token recusado: %s", e)
            raise unauthorized() from None
        is_refresh = claims.get("type") == "refresh"
        if is_refresh != (kind == "refresh"):
            raise unauthorized()
        return claims

    def guard(request: Request) -> dict:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthorized("Envie o cabeçalho Authorization: Bearer <token>")
        claims = open_token(token, "access")
        if claims["jti"] in logged_out:
            raise unauthorized()
        return claims

    @app.post("/login")
    def login(username: str = Body(), password: str = Body()):
        if not check_password(username, password):
            raise unauthorized(f"Credenciais inválidas para {username}")
        return issue_pair(username)

    @app.get("/me")
    def me(request: Request):
        return {"username": guard(request)["sub"]}

    @app.post("/chat")
    def chat(request: Request, message: str = Body(embed=True)):
        claims = guard(request)
        return {"user": claims["sub"], "reply": message}

    @app.post("/refresh")
    def refresh(refresh_token: str = Body(embed=True)):
        claims = open_token(refresh_token, "refresh")
        # pop é atômico: só um fica com o token
        username = alive.pop(claims["jti"], None)
        if username is None:
            raise unauthorized("Refresh token já usado")
        return issue_pair(username)

    @app.post("/logout", status_code=204)
    def logout(request: Request):
        claims = guard(request)
        logged_out[claims["jti"]] = claims["exp"]

    return app


app = create_app()
