from app import Customer, health, predict


def test_health():
    assert health() == {"status": "ok"}


def test_unhappy_customers_leave():
    content = Customer(tenure_months=60, monthly_fee=15, support_calls=0, data_gb=5)
    unhappy = Customer(tenure_months=2, monthly_fee=60, support_calls=6, data_gb=5)
    assert predict(content)["churn"] < 0.3
    assert predict(unhappy)["churn"] > 0.7
