"""Report how full the filesystem of a folder is and what fills it; fail above a threshold."""

import argparse
import os
import shutil
import stat
from collections.abc import Iterator
from heapq import nlargest
from pathlib import Path

from crons.sizes import readable


def main() -> None:
    """Print the filesystem's use and the largest sub-folders, then judge."""
    options = _options()
    folder: Path = options.path
    if not folder.is_dir():
        raise SystemExit(f"{folder} is not a folder that can be read: give the path of one.")
    percent = _print_filesystem(folder)
    if options.largest:
        _print_largest(folder, options.largest)
    if percent > options.max_percent:
        raise SystemExit(
            f"{percent:.1f} % is in use and {options.max_percent:g} % is the limit: "
            "free some space, or make the filesystem larger."
        )
    print(f"Within the limit of {options.max_percent:g} %")


def _options() -> argparse.Namespace:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--path", type=Path, required=True, help="a folder of the filesystem")
    reader.add_argument("--max-percent", type=float, required=True, help="fail above this use")
    reader.add_argument("--largest", type=int, required=True, help="how many folders to list")
    return reader.parse_args()


def _print_filesystem(folder: Path) -> float:
    """Print the filesystem's use; returns the percentage that people can no longer write to.

    As `df` reckons: what is reserved for root is neither used nor free.
    """
    usage = shutil.disk_usage(folder)
    if not usage.used + usage.free:
        raise SystemExit(f"{folder} is on a filesystem without a size: choose a folder on a disk.")
    percent = 100 * usage.used / (usage.used + usage.free)
    print(
        f"Filesystem of {folder.resolve()}: {readable(usage.used)} used, "
        f"{readable(usage.free)} free, {percent:.1f} %"
    )
    return percent


def _print_largest(folder: Path, count: int) -> None:
    """Print the largest sub-folders of this filesystem, and the folder's total."""
    filesystem = folder.stat().st_dev
    seen: set[int] = set()
    unreadable: list[str] = []
    sizes: dict[str, int] = {}
    total = 0
    for entry, status in sorted(_entries(str(folder), unreadable), key=lambda pair: pair[0].name):
        if status.st_dev != filesystem:
            continue
        size = _size_once(status, seen)
        if stat.S_ISDIR(status.st_mode):
            size += _content_size(entry.path, filesystem, seen, unreadable)
            sizes[entry.name] = size
        total += size
    print(f"{folder} holds {readable(total)}, its largest sub-folders:")
    for name in nlargest(count, sizes, key=sizes.__getitem__):
        print(f"{readable(sizes[name]):>12}  {_printable(name)}")
    if unreadable:
        print(f"{len(unreadable)} entries could not be read, first {_printable(unreadable[0])}")


def _content_size(top: str, filesystem: int, seen: set[int], unreadable: list[str]) -> int:
    """Bytes that a folder's content takes on its filesystem; follows no symbolic link."""
    total = 0
    folders = [top]
    while folders:
        for entry, status in _entries(folders.pop(), unreadable):
            if status.st_dev == filesystem:
                total += _size_once(status, seen)
                if stat.S_ISDIR(status.st_mode):
                    folders.append(entry.path)
    return total


def _entries(folder: str, unreadable: list[str]) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                yield entry, entry.stat(follow_symlinks=False)
    except FileNotFoundError:  # a living folder changes while it is measured
        return
    except OSError:
        unreadable.append(folder)


def _size_once(status: os.stat_result, seen: set[int]) -> int:
    """Bytes on disk; a file with several names counts at the first."""
    if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
        if status.st_ino in seen:
            return 0
        seen.add(status.st_ino)
    return status.st_blocks * 512


def _printable(name: str) -> str:
    return name if name.isprintable() else ascii(name)


if __name__ == "__main__":
    main()
