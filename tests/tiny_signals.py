"""Ctrl-C at a chosen moment, in this process."""

import os
import signal
import threading
import time
from collections.abc import Callable


def ctrl_c_after(ready: Callable[[], bool]) -> None:
    """Interrupts this process once something is there."""

    def send() -> None:
        while not ready():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=send, daemon=True).start()
