"""``python -m stereo3d``."""

import sys

from stereo3d.cli import main

if __name__ == "__main__":  # a worker process imports this file under another name
    sys.exit(main())
