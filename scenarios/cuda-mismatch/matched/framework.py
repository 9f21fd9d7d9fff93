"""Writes what tells of PyTorch's CUDA, as the wheel of that CUDA has it.

    framework.py CUDA FOLDER

That is version.py, the wheel's metadata, and that of the wheel of CUDA's runtime
library that it depends on. The code of neither is there.
"""

import pathlib
import sys

RUNTIMES = {"11.8": "11.8.89", "12.6": "12.6.77"}  # of the wheels nvidia-cuda-runtime-cu11 and -cu12

cuda, folder = sys.argv[1], pathlib.Path(sys.argv[2])
version = "2.6.0+cu" + cuda.replace(".", "")
runtime = f"nvidia_cuda_runtime_cu{cuda.split('.')[0]}"


def write(path, text):
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def metadata(name, version):
    info = f"{name}-{version}.dist-info"
    write(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n")
    write(f"{info}/RECORD", f"{info}/METADATA,,\n{info}/RECORD,,\n" + (f"{name}/__init__.py,,\n{name}/version.py,,\n" if name == "torch" else ""))


metadata("torch", version)
metadata(runtime, RUNTIMES[cuda])
write("torch/__init__.py", "from torch import version\n\n__version__ = version.__version__\n")
write("torch/version.py", f"""from typing import Optional

__version__ = '{version}'
debug = False
cuda: Optional[str] = '{cuda}'
hip: Optional[str] = None
""")
