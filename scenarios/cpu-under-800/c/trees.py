"""Writes the model's trees as arrays of C: python3 trees.py < model.json > trees.h"""

import json
import sys


def array(kind, name, values):
    print(f"static const {kind} {name}[] = {{{','.join(values)}}};")


def main():
    model = json.load(sys.stdin)
    roots, feature, threshold, left, right, share = [], [], [], [], [], []
    for tree in model["trees"]:
        offset = len(feature)
        roots.append(str(offset))
        feature += map(str, tree["feature"])
        threshold += map(float.hex, tree["threshold"])
        left += (str(offset + child) for child in tree["left"])
        right += (str(offset + child) for child in tree["right"])
        share += map(float.hex, tree["share"])
    print(f"enum {{ FEATURES = {len(model['features'])}, TREES = {len(roots)} }};")
    array("char *const", "names", (json.dumps(name) for name in model["features"]))
    array("int", "roots", roots)
    array("signed char", "feature", feature)
    array("double", "threshold", threshold)
    array("int", "left", left)
    array("int", "right", right)
    array("double", "share", share)


if __name__ == "__main__":
    main()
