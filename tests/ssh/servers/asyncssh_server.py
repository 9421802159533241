"""An SSH server made with asyncssh, inside a test host's root: asyncssh_server.py ADDRESS PORT."""

import asyncio
import os
import sys

import asyncssh

HOME = "/home/ubuntu"


class Server(asyncssh.SSHServer):
    def connection_made(self, connection):
        self.connection = connection

    def begin_auth(self, username):
        # Read at each login: a test may let another key in.
        self.connection.set_authorized_keys(f"{HOME}/.ssh/authorized_keys")
        return True


async def handle(process):
    child = await asyncio.create_subprocess_exec(
        "/bin/bash", "-c", process.command or "exec bash",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        user=1000, group=1000, extra_groups=[], cwd=HOME,
        env={"HOME": HOME, "USER": "ubuntu", "PATH": "/usr/local/bin:/usr/bin:/bin"},
    )

    async def pump(source, target):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()

    async def feed():
        try:
            await pump(process.stdin, child.stdin)
        except (OSError, asyncssh.Error):
            pass
        child.stdin.close()

    fed = asyncio.create_task(feed())
    await asyncio.gather(pump(child.stdout, process.stdout), pump(child.stderr, process.stderr))
    code = await child.wait()
    fed.cancel()
    process.exit(code) if code >= 0 else process.exit_with_signal("KILL")


async def main():
    await asyncssh.listen(
        sys.argv[1], int(sys.argv[2]), server_factory=Server, process_factory=handle,
        server_host_keys=["/etc/ssh/host_key"], encoding=None,
    )
    await asyncio.Event().wait()


os.umask(0o022)
asyncio.run(main())
