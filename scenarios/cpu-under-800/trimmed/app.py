"""Predicts whether a customer of a phone company will leave.

The trees are walked as NumPy arrays, all at once: what scikit-learn does, without
importing it.
"""

import json
from pathlib import Path

import numpy as np
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

DEPTH = 6  # of the trees, as train.py makes them


class Forest:
    def __init__(self, path):
        model = json.loads(path.read_bytes())
        self.features = model["features"]
        trees = model["trees"]
        sizes = [len(tree["feature"]) for tree in trees]
        self.roots = np.cumsum([0] + sizes[:-1])

        def joined(name):
            return np.concatenate([tree[name] for tree in trees])

        offset = np.repeat(self.roots, sizes)
        leaf = joined("feature") < 0
        here = np.arange(len(leaf))
        self.feature = np.where(leaf, 0, joined("feature"))
        self.threshold = joined("threshold")
        self.left = np.where(leaf, here, joined("left") + offset)  # a leaf leads to itself
        self.right = np.where(leaf, here, joined("right") + offset)
        self.share = joined("share")

    def predict(self, row):
        row = np.float32(row)  # as scikit-learn compares
        at = self.roots
        for _ in range(DEPTH):
            at = np.where(row[self.feature[at]] <= self.threshold[at], self.left[at], self.right[at])
        return float(self.share[at].mean())


model = Forest(Path(__file__).with_name("model.json"))


async def health(_):
    return JSONResponse({"status": "ok"})


async def predict(request):
    try:
        customer = await request.json()
        row = [float(customer[name]) for name in model.features]
    except (ValueError, TypeError, KeyError, IndexError) as error:
        return JSONResponse({"detail": f"not a customer: {error!r}"}, 422)
    return JSONResponse({"churn": round(model.predict(row), 4)})


app = Starlette(routes=[Route("/health", health), Route("/predict", predict, methods=["POST"])])
