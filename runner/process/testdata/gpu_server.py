"""Takes 512 MiB of a GPU in two steps, serves when it has them, and tells what it took.

It uses PyTorch where that finds CUDA, else CUDA's driver itself, else the
stand-in that tests have for a GPU (see gpu/nvml/nvmltest).
"""

import ctypes
import fcntl
import http.server
import json
import os
import time

STEP = 256 << 20


class Torch:
    def __init__(self):
        import torch

        if not torch.cuda.is_available():
            raise ImportError("PyTorch finds no CUDA")
        # The same kernel as later: it is loaded when it is first used.
        self.torch, self.kept = torch, [torch.ones(1, dtype=torch.uint8, device="cuda")]
        self.name = f"PyTorch {torch.__version__} on {torch.cuda.get_device_name()}"

    def take(self):
        self.kept.append(self.torch.ones(STEP, dtype=self.torch.uint8, device="cuda"))
        self.torch.cuda.synchronize()

    def taken(self):
        return self.torch.cuda.memory_reserved()

    def in_use(self):
        free, total = self.torch.cuda.mem_get_info()
        return total - free


class Driver:
    def __init__(self):
        self.cuda, self.sum = ctypes.CDLL("libcuda.so.1"), 0
        device, context, name = ctypes.c_int(), ctypes.c_void_p(), ctypes.create_string_buffer(100)
        self.call("cuInit", 0)
        self.call("cuDeviceGet", ctypes.byref(device), 0)
        self.call("cuDeviceGetName", name, len(name), device)
        self.call("cuCtxCreate_v2", ctypes.byref(context), 0, device)
        self.name = "CUDA's driver on " + name.value.decode()

    def call(self, function, *arguments):
        code = getattr(self.cuda, function)(*arguments)
        if code != 0:
            raise OSError(f"{function} failed with error {code}")

    def take(self):
        self.call("cuMemAlloc_v2", ctypes.byref(ctypes.c_void_p()), ctypes.c_size_t(STEP))
        self.sum += STEP

    def taken(self):
        return self.sum

    def in_use(self):
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        self.call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
        return total.value - free.value


class StandIn:
    name = "the stand-in"

    def __init__(self):
        self.file = open(os.path.join(os.environ["MLBENCH_TEST_GPUS"], "gpu0"), "r+b")
        self.begin, self.sum, self.context = os.getpid() << 38, 0, 400_000_000
        self.lock(self.context)

    def lock(self, size):
        fcntl.lockf(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB, size, self.begin)
        self.begin += size

    def take(self):
        self.lock(STEP)
        self.sum += STEP

    def taken(self):
        return self.sum

    def in_use(self):
        return self.context + self.sum


def choose():
    if "MLBENCH_TEST_GPUS" in os.environ:
        return StandIn()
    try:
        return Torch()
    except (ImportError, OSError, RuntimeError):  # it is not there, misses a library, or has no code for this GPU
        return Driver()


time.sleep(0.3)
gpu = choose()
time.sleep(0.5)
before, at = gpu.taken(), time.time_ns()
gpu.take()
time.sleep(0.3)
gpu.take()
time.sleep(0.3)
answer = {"framework": gpu.name, "before_bytes": before, "before_at_ns": at, "taken_bytes": gpu.taken(), "in_use_bytes": gpu.in_use()}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(answer).encode()
        self.send_response(200 if self.path in ("/health", "/memory") else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
