"""Make the packages of ``sam build`` smaller and quicker to start.

Type ``python -m call_lake_local.packaging [BUILD_FOLDER]`` to do it by hand. pip installs all of pyarrow: headers,
tests, Arrow Flight, clients for the storage of four clouds. The compactor uses none of these, but every cold start
loads the package. Python's compiled files are added, because a function's folders are read-only: without them each cold
start compiles every module again.
"""

import compileall
import py_compile
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from call_lake_local.errors import PackagingError

UNUSED_NUMPY = (
    "_core/include",
    "_core/lib",
    "_core/tests",
    "_core/_*_tests.*",
    "_pyinstaller",
    "doc",
    "f2py",
    "*/tests",
    "tests",
    "**/*.pxd",
    "**/*.pyi",
    "**/*.pyx",
    "**/*.a",
)
"""Names in numpy's folder: what compiles against it, what types it, and its tests."""
UNUSED_BY_SOUNDFILE = ("cffi", "pycparser")
"""Packages that compile bindings. soundfile's are compiled: they need ``_cffi_backend`` alone."""
UNUSED_PYARROW = (
    "include",
    "includes",
    "src",
    "tests",
    "*.pxd",
    "*.pxi",
    "*.pyx",
    "_azurefs.*",
    "_csv.*",
    "_dataset_orc.*",
    "_feather.*",
    "_flight.*",
    "_gcsfs.*",
    "_hdfs.*",
    "_orc.*",
    "_pyarrow_cpp_tests.*",
    "_s3fs.*",
    "_substrait.*",
    "libarrow_flight.*",
    "libarrow_python_flight.*",
    "libarrow_s3.*",
)
"""Names in pyarrow's folder. What ``call_lake.lake`` needs of the rest is proven by
``tests/integration/test_packages.py``, with the package as it is shipped."""


def prepare(build: Path) -> None:
    """Slim and compile every package in ``build``, the folder that holds sam's built template.yaml. Doing it again
    changes nothing. Raises PackagingError."""
    if not (build / "template.yaml").is_file():
        raise PackagingError(f"{build} has no template.yaml: run `sam build` first, or name its build folder")
    for package in packages(build):
        if (package / "pyarrow").is_dir():
            _slim_pyarrow(package / "pyarrow")
        if (package / "numpy").is_dir():
            _remove(package / "numpy", UNUSED_NUMPY)
        if (package / "_soundfile_data").is_dir():
            _remove(package, UNUSED_BY_SOUNDFILE)
        _compile(package)


def packages(build: Path) -> list[Path]:
    """The folders of the functions and of the layer."""
    return sorted(path for path in build.iterdir() if path.is_dir())


def unzipped_bytes(package: Path) -> int:
    """As Lambda counts it: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    return sum(path.stat().st_size for path in package.rglob("*") if path.is_file())


def _remove(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        for path in sorted(folder.glob(name)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def _slim_pyarrow(folder: Path) -> None:
    _remove(folder, UNUSED_PYARROW)
    for path in _copies(folder):
        path.unlink()


def _copies(folder: Path) -> Iterator[Path]:
    """A library's copies under other names. A wheel has no links, so the linker's name and the full version are whole
    copies; the loader asks only for the name with the first number (SONAME)."""
    for path in folder.glob("lib*.so.*"):
        if path.name.partition(".so.")[2].isdigit():
            name = path.name.partition(".so.")[0]
            yield from (copy for copy in folder.glob(f"{name}.so*") if copy != path)


def _compile(package: Path) -> None:
    """Compile every module. Python will not check the compiled files against dates, as a package never changes."""
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(package, stripdir=package, force=True, quiet=2, invalidation_mode=unchecked):
        raise PackagingError(f"{package} holds a file that is no Python")


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(".aws-sam") / "build"
    try:
        prepare(folder)
    except PackagingError as error:
        print(f"packaging: {error}", file=sys.stderr)
        return 1
    for package in packages(folder):
        print(f"{package.name}: {unzipped_bytes(package) / 1e6:.1f} MB unzipped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
