"""Installs the other programs and finds them. Versions are pinned in this folder.

They are kept outside the project, in `$PEERS_CACHE`, else `$XDG_CACHE_HOME/consentwatch-peers`, else
`~/.cache/consentwatch-peers`; a folder there is named by what it holds, so that another version is another folder.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent

# The time limit of an installation in seconds.
INSTALL_LIMIT = 600


class Skipped(Exception):
    """The reason why a check cannot run here."""


def cache():
    named = os.environ.get("PEERS_CACHE")
    if named:
        return pathlib.Path(named).resolve()
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(home) / "consentwatch-peers"


def folder(name, *pins):
    """The folder of a tool whose versions these files pin."""
    digest = hashlib.sha256()
    for pin in pins:
        digest.update((HERE / pin).read_bytes())
    digest.update(f"{sys.version_info[:2]}".encode())
    return cache() / f"{name}-{digest.hexdigest()[:12]}"


def node_modules():
    return folder("node", "package.json", "package-lock.json") / "node_modules"


def prism():
    return node_modules() / ".bin/prism"


def okta_python():
    return folder("okta-python", "okta-python.txt") / "bin/python"


def airbyte():
    return folder("airbyte", "airbyte.txt") / "bin/python"


def install_node(place):
    for program in ("node", "npm"):
        if not shutil.which(program):
            raise Skipped(f"{program} is not installed")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, place / name)
    run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], place)


def install_python(place, requirements):
    run([sys.executable, "-m", "venv", "."], place)
    run(["bin/python", "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(HERE / requirements)], place)


def install_okta_python(place):
    install_python(place, "okta-python.txt")


def install_airbyte(place):
    install_python(place, "airbyte.txt")
    # Its manifest allows only hosts under okta.com. This change makes `domain` a host on loopback with its port.
    manifest, = place.glob("lib/python*/site-packages/source_okta/manifest.yaml")
    text = manifest.read_text()
    host = "https://{{ config['domain'] }}.okta.com"
    if host not in text:
        raise Skipped("its manifest does not name its host as expected")
    manifest.write_text(text.replace(host, "http://{{ config['domain'] }}"))


INSTALLERS = {
    "node": (lambda: node_modules().parent, install_node),
    "okta-python": (lambda: okta_python().parent.parent, install_okta_python),
    "airbyte": (lambda: airbyte().parent.parent, install_airbyte),
}


def install(name):
    """Installs a tool unless it is complete already. Raises Skipped with the reason if that fails."""
    where, how = INSTALLERS[name]
    place = where()
    try:
        cache().mkdir(parents=True, exist_ok=True)
        lock = open(cache() / f"{name}.lock", "w")
    except OSError as error:
        raise Skipped(f"nothing can be kept in {cache()}: {error.strerror}") from error
    with contextlib.closing(lock):
        fcntl.flock(lock, fcntl.LOCK_EX)
        whole = place / ".whole"
        if whole.exists():
            return
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        how(place)
        whole.touch()


def run(command, place):
    try:
        done = subprocess.run(command, cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=INSTALL_LIMIT, check=False)
    except subprocess.TimeoutExpired as error:
        raise Skipped(f"{command[0]} did not end within {INSTALL_LIMIT} s") from error
    except OSError as error:
        raise Skipped(f"{command[0]} cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        last = (done.stdout.strip().splitlines() or ["it said nothing"])[-1]
        raise Skipped(f"{' '.join(command[:4])} … failed: {last}")
