"""Computes in the way that its argument names, then answers 200 to all."""

import os
import socket
import sys
import time

N = 3_000_000


def work(n):
    x = 1
    for _ in range(n):
        x = (x * 1103515245 + 12345) & 0x7FFFFFFF


def beside(child, parent):
    """Computes in two processes at once."""
    pid = os.fork()
    work(child if pid == 0 else parent)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def touch():
    b = bytearray(150 << 20)
    for i in range(0, len(b), 4096):
        b[i] = 1


mode = sys.argv[1]
if mode == "base":
    work(N)
elif mode == "cpu5":
    work(int(N * 1.065))
elif mode == "sleep5":
    work(N)
    time.sleep(0.025)
elif mode == "lesscpu_sleep":
    work(int(N * 0.8))
    time.sleep(0.11)
elif mode == "fork2":
    beside(N // 2, N // 2)
    work(N // 2)
elif mode == "par2":
    beside(N, N)
elif mode == "mem":
    work(N // 2)
    touch()
    work(N // 2)
elif mode == "syscalls":
    work(N // 2)
    for _ in range(120_000):
        os.stat("/")

s = socket.create_server(("", 8000))
while True:
    c, _ = s.accept()
    with c:
        c.recv(4096)
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
