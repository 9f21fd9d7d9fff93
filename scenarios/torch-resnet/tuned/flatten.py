"""Writes the weights as a server wants them.

    python3 flatten.py

writes weights.bin: for each layer, in the order in which they are passed, its
weights and its bias, as floats and nothing else. What batch normalisation does to
a convolution is in these already.
"""

import torch

EPSILON = 1e-5  # of torch.nn.BatchNorm2d


def main():
    values = iter(torch.load("weights.pt").values())
    with open("weights.bin", "wb") as out:
        for weight in values:
            if weight.dim() == 4:
                gain, bias, mean, variance, _ = (next(values) for _ in range(5))
                gain = gain / (variance + EPSILON).sqrt()
                weight = weight * gain[:, None, None, None]
                bias = bias - mean * gain
            else:
                bias = next(values)
            out.write(weight.numpy().tobytes())
            out.write(bias.numpy().tobytes())


if __name__ == "__main__":
    main()
