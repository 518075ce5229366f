"""A small process of its own that counts the time in which another one could run: the clock of `time_limit`.

Run as a program, with the watched process's number and seconds, and imported by nothing. It counts its own ticks, and only those at which
the watched process is not stopped: by Ctrl-Z, a debugger, a scheduler that suspends jobs. When a machine sleeps, or a container is frozen,
neither of the two runs, and the gap between two ticks is cut short. It needs no lock of Python's in the watched process, so that work that
hangs in C, and keeps that lock, is ended as well.

It takes a byte for progress, from which the time counts again, and goes when its input ends, as it does when the watched process dies.
"""

import os
import select
import signal
import sys
import time

KILL, ALARM = (getattr(signal, name, 0) for name in ("SIGKILL", "SIGALRM"))  # Windows has neither, and starts no such process


def is_stopped(process: int) -> bool:
    """Return whether a process is stopped, and so has no time of its own."""
    try:
        with open(f"/proc/{process}/stat", "rb") as stream:
            state = stream.read().rpartition(b")")[2].split()[0]
    except OSError:  # macOS has no /proc
        import subprocess  # takes as long as all else here, and Linux does without

        command = ["ps", "-o", "state=", "-p", str(process)]
        state = subprocess.run(command, capture_output=True, check=False).stdout.strip()
    return state[:1] in (b"T", b"t")


def watch(process: int, seconds: float, grace: float, sentence: str) -> None:
    """Ring when the time is over, once more when nothing has come of it, and at last end the process, with a sentence.

    Parameters
    ----------
    process : int
    seconds : float
        Of work without progress, after which it rings: writes a byte, then sends SIGALRM.
    grace : float
        Seconds from the first ring to the end.
    sentence : str
        Written to standard error at the end.
    """
    tick = min(1.0, max(0.05, seconds / 10))
    spent, rings = 0.0, 0
    while True:
        before = time.monotonic()
        if select.select([0], [], [], tick)[0]:
            if not os.read(0, 4096):
                return
            spent, rings = 0.0, 0
        elif os.getppid() != process:  # it is gone, and its number may be another's
            return
        elif not is_stopped(process):
            spent += min(time.monotonic() - before, 2 * tick)
        if spent > seconds + rings * grace / 2:
            if rings == 2:
                os.write(2, sentence.encode())
                os.kill(process, KILL)
                return
            rings += 1
            try:
                os.write(1, b"!")
            except OSError:  # nobody listens any more
                return
            os.kill(process, ALARM)


if __name__ == "__main__":
    watch(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), sys.argv[4])
