# want:
FROM python:3.12-slim@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY src .
USER nobody
HEALTHCHECK CMD ["python", "healthy.py"]
CMD ["python", "app.py"]
