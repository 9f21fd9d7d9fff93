"""Trains the churn model on customers made up from a seed.

    python3 train.py

writes the model as scikit-learn has it (model.joblib), as plain lists of its
trees (model.json), and what it says of a hundred customers (expected.json).
"""

import json

import joblib
import numpy as np
from sklearn.ensemble import RandomForestClassifier

SEED = 7
FEATURES = ["tenure_months", "monthly_fee", "support_calls", "data_gb"]


def customers(rng, n):
    return np.column_stack(
        [
            rng.integers(1, 72, n),
            rng.normal(35, 12, n).clip(5),
            rng.poisson(1.5, n),
            rng.gamma(2, 6, n),
        ]
    ).round(3)


def main():
    rng = np.random.default_rng(SEED)
    rows = customers(rng, 2000)
    tendency = 0.06 * (rows[:, 1] - 35) + 0.7 * (rows[:, 2] - 1.5) - 0.05 * (rows[:, 0] - 36)
    leaves = rng.random(len(rows)) < 1 / (1 + np.exp(-tendency))
    model = RandomForestClassifier(n_estimators=100, max_depth=6, random_state=SEED)
    model.fit(rows, leaves)
    joblib.dump(model, "model.joblib")

    # A node's feature is -2 where it is a leaf (scikit-learn's TREE_UNDEFINED);
    # its share of those who leave is the answer there.
    trees = []
    for estimator in model.estimators_:
        tree = estimator.tree_
        stay, leave = tree.value[:, 0, 0], tree.value[:, 0, 1]
        trees.append(
            {
                "feature": tree.feature.tolist(),
                "threshold": tree.threshold.tolist(),
                "left": tree.children_left.tolist(),
                "right": tree.children_right.tolist(),
                "share": (leave / (stay + leave)).tolist(),
            }
        )
    with open("model.json", "w") as out:
        json.dump({"features": FEATURES, "trees": trees}, out)

    asked = customers(rng, 100)
    churn = model.predict_proba(asked)[:, 1].tolist()
    with open("expected.json", "w") as out:
        json.dump([[dict(zip(FEATURES, row)), p] for row, p in zip(asked.tolist(), churn)], out)
    print(f"trained on {len(rows)} customers, {sum(len(t['feature']) for t in trees)} nodes")


if __name__ == "__main__":
    main()
