"""Says which classes a ResNet sees in an image."""

from pathlib import Path
from typing import Optional

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from images import noise, pixels
from model import Classifier


class Query(BaseModel):
    """An image of 32×32 pixels: RGB bytes in base64, or noise of a seed."""

    seed: Optional[int] = None
    image: Optional[str] = None


classifier = Classifier(Path(__file__).with_name("weights.pt"))
classifier.classes(noise(0))  # it has answered once before it listens

app = FastAPI(title="resnet")


@app.get("/health")
def health():
    return {"status": "ok"}


@app.post("/predict")
def predict(query: Query):
    try:
        image = pixels(query.seed, query.image)
    except ValueError as error:
        raise HTTPException(422, f"not an image: {error}") from None
    return {"classes": classifier.classes(image)}
