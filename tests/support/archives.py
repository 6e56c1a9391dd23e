"""Archives taken apart and put together again, changed."""

from __future__ import annotations

import json
import zipfile


def taken_apart(path):
    """Return the manifest and the other members of an archive."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    return json.loads(members.pop("manifest.json")), members


def put_together(path, manifest, members):
    """Write an archive; a manifest that is text or bytes goes in as it is."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
        file.writestr("manifest.json", manifest if isinstance(manifest, (str, bytes)) else json.dumps(manifest))
    return path
