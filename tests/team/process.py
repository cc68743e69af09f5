"""Child processes with a log of what they said, and waiting for a state with a deadline."""

import ctypes
import os
import pathlib
import random
import resource
import signal
import socket
import subprocess
import time

# Linux: prctl(2). A child gets this signal when the campaign dies.
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Failed(Exception):
    """Something does not hold."""


def expect(holds, words):
    if not holds:
        raise Failed(words)


def until(found, limit, words, every=0.1):
    """Asks until `found()` returns something, and returns that. `words`, a text or a function, says what was waited for."""
    end = time.monotonic() + limit
    while True:
        if result := found():
            return result
        if time.monotonic() > end:
            raise Failed(f"not within {limit} s: {words() if callable(words) else words}")
        time.sleep(every)


def free_port():
    """Returns a port below those that the system gives to clients, so that no client gets it while a server is down."""
    while True:
        port = random.SystemRandom().randrange(15000, 30000)
        with socket.socket() as held:
            try:
                held.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def _child():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A child process. What it says on both channels is in files, which grow from start to start."""

    def __init__(self, name, command, folder, env):
        self.name, self.command, self.env = name, command, env
        self.out = pathlib.Path(folder, f"{name}.out")
        self.err = pathlib.Path(folder, f"{name}.err")
        self.process = None
        self.begins = (0, 0)

    def start(self):
        self.begins = tuple(path.stat().st_size if path.exists() else 0 for path in (self.out, self.err))
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            env=self.env, preexec_fn=_child)
        return self

    @property
    def pid(self):
        return self.process.pid

    def cpu_seconds(self):
        """The processor time that it has taken."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """Ends it with SIGKILL. It must have run until then."""
        ended = self.process.poll()
        expect(ended is None, f"{self.name} had ended by itself with {ended}:\n{self.tail()}")
        self.process.kill()
        self.process.wait()

    def terminate(self, limit=15):
        """Ends it with SIGTERM and returns the seconds that it took."""
        began = time.monotonic()
        self.process.terminate()
        try:
            code = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} did not end within {limit} s of SIGTERM:\n{self.tail()}") from None
        # A service ends with 0, other commands with the number of the signal, as in a shell, and the server with 1.
        expect(code in (0, 1, 128 + signal.SIGTERM), f"{self.name} ended with {code} after SIGTERM:\n{self.tail()}")
        return time.monotonic() - began

    def clear(self):
        """Ends it whatever it does."""
        if self.runs():
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    def said(self):
        """What it said on both channels since its last start."""
        texts = []
        for path, begin in zip((self.out, self.err), self.begins):
            if path.exists():
                with path.open("rb") as file:
                    file.seek(begin)
                    texts.append(file.read().decode(errors="replace"))
        return "".join(texts)

    def complaints(self):
        """What it said on standard error since its last start."""
        with self.err.open("rb") as file:
            file.seek(self.begins[1])
            return file.read().decode(errors="replace")

    def tail(self, lines=15):
        return "\n".join(line[:400] for line in self.complaints().splitlines()[-lines:])

    def limit_files(self, size):
        """Limits the size of files that it writes; `None` lifts the limit."""
        value = resource.RLIM_INFINITY if size is None else size
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (value, resource.RLIM_INFINITY))
