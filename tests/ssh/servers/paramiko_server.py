"""An SSH server made with paramiko, inside a test host's root: paramiko_server.py ADDRESS PORT."""

import os
import socket
import subprocess
import sys
import threading

import paramiko

HOME = "/home/ubuntu"


def run(channel, command):
    child = subprocess.Popen(
        ["/bin/bash", "-c", command],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        user=1000, group=1000, extra_groups=[], cwd=HOME,
        env={"HOME": HOME, "USER": "ubuntu", "PATH": "/usr/local/bin:/usr/bin:/bin"},
    )

    def feed():
        try:
            while data := channel.recv(65536):
                child.stdin.write(data)
                child.stdin.flush()
            child.stdin.close()
        except OSError:
            pass

    def pump(source, send):
        try:
            while data := source.read1(32768):
                send(data)
        except OSError:
            child.kill()

    threads = [
        threading.Thread(target=pump, args=(child.stdout, channel.sendall)),
        threading.Thread(target=pump, args=(child.stderr, channel.sendall_stderr)),
    ]
    threading.Thread(target=feed, daemon=True).start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    channel.send_exit_status(child.wait() & 0xFF)
    channel.close()


class Server(paramiko.ServerInterface):
    def get_allowed_auths(self, username):
        return "publickey"

    def check_auth_publickey(self, username, key):
        with open(f"{HOME}/.ssh/authorized_keys") as accepted:
            is_known = any(key.get_base64() in line for line in accepted)
        return paramiko.AUTH_SUCCESSFUL if is_known else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, number):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel, command):
        # The answer to the request is sent before what the command prints.
        threading.Timer(0, run, (channel, command.decode())).start()
        return True


def serve(connection, host_key):
    transport = paramiko.Transport(connection)
    transport.add_server_key(host_key)
    try:
        transport.start_server(server=Server())
    except (paramiko.SSHException, EOFError):
        return
    # A channel that nobody holds is closed.
    channels = []
    while transport.is_active():
        if channel := transport.accept(1):
            channels.append(channel)


os.umask(0o022)
key = paramiko.Ed25519Key.from_private_key_file("/etc/ssh/host_key")
listening = socket.create_server((sys.argv[1], int(sys.argv[2])))
while True:
    accepted, _ = listening.accept()
    threading.Thread(target=serve, args=(accepted, key), daemon=True).start()
