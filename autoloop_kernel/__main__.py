"""The detached driver's process: `python -m autoloop_kernel ARENA --agent A [--iterations N] [--hours H] …`."""

import sys

from autoloop_kernel.quickly import leave_out_grammar

if __name__ == "__main__":
    leave_out_grammar()

    from autoloop_kernel.driver import main

    sys.exit(main())
