"""Predicts whether a customer of a phone company will leave."""

from functools import cache
from pathlib import Path

from fastapi import FastAPI
from pydantic import BaseModel

MODEL = Path(__file__).with_name("model.joblib")

app = FastAPI(title="churn")


@cache
def model():
    """The model, loaded for the first prediction, and scikit-learn with it."""
    import joblib

    if not MODEL.exists():  # nobody has trained it yet
        import train

        train.main(MODEL)
    return joblib.load(MODEL)


class Customer(BaseModel):
    tenure_months: float
    monthly_fee: float
    support_calls: float
    data_gb: float


@app.get("/health")
def health():
    return {"status": "ok"}


@app.post("/predict")
def predict(customer: Customer):
    row = [[getattr(customer, name) for name in model().features]]
    return {"churn": round(float(model().predict_proba(row)[0, 1]), 4)}
