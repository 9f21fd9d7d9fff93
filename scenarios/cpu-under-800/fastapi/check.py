"""Asks a server what the model said of a hundred customers.

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
    with urllib.request.urlopen(urllib.request.Request(URL + path, body, headers), timeout=5) as answer:
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
    server = subprocess.Popen(command)
    try:
        assert wait(server, 30) == {"status": "ok"}
        for customer, churn in expected:
            said = call("/predict", json.dumps(customer).encode())["churn"]
            if abs(said - churn) > 0.0001:  # it is rounded to four digits
                sys.exit(f"{customer}: the server says {said}, the model {churn}")
        for wrong in (b"", b"{}", b"[1]", b'{"tenure_months": "x"}'):
            try:
                call("/predict", wrong)
                sys.exit(f"{wrong}: accepted")
            except urllib.error.HTTPError as error:
                if not 400 <= error.code < 500:
                    sys.exit(f"{wrong}: status {error.code}")
        print(f"{len(expected)} answers are the model's")
    finally:
        server.terminate()
        server.wait(10)


if __name__ == "__main__":
    main(sys.argv[1:])
