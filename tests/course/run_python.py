"""Run the python blocks of one page in order, in one namespace, as a notebook would: `await` may stand alone.

The page's path is the argument; the blocks come on stdin as a JSON list of (line of the fence, code).
"""

import ast
import asyncio
import inspect
import json
import sys
from types import ModuleType


def main(path: str) -> None:
    # Pydantic and dataclasses look the module of a class up.
    page = sys.modules["__main__"] = ModuleType("__main__")
    with asyncio.Runner() as runner:
        for line, code in json.load(sys.stdin):
            # After so many empty lines a traceback points into the page.
            block = compile("\n" * line + code, path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            result = eval(block, vars(page))
            if inspect.iscoroutine(result):
                runner.run(result)


if __name__ == "__main__":
    main(sys.argv[1])
