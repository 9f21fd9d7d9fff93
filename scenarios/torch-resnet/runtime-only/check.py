"""Asks a server what torchvision said of the images in expected.json.

    python3 check.py COMMAND...

ends with an error where it does not start, or says another thing.
"""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request

URL = "http://127.0.0.1:8000"


def call(path, body=None):
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(URL + path, body, headers), timeout=30) as answer:
        return json.load(answer)


def wait(server, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if server.poll() is not None:
            sys.exit(f"the server ended with status {server.returncode}")
        try:
            return call("/health")
        except OSError:
            time.sleep(0.05)
    sys.exit(f"no answer of {URL}/health within {seconds} s")


def main(command):
    with open("expected.json") as file:
        expected = json.load(file)
    if len({json.dumps(answer) for _, answer in expected}) < len(expected):
        sys.exit("the model says the same of several images: answers prove nothing")
    server = subprocess.Popen(command)
    try:
        assert wait(server, 60) == {"status": "ok"}
        for query, classes in expected:
            said = call("/predict", json.dumps(query).encode())["classes"]
            # The order in which sums are taken shows in the fifth digit or later.
            alike = len(said) == len(classes) and all(
                got["class"] == want and abs(got["score"] - score) < 0.0001
                for got, (want, score) in zip(said, classes)
            )
            if not alike:
                sys.exit(f"{str(query):.40}: the server says {said}, torchvision {classes}")
        for wrong in (b"", b"{}", b"[1]", b'{"seed": "x"}', b'{"seed": -1}', b'{"image": "AAAA"}', b'{"image": "%%%%"}'):
            try:
                call("/predict", wrong)
                sys.exit(f"{wrong}: accepted")
            except urllib.error.HTTPError as error:
                if not 400 <= error.code < 500:
                    sys.exit(f"{wrong}: status {error.code}")
        print(f"{len(expected)} answers are torchvision's")
    finally:
        server.terminate()
        server.wait(10)


if __name__ == "__main__":
    main(sys.argv[1:])
