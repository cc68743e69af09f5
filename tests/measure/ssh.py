#!/usr/bin/env python3
"""Runs the program through a real sshd on loopback and ends the session in each way that a session can end.

    tests/measure/ssh.py [BINARY]

Prints how long the program outlives the session, which must be under one second. sshd listens on a free port of
127.0.0.1 with keys that live as long as this script. Where there is no sshd, and none can be installed (apt-get, as
root), nothing is run, and the reason is printed.
"""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from common import Terminal, binary

LIMIT = 1.0


def find_sshd():
    def found():
        return shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")

    if not found() and os.geteuid() == 0 and shutil.which("apt-get"):
        # Prevents the package from starting its own server.
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        subprocess.run(["apt-get", "install", "-y", "-q", "--no-install-recommends", "openssh-server"], env=env,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if not found():
        print("skipped: there is no sshd, and openssh-server cannot be installed here")
        sys.exit(0)
    return found()


def start(sshd, folder):
    for name in ("host", "person"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{name}"], check=True)
    shutil.copy(f"{folder}/person.pub", f"{folder}/authorized")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with open(f"{folder}/config", "w") as file:
        file.write(f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder}/host\nPidFile none\nUsePAM no\n"
                   f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nPasswordAuthentication no\n"
                   "PermitRootLogin prohibit-password\n")
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    with open(f"{folder}/log", "w") as log:
        server = subprocess.Popen([sshd, "-D", "-e", "-f", f"{folder}/config"], stderr=log)
    end = time.monotonic() + 10
    while time.monotonic() < end and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server, port
        time.sleep(0.05)
    server.kill()
    with open(f"{folder}/log") as log:
        print("skipped: sshd does not start here:", log.read().strip())
    sys.exit(0)


def processes(words):
    """Returns the ids of processes whose arguments begin with these."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline") as file:
                arguments = file.read().split("\0")
        except OSError:
            continue
        if arguments[:len(words)] == words:
            found.append(int(name))
    return found


def ancestors(pid):
    """Returns the ancestors of a process, nearest first, up to the first that is neither a shell nor sshd."""
    while pid > 1:
        with open(f"/proc/{pid}/stat") as file:
            pid = int(file.read().rsplit(")", 1)[1].split()[1])
        with open(f"/proc/{pid}/comm") as file:
            yield pid, file.read().strip()


def session(program, folder, port, seed, end_it):
    words = [program, "demo", "--rate", "600", "--seed", str(seed)]
    args = ["ssh", "-tt", "-q", "-p", str(port), "-i", f"{folder}/person", "-o", "IdentitiesOnly=yes", "-o",
            "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={folder}/known", f"{getpass.getuser()}@127.0.0.1",
            "exec " + " ".join(words)]
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {"TERM": "xterm-256color"}
    with Terminal(args, env, 100, 30) as terminal:
        terminal.until(lambda t: "poll live" in "\n".join(t.screen))
        (pid,) = processes(words)
        begun = time.monotonic()
        end_it(terminal, pid)
        while processes(words):
            terminal.pump(0.01)
            if time.monotonic() - begun > 10:
                os.kill(pid, signal.SIGKILL)
                return None
        return time.monotonic() - begun


def kill_session(_, pid):
    """The sshd of this one session, as a server that is restarted or out of memory ends."""
    (parent, name) = next(ancestors(pid))
    if not name.startswith("sshd"):
        sys.exit(f"above the program is {name}, and no sshd")
    os.kill(parent, signal.SIGKILL)


def main():
    program = os.path.abspath(binary())
    sshd = find_sshd()
    with tempfile.TemporaryDirectory() as folder:
        server, port = start(sshd, folder)
        bad = 0
        try:
            for seed, (name, end_it) in enumerate((
                    ("q", lambda terminal, _: terminal.press("q")),
                    ("the client killed", lambda terminal, _: terminal.process.kill()),
                    ("the client hung up (~.)", lambda terminal, _: terminal.press("\r~.")),
                    ("the session's sshd killed", kill_session)), 7100):
                took = session(program, folder, port, seed, end_it)
                is_good = took is not None and took <= LIMIT
                bad += not is_good
                words = "it lives on" if took is None else f"gone after {took * 1000:.0f} ms"
                print(f"{name}: {words} (goal {LIMIT:.0f} s){'' if is_good else ' MISSED'}", flush=True)
        finally:
            server.terminate()
            server.wait()
    sys.exit(bad > 0)


main()
