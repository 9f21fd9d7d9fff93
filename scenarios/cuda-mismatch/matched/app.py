"""Says which framework it would run, and for which CUDA that was built."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import torch


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"torch": torch.__version__, "cuda": torch.version.cuda}).encode()
        self.send_response(200 if self.path == "/health" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("", 8000), Handler).serve_forever()
