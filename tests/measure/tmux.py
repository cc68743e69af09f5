#!/usr/bin/env python3
"""Runs the demo inside tmux, as most people over SSH do, and inside GNU screen in tmux: what is drawn under each TERM and
after a resize, how the pane is named, whether a copied text reaches tmux's own buffer, and what is left in the end.

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


def walk(tmux, name, copies):
    """Starts, resizes, opens, copies and leaves; returns what the pane was called and what was copied."""
    tmux.until("the list", lambda screen: "LIVE" in screen and "q quit" in screen)
    title = tmux.run("display-message", "-p", "#{pane_title}").strip()
    tmux.run("resize-window", "-x", "80", "-y", "24")
    tmux.until("a smaller one", lambda screen: "q quit" in screen and len(screen.splitlines()) == 24)
    tmux.run("resize-window", "-x", "200", "-y", "50")
    tmux.until("a larger one", lambda screen: "VIA" in screen and len(screen.splitlines()) == 50)
    tmux.run("send-keys", "k", "Enter")
    tmux.until("the detail", lambda screen: "Evidence" in screen)
    tmux.run("send-keys", "y", "u")
    tmux.until("the word of it", lambda screen: "Copied" in screen.splitlines()[-1])
    copied = tmux.run("show-buffer").strip() if copies else None
    tmux.run("send-keys", "q")
    tmux.until("the end", lambda screen: "ended with 0" in screen)
    left = [line for line in tmux.screen().splitlines() if line.strip()]
    if left != ["ended with 0"]:
        sys.exit(f"{name}: more is left of it than its last word:\n" + "\n".join(left))
    return title, copied


def main():
    program = binary()
    if not shutil.which("tmux"):
        sys.exit("skipped: tmux is not installed")
    shell = f"{program} demo --rate 60; echo ended with $?; sleep 60"
    with tempfile.TemporaryDirectory() as home:
        for term in ("screen", "screen-256color", "tmux-256color"):
            tmux = Tmux(home, term, shell)
            try:
                before = tmux.run("display-message", "-p", "#{pane_title}").strip()
                title, copied = walk(tmux, term, True)
                after = tmux.run("display-message", "-p", "#{pane_title}").strip()
                if title != "consentwatch simulated org" or after == title:
                    sys.exit(f"the pane was called {before!r}, then {title!r}, and is called {after!r}")
                print(f"TERM={term}: drawn, resized twice, nothing left of it; copied {copied!r}; called {title!r}")
            finally:
                tmux.run("kill-server")
        if not shutil.which("screen"):
            print("GNU screen is not installed and left out")
            return
        os.mkdir(os.path.join(home, "screens"), 0o700)
        inner = os.path.join(home, "inner.sh")
        with open(inner, "w") as file:
            file.write(shell)
        tmux = Tmux(home, "tmux-256color", f"SCREENDIR={home}/screens screen -U sh {inner}")
        try:
            walk(tmux, "GNU screen", False)
            print("GNU screen: drawn, resized twice, nothing left of it")
        finally:
            tmux.run("kill-server")


main()
