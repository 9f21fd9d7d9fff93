"""Modules that PyTorch imports and this service needs not: they are read when
somebody looks into one, which nobody does. To be imported before torch."""

import sys
from importlib.machinery import PathFinder
from importlib.util import LazyLoader

NAMES = {
    "torch." + name
    for name in (
        "_decomp _meta_registrations _prims _refs _storage_docs _tensor_docs ao cuda._sanitizer distributions"
        " fft hub library masked nn.intrinsic nn.qat nn.quantizable nn.quantized onnx profiler quantization"
        " special utils.backcompat utils.data"
    ).split()
}


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in NAMES:
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


sys.meta_path.insert(0, Finder)
