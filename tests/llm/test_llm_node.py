"""The openai package for Node."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from workbook.llm import LocalLLM

CLIENT = Path(__file__).parent / "node"
WORDS = ("Olá", "\n\n", "  azul", "", " 🦜")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("Node is not installed")
    project = shutil.copytree(CLIENT, tmp_path / "node")
    install = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--fetch-retries=0"]
    try:
        done = subprocess.run(install, cwd=project, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip("the npm registry does not answer")
    if done.returncode:
        pytest.skip(f"npm could not install openai: {done.stderr[-300:]}")
    return project / "client.mjs"


def test_the_node_sdk_reads_answers_streams_tool_calls_and_errors(llm: LocalLLM, script: Path) -> None:
    llm.will_say(*WORDS)
    llm.will_say(*WORDS)
    llm.will_call("get_time", {"zone": "UTC"})
    llm.will_fail(429)
    done = subprocess.run(
        ["node", str(script), llm.base_url], capture_output=True, text=True, encoding="utf-8", timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "whole": "".join(WORDS),
        "streamed": ["", *WORDS, None],
        "call": {"name": "get_time", "arguments": '{"zone": "UTC"}'},
        "failure": ["RateLimitError", 429],
    }
