#!/usr/bin/env python3
"""Runs the demo inside tmux, as most people over SSH do: what is drawn under each TERM, after a resize, after a detach and
attach, and whether a copied text reaches tmux's own buffer.

    tests/measure/tmux.py [BINARY]
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time

from common import binary


class Tmux:
    """A server of its own with one session."""

    def __init__(self, home, term, command):
        self.socket = os.path.join(home, "socket-" + term)
        self.env = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8", "HOME": home}
        settings = os.path.join(home, "tmux.conf")
        with open(settings, "w") as file:
            file.write(f"set -g default-terminal {term}\nset -s set-clipboard on\nset -g status off\n")
        self.run("-f", settings, "new-session", "-d", "-x", "120", "-y", "30", command)

    def run(self, *words):
        done = subprocess.run(["tmux", "-S", self.socket, *words], capture_output=True, text=True, env=self.env)
        return done.stdout

    def screen(self):
        return self.run("capture-pane", "-p")

    def until(self, what, found):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if found(self.screen()):
                return
            time.sleep(0.05)
        sys.exit(f"{what} did not come:\n{self.screen()}")


def main():
    program = binary()
    if not shutil.which("tmux"):
        sys.exit("skipped: tmux is not installed")
    with tempfile.TemporaryDirectory() as home:
        for term in ("screen", "screen-256color", "tmux-256color"):
            tmux = Tmux(home, term, f"{program} demo --rate 60; echo ended with $?; sleep 60")
            try:
                tmux.until("the list", lambda screen: "LIVE" in screen and "q quit" in screen)
                tmux.run("resize-window", "-x", "80", "-y", "24")
                tmux.until("a smaller one", lambda screen: "q quit" in screen and len(screen.splitlines()) == 24)
                tmux.run("resize-window", "-x", "200", "-y", "50")
                tmux.until("a larger one", lambda screen: "VIA" in screen and len(screen.splitlines()) == 50)
                tmux.run("send-keys", "k", "Enter")
                tmux.until("the detail", lambda screen: "Evidence" in screen)
                tmux.run("send-keys", "y", "u")
                tmux.until("the word of it", lambda screen: "Copied" in screen.splitlines()[-1])
                copied = tmux.run("show-buffer").strip()
                tmux.run("send-keys", "q")
                tmux.until("the end", lambda screen: "ended with 0" in screen)
                left = [line for line in tmux.screen().splitlines() if line.strip()]
                if left != ["ended with 0"]:
                    sys.exit("more is left of it than its last word:\n" + "\n".join(left))
                print(f"TERM={term}: drawn, resized twice, nothing left of it; copied {copied!r}")
            finally:
                tmux.run("kill-server")


main()
