"""One segment after the other: decode, depth, render, encode, overlapped. ``build.py`` is the chain, the rest its links."""
