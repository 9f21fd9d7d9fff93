"""The classes that a ResNet-18 sees in an image."""

import torch
from torchvision.models import resnet18

from images import SIDE

CLASSES = 1000
TOP = 5


class Classifier:
    def __init__(self, path):
        self.network = resnet18(num_classes=CLASSES)
        self.network.load_state_dict(torch.load(path))
        self.network.eval()

    @torch.no_grad()
    def classes(self, image):
        pixels = torch.frombuffer(bytearray(image), dtype=torch.uint8).float() / 255
        pixels = pixels.reshape(1, SIDE, SIDE, 3).permute(0, 3, 1, 2)
        enlarged = torch.nn.functional.interpolate(pixels, size=(224, 224))
        scores, labels = torch.softmax(self.network(enlarged)[0], 0).topk(TOP)
        return [{"class": c, "score": round(s, 6)} for c, s in zip(labels.tolist(), scores.tolist())]
