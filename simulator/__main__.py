"""`python -m simulator`."""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402  # everything that follows has to find the patched standard library

from simulator.cli import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
