"""``python -m stereo3d``."""

import sys

from stereo3d.cli import main

sys.exit(main())
