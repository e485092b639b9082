"""Records of models, found by the names of these."""

from __future__ import annotations

from typing import Any


class Records(list[dict[str, Any]]):
    """A record for every model, and by the name of a model its record.

    Examples
    --------
    >>> records = Records([{"model": "pca", "psnr": 20.0}])
    >>> records[0]["psnr"], records["pca"]["psnr"], dict(records).keys()
    (20.0, 20.0, dict_keys(['pca']))
    """

    def keys(self) -> list[str]:
        """Return the names of the models."""
        return [record["model"] for record in self]

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return super().__getitem__(key)
        found = [record for record in self if record["model"] == key]
        if not found:
            raise KeyError(key)
        return found[0]
