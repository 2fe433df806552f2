# instag with its models, for machines without a GPU. It needs no network and no writable root when it runs:
#   docker build -t instag .
#   docker run --rm --network none --read-only --tmpfs /tmp --user "$(id -u):$(id -g)" \
#     -v /archive:/archive:ro -v "$PWD":/out instag tag /archive -o /out/table.csv
FROM python:3.13-slim AS build
COPY . /source
RUN python -m venv /instag \
    && /instag/bin/pip install --no-cache-dir /source \
    && /instag/bin/pip uninstall -y onnxruntime-gpu \
    && /instag/bin/pip install --no-cache-dir onnxruntime

FROM python:3.13-slim
COPY --from=build /instag /instag
ENV PATH=/instag/bin:$PATH PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 instag && /instag/bin/instag doctor
USER 10001
WORKDIR /tmp
ENTRYPOINT ["instag"]
