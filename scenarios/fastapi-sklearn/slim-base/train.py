"""Trains the churn model on customers made up from a seed.

    python3 train.py model.joblib
"""

import sys

import joblib
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

SEED = 7
FEATURES = ["tenure_months", "monthly_fee", "support_calls", "data_gb"]


def customers(n=2000):
    rng = np.random.default_rng(SEED)
    frame = pd.DataFrame(
        {
            "tenure_months": rng.integers(1, 72, n),
            "monthly_fee": rng.normal(35, 12, n).clip(5),
            "support_calls": rng.poisson(1.5, n),
            "data_gb": rng.gamma(2, 6, n),
        }
    )
    tendency = (
        0.06 * (frame["monthly_fee"] - 35)
        + 0.7 * (frame["support_calls"] - 1.5)
        - 0.05 * (frame["tenure_months"] - 36)
    )
    frame["churn"] = rng.random(n) < 1 / (1 + np.exp(-tendency))
    return frame


def main(path):
    frame = customers()
    train, test = train_test_split(frame, test_size=0.2, random_state=SEED)
    model = RandomForestClassifier(n_estimators=100, max_depth=6, random_state=SEED)
    model.fit(train[FEATURES].to_numpy(), train["churn"].to_numpy())
    accuracy = model.score(test[FEATURES].to_numpy(), test["churn"].to_numpy())
    model.features = FEATURES
    joblib.dump(model, path)
    print(f"trained on {len(train)} customers, accuracy {accuracy:.3f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
