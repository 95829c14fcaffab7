"""What the compiled objects contain, and the native tests under the sanitizers."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bakeoff import _native

ROOT = Path(__file__).parents[2]


def output_of(*command: str | Path, timeout: int = 600) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def needs(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}")


@pytest.fixture(scope="module")
def kernel_objects() -> dict[str, Path]:
    """The object files, by instruction set, that the build of the extension left behind."""
    needs("nm", "objdump")
    objects = {
        re.search(r"kernels_(\w+)\.dir", str(path)).group(1): path  # type: ignore[union-attr]
        for path in (ROOT / "build").glob("cp3*/CMakeFiles/kernels_*.dir/**/kernels.cpp.o")
    }
    if not objects:
        pytest.skip("the extension was not built here")
    assert set(_native.instruction_sets()) <= set(objects)
    return objects


def test_each_kernel_object_exports_its_table_and_nothing_else(
    kernel_objects: dict[str, Path],
) -> None:
    """A weak or shared symbol of a wide set could be picked by the linker for everyone."""
    for name, path in kernel_objects.items():
        defined = output_of("nm", "--defined-only", "--extern-only", "--demangle", path).split("\n")
        symbols = [line.split(maxsplit=2)[1:] for line in defined if line]
        assert [symbol for _, symbol in symbols] == [f"bakeoff::kernels_{name}"]
        assert symbols[0][0] in "DR", "neither weak nor code"
        # No code may run when the library is loaded: the choice has not been made then.
        assert "init_array" not in output_of("objdump", "-h", path)


def test_narrow_objects_hold_no_wide_instructions(kernel_objects: dict[str, Path]) -> None:
    forbidden = {"baseline": ("%ymm", "%zmm"), "avx2": ("%zmm",)}
    for name, registers in forbidden.items():
        if name in kernel_objects:
            code = output_of("objdump", "-d", "--no-show-raw-insn", kernel_objects[name])
            assert "%xmm" in code
            assert not [register for register in registers if register in code]
    if "avx512" in kernel_objects:
        code = output_of("objdump", "-d", "--no-show-raw-insn", kernel_objects["avx512"])
        assert "vfmadd231ps" in code and "%zmm" in code


def test_the_extension_shows_python_one_symbol() -> None:
    needs("nm")
    defined = output_of("nm", "-D", "--defined-only", "--format=posix", _native.__file__)
    names = {line.split()[0] for line in defined.splitlines()}
    assert {name for name in names if "bakeoff" in name.lower()} == set()
    assert "PyInit__native" in names


@pytest.mark.slow
def test_native_tests_are_clean_under_the_sanitizers(tmp_path: Path) -> None:
    """AddressSanitizer and UndefinedBehaviorSanitizer see every kernel on every set."""
    needs("cmake", "ninja")
    output_of("cmake", "-G", "Ninja", "-S", ROOT, "-B", tmp_path, "-DBAKEOFF_SANITIZE=ON")
    output_of("cmake", "--build", tmp_path, "-t", "native_tests")
    output = output_of(tmp_path / "native_tests")
    for name in _native.instruction_sets():
        assert f"{name}: done" in output
    assert "0 failed" in output
