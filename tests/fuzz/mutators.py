"""Files changed at random: their bytes, the JSON in them, files that hold their own checksum."""

import contextlib
import hashlib
import io
import json
import struct
import zipfile

import numpy as np

ODD = (
    0, 1, -1, 2, 7, 255, 2**16, 2**31, 2**63, 10**30, -(2**31), 0.5, -0.0, 1e308, float("nan"),
    float("inf"), "", "x", "../../etc", "\0", "pca", "a" * 1000, None, True, False, [], {}, [0],
    [[]], [1e9, 1e9], {"a": 1}, {"$tuple": [1, 2]}, {"$array": [1], "type": "<f4", "shape": [9]},
    {"$dict": [[1]]}, {"$array": [], "type": "O", "shape": [10**9, 0]}, {"$tuple": 7},
)  # fmt: skip
"""What is put in place of values."""


def of_bytes(content, rng):
    """Return bytes with some set, filled, taken out, doubled, or the end cut off."""
    changed = bytearray(content)
    for _ in range(rng.integers(1, 6)):
        most = len(changed) if rng.random() < 0.5 else min(len(changed), 400)
        at, how = int(rng.integers(most)), rng.random()
        if how < 0.35:
            changed[at] ^= 1 << int(rng.integers(8))
        elif how < 0.55:
            changed[at] = int(rng.choice([0, 1, 127, 128, 254, 255]))
        elif how < 0.75:
            size = int(rng.choice([2, 4, 8]))
            value = int(rng.choice([0, 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1]))
            changed[at : at + size] = value.to_bytes(8, rng.choice(["little", "big"]))[:size]
        elif how < 0.85:
            del changed[at : at + int(rng.integers(1, 40))]
        elif how < 0.95:
            piece = changed[at : at + int(rng.integers(1, 200))]
            place = int(rng.integers(len(changed)))
            changed[place:place] = piece
        else:
            del changed[at + 1 :]
        changed = changed or bytearray(b"x")
    return bytes(changed)


def one_bit(content, rng):
    """Return bytes with one bit changed."""
    changed = bytearray(content)
    changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def of_value(value, rng):
    """Return a value of JSON with one to three things in it changed."""
    for _ in range(rng.integers(1, 4)):
        value = _changed(value, rng)
    return value


def _changed(value, rng):
    deeper = isinstance(value, dict | list) and len(value) and rng.random() < 0.85
    if not deeper:
        return _other(value, rng)
    keys = list(value) if isinstance(value, dict) else range(len(value))
    key = keys[int(rng.integers(len(keys)))]
    value, how = value.copy(), rng.random()
    if how < 0.8:
        value[key] = _changed(value[key], rng)
    elif how < 0.9:
        del value[key]
    elif isinstance(value, dict):
        value[f"{key}_"] = value.pop(key)
    else:
        value.insert(int(rng.integers(len(value))), value[key])
    return value


def _other(value, rng):
    how = rng.random()
    if isinstance(value, int | float) and not isinstance(value, bool) and how < 0.4:
        return value * int(rng.choice([-1, 2, 1000])) + int(rng.integers(-2, 3))
    if isinstance(value, str) and value and how < 0.4:
        return of_bytes(value.encode(), rng).decode("utf-8", "replace")
    return ODD[int(rng.integers(len(ODD)))]


def of_json(content, rng):
    """Return a text of JSON with other values."""
    try:
        return json.dumps(of_value(json.loads(content), rng)).encode()
    except ValueError:
        return of_bytes(content, rng)


