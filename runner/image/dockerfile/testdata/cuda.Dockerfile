# want: secrets root no-healthcheck cuda-devel cuda-twice cuda-mismatch build-tools recommended-packages package-lists install-caches rewritten-files cache-order unpinned unpinned-bytes
ARG CUDA_VERSION=12.1.1
FROM nvidia/cuda:${CUDA_VERSION}-cudnn8-devel-ubuntu22.04
ENV DEBIAN_FRONTEND=noninteractive \
    HUGGING_FACE_HUB_TOKEN=hf_0123456789
RUN apt-get update && apt-get install -y \
    # for the wheels that compile
    git python3 python3-pip ffmpeg \
    build-essential
WORKDIR /workspace
COPY . /workspace
RUN pip3 install torch torchvision --index-url https://download.pytorch.org/whl/cu118
RUN pip3 install -r requirements.txt
RUN useradd -m app; chown -R app /workspace
CMD ["python3", "serve.py"]
