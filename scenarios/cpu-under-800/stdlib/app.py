"""Predicts whether a customer of a phone company will leave.

Nothing but the standard library, and of that only what a start needs.
"""

import json
import sys
from array import array
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MOST = 10_000  # bytes of a body

model = json.loads(Path(__file__).with_name("model.json").read_bytes())
trees = [tuple(tree[k] for k in ("feature", "threshold", "left", "right", "share")) for tree in model["trees"]]


def predict(row):
    row = array("f", row)  # as scikit-learn compares
    total = 0.0
    for feature, threshold, left, right, share in trees:
        at = 0
        while feature[at] >= 0:
            at = left[at] if row[feature[at]] <= threshold[at] else right[at]
        total += share[at]
    return total / len(trees)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/health":
            return self.answer(200, {"status": "ok"})
        self.answer(404, {"detail": "there are /health and /predict"})

    def do_POST(self):
        if self.path != "/predict":
            return self.answer(404, {"detail": "there are /health and /predict"})
        try:
            length = int(self.headers.get("Content-Length", 0))
            if not 0 < length <= MOST:
                raise ValueError(f"a body of {length} bytes")
            customer = json.loads(self.rfile.read(length))
            row = [float(customer[name]) for name in model["features"]]
            churn = predict(row)
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            self.close_connection = True  # what is left of the body is not read
            return self.answer(422, {"detail": f"not a customer: {error!r}"})
        self.answer(200, {"churn": round(churn, 4)})

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
