"""Says which classes a ResNet sees in an image.

DEVICE names where it runs. Without it that is the GPU where PyTorch was built
for CUDA: such an image without a GPU ends with an error, rather than being
quietly slow on processors. OMP_NUM_THREADS bounds the threads, as PyTorch does
by itself. One worker is right: each would hold the model in the GPU's memory.
"""

import base64
import binascii
import os
import threading
from pathlib import Path
from typing import Optional

import torch
import torchvision
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

import model as resnet
from limit import Limit

# Whether the model is loaded, and has answered once, before the program
# listens. Were it False, the first request would pay for it, and /health would
# answer 503 until then.
EAGER = True

WEIGHTS = Path(__file__).with_name("weights.pt")
SIDE = 32  # of an image that is sent; it is enlarged to what the network takes
BYTES = 3 * SIDE * SIDE
TOP = 5

torch.backends.cudnn.deterministic = True
torch.backends.cudnn.benchmark = False

device = torch.device(os.environ.get("DEVICE") or ("cuda" if torch.version.cuda else "cpu"))


class Classifier:
    """The model, once it is on its device and has answered."""

    def __init__(self):
        self.network = None
        # One at a time: several at once would wait for the same processors, and
        # the GPU's memory would depend on how many came together.
        self.lock = threading.Lock()

    @property
    def ready(self):
        return self.network is not None

    def load(self):
        with self.lock:
            if self.network is None:
                network = resnet.load(WEIGHTS, device)
                forward(network, noise(0))
                self.network = network

    def scores(self, image):
        if not self.ready:
            self.load()
        with self.lock:
            return forward(self.network, image)


def forward(network, image):
    """The scores of all classes, in the host's memory: so the GPU has ended."""
    with torch.no_grad():
        enlarged = torch.nn.functional.interpolate(image.to(device), size=(224, 224))
        return network(enlarged)[0].float().cpu()


def noise(seed):
    """Made on the host, where a seed gives the same image whatever the device."""
    return torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def pixels(text):
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise HTTPException(422, "image: not base64") from None
    if len(raw) != BYTES:
        raise HTTPException(422, f"image: {len(raw)} bytes, where {SIDE}×{SIDE} pixels of RGB are {BYTES}")
    flat = torch.tensor(list(raw), dtype=torch.float32)
    return (flat / 255).reshape(1, SIDE, SIDE, 3).permute(0, 3, 1, 2)


class Query(BaseModel):
    """An image of 32×32 pixels: RGB bytes in base64, or noise of a seed."""

    seed: Optional[int] = Field(None, ge=0, lt=2**32)
    image: Optional[str] = Field(None, max_length=2 * BYTES)


classifier = Classifier()
if EAGER:
    classifier.load()

app = FastAPI(title="resnet")
app.add_middleware(Limit, most=16 * 1024)


@app.get("/health")
def health():
    if not classifier.ready:
        raise HTTPException(503, "the model is not loaded yet")
    return {"status": "ok", "device": str(device)}


@app.get("/memory")
def memory():
    """What PyTorch says of the GPU's memory, in bytes; null without a GPU."""
    told = {
        "device": str(device),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "cuda": torch.version.cuda,
        "threads": torch.get_num_threads(),
        "gpu": None,
    }
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        told["gpu"] = {
            "name": torch.cuda.get_device_name(device),
            "allocated": torch.cuda.memory_allocated(device),
            "reserved": torch.cuda.memory_reserved(device),
            "free": free,
            "total": total,
        }
    return told


@app.post("/predict")
def predict(query: Query):
    if (query.seed is None) == (query.image is None):
        raise HTTPException(422, "seed or image: one of them")
    image = noise(query.seed) if query.image is None else pixels(query.image)
    score, label = torch.softmax(classifier.scores(image), 0).topk(TOP)
    return {"classes": [{"class": c, "score": round(s, 6)} for c, s in zip(label.tolist(), score.tolist())]}
