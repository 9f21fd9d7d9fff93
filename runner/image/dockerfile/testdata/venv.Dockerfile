# want: unpinned-bytes
ARG PYTHON=3.11
FROM python:${PYTHON}-slim AS base
ENV PIP_NO_CACHE_DIR=1

FROM base AS builder
RUN apt-get update && apt-get install -y --no-install-recommends gcc libpq-dev
RUN python -m venv /opt/venv
COPY requirements.txt .
RUN /opt/venv/bin/pip install -r requirements.txt

FROM base AS test
RUN pip install pytest

FROM base
RUN set -eux; \
    apt-get update; \
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends libpq5=15.8-0+deb12u1; \
    rm -rf /var/lib/apt/lists/*
COPY --from=builder /opt/venv /opt/venv
COPY --chown=10001 src/ /app/
USER 10001:10001
HEALTHCHECK --interval=5s CMD ["/opt/venv/bin/python", "/app/healthy.py"]
CMD ["/opt/venv/bin/uvicorn", "app:app"]
