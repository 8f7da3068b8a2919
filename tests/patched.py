"""Imported first by a nursery whose program patches the standard library for gevent, as that does."""

import os

import gevent
from gevent import monkey

gevent.config.track_greenlet_tree = False  # as in gateway/gunicorn.conf.py
monkey.patch_all()

# prometheus_client looks for it when it is imported, and for what it names when a figure is made.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = "/nonexistent"
