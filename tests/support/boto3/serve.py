"""moto's server, which ends with whoever started it.

usage: serve.py PORT. The parent holds the other end of stdin; when it dies, however it dies,
the pipe closes and so does the server.
"""

import os
import sys
import threading


def end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


# Before moto is imported, which takes a second or two.
threading.Thread(target=end_with_parent, daemon=True).start()

from moto.server import main  # noqa: E402

main(["-H", "127.0.0.1", "-p", sys.argv[1]])
