"""`python -m bot serve|work|watch`: the same as `leadline run`."""

import sys

from gitops.verbs import main

sys.argv[1:1] = ["run"]
main()
