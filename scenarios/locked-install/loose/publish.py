"""Stands in for a package index: a folder of wheels, as pip's --find-links takes it.

Two packages are released there for good. Of one of them a further release
appears whenever this runs, as on a real index between today's build and
tomorrow's: its version ends in the time. A release that does not change has the
same bytes each time, so that its hash can be written down.
"""

import base64
import hashlib
import sys
import time
import zipfile

FEATURES = '''"""What the model sees of a row."""

__version__ = "{version}"

MEAN = 0.5


def features(row):
    return [float(x) - MEAN for x in row]
'''

MODEL = '''"""A model of four weights."""

from mlbench_demo_features import features

WEIGHTS = [0.25, -1.5, 3.0, 0.125]


def predict(row):
    return sum(w * x for w, x in zip(WEIGHTS, features(row), strict=True))
'''


def publish(folder, name, version, code, requires=()):
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"
    files = {
        f"{name}/__init__.py": code.format(version=version),
        f"{info}/METADATA": metadata + "".join(f"Requires-Dist: {r}\n" for r in requires),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: mlbench\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        record += f"{path},sha256={digest.decode()},{len(text.encode())}\n"
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(f"{folder}/{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            # No time, no owner, and not compressed, which would depend on zlib.
            wheel.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), text)


folder = sys.argv[1]
publish(folder, "mlbench_demo_features", "1.4.0", FEATURES)
publish(folder, "mlbench_demo_features", f"1.4.{int(time.time())}", FEATURES)
publish(folder, "mlbench_demo_model", "2.0.0", MODEL, ["mlbench-demo-features>=1.4"])
