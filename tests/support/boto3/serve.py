"""moto's server, which ends with whoever started it.

usage: serve.py PORT. Public addresses are 203.0.113.1, .2 and so on, in the order of the launches:
nobody has them (RFC 5737), and a story can say in ssh_config who answers for which. The parent holds the other end of stdin; when it dies, however it dies,
the pipe closes and so does the server.
"""

import itertools
import os
import sys
import threading


def end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


# Before moto is imported, which takes a second or two.
threading.Thread(target=end_with_parent, daemon=True).start()

from moto.ec2.models import elastic_network_interfaces  # noqa: E402
from moto.server import main  # noqa: E402

number = itertools.count(1)
elastic_network_interfaces.random_public_ip = lambda: f"203.0.113.{next(number) % 255}"

main(["-H", "127.0.0.1", "-p", sys.argv[1]])
