"""The settings of one clone of the course: `.env`, made from `.env.example` when there is none."""

import os
import re
import secrets
from pathlib import Path

from workbook.cli.ports import free_port

EXAMPLE = ".env.example"
SECRET = re.compile(r"^JWT_SECRET_KEY=.*$", re.MULTILINE)
LLM_PORT = re.compile(r"(?<=^OPENAI_BASE_URL=http://127\.0\.0\.1:)\d+", re.MULTILINE)
SECRET_BYTES = 48


def ensure(root: Path) -> bool:
    """Make `.env`, its JWT secret and LLM port its own, for its owner only; say whether it had to be made."""
    path = root / ".env"
    if path.exists():
        return False
    text = (root / EXAMPLE).read_text(encoding="utf-8")
    text = SECRET.sub(f"JWT_SECRET_KEY={secrets.token_urlsafe(SECRET_BYTES)}", text)
    # Two clones on one machine, or some other program on the port: each gets one that is free.
    text = LLM_PORT.sub(lambda port: str(free_port(int(port[0]))), text)
    _write(path, text)
    return True


def read(root: Path) -> dict[str, str]:
    """Return the settings as `load_dotenv` would leave them: what the environment says wins."""
    from dotenv import dotenv_values

    values = {name: value for name, value in dotenv_values(root / ".env").items() if value is not None}
    return values | {name: os.environ[name] for name in values if name in os.environ}


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".env.{secrets.token_hex(4)}")
    try:
        # The mode is there from the first byte on; Windows knows no such modes.
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text.encode())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
