# One image for all processes; the Procfile names them. No tool of the build stays in it.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY .ci/requirements.txt .ci/requirements.txt
RUN python -m venv /opt/leadline \
 && /opt/leadline/bin/pip install --no-cache-dir --require-hashes -r .ci/requirements.txt
COPY . .
RUN /opt/leadline/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --no-create-home leadline
COPY --from=build /opt/leadline /opt/leadline
ENV PATH=/opt/leadline/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
EXPOSE 3000
ENTRYPOINT ["leadline", "run"]
