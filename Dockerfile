FROM python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS base
# What is not compiled below is not to be compiled by whoever starts it: it would end with a time in the image.
ENV PYTHONDONTWRITEBYTECODE=1

FROM base AS build
WORKDIR /app
# requirements-otel.txt: with traces.
ARG REQUIREMENTS=requirements.txt
COPY ${REQUIREMENTS} ./
# pip stays outside.
RUN python -m venv --without-pip /opt/venv \
    && python -m pip --python /opt/venv/bin/python install --no-cache-dir --no-compile \
        --require-hashes --only-binary :all: -r "${REQUIREMENTS}" \
    && rm "${REQUIREMENTS}"
COPY gateway ./gateway
COPY kimi ./kimi
COPY refresher ./refresher
COPY simulator ./simulator
# The same bytes from every build: no times in what is compiled, and no modes of whoever checked the sources out.
RUN python -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib gateway kimi refresher simulator \
    && chmod -R u=rwX,go=rX /opt/venv /app

# docker build --target sbom --output . .    writes sbom.cdx.json: what of Python's is in the image, for CycloneDX.
FROM build AS inventory
WORKDIR /audit
COPY requirements-audit.txt ./
RUN python -m venv --without-pip /opt/audit \
    && python -m pip --python /opt/audit/bin/python install --no-cache-dir \
        --require-hashes --only-binary :all: -r requirements-audit.txt \
    && /opt/audit/bin/cyclonedx-py environment --output-reproducible --output-format JSON \
        --output-file sbom.cdx.json /opt/venv/bin/python

FROM scratch AS sbom
COPY --from=inventory /audit/sbom.cdx.json /

FROM base
LABEL org.opencontainers.image.title="kimi-gateway" \
      org.opencontainers.image.description="An OpenAI-compatible gateway over a pool of Kimi accounts" \
      org.opencontainers.image.licenses="MIT"
# Nothing is installed from here on. /spool is for files on their way to Kimi; in memory, where /tmp usually is, each
# could take 100 MB.
RUN python -m pip uninstall --yes pip \
    && install -d -m 0700 -o 10001 -g 10001 /spool
# Nothing below needs more than to read its own files; the number stands in for a user that exists nowhere else.
USER 10001:10001
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    TMPDIR=/spool \
    GATEWAY_HOST=0.0.0.0 \
    GATEWAY_PORT=6867
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
EXPOSE 6867
# The refresher's is set where it is started: docker-compose.yml.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['GATEWAY_PORT']), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
CMD ["gunicorn", "-c", "gateway/gunicorn.conf.py", "gateway.wsgi:app"]
