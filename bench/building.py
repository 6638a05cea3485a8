"""What the bench compiles on the spot: its loads and some of its peers."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from bench.processes import MissingError

HERE = Path(__file__).parent

#: Where it goes; git ignores it, ``make clean`` removes it.
BUILT = HERE.parent / "build" / "bench"

#: Seconds that a compiler may take.
PATIENCE = 300.0


def c_program(name: str, *sources: Path) -> Path:
    """Return a program made of C sources.

    :raises MissingError: it cannot be made.
    """
    compiler = shlex.split(os.environ.get("CC", "cc"))
    if shutil.which(compiler[0]) is None:
        raise MissingError(f"no C compiler {compiler[0]!r}; install gcc or clang, or set CC")
    return _built(name, [*compiler, "-std=gnu11", "-O2"], sources)


def go_program(name: str, source: Path) -> Path:
    """Return a program made of one Go source.

    :raises MissingError: it cannot be made.
    """
    if shutil.which("go") is None:
        raise MissingError("no go in PATH; install golang")
    return _built(name, ["go", "build"], (source,))


def _built(name: str, compiler: list[str], sources: tuple[Path, ...]) -> Path:
    program = BUILT / name
    beside = [each for source in sources for each in source.parent.glob("*.h")]
    newest = max(each.stat().st_mtime for each in (*sources, *beside))
    if program.exists() and program.stat().st_mtime > newest:
        return program
    BUILT.mkdir(parents=True, exist_ok=True)
    fresh = BUILT / f"{name}.{os.getpid()}"  # another run may be starting the old one
    command = [*compiler, "-o", str(fresh), *(str(each) for each in sources)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[0]
        raise MissingError(f"{compiler[0]} cannot build {name}: {said}")
    fresh.replace(program)
    return program
