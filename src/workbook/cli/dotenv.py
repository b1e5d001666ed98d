"""The settings of one clone of the course: `.env`, made from `.env.example` when there is none."""

import os
import re
import secrets
from pathlib import Path

EXAMPLE = ".env.example"
SECRET = re.compile(r"^JWT_SECRET_KEY=.*$", re.MULTILINE)
SECRET_BYTES = 48


def ensure(root: Path) -> bool:
    """Make `.env` with a JWT secret of its own, readable by its owner only; say whether it had to be made."""
    path = root / ".env"
    if path.exists():
        return False
    example = (root / EXAMPLE).read_text(encoding="utf-8")
    _write(path, SECRET.sub(f"JWT_SECRET_KEY={secrets.token_urlsafe(SECRET_BYTES)}", example))
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
