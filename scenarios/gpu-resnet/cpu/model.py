"""A ResNet-18 with weights made up from a seed, so that nothing is downloaded.

    python3 model.py weights.pt
"""

import sys

import torch
from torchvision.models import resnet18

SEED = 7
CLASSES = 1000


def build():
    return resnet18(num_classes=CLASSES)


def load(path, device):
    model = build()
    model.load_state_dict(torch.load(path, map_location="cpu"))
    return model.eval().to(device)


def main(path):
    torch.manual_seed(SEED)
    torch.save(build().state_dict(), path)


if __name__ == "__main__":
    main(sys.argv[1])
