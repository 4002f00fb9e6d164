# One image for every process of Daftar: `daftar api`, `daftar worker`, `daftar migrate`.
FROM python:3.13-slim AS build
WORKDIR /daftar
COPY requirements.lock ./
RUN python -m venv /opt/daftar && /opt/daftar/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml ./
COPY domain ./domain
COPY projections ./projections
COPY infra ./infra
COPY api ./api
RUN /opt/daftar/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --shell /bin/false daftar \
  && install -d -o daftar -g daftar -m 0700 /var/lib/daftar
COPY --from=build /opt/daftar /opt/daftar
ENV PATH=/opt/daftar/bin:$PATH PYTHONUNBUFFERED=1 DAFTAR_DATA_DIR=/var/lib/daftar DAFTAR_HOST=0.0.0.0
USER daftar
VOLUME /var/lib/daftar
EXPOSE 8000
CMD ["daftar", "api"]
