"""uvicorn's own command line, run as a script: when its standard input ends, so does all that it started.

Whoever holds the other end of that pipe may die in any way: nothing is left behind.
"""

import os
import sys
import threading

from workbook.runner.process import kill_tree


def follow() -> None:
    os.read(0, 1)
    kill_tree(os.getpid())


# uvicorn's reloader starts the server as a process of its own, which imports this file again.
if __name__ == "__main__":
    import uvicorn

    threading.Thread(target=follow, daemon=True).start()
    uvicorn.main(sys.argv[1:])
