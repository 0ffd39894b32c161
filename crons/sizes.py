"""Sizes as people read them."""


def readable(size_bytes: float) -> str:
    """A number of bytes in the unit that suits it: 1536 gives '1.5 KiB'."""
    if size_bytes < 1024:
        return f"{size_bytes:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        size_bytes /= 1024
        if size_bytes < 1024:
            return f"{size_bytes:.1f} {unit}"
    return f"{size_bytes / 1024:.1f} TiB"
