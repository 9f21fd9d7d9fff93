"""Computes each customer's features of a month's events, as a nightly job.

    python3 features.py [--as-of 2026-12-01T00:00:00Z]

reads events.csv beside it, writes features.csv into the folder of temporary
files, and prints a checksum of each column and of the whole file. The same
events give the same bytes: rows and sets are sorted, sums are exact whatever
their order, and no clock is read.
"""

import argparse
import hashlib
import math
import os
import tempfile

import pandas as pd

HERE = os.path.dirname(os.path.abspath(__file__))
AS_OF = "2026-12-01T00:00:00Z"  # the night after the month


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--as-of", default=AS_OF, type=pd.Timestamp, metavar="TIME", help="idle_hours are counted up to here")
    as_of = parser.parse_args().as_of

    events = pd.read_csv(os.path.join(HERE, "events.csv"), parse_dates=["time"])
    events["signed"] = events["amount"].where(events["kind"] != "return", -events["amount"])
    of = events.groupby("customer", sort=True)
    features = pd.DataFrame(
        {
            "events": of.size(),
            "total": of["signed"].agg(math.fsum).map("{:.2f}".format),
            "kinds": of["kind"].agg(lambda kinds: "+".join(sorted(set(kinds)))),
            "idle_hours": ((as_of - of["time"].max()).dt.total_seconds() / 3600).map("{:.2f}".format),
        }
    ).reset_index()

    out = os.path.join(tempfile.gettempdir(), "features.csv")
    features.to_csv(out, index=False, lineterminator="\n")
    for column in features:
        print(column, hashlib.sha256("\n".join(map(str, features[column])).encode()).hexdigest())
    with open(out, "rb") as file:
        print("features.csv", hashlib.sha256(file.read()).hexdigest())


if __name__ == "__main__":
    main()
