"""The classes that a ResNet-18 sees in an image: without torchvision, of which a
server needs nothing else."""

import torch
from torch import nn

from images import SIDE

CLASSES = 1000
TOP = 5


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(x)) + shortcut)


class ResNet18(nn.Module):
    """Its layers have the names that torchvision gives them, for its weights."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(Block(64, 64, 1), Block(64, 64, 1))
        self.layer2 = nn.Sequential(Block(64, 128, 2), Block(128, 128, 1))
        self.layer3 = nn.Sequential(Block(128, 256, 2), Block(256, 256, 1))
        self.layer4 = nn.Sequential(Block(256, 512, 2), Block(512, 512, 1))
        self.fc = nn.Linear(512, CLASSES)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = nn.functional.max_pool2d(x, 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class Classifier:
    def __init__(self, path):
        self.network = ResNet18()
        self.network.load_state_dict(torch.load(path))
        self.network.eval()

    @torch.no_grad()
    def classes(self, image):
        pixels = torch.frombuffer(bytearray(image), dtype=torch.uint8).float() / 255
        pixels = pixels.reshape(1, SIDE, SIDE, 3).permute(0, 3, 1, 2)
        enlarged = torch.nn.functional.interpolate(pixels, size=(224, 224))
        scores, labels = torch.softmax(self.network(enlarged)[0], 0).topk(TOP)
        return [{"class": c, "score": round(s, 6)} for c, s in zip(labels.tolist(), scores.tolist())]
