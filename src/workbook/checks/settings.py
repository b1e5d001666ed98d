"""What a program under test is told about its world, made up for each run."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher


def _word() -> str:
    return secrets.token_hex(8)


@dataclass(frozen=True)
class Settings:
    """Secrets and names that no program can know beforehand."""

    jwt_secret: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    password: str = field(default_factory=lambda: "senha-" + _word())
    api_key: str = field(default_factory=lambda: "sk-" + _word())
    model: str = field(default_factory=lambda: "modelo-" + _word())
    origin: str = field(default_factory=lambda: f"https://{_word()}.example")
    other_origin: str = field(default_factory=lambda: f"http://{_word()}.example:3000")
    third_origin: str = field(default_factory=lambda: f"https://{_word()}.example:8443")
    # Numbers that are nobody's default, and of which no mistake in the unit makes the other.
    access_minutes: int = field(default_factory=lambda: 31 + secrets.randbelow(14))
    refresh_days: int = field(default_factory=lambda: 22 + secrets.randbelow(6))

    def env(self, base_url: str) -> dict[str, str]:
        """The environment of the app; ``base_url`` is the local LLM's."""
        return {
            "OPENAI_API_KEY": self.api_key,
            "OPENAI_BASE_URL": base_url,
            "DEFAULT_MODEL": self.model,
            "JWT_SECRET_KEY": self.jwt_secret,
            "JWT_ALGORITHM": "HS256",
            "ACCESS_TOKEN_EXPIRE_MINUTES": str(self.access_minutes),
            "REFRESH_TOKEN_EXPIRE_DAYS": str(self.refresh_days),
            "ADMIN_PASSWORD_HASH": hash_password(self.password),
            "ALLOWED_ORIGINS": f"{self.origin},{self.other_origin}, {self.third_origin}",
            # Three hours behind UTC, wherever this runs: a clock read without its zone shows.
            "TZ": "BRT3",
        }


def hash_password(password: str) -> str:
    """An Argon2 hash with the cheapest parameters: they are in the hash, so that checking it is cheap too."""
    return PasswordHash([Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)]).hash(password)
