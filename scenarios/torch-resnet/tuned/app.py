"""Says which classes a ResNet sees in an image.

What is imported is what answers: the standard library's server, and of PyTorch
what lazy.py leaves.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import lazy  # noqa: F401 (before torch)
import torch

from images import noise, pixels
from model import Classifier

MOST = 16 * 1024  # bytes of a body


def processors():
    """How many this container may use. PyTorch starts a thread for each of the
    host's, and those that a quota holds back are waited for by the others."""
    most = len(os.sched_getaffinity(0))
    groups = Path("/sys/fs/cgroup")
    for files in (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]):
        try:
            quota, period = " ".join((groups / name).read_text() for name in files).split()
        except OSError:
            continue
        if quota not in ("max", "-1"):
            return max(1, min(most, int(quota) // int(period)))
    return most


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/health":
            return self.answer(200, {"status": "ok"})
        self.answer(404, {"detail": "there are /health and /predict"})

    def do_POST(self):
        try:
            length = int(self.headers.get("Content-Length", 0))
            if self.path != "/predict" or not 0 < length <= MOST:
                raise ValueError(f"{self.path}, a body of {length} bytes")
            query = json.loads(self.rfile.read(length))
            image = pixels(query.get("seed"), query.get("image"))
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            self.close_connection = True  # what is left of the body is not read
            return self.answer(422, {"detail": f"not an image: {error}"})
        self.answer(200, {"classes": classifier.classes(image)})

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


torch.set_num_threads(processors())
classifier = Classifier(Path(__file__).with_name("weights.bin"))
classifier.classes(noise(0))  # it has answered once before it listens

if __name__ == "__main__":
    ThreadingHTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
