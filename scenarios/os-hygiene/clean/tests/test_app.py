from app import WEIGHTS, score


def test_score_is_linear():
    row = [1.0] * len(WEIGHTS)
    assert abs(score(row) - WEIGHTS.sum()) < 1e-9
