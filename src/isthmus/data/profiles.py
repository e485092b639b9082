"""Colors by an ICC profile, as cameras and scanners know them, brought to sRGB."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

MODES = {"RGB": "RGB", "RGBA": "RGBA", "CMYK": "RGB"}
"""Which images are brought to sRGB, and what they become."""


def in_srgb(image: Image.Image) -> Image.Image:
    """Return an image of 8 bits with the colors that its profile means, in sRGB.

    One without a profile, of sRGB, or of a profile that cannot be read comes back as it is.
    """
    profile: Any = image.info.get("icc_profile")
    if not profile or image.mode not in MODES:
        return image
    transform = _transform(bytes(profile), image.mode)
    if transform is None:
        return image
    from PIL import ImageCms

    turned = ImageCms.applyTransform(image, transform)
    return image if turned is None else turned


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> Any:
    try:
        from PIL import ImageCms

        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return None
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        return ImageCms.buildTransform(source, srgb, mode, MODES[mode])
    except (OSError, ImportError, ValueError, TypeError, ImageCms.PyCMSError):
        return None  # damaged, for another kind of image, or Pillow was built without
