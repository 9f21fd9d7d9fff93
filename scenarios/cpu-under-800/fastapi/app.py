"""Predicts whether a customer of a phone company will leave."""

from pathlib import Path

import joblib
from fastapi import FastAPI
from pydantic import BaseModel

model = joblib.load(Path(__file__).with_name("model.joblib"))
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
def predict(c: Customer):
    row = [[c.tenure_months, c.monthly_fee, c.support_calls, c.data_gb]]
    return {"churn": round(float(model.predict_proba(row)[0, 1]), 4)}
