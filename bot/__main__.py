"""`python -m bot web|worker|watch`: the same as `leadline run`."""

import sys

from bot.process import run

run(tuple(sys.argv[1:]))
