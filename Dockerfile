FROM python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS base

FROM base AS build
WORKDIR /app
RUN python -m venv /opt/venv
# requirements-otel.txt: with traces.
ARG REQUIREMENTS=requirements.txt
COPY ${REQUIREMENTS} ./
RUN /opt/venv/bin/python -m pip install --no-cache-dir --require-hashes --only-binary :all: -r "${REQUIREMENTS}" \
    && /opt/venv/bin/python -m pip uninstall --yes pip \
    && rm "${REQUIREMENTS}"
COPY gateway ./gateway
COPY kimi ./kimi
COPY refresher ./refresher
COPY simulator ./simulator
RUN /opt/venv/bin/python -m compileall -q gateway kimi refresher simulator

FROM base
# Files on their way to Kimi; in memory, where /tmp usually is, each could take 100 MB.
RUN install -d -m 0700 -o 10001 -g 10001 /spool
# Nothing below needs more than to read its own files; the number stands in for a user that exists nowhere else.
USER 10001:10001
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
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
