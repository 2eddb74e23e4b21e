"""A worker that was held still for longer than a connection may be idle reads what came meanwhile, in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ASK = b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n"
SERVER = """
import socket, sys, uvicorn
from core.right_of_way import RightOfWay
from hub.settings import load
from hub.worker import uvicorn_config

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})

config = uvicorn_config(app, load({"PORCHLIGHT_SECRET_KEYS": "a-secret-of-more-than-thirty-two-characters"}), RightOfWay())
config.timeout_keep_alive = 1
uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])
"""
STILL_S = 1.5


@pytest.fixture
def client():
    """Return a connection to a server that closes idle ones after a second, and the server's process."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-c", SERVER, str(listener.fileno())]
        with subprocess.Popen(command, pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL) as process:
            try:
                with socket.create_connection(listener.getsockname(), timeout=30) as connected:
                    yield connected, process.pid
            finally:
                process.kill()


def asked(connected):
    """Return the beginning of the answer, b"" where the connection ended without one."""
    try:
        connected.sendall(ASK)
        return connected.recv(4096)[:12]
    except ConnectionError:
        return b""


def is_idle(pid):
    """Tell whether the server waits for its next event, done with everything before it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


@pytest.mark.skipif(sys.platform != "linux", reason="holds a process still as Linux does")
def test_a_request_that_came_while_the_worker_was_held_still_is_answered_and_an_idle_connection_is_closed(client):
    connected, pid = client
    first = asked(connected)
    while not is_idle(pid):
        pass
    os.kill(pid, signal.SIGSTOP)
    os.waitid(os.P_PID, pid, os.WSTOPPED)
    threading.Timer(STILL_S, os.kill, (pid, signal.SIGCONT)).start()
    second = asked(connected)

    assert (first, second, connected.recv(4096)) == (b"HTTP/1.1 204", b"HTTP/1.1 204", b"")
