"""Makes a ResNet-18 from a seed, so that nothing is downloaded.

    python3 make.py

writes its weights (weights.pt), and what torchvision says of some images with
them (expected.json), which every server is held to.
"""

import base64
import json

import torch
from torchvision.models import resnet18

from images import SIDE, noise

SEED = 7
CLASSES = 1000
TOP = 5


def enlarged(pixels):
    return torch.nn.functional.interpolate(pixels, size=(224, 224))


def made(seed):
    network = resnet18(num_classes=CLASSES)
    torch.manual_seed(seed)
    for name, values in network.named_parameters():
        if values.dim() == 4:
            torch.nn.init.kaiming_normal_(values, mode="fan_out", nonlinearity="relu")
        elif name == "fc.weight":
            values.normal_(0, 0.5)  # so that some classes are likelier than others
        elif name.endswith("weight"):
            values.uniform_(0.5, 1.5)
        else:
            values.normal_(0, 0.1)
    # Normalised by the statistics of some images, as training leaves it: a server
    # that forgets to do so, or a bias, says another thing.
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None  # the mean of all that it sees
    network.train()(enlarged(torch.rand(16, 3, SIDE, SIDE)))
    return network.eval()


def top(network, image):
    pixels = torch.tensor(list(image), dtype=torch.float32).reshape(1, SIDE, SIDE, 3).permute(0, 3, 1, 2) / 255
    scores, classes = torch.softmax(network(enlarged(pixels))[0], 0).topk(TOP)
    return list(zip(classes.tolist(), scores.tolist()))


@torch.no_grad()
def main():
    torch.set_num_threads(1)  # sums do not depend on how many processors there are
    network = made(SEED)
    torch.save(network.state_dict(), "weights.pt")
    expected = []
    for seed in range(10):
        image = noise(seed)
        query = {"seed": seed} if seed % 2 else {"image": base64.b64encode(image).decode()}
        expected.append([query, top(network, image)])
    with open("expected.json", "w") as out:
        json.dump(expected, out)
    print([answer for _, answer in expected])


if __name__ == "__main__":
    main()
