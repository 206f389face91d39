"""Hostile and damaged archives, each made anew and named: what could be sent in place of a bundle's zip."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import random
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from garcom.model.archive_structure import FILES_LIMIT
from garcom.model.bundle import MANIFEST, Choice, files_under, seal
from garcom.model.engines.base import EngineSpec
from tests.bundles import make_bundle
from tests.unit.model import raw_zip
from tests.unit.model.hostile_names import BAIT, NAMES
from tests.unit.model.raw_zip import DEFLATED, DESCRIPTOR, UTF8, End, Entry

CARD = "MODEL_CARD.md"

Files = dict[str, bytes]


@dataclass(frozen=True)
class Case:
    """``make`` gives the archive; ``harmless`` ones may be taken, if what is unpacked is the good bundle."""

    name: str
    make: Callable[[], bytes]
    harmless: bool = False


def good_files(folder: Path) -> Files:
    """The files of a bundle, made in the folder, with a model card, which most cases tamper with."""
    made = make_bundle(folder)
    (made / CARD).write_text("# Preço\n", encoding="utf-8")
    seal(made, "wine", (EngineSpec(name="arrays", kind="arrays"),), (Choice(None, "arrays"),))
    return {name: (folder / name).read_bytes() for name in files_under(folder)}


def with_manifest(files: Files, change: Callable[[dict[str, Any]], None]) -> Files:
    """The same bundle with a manifest that was changed and sealed again, as whoever makes one can."""
    document = msgspec.json.decode(files[MANIFEST])
    change(document)
    return files | {MANIFEST: resealed(document)}


def resealed(document: dict[str, Any]) -> bytes:
    """A manifest whose digest fits, whatever else is wrong with it."""
    blank = msgspec.json.format(msgspec.json.encode(document | {"digest": ""}, order="sorted"), indent=2) + b"\n"
    document = document | {"digest": hashlib.sha256(blank).hexdigest()}
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"


def listing(files: Files, name: str, data: bytes) -> Files:
    """The bundle with one more file that its manifest lists."""

    def add(document: dict[str, Any]) -> None:
        document["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}

    return with_manifest(files, add) | {name: data}


def names(files: Files) -> Iterator[Case]:
    for what, name in NAMES.items():
        data = b"hostile"
        encoded = name.encode("utf-8", "surrogatepass")
        extra = Entry(encoded, data, flags=0 if name.isascii() else UTF8)
        yield Case(f"name, not listed: {what}", partial(raw_zip.archive, [*raw_zip.plain(files), extra]))
        listed = listing(files, name, data)
        yield Case(f"name, listed: {what}", partial(raw_zip.archive, raw_zip.plain(listed)))
    for what, raw in {
        "overlong parent": b"\xc0\xae\xc0\xae/" + BAIT.encode(),
        "overlong slash": b"..\xc0\xaf" + BAIT.encode(),
        "half a surrogate": b"\xed\xa0\x80.json",
        "no UTF-8": b"\xff\xfe.json",
    }.items():
        extra = Entry(raw, b"hostile", flags=UTF8)
        yield Case(f"name, not listed: {what}", partial(raw_zip.archive, [*raw_zip.plain(files), extra]))


KINDS = {
    "symbolic link": stat.S_IFLNK,
    "character device": stat.S_IFCHR,
    "block device": stat.S_IFBLK,
    "FIFO": stat.S_IFIFO,
    "socket": stat.S_IFSOCK,
    "folder": stat.S_IFDIR,
    "whiteout": 0o160000,
    "unknown kind": 0o170000,
}


def kinds(files: Files) -> Iterator[Case]:
    good = raw_zip.plain(files)
    for what, mode in KINDS.items():
        target = f"../{BAIT}".encode()
        listed = raw_zip.plain(listing(files, "link", target))
        yield Case(
            f"kind: {what}, listed",
            partial(raw_zip.archive, raw_zip.changed(listed, "link", mode=mode | 0o777)),
        )
        through = raw_zip.plain(listing(files, "link/x", b"hostile"))
        link = Entry(b"link", b"..", mode=mode | 0o777)
        yield Case(
            f"kind: {what}, then a file through it",
            partial(raw_zip.archive, [link, *through]),
        )
        yield Case(
            f"kind: the manifest a {what}",
            partial(raw_zip.archive, raw_zip.changed(good, MANIFEST, mode=mode | 0o777)),
        )
    hard = struct.pack("<2H12s", 0x000D, 12 + len(BAIT), b"\0" * 12) + BAIT.encode()
    yield Case(
        "kind: hard link in an extra field",
        lambda: raw_zip.archive(raw_zip.changed(good, CARD, extra=hard, local_extra=hard)),
        harmless=True,
    )
    yield Case("kind: set-user-id", lambda: raw_zip.archive(raw_zip.changed(good, CARD, mode=0o104755)), harmless=True)
    yield Case(
        "kind: folder by its DOS attribute, not listed",
        lambda: raw_zip.archive([*good, Entry(b"engines/", system=0, mode=0, dos_attributes=0x10)]),
    )


def disagreements(files: Files) -> Iterator[Case]:
    good = raw_zip.plain(files)

    def card(what: str, *, harmless: bool = False, **fields: object) -> Case:
        return Case(f"lie: {what}", lambda: raw_zip.archive(raw_zip.changed(good, CARD, **fields)), harmless)

    n_bytes = len(files[CARD])
    yield card("another name in its header", local_name=b"../" + BAIT.encode())
    yield card("a longer name in its header", local_name=CARD.encode() + b"\0x")
    yield card("another name of one length in its header", local_name=b"MODEL_CARD.me")
    yield card("another size in its header", local_size=n_bytes + 1)
    yield card("another packed size in its header", local_packed_size=n_bytes - 1)
    yield card("another checksum in its header", local_crc=1)
    yield card("another method in its header", local_method=DEFLATED)
    yield card("encrypted in its header only", local_flags=1)
    yield card("a descriptor in its header only", local_flags=DESCRIPTOR)
    yield card("a descriptor in the directory only", flags=DESCRIPTOR, local_flags=0)
    yield card("no header", local_mark=b"PK\x07\x08")
    yield card("wrong checksum", crc=1)
    yield card("size too small", size=n_bytes - 1)
    yield card("size too large", size=n_bytes + 1)
    yield card("size of 4 GB", size=0xFFFFFFFE)
    yield card("packed size too small", packed_size=n_bytes - 1)
    yield card("packed size too large", packed_size=n_bytes + 1)
    yield card("packed size of 4 GB", packed_size=0xFFFFFFFE)
    yield card("packed size for zip64, without its field", packed_size=0xFFFFFFFF)
    yield card("offset for zip64, without its field", offset=0xFFFFFFFF)
    yield card("offset past the end", offset=10**8)
    yield card("offset into another entry", offset=7)
    yield Case("lie: offset of another entry", lambda: raw_zip.archive(raw_zip.changed(good, MANIFEST, offset=0)))
    yield card("on another disk", disk=3)
    yield card("encrypted", flags=1)
    yield card("strongly encrypted", flags=0x41)
    yield card("headers masked", flags=0x2000)
    yield card("patched data", flags=0x20)
    for method in (1, 6, 9, 12, 14, 93, 95, 98, 99, 65535):
        yield card(f"method {method}", method=method)
    yield card("deflate that is none", method=DEFLATED, local_method=DEFLATED, packed_size=n_bytes, gap=b"")
    unicode_path = struct.pack("<2HBL", 0x7075, 5 + 5, 1, zlib.crc32(CARD.encode())) + b"../xx"
    # Python before 3.12 does not read it.
    yield card("another name in a Unicode extra field", extra=unicode_path, harmless=True)
    yield card("an extra field cut short", extra=b"\x75\x70\xff\x00")
    zip64 = struct.pack("<2HQ", 1, 8, 2**63)
    yield card("a zip64 size of 2^63", size=0xFFFFFFFF, extra=zip64)
    yield card("hidden bytes behind it", gap=b"hidden")
    yield card("a hidden entry behind it", gap=raw_zip.local(Entry(b"../" + BAIT.encode(), b"x")))
    yield card("a wrong descriptor", flags=DESCRIPTOR, descriptor=b"x" * 16, crc=1)
    broken = bytearray(files[CARD])
    yield Case(
        "lie: bytes that are no deflate",
        lambda: raw_zip.archive(
            raw_zip.changed(
                good, CARD, data=b"\xff" * len(broken), crc=zlib.crc32(broken), flags=0, method=0, local_method=0
            )
        ),
    )


def structures(files: Files) -> Iterator[Case]:
    good = raw_zip.plain(files)
    whole = raw_zip.archive(good)

    def made(what: str, **arguments: Any) -> Case:
        return Case(f"structure: {what}", lambda: raw_zip.archive(good, **arguments))

    yield made("bytes before", prefix=b"#!/bin/sh\n")
    yield made("a pickle before", prefix=pickle.dumps([1, 2]))
    yield made("a whole zip before", prefix=whole)
    yield made("bytes behind", suffix=b"\0")
    yield made("a pickle behind", suffix=pickle.dumps([1, 2]))
    yield made("another directory behind", suffix=raw_zip.archive([Entry(b"../" + BAIT.encode(), b"x")]))
    yield made("bytes before the directory", between=b"x" * 100)
    yield made("a comment", end=End(comment=b"hello"))
    yield made("a comment with another end in it", end=End(comment=raw_zip.archive([])))
    yield made("a comment longer than told", end=End(comment=b"xx", comment_length=1))
    yield made("a comment shorter than told", end=End(comment=b"", comment_length=5))
    yield made("disk 1", end=End(disk=1))
    yield made("directory on disk 2", end=End(first_disk=2))
    yield made("several disks", end=End(disk=65535, first_disk=65535))
    yield made("fewer entries told", end=End(here=1, total=1))
    yield made("more entries told", end=End(here=60_000, total=60_000))
    yield made("more entries in all than here", end=End(total=9_999))
    yield made("directory at the start", end=End(start=0))
    yield made("directory past the end", end=End(start=0xFFFFFFF0))
    yield made("directory of no size", end=End(size=0))
    yield made("directory of 4 GB", end=End(size=0xFFFFFFF0))
    yield made("sizes for zip64 that is not there", end=End(size=0xFFFFFFFF, start=0xFFFFFFFF, total=65535, here=65535))
    yield made("zip64 end that points elsewhere", end=End(zip64=True, locator_at=0))
    yield made("zip64 end past the file", end=End(zip64=True, locator_at=2**60))
    yield made("zip64 directory of another start", end=End(zip64=True, zip64_start=3))
    yield made("zip64 of 2^40 entries", end=End(zip64=True, zip64_total=2**40))
    yield Case("structure: a small zip64", lambda: raw_zip.archive(good, end=End(zip64=True)), harmless=True)
    yield Case("structure: one entry twice", lambda: raw_zip.archive([*good, good[0]]))
    yield Case(
        "structure: one place under two names",
        lambda: raw_zip.archive([*good, Entry(b"again", files[CARD], offset=0, written=False)]),
    )
    yield Case(
        "structure: two manifests",
        lambda: raw_zip.archive([*good, Entry(MANIFEST.encode(), b"{}")]),
    )
    yield Case(
        "structure: two manifests, the good one last",
        lambda: raw_zip.archive([Entry(MANIFEST.encode(), b"{}"), *good]),
    )
    yield Case(
        "structure: no manifest", lambda: raw_zip.archive([each for each in good if each.name != b"manifest.json"])
    )
    yield Case(
        "structure: a folder around it", lambda: raw_zip.archive(raw_zip.plain({f"b/{n}": d for n, d in files.items()}))
    )
    yield Case(
        "structure: a file missing", lambda: raw_zip.archive([each for each in good if each.name != CARD.encode()])
    )
    yield Case("structure: nothing in it", lambda: raw_zip.archive([]))
    yield Case("structure: entries in another order", lambda: raw_zip.archive(good[::-1]), harmless=True)
    yield Case(
        "structure: packed",
        lambda: raw_zip.archive([Entry(name.encode(), data, method=DEFLATED) for name, data in files.items()]),
        harmless=True,
    )
    for share in range(1, 16):
        at = len(whole) * share // 16
        yield Case(f"structure: cut at {share}/16", partial(bytes, whole[:at]))
    yield Case("structure: the last byte missing", lambda: whole[:-1])
    yield Case("structure: the first byte missing", lambda: whole[1:])


def flips(files: Files) -> Iterator[Case]:
    whole = raw_zip.archive([Entry(name.encode(), data, method=DEFLATED) for name, data in files.items()])
    chance = random.Random(4)
    for number in range(32):
        at, bit = chance.randrange(len(whole)), chance.randrange(8)

        def flipped(at: int = at, bit: int = bit) -> bytes:
            return whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]

        # A time or a comment's length of 0 in the wrong place is no harm; whatever is taken has to be the bundle.
        yield Case(f"flip {number}: bit {bit} of byte {at}", flipped, harmless=True)


def manifests(files: Files) -> Iterator[Case]:
    def made(what: str, change: Callable[[dict[str, Any]], None]) -> Case:
        return Case(f"manifest: {what}", lambda: raw_zip.archive(raw_zip.plain(with_manifest(files, change))))

    def raw(what: str, data: bytes) -> Case:
        return Case(f"manifest: {what}", lambda: raw_zip.archive(raw_zip.plain(files | {MANIFEST: data})))

    card_entry = msgspec.json.decode(files[MANIFEST])["files"][CARD]

    def card(**changes: object) -> Callable[[dict[str, Any]], None]:
        return lambda document: document["files"].__setitem__(CARD, card_entry | changes)

    def engine(name: str) -> Callable[[dict[str, Any]], None]:
        def rename(document: dict[str, Any]) -> None:
            document["engines"][0]["name"] = document["choice"][0]["engine"] = name

        return rename

    yield made("a negative size", card(size=-5))
    yield made("a negative size that makes room", lambda d: d["files"].update(x=card_entry | {"size": -(2**40)}))
    yield made("a size of 2^62", card(size=2**62))
    yield made("a size that is no integer", card(size=1.5))
    yield made("a size too small", card(size=card_entry["size"] - 1))
    yield made("another digest of a file", card(sha256="0" * 64))
    yield made("a digest that is a path", card(sha256="../" * 21 + "x"))
    yield made("a digest in capitals", card(sha256=card_entry["sha256"].upper()))
    yield made("itself among the files", lambda d: d["files"].__setitem__(MANIFEST, card_entry))
    yield made("a newer format", lambda d: d.update(format=2))
    yield made("a format of 10^400", lambda d: d.update(format="9" * 400))
    yield made("an unknown field", lambda d: d.update(run="rm"))
    yield made("no engine for the choice", lambda d: d.update(engines=[]))
    yield made("an engine named as a path", engine(".."))
    yield made("an engine in Greek", engine("μ"))
    yield made("an engine of unknown kind", lambda d: d["engines"][0].update(kind="shell"))
    yield made("a choice of another engine", lambda d: d["choice"][0].update(engine="other"))
    yield made("files that are a list", lambda d: d.update(files=[]))
    yield raw("nothing", b"")
    yield raw("not JSON", b"\x80\x04K\x01.")
    yield raw("null", b"null")
    yield raw("a byte order mark", b"\xef\xbb\xbf" + files[MANIFEST])
    yield raw("UTF-16", files[MANIFEST].decode().encode("utf-16"))
    yield raw("something behind it", files[MANIFEST] + b"{}")
    yield raw("a space more", files[MANIFEST] + b" ")
    yield raw("a key twice", files[MANIFEST].replace(b'{\n  "choice"', b'{\n  "format": 1,\n  "choice"', 1))
    yield raw("another digest of its own", files[MANIFEST].replace(b'"digest": "', b'"digest": "0', 1))
    yield raw("nested deeply", b'{"format":1,"engines":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    options = b'{"format":1,"engines":[{"name":"a","kind":"arrays","options":' + b'{"a":' * 50_000
    yield raw("options nested deeply", options + b"1" + b"}" * 50_000 + b"}]}")


def documents(files: Files) -> Iterator[Case]:
    """Files that are what their manifest says, and hostile all the same."""

    def made(what: str, name: str, data: bytes) -> Case:
        def change(document: dict[str, Any]) -> None:
            document["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}

        entries = [
            Entry(each.encode(), content, method=DEFLATED)
            for each, content in (with_manifest(files, change) | {name: data}).items()
        ]
        return Case(f"document: {what}", lambda: raw_zip.archive(entries))

    yield made("a signature that is none", "signature.json", b"[]")
    yield made(
        "a signature without fields", "signature.json", b'{"fields":[],"output":{"task":"regression"},"example":{}}'
    )
    yield made("a pickle for a proof", "proof.json", pickle.dumps(print))
    yield made("metrics nested deeply", "metrics.json", b'{"a":' * 100_000 + b"1" + b"}" * 100_000)
    yield made("lineage of 12 MB", "lineage.json", b'{"a":"' + b"x" * 12_000_000 + b'"}')
    yield made("metrics of three million lists", "metrics.json", b'{"a":[' + b"[]," * 3_000_000 + b"[]]}")


def bombs(files: Files) -> Iterator[Case]:
    good = raw_zip.plain(files)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as inner:
        inner.writestr("zeros", b"\0" * 20_000_000)

    def made(what: str, name: str, n_bytes: int, told: int) -> Case:
        def change(document: dict[str, Any]) -> None:
            digest = hashlib.sha256(b"\0" * told).hexdigest()
            document["files"][name] = {"sha256": digest, "size": told}

        def make() -> bytes:
            entries = raw_zip.plain(with_manifest(files, change))
            return raw_zip.archive([*entries, Entry(name.encode(), b"\0" * n_bytes, method=DEFLATED)])

        return Case(f"bomb: {what}", make)

    yield made("30 MB told as 1 kB", "zeros", 30_000_000, 1000)
    yield made("30 MB told as such", "zeros", 30_000_000, 30_000_000)
    yield Case(
        "bomb: 30 MB for a manifest", lambda: raw_zip.archive([Entry(b"manifest.json", b"\0" * 30_000_000, DEFLATED)])
    )
    yield Case(
        "bomb: 30 MB for a known file",
        lambda: raw_zip.archive(raw_zip.changed(good, CARD, data=b"\0" * 30_000_000, method=DEFLATED)),
    )
    yield Case(
        "bomb: many entries",
        lambda: raw_zip.archive([*good, *(Entry(b"x%d" % number) for number in range(FILES_LIMIT))]),
    )
    yield Case(
        "bomb: a directory larger than told",
        lambda: raw_zip.archive([*good, *(Entry(b"x%d" % n) for n in range(20_000))], end=End(here=5, total=5)),
    )
    yield Case(
        "bomb: a directory of long comments",
        lambda: raw_zip.archive([*good, *(Entry(b"x%d" % n, comment=b"x" * 65_000) for n in range(200))]),
    )
    kernel = Entry(b"k0", b"\0" * 1_000_000, method=DEFLATED)
    yield Case(
        "bomb: every entry the same place (Fifield)",
        lambda: raw_zip.archive(
            [kernel, *(Entry(b"k%d" % n, kernel.data, DEFLATED, offset=0, written=False) for n in range(1, 50))]
        ),
    )
    yield Case("bomb: entries quoted in each other (Fifield)", lambda: _quoted(files))
    yield Case(
        "bomb: a zip in it, listed",
        lambda: raw_zip.archive(raw_zip.plain(listing(files, "inner.zip", packed.getvalue()))),
        harmless=True,
    )
    yield Case(
        "bomb: a zip in it, not listed", lambda: raw_zip.archive([*good, Entry(b"inner.zip", packed.getvalue())])
    )


def _quoted(files: Files) -> bytes:
    """Each entry's data hold the next entry whole, in stored blocks."""
    inner = raw_zip.local(Entry(b"k1", b"\0" * 100_000, method=DEFLATED))
    outer = Entry(b"k0", inner, local_name=b"k0")
    at = 30 + len(b"k0")
    again = Entry(b"k1", b"\0" * 100_000, method=DEFLATED, offset=at, written=False)
    return raw_zip.archive([outer, again, *raw_zip.plain(files)])


