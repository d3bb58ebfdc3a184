"""Fuzz the parsers of attestation evidence: `python scripts/fuzz.py [TARGET...] [--seconds 30]`.

Mutates the seeds of `tests/support/fuzzing.py` and what has been kept; an input that makes a parser
raise anything but a refusal is written to `tests/vectors/fuzz/TARGET/` and ends the run with 1.
Where `atheris` is installed, `--atheris AREA` has it drive one area by coverage instead, with our
mutations beside its own: grammar, views, statements, masking, frames, evidence. `make fuzz` does so
for a moment each.
"""

import argparse
import contextlib
import hashlib
import io
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

    quiet = contextlib.redirect_stderr(io.StringIO())  # it names each module
    with quiet, atheris.instrument_imports(include=["langchain_privacy"]):
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


def drive(area: str, seconds: float, seed: int) -> None:
    """Let atheris fuzz one area for a while; it ends the process, with 77 at a crash.

    The first byte of an input says which of the area's targets gets the rest.
    """
    names = fuzzing.areas()[area]

    def one(data: bytes) -> None:
        name, data = names[data[0] % len(names) if data else 0], data[1:]
        try:
            fuzzing.run(name, data)
        except Exception:
            print(f"{name}: crash by {keep(name, data)}", file=sys.stderr)
            raise

    def mutate(data: bytes, size: int, chosen: int) -> bytes:
        if chosen % 2 or not data:
            return bytes(atheris.Mutate(data, size))
        random_ = random.Random(chosen)  # noqa: S311  to be repeated
        return data[:1] + fuzzing.mutated(bytes(data[1:]), random_)[: size - 1]

    with tempfile.TemporaryDirectory() as folder:
        seeds = []
        for number, name in enumerate(names):
            kept = sorted((fuzzing.CORPUS / name).glob("*"))
            texts = [*fuzzing.targets()[name].seeds, *(path.read_bytes() for path in kept)]
            seeds += [bytes([number]) + text for text in texts]
        for number, content in enumerate(seeds):
            (Path(folder) / str(number)).write_bytes(content)
        limits = [f"-max_total_time={int(seconds)}", f"-seed={seed + 1}"]
        limits.append(f"-max_len={max(map(len, seeds)) * 2}")
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
    parser.add_argument("--atheris", metavar="AREA", choices=list(fuzzing.areas()))
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
