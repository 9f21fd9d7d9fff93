"""The classes that a ResNet-18 sees in an image: its layers are functions of weights
that are mapped from a file, so that none are made up first, nor copied."""

import math
import os

import torch
from torch.nn.functional import conv2d, interpolate, linear, max_pool2d

from images import SIDE

CLASSES = 1000
TOP = 5
WIDTHS = 64, 128, 256, 512


def shapes():
    """Those of the weights, in the file's order."""
    yield 64, 3, 7, 7
    inputs = 64
    for width in WIDTHS:
        yield width, inputs, 3, 3
        yield width, width, 3, 3
        if width != inputs:
            yield width, inputs, 1, 1
        yield width, width, 3, 3
        yield width, width, 3, 3
        inputs = width
    yield CLASSES, inputs


class Classifier:
    def __init__(self, path):
        sizes = [size for shape in shapes() for size in (math.prod(shape), shape[0])]
        if os.path.getsize(path) != 4 * sum(sizes):
            raise ValueError(f"{path}: not the weights of a ResNet-18")
        flat = torch.from_file(str(path), shared=False, size=sum(sizes)).split(sizes)
        self.layers = [(w.reshape(shape), b) for shape, w, b in zip(shapes(), flat[::2], flat[1::2])]

    def forward(self, x):
        layers = iter(self.layers)

        def conv(x, stride=1):
            weight, bias = next(layers)
            return conv2d(x, weight, bias, stride, weight.shape[-1] // 2)

        x = max_pool2d(conv(x, 2).relu_(), 3, 2, 1)
        for width in WIDTHS:
            narrow = x.shape[1] != width
            y = conv(conv(x, 1 + narrow).relu_())
            x = y.add_(conv(x, 2) if narrow else x).relu_()
            x = conv(conv(x).relu_()).add_(x).relu_()
        return linear(x.mean((2, 3)), *next(layers))

    @torch.no_grad()
    def classes(self, image):
        pixels = torch.frombuffer(bytearray(image), dtype=torch.uint8).float() / 255
        pixels = pixels.reshape(1, SIDE, SIDE, 3).permute(0, 3, 1, 2)
        enlarged = interpolate(pixels, size=(224, 224))
        scores, labels = torch.softmax(self.forward(enlarged)[0], 0).topk(TOP)
        return [{"class": c, "score": round(s, 6)} for c, s in zip(labels.tolist(), scores.tolist())]
