"""Says how alike two texts are, by the stems of their words."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import snowballstemmer

STEMMER = snowballstemmer.stemmer("english")


def alike(first, second):
    """The cosine of the angle between the two texts' counts of stems."""
    stems = [STEMMER.stemWords(text.lower().split()) for text in (first, second)]
    known = sorted(set(stems[0]) | set(stems[1]))
    a, b = (np.array([words.count(stem) for stem in known], dtype=float) for words in stems)
    length = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / length) if length else 0.0


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200 if self.path == "/health" else 404, {"status": "ok"})

    def do_POST(self):
        try:
            first, second = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["texts"]
            self.answer(200, {"alike": alike(first, second)})
        except (AttributeError, KeyError, TypeError, ValueError) as why:
            self.answer(422, {"error": str(why)})

    def answer(self, status, what):
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("", 8000), Handler).serve_forever()
