"""Fuzz the parsers of attestation evidence: `python scripts/fuzz.py [TARGET...] [--seconds 30]`.

Mutates the seeds of `tests/support/fuzzing.py` and what has been kept; an input that makes a parser
raise anything but a refusal is written to `tests/vectors/fuzz/TARGET/` and ends the run with 1.
Where `atheris` is installed, `--atheris TARGET` lets it drive one target by coverage instead, with
these mutations beside its own.
"""

import argparse
import hashlib
import logging
import random
import sys
import tempfile
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if "--atheris" in sys.argv:  # it sees the branches of what is imported while it watches
    import atheris

    with atheris.instrument_imports(include=["langchain_privacy"]):
        from tests.support import fuzzing
else:
    from tests.support import fuzzing


def keep(name: str, data: bytes) -> Path:
    """Write an input that crashed a parser to the corpus."""
    folder = fuzzing.CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.sha256(data).hexdigest()[:16]
    path.write_bytes(data)
    return path


def fuzz(name: str, seconds: float, seed: int) -> bool:
    """Fuzz one target for a while; whether it never crashed."""
    random_ = random.Random(f"{name} {seed}")  # noqa: S311  to be repeated
    seeds = [*fuzzing.targets()[name].seeds]
    seeds += [path.read_bytes() for path in sorted((fuzzing.CORPUS / name).glob("*"))]
    end, count, whole = time.monotonic() + seconds, 0, True
    while time.monotonic() < end:
        data = fuzzing.mutated(random_.choice(seeds), random_)
        count += 1
        try:
            fuzzing.run(name, data)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            path, whole = keep(name, data), False
            print(f"{name}: {type(error).__name__} by {path}", file=sys.stderr)
            break
    print(f"{name}: {count} inputs, {'no crash' if whole else 'CRASHED'}", flush=True)
    return whole


def drive(name: str, seconds: float, seed: int) -> None:
    """Let atheris fuzz one target for a while; it ends the process, with 77 at a crash."""

    def one(data: bytes) -> None:
        try:
            fuzzing.run(name, data)
        except Exception:
            print(f"{name}: crash by {keep(name, data)}", file=sys.stderr)
            raise

    def mutate(data: bytes, size: int, chosen: int) -> bytes:
        if chosen % 2:
            return bytes(atheris.Mutate(data, size))
        random_ = random.Random(chosen)  # noqa: S311  to be repeated
        return fuzzing.mutated(bytes(data), random_)[:size]

    with tempfile.TemporaryDirectory() as folder:
        seeds = [*fuzzing.targets()[name].seeds]
        seeds += [path.read_bytes() for path in sorted((fuzzing.CORPUS / name).glob("*"))]
        for number, content in enumerate(seeds):
            (Path(folder) / str(number)).write_bytes(content)
        longest = max(map(len, seeds), default=64) * 2
        limits = [f"-max_total_time={int(seconds)}", f"-seed={seed + 1}", f"-max_len={longest}"]
        atheris.Setup(
            [sys.argv[0], folder, *limits, f"-artifact_prefix={folder}/"],
            one,
            custom_mutator=mutate,
        )
        atheris.Fuzz()


def main() -> int:
    """Fuzz what was asked for; 1 when anything crashed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", choices=[[], *fuzzing.targets()], default=[])
    parser.add_argument("--seconds", type=float, default=30.0, help="for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--atheris", metavar="TARGET", choices=list(fuzzing.targets()))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable()
    if arguments.atheris:
        drive(arguments.atheris, arguments.seconds, arguments.seed)
    names = arguments.targets or list(fuzzing.targets())
    outcomes = [fuzz(name, arguments.seconds, arguments.seed) for name in names]
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
