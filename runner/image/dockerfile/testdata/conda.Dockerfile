# want: install-caches unpinned-bytes
FROM continuumio/miniconda3:24.1.2-0
COPY environment.yml /tmp/environment.yml
RUN conda env create -f /tmp/environment.yml
SHELL ["conda", "run", "-n", "ml", "/bin/bash", "-c"]
COPY app.py /app/
USER 1000
HEALTHCHECK CMD curl -f http://localhost:8000/health || exit 1
ENTRYPOINT ["conda", "run", "--no-capture-output", "-n", "ml", "python", "/app/app.py"]
