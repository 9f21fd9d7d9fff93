"""Says which classes a ResNet sees in an image.

/health answers as soon as there is a server. Whoever asks for a prediction then
waits until PyTorch is imported and the model is there.
"""

import json
import os
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from images import noise, pixels

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
        self.answer(200, {"classes": classifier().classes(image)})

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


classifiers = []  # one, once it is there
loaded = threading.Event()


def classifier():
    loaded.wait()
    return classifiers[0]


def load():
    try:
        import lazy  # noqa: F401 (before torch)
        import torch

        from model import Classifier

        torch.set_num_threads(processors())
        classifiers.append(Classifier(Path(__file__).with_name("weights.bin")))
        classifiers[0].classes(noise(0))
    except BaseException:
        traceback.print_exc()
        os._exit(1)  # who waits would wait for ever
    loaded.set()


if __name__ == "__main__":
    threading.Thread(target=load, daemon=True).start()
    ThreadingHTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
