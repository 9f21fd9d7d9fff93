"""The images that the service is asked about: 32×32 pixels, RGB.

It knows no framework, so that what makes the model and what serves it share it.
"""

import base64

SIDE = 32  # they are enlarged to what the network takes
BYTES = 3 * SIDE * SIDE


def noise(seed):
    """An image made up from a seed, by a generator that is as short in any language."""
    pixels = bytearray()
    for _ in range(BYTES):
        seed = (1664525 * seed + 1013904223) % 2**32
        pixels.append(seed >> 24)
    return bytes(pixels)


def pixels(seed, image):
    """The pixels that are asked about; ValueError or TypeError where there are none."""
    if (seed is None) == (image is None):
        raise ValueError("seed or image: one of them")
    if image is None:
        if type(seed) is not int or not 0 <= seed < 2**32:
            raise ValueError("seed: a whole number of 32 bits")
        return noise(seed)
    raw = base64.b64decode(image, validate=True)
    if len(raw) != BYTES:
        raise ValueError(f"image: {len(raw)} bytes, where {SIDE}×{SIDE} pixels of RGB are {BYTES}")
    return raw