def of_array(array, rng):
    """Return an array of another shape, another type, or with other numbers."""
    how, array = rng.random(), np.array(array)
    if how < 0.25 and array.ndim:
        return array.reshape(-1) if rng.random() < 0.5 else array[: len(array) // 2]
    if how < 0.4:
        return np.array(ODD[int(rng.integers(12))])
    if how < 0.5:
        return np.zeros((*array.shape, 2), array.dtype)
    if how < 0.65 and array.ndim > 1:
        return np.ascontiguousarray(array.T)
    if how < 0.75 and array.dtype.kind in "fiu":
        return array.astype(rng.choice(["<f2", "<f8", "<i4", "u1"]))
    if array.dtype.kind == "f" and array.size:
        array.reshape(-1)[int(rng.integers(array.size))] = rng.choice([np.nan, np.inf, 1e30, -1.0])
        return array
    if array.dtype.kind in "iu" and array.size:
        array.reshape(-1)[int(rng.integers(array.size))] = rng.choice([0, 127, -1 % 2**7])
        return array
    return np.array("x")


def of_npz(content, rng):
    """Return a .npz file with other arrays in it, and no checksum."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            held = dict(file)
    except Exception:
        return of_bytes(content, rng)
    name = list(held)[int(rng.integers(len(held)))]
    if rng.random() < 0.1:
        del held[name]
    else:
        held[name] = of_array(held[name], rng)
    out = io.BytesIO()
    np.savez_compressed(out, **held)
    return out.getvalue()


def of_tensors(content, rng):
    """Return a safetensors file with another header or other tensors, its checksum right."""
    length = int.from_bytes(content[:8], "little")
    try:
        header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
        facts = header["__metadata__"]
        key = next(name for name in facts if name in ("isthmus_model", "isthmus_checkpoint"))
        if rng.random() < 0.6:
            facts[key] = json.dumps(of_value(json.loads(facts[key]), rng))
        elif rng.random() < 0.5:
            names = [name for name in header if name != "__metadata__"]
            header |= {(n := names[int(rng.integers(len(names)))]): _changed(header[n], rng)}
        else:
            data = of_bytes(data, rng)[: len(data)].ljust(len(data), b"\0")
    except (ValueError, StopIteration, KeyError, TypeError):
        return of_bytes(content, rng)
    return sealed(header, data)


def sealed(header, data):
    """Return a safetensors file with its checksum."""
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    content = struct.pack("<Q", len(text)) + text + data
    at = content.find(mark := rb'"{\"checksum\": \"')
    if at < 0:
        return content
    at += len(mark)
    content = content[:at] + b"0" * 32 + content[at + 32 :]
    digest = hashlib.blake2b(content, digest_size=16).hexdigest().encode()
    return content[:at] + digest + content[at + 32 :]


def of_sections(content, rng):
    """Return a .isth file with other sections, or another header, its checksum right."""
    start, sections = 6, []
    while start < len(content) - 8:
        size = int.from_bytes(content[start : start + 4], "little")
        sections.append(content[start + 4 : start + 4 + size])
        start += 4 + size
    which = int(rng.integers(len(sections)))
    if rng.random() < 0.4:
        sections[0] = of_json(sections[0], rng)
    elif rng.random() < 0.1:
        del sections[which]
    else:
        sections[which] = _unpacked_too(sections[which], rng)
    body = content[:6] + b"".join(struct.pack("<I", len(s)) + s for s in sections)
    return body + hashlib.blake2b(body, digest_size=8).digest()


def _unpacked_too(section, rng):
    """Return a section with other bytes, of what is packed in it where that can be read."""
    import lzma
    import zlib

    try:
        if section.startswith(b"\xfd7zXZ"):
            return lzma.compress(of_tensors(lzma.decompress(section), rng))
        inside = zlib.decompress(section)
    except (zlib.error, lzma.LZMAError):
        return _of_packed_arrays(section, rng) or of_bytes(section or b"x", rng)
    change = of_tensors if len(inside) > 2000 else of_json if inside[:1] in b"[{" else of_bytes
    return zlib.compress(change(inside, rng))


def _of_packed_arrays(section, rng):
    """Return a section whose first array is packed tables, with other tables."""
    import zlib

    if len(section) < 8 or rng.random() < 0.3:
        return b""
    first, second = struct.unpack("<2I", section[:8])
    try:
        inside = of_bytes(zlib.decompress(section[8 : 8 + first]), rng)
    except zlib.error:
        return b""
    packed = zlib.compress(inside)
    return struct.pack("<2I", len(packed), second) + packed + section[8 + first :]


def of_zip(content, rng):
    """Return a zip with other members, or other bytes in one, its checksums right."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    except Exception:
        return of_bytes(content, rng)
    which, out = int(rng.integers(len(members))), io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for row, (name, inside) in enumerate(members):
            archive.writestr(name, of_bytes(inside, rng) if row == which and inside else inside)
    return out.getvalue()


def of_packed(content, rng):
    """Return what is packed by zlib or gzip with other bytes in it, its checksum right."""
    import gzip
    import zlib

    if content.startswith(b"\x89PNG"):
        return _of_png(content, rng)
    with_gzip = content.startswith(b"\x1f\x8b")
    try:
        inside = gzip.decompress(content) if with_gzip else zlib.decompress(content)
    except (OSError, EOFError, zlib.error):
        return of_bytes(content, rng)
    changed = of_bytes(inside, rng)
    return gzip.compress(changed, mtime=0) if with_gzip else zlib.compress(changed)


def _of_png(content, rng):
    """Return a PNG with other bytes in one chunk, its checksums right."""
    import zlib

    chunks, at = [], 8
    while at + 12 <= len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        chunks.append([content[at + 4 : at + 8], content[at + 8 : at + 8 + size]])
        at += 12 + size
    chosen = chunks[int(rng.integers(len(chunks)))]
    if rng.random() < 0.15:
        chunks.insert(int(rng.integers(len(chunks))), chosen)
    elif rng.random() < 0.5:
        chosen[1] = of_bytes(chosen[1] or b"x", rng)
    else:
        with contextlib.suppress(zlib.error):
            chosen[1] = zlib.compress(of_bytes(zlib.decompress(chosen[1]), rng))
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    ]
    return content[:8] + b"".join(parts)


def of_mat(content, rng):
    """Return a MATLAB file with other bytes in one variable, packed again where that was."""
    import zlib

    variables, at = [], 128
    while at + 8 <= len(content):
        kind, size = struct.unpack_from("<2I", content, at)
        variables.append([kind, content[at + 8 : at + 8 + size]])
        at += 8 + size
    if not variables:
        return of_bytes(content, rng)
    chosen = variables[int(rng.integers(len(variables)))]
    try:
        if chosen[0] == 15:
            chosen[1] = zlib.compress(of_bytes(zlib.decompress(chosen[1]), rng))
        else:
            chosen[1] = of_bytes(chosen[1] or b"x", rng)
    except zlib.error:
        return of_bytes(content, rng)
    return content[:128] + b"".join(
        struct.pack("<2I", k, len(data)) + data for k, data in variables
    )


def of_lines(content, rng):
    """Return a text with lines taken out, doubled or changed, or a cell of a table."""
    lines = content.decode("latin-1").split("\n")
    at, how = int(rng.integers(len(lines))), rng.random()
    if how < 0.15:
        del lines[at]
    elif how < 0.3:
        lines.insert(int(rng.integers(len(lines))), lines[at])
    elif how < 0.7:
        mark = next((mark for mark in ("=", ",", "\t", ";") if mark in lines[at]), " ")
        cells = lines[at].split(mark)
        cells[int(rng.integers(len(cells)))] = str(ODD[int(rng.integers(len(ODD)))])
        lines[at] = mark.join(cells)
    else:
        lines[at] = of_bytes(lines[at].encode("latin-1") or b"x", rng).decode("latin-1")
    return "\n".join(lines).encode("latin-1", "replace")
