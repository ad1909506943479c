# One image for all roles; the verb names one: docker run … leadline:0.1.0 serve. Nothing of the
# build stays in it, and the base's own pip goes too. It runs as nobody in particular and with a
# read-only root (docker run --read-only --tmpfs /tmp); /tmp holds the working copy of the GitOps
# repository.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY .ci/requirements.txt .ci/requirements.txt
RUN python -m venv --without-pip /opt/leadline
RUN pip --python /opt/leadline/bin/python install --no-cache-dir --require-hashes -r .ci/requirements.txt
# A quarter of all bytes: the asynchronous twin of the Kubernetes client, and the compiled models of
# kinds; Leadline imports neither, since it decodes objects itself.
RUN cd /opt/leadline/lib/python3.11/site-packages/kubernetes \
 && rm -r aio client/models/__pycache__ client/api/__pycache__
COPY . .
RUN pip --python /opt/leadline/bin/python install --no-cache-dir --no-deps .

FROM python:3.11-slim-bookworm
RUN pip uninstall --yes --root-user-action ignore pip setuptools wheel \
 && rm -rf /usr/local/lib/python3.11/ensurepip
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin leadline
COPY --from=build /opt/leadline /opt/leadline
ENV PATH=/opt/leadline/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LEADLINE_HEALTH_PORT=8080 \
    LEADLINE_LOG_FORMAT=json
USER 10001:10001
WORKDIR /tmp
EXPOSE 3000 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['LEADLINE_HEALTH_PORT']}/healthz\", timeout=2)"]
ENTRYPOINT ["leadline"]
CMD ["run"]
