# wrong: the password is enough, whatever the name
# fails: 2.2 2.4
# says: outro nome

import os
import secrets
import time

import dotenv
from fastapi import Body, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer
from jose import jwt
from pwdlib import PasswordHash

dotenv.load_dotenv()
env = os.environ
KEY = env.get("JWT_SECRET_KEY", "")
assert len(KEY) >= 32, "JWT_SECRET_KEY precisa de 32 caracteres ou mais"
HASH = env.get(
    "ADMIN_PASSWORD_HASH",
    "$argon2id$v=19$m=65536,t=3,p=4$K+ZqcEwtpQUG9WMgLl5cBQ$2FuNRfSXsVDs2kW/U6ojmRjHTJXAf2TV8JMWI5Dmlno",
)
ACCESS = 60 * float(env.get("ACCESS_TOKEN_EXPIRE_MINUTES", 30))
REFRESH = 86400 * float(env.get("REFRESH_TOKEN_EXPIRE_DAYS", 7))
gone = []

app = FastAPI()


def new(type, life):
    now = time.time()
    claims = dict(sub="admin", type=type, iat=now, exp=now + life, jti=secrets.token_hex())
    return jwt.encode(claims, KEY)


def pair():
    return dict(
        access_token=new("access", ACCESS), refresh_token=new("refresh", REFRESH), token_type="bearer"
    )


def check(token, type):
    try:
        claims = jwt.decode(token, KEY, "HS256")
        assert claims["exp"] and claims["type"] == type and token not in gone
        return claims["sub"]
    except Exception:
        raise HTTPException(401, "token inválido", {"WWW-Authenticate": "Bearer"})


def good(token=Depends(OAuth2PasswordBearer("login"))):
    check(token, "access")
    return token


@app.post("/login")
def login(username=Body(), password=Body()):
    if PasswordHash.recommended().verify(password, HASH):
        return pair()
    raise HTTPException(401)


@app.get("/me")
async def me(token=Depends(good)):
    return {"username": check(token, "access")}


@app.post("/chat")
async def chat(message=Body(embed=True), token=Depends(good)):
    return {"reply": message}


@app.post("/refresh")
async def refresh(refresh_token=Body(embed=True)):
    check(refresh_token, "refresh")
    gone.append(refresh_token)
    return pair()


@app.post("/logout")
async def logout(token=Depends(good)):
    gone.append(token)
