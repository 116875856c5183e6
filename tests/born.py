"""A process for tests of how processes come to be: says on stdout what it is, then does as its stdin says."""

import json
import os
import signal
import sys
import threading
from pathlib import Path


def main() -> None:
    """Say what this process is; end with the status of each line of stdin, or once there are no more."""
    shown = Path("/proc/self/cmdline").read_bytes().rstrip(b"\0 ").split(b"\0")
    environ = Path("/proc/self/environ").read_bytes().split(b"\0")
    [mark] = [one for one in environ if one.startswith(b"AUTOLOOP_RUN=")]
    look = {
        "argv": sys.argv[1:],
        "shown": [os.fsdecode(one) for one in shown],
        "env": {name: value for name, value in os.environ.items() if name != "PASSED"},
        "mark": mark.decode().strip(),
        "cwd": str(Path.cwd()),
        "path": sys.path,
        "main": Path(sys.modules["__main__"].__file__ or "").name,
        "session": os.getsid(0) == os.getpid(),
        "threads": [thread.name for thread in threading.enumerate()],
        "handlers": [str(signal.getsignal(one)) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)],
        "passed": Path(f"/proc/self/fd/{os.environ['PASSED']}").exists() if "PASSED" in os.environ else None,
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
    }
    print(json.dumps(look), flush=True)
    print("to stderr", file=sys.stderr, flush=True)
    for line in sys.stdin.buffer:
        os._exit(int(line))


if __name__ == "__main__":
    main()
