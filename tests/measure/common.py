"""Shared by the measuring scripts: a simulated org, the program on a pseudo-terminal, and the screen that it draws.

It needs only Python's standard library and loopback. Each script takes the binary's path as its first argument.
"""

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

TOKEN = "demo-token"


def binary():
    """The path of the program: the first argument, or the release build."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(root, os.environ.get("CARGO_TARGET_DIR", "target"), "release/consentwatch")
    if not os.access(path, os.X_OK):
        sys.exit(f"{path} is not there: cargo build --release")
    return path


class Sim:
    """A simulated org on a port of its own; `url`, `folder` (of its journal) and `total` (consents held)."""

    def __init__(self, program, backlog=0, rate=0, seed=1):
        self.process = subprocess.Popen(
            [program, "sim", "--backlog", str(backlog), "--rate", str(rate), "--seed", str(seed)],
            stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]
        self.folder = self.url.removeprefix("http://").replace(":", "_")
        for line in self.process.stdout:
            word, count = line.split()
            if word == "total":
                self.total = int(count)
                break

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def environment(sim):
    """The environment of a program that watches the org."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OKTA_", "CONSENTWATCH_"))}
    return kept | {"OKTA_CLIENT_ORGURL": sim.url, "OKTA_CLIENT_TOKEN": TOKEN, "TERM": "xterm-256color",
                   "LANG": "C.UTF-8", "HOME": tempfile.gettempdir()}


def config(folder, **poll):
    """Writes a configuration file with keys of [poll] and returns its path."""
    path = os.path.join(folder, "config.toml")
    with open(path, "w") as file:
        file.write("[poll]\n")
        for key, value in poll.items():
            file.write(f"{key} = " + (f'"{value}"' if isinstance(value, str) else str(value)) + "\n")
    return path


class Terminal:
    """The program on a pseudo-terminal. `screen` is a list of lines; `bytes` counts all that came."""

    def __init__(self, args, env, columns=120, rows=40):
        self.columns, self.rows = columns, rows
        self.cells = [[" "] * columns for _ in range(rows)]
        self.x = self.y = 0
        self.region = (0, rows)
        self.bytes = 0
        self.text = codecs.getincrementaldecoder("utf-8")("replace")
        self.rest = ""
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.began = time.monotonic()
        self.process = subprocess.Popen(args, stdin=slave, stdout=slave, stderr=subprocess.DEVNULL, env=env,
                                        preexec_fn=own_terminal)
        os.close(slave)
        os.set_blocking(self.master, False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # The terminal must be read until the program has ended, or it could block on a full buffer.
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            end = time.monotonic() + 5
            while self.process.poll() is None and time.monotonic() < end:
                self.pump(0.05)
            self.process.kill()
        self.process.wait()
        os.close(self.master)

    def pump(self, wait):
        """Takes in what has come, waiting at most `wait` seconds for it, and returns how many bytes that was."""
        ready, _, _ = select.select([self.master], [], [], wait)
        if not ready:
            return 0
        try:
            data = os.read(self.master, 1 << 16)
        except (BlockingIOError, OSError):
            return 0
        self.bytes += len(data)
        self.draw(self.text.decode(data))
        return len(data)

    def until(self, found, limit=60):
        """Reads output until `found(self)`; returns the seconds since the program began."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if self.pump(0.05) and found(self):
                return time.monotonic() - self.began
            if self.process.poll() is not None:
                raise SystemExit(f"the program ended with {self.process.returncode}:\n" + "\n".join(self.screen))
        raise SystemExit("it did not come within {} s:\n{}".format(limit, "\n".join(self.screen)))

    def listen(self, seconds):
        """Pumps for a time and returns the sizes of what came, one for each frame (a frame is one write)."""
        sizes, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if size := self.pump(left):
                sizes.append(size)
        return sizes

    def press(self, keys):
        os.write(self.master, keys.encode())

    @property
    def screen(self):
        return ["".join(line).rstrip() for line in self.cells]

    @property
    def title(self):
        return "".join(self.cells[0])

    def listed(self):
        """Returns the number of rows in the title, or None if there is none yet."""
        found = re.search(r"([\d\s,.'\u2009\u202f\u00a0_]*\d) rows", self.title)
        return int(re.sub(r"\D", "", found[1])) if found else None

    def news(self):
        """Returns the number of new rows in the title of a held list."""
        found = re.search(r"([\d\s,.'\u2009\u202f\u00a0_]*\d) new", self.title)
        return int(re.sub(r"\D", "", found[1])) if found else 0

    SEQUENCE = re.compile(r"\x1b(?:\[([?<=>]?)([\d;]*)[ -/]*([@-~])|[()][A-Z0-9]|([^\[]))")

    def draw(self, text):
        """Interprets output as a terminal does, for the sequences that the program uses."""
        text, at = self.rest + text, 0
        self.rest = ""
        while at < len(text):
            char = text[at]
            if char == "\x1b":
                found = self.SEQUENCE.match(text, at)
                if not found:
                    self.rest = text[at:]
                    return
                if found[3] and not found[1]:
                    self.act(found[3], [int(number or 0) for number in found[2].split(";")])
                at = found.end()
                continue
            at += 1
            if char == "\r":
                self.x = 0
            elif char == "\n":
                self.y = min(self.y + 1, self.rows - 1)
            elif char >= " ":
                if self.x < self.columns:
                    self.cells[self.y][self.x] = char
                self.x += 1

    def act(self, what, numbers):
        first = max(numbers[0], 1)
        if what == "H":
            second = max(numbers[1], 1) if len(numbers) > 1 else 1
            self.y, self.x = min(first, self.rows) - 1, min(second, self.columns) - 1
        elif what == "C":
            self.x += first
        elif what == "J" and numbers[0] == 2:
            self.cells = [[" "] * self.columns for _ in range(self.rows)]
        elif what == "K" and numbers[0] == 0:
            self.cells[self.y][self.x:] = [" "] * (self.columns - self.x)
        elif what == "r":
            self.region = (first - 1, numbers[1]) if len(numbers) > 1 else (0, self.rows)
            self.x = self.y = 0
        elif what in "ST":
            top, bottom = self.region
            for _ in range(first):
                blank = [" "] * self.columns
                if what == "S":
                    self.cells[top:bottom] = self.cells[top + 1:bottom] + [blank]
                else:
                    self.cells[top:bottom] = [blank] + self.cells[top:bottom - 1]


def cpu_seconds(pid):
    """The CPU time of the threads that a process has now, in seconds, as the scheduler counted it."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def cpu_seconds_ever(pid):
    """The CPU time of a process, in seconds, with that of threads that ended, by hundredths."""
    with open(f"/proc/{pid}/stat") as file:
        user, kernel = file.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(kernel)) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid, name="VmRSS"):
    """A line of /proc/PID/status in MB of a million bytes."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) * 1024 / 1e6 for line in file if line.startswith(name + ":"))


def load():
    """The load of the machine, to be printed beside what depends on it."""
    return "load {:.1f} on {} cores".format(os.getloadavg()[0], os.cpu_count())


def spread(values):
    """Smallest, middle and largest of some numbers."""
    values = sorted(values)
    return values[0], values[len(values) // 2], values[-1]
