"""Makes the events of a month, the same from the same seed.

    python3 events.py > events.csv

Of random numbers only random() is taken, which Python promises to keep.
"""

import random
import sys

SEED = 11
CUSTOMERS, EVENTS = 500, 20_000
KINDS = ["view", "search", "cart", "order", "return", "review", "call"]


def main():
    rng = random.Random(SEED)

    def below(n):
        return int(rng.random() * n)

    print("time,customer,kind,amount")
    for i in range(EVENTS):
        minute = i * 30 * 24 * 60 // EVENTS  # of November 2026
        day, hour = 1 + minute // (24 * 60), minute // 60 % 24
        kind = KINDS[below(len(KINDS))]
        amount = round(rng.random() ** 3 * 400, 2) if kind in ("order", "return") else 0
        print(f"2026-11-{day:02}T{hour:02}:{minute % 60:02}:00Z,c{below(CUSTOMERS):04},{kind},{amount:.2f}")


if __name__ == "__main__":
    sys.exit(main())
