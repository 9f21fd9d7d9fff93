import base64

import pytest
from fastapi import HTTPException

from app import BYTES, Query, health, predict


def test_health():
    assert health()["status"] == "ok"


def test_same_image_same_classes():
    assert predict(Query(seed=1)) == predict(Query(seed=1))
    assert predict(Query(seed=1)) != predict(Query(seed=2))


def test_image():
    grey = base64.b64encode(bytes([128]) * BYTES).decode()
    assert len(predict(Query(image=grey))["classes"]) == 5


def test_neither_or_both():
    for query in (Query(), Query(seed=1, image="")):
        with pytest.raises(HTTPException):
            predict(query)
