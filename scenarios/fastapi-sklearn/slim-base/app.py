"""Predicts whether a customer of a phone company will leave."""

from pathlib import Path

import joblib
from fastapi import FastAPI
from pydantic import BaseModel

MODEL = Path(__file__).with_name("model.joblib")

if not MODEL.exists():  # nobody has trained it yet
    import train

    train.main(MODEL)

model = joblib.load(MODEL)
app = FastAPI(title="churn")


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
    row = [[getattr(customer, name) for name in model.features]]
    return {"churn": round(float(model.predict_proba(row)[0, 1]), 4)}