def other_files(files: Files) -> Iterator[Case]:
    def tar(mode: str) -> bytes:
        target = io.BytesIO()
        with tarfile.open(fileobj=target, mode=mode) as archive:  # type: ignore[call-overload]
            info = tarfile.TarInfo("../" + BAIT)
            info.size = 1
            archive.addfile(info, io.BytesIO(b"x"))
        return target.getvalue()

    contents = {
        "nothing": b"",
        "one byte": b"P",
        "PK": b"PK",
        "a local header alone": b"PK\x03\x04" + b"\0" * 26,
        "a pickle": pickle.dumps({"a": 1}),
        "a pickle of protocol 0": pickle.dumps([1], 0),
        "a joblib file": zlib.compress(pickle.dumps([1] * 100)),
        "a gzipped pickle": gzip.compress(pickle.dumps([1])),
        "a tar": tar("w"),
        "a gzipped tar": tar("w:gz"),
        "an xz tar": tar("w:xz"),
        "7-Zip": b"7z\xbc\xaf\x27\x1c" + b"\0" * 100,
        "RAR": b"Rar!\x1a\x07\x01\x00" + b"\0" * 100,
        "ONNX": b"\x08\x09\x12\x07skl2onnx" + b"\0" * 50,
        "HDF5": b"\x89HDF\r\n\x1a\n" + b"\0" * 100,
        "a manifest alone": files[MANIFEST],
        "JSON": b"{}",
        "HTML": b"<!doctype html>",
        "zeros": b"\0" * 100_000,
        "only ends": b"PK\x05\x06" * 1000,
    }
    for what, data in contents.items():
        yield Case(f"no zip: {what}", partial(bytes, data))


def _good(files: Files) -> Iterator[Case]:
    yield Case("the bundle itself", lambda: raw_zip.archive(raw_zip.plain(files)), harmless=True)


def corpus(files: Files) -> list[Case]:
    """Every case, for the bundle of these files."""
    parts = (
        _good,
        names,
        kinds,
        disagreements,
        structures,
        flips,
        manifests,
        documents,
        bombs,
        other_files,
    )
    return [case for part in parts for case in part(files)]
