"""Single moments of a film, through the stages of a conversion: for previews, comparisons and the page."""

from stereo3d.moments.look import LOOKS, Look, look
from stereo3d.moments.moments import Moment, Moments, open_moments

__all__ = ["LOOKS", "Look", "Moment", "Moments", "look", "open_moments"]
