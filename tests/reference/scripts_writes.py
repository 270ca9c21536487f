"""Records: versions, paths, acknowledgements, upserts and prefixes (PROTOCOL.md section 5)."""

from __future__ import annotations

from typing import Any

from deepstream_protocol.topics import RecordAction as Record
from tests.reference.script import A, B, Steps, script
from tests.reference.scripts_records import ACK, has, made, misses, reads


def acked(action: Record, name: str, **fields: Any) -> list[Steps]:
    """A write of A that is accepted and acknowledged."""
    return [
        A.sends(action, name=name, **ACK, **fields),
        A.gets(Record.WRITE_ACKNOWLEDGEMENT, name=name, **ACK),
    ]


def patched(name: str, path: str, before: Any, after: Any, data: Any = 1) -> list[Steps]:
    """A patch that B sees as A sent it, and what the record is then."""
    return [made(A, name, before), has(B, name, 1, before),
            acked(Record.PATCH, name, version=2, path=path, data=data),
            B.gets(Record.PATCH, name=name, version=2, path=path, data=data),
            reads(A, name, 2, after)]  # fmt: skip


def erased(name: str, path: str, before: Any, after: Any) -> list[Steps]:
    """An erasure that B sees, and what the record is then."""
    return [made(A, name, before), has(B, name, 1, before), acked(Record.ERASE, name, version=2, path=path),
            B.gets(Record.ERASE, name=name, version=2, path=path), reads(A, name, 2, after)]  # fmt: skip


def is_refused(name: str, data: str | None) -> list[Steps]:
    """An update whose data is no object or array."""
    fields = {} if data is None else {"data": data}
    return [has(A, name), A.sends(Record.UPDATE, name=name, version=1, **ACK, **fields),
            A.gets(Record.INVALID_MESSAGE_DATA, name=name, original_action=18, is_error=True, **ACK),
            reads(A, name, 0, "{}")]  # fmt: skip


SCRIPTS = [
    script("an update reaches the other subscribers with its version", has(A, "up1"), has(B, "up1"),
           A.sends(Record.UPDATE, name="up1", version=1, data={"a": 1}),
           B.gets(Record.UPDATE, name="up1", version=1, data={"a": 1}), reads(A, "up1", 1, {"a": 1})),
    script("an update is acknowledged to the writer alone", has(A, "up2"), has(B, "up2"),
           acked(Record.UPDATE, "up2", version=1, data={"a": 1}),
           B.gets(Record.UPDATE, name="up2", version=1, data={"a": 1})),
    script("an acknowledgement is asked for with isWriteAck, not with a correlation id", has(A, "up3"),
           has(B, "up3"),
           A.sends(Record.UPDATE, name="up3", version=1, data={}, id="x"),
           B.gets(Record.UPDATE, name="up3", version=1, data={}),
           A.is_quiet(), A.sends(Record.UPDATE, name="up3", version=2, data={}, is_write_ack=True),
           A.gets(Record.WRITE_ACKNOWLEDGEMENT, name="up3", is_write_ack=True),
           B.gets(Record.UPDATE, name="up3", version=2, data={})),
    script("an array is a record", has(A, "up4"), acked(Record.UPDATE, "up4", version=1, data=[1, "b", None]),
           reads(B, "up4", 1, [1, "b", None])),
    script("a writer need not subscribe", has(B, "up5"),
           A.sends(Record.UPDATE, name="up5", version=1, data={}),
           B.gets(Record.UPDATE, name="up5", version=1, data={})),
    script("version -1 takes whatever comes next", has(A, "any"), has(B, "any"),
           acked(Record.UPDATE, "any", version=-1, data={"a": 1}),
           B.gets(Record.UPDATE, name="any", version=1, data={"a": 1}),
           A.sends(Record.PATCH, name="any", version=-1, path="b", data="2"),
           B.gets(Record.PATCH, name="any", version=2, path="b", data="2")),
    script("a version that exists is refused with the current state", made(A, "vex1", {"a": 1}),
           has(B, "vex1", 1, {"a": 1}),
           A.sends(Record.UPDATE, name="vex1", version=1, data={"a": 2}, **ACK),
           A.gets(Record.VERSION_EXISTS, name="vex1", version=1, data={"a": 1}, original_action=18, **ACK),
           acked(Record.UPDATE, "vex1", version=2, data={"a": 2}),
           B.gets(Record.UPDATE, name="vex1", version=2, data={"a": 2})),
    script("a version that is lower is refused with the current state", made(A, "vex2", {"a": 1}),
           A.sends(Record.PATCH, name="vex2", version=0, path="a", data="2", id="x"),
           A.gets(Record.VERSION_EXISTS, name="vex2", version=1, data={"a": 1}, original_action=19, id="x")),
    script("a version below -1 or none is refused as one that exists", made(A, "vex3", {"a": 1}),
           A.sends(Record.UPDATE, name="vex3", version=-2, data={}),
           A.gets(Record.VERSION_EXISTS, name="vex3", version=1, data={"a": 1}, original_action=18),
           A.sends(Record.UPDATE, name="vex3", data={}),
           A.gets(Record.VERSION_EXISTS, name="vex3", version=1, data={"a": 1}, original_action=18)),
    script("a version that exists is refused for an erasure too", made(A, "vex4", {"a": 1}),
           A.sends(Record.ERASE, name="vex4", version=1, path="a", **ACK),
           A.gets(Record.VERSION_EXISTS, name="vex4", version=1, data={"a": 1}, original_action=20, **ACK)),
    script("a version that skips one is refused with the current version", made(A, "skip1", {"a": 1}),
           A.sends(Record.UPDATE, name="skip1", version=3, data={"a": 9}, **ACK),
           A.gets(Record.INVALID_VERSION, name="skip1", version=1, data={"a": 1}, original_action=18,
                  is_error=True, **ACK)),
    script("a patch that skips a version is refused with the current version", made(A, "skip2", {"a": 1}),
           A.sends(Record.PATCH, name="skip2", version=3, path="a", data="9"),
           A.gets(Record.INVALID_VERSION, name="skip2", version=1, data={"a": 1}, original_action=19,
                  is_error=True)),
    script("after a refused version the right one is accepted", made(A, "skip3", {"a": 1}),
           A.sends(Record.UPDATE, name="skip3", version=9, data={}),
           A.gets(Record.INVALID_VERSION, name="skip3", version=1, data={"a": 1}, original_action=18,
                  is_error=True),
           A.sends(Record.UPDATE, name="skip3", version=2, data={"b": 1}, id="2", is_write_ack=True),
           A.gets(Record.WRITE_ACKNOWLEDGEMENT, name="skip3", id="2", is_write_ack=True)),
    script("of two writers of a version one wins, and the other gets the winner's data", has(A, "race"),
           has(B, "race"),
           A.sends(Record.UPDATE, name="race", version=1, data={"by": "A"}, **ACK),
           A.gets(Record.WRITE_ACKNOWLEDGEMENT, name="race", **ACK),
           B.gets(Record.UPDATE, name="race", version=1, data={"by": "A"}),
           B.sends(Record.UPDATE, name="race", version=1, data={"by": "B"}, **ACK),
           B.gets(Record.VERSION_EXISTS, name="race", version=1, data={"by": "A"}, original_action=18,
                  **ACK)),
    script("writes that follow each other closely are all accepted, in order", has(A, "row"), has(B, "row"),
           [A.sends(Record.PATCH, name="row", version=1 + i, path="n", data=str(i)) for i in range(20)],
           [B.gets(Record.PATCH, name="row", version=1 + i, path="n", data=str(i)) for i in range(20)]),
    script("an update with a number is refused", is_refused("bad1", "1")),
    script("an update with a text is refused", is_refused("bad2", '"text"')),
    script("an update with null is refused", is_refused("bad3", "null")),
    script("an update without data is refused", is_refused("bad4", None)),
    script("an update with data that is no JSON is refused", is_refused("bad5", "{bad")),
    script("a patch sets one path", patched("path1", "b.c", {"a": 1}, {"a": 1, "b": {"c": 1}})),
    script("a patch makes arrays where the path has an index",
           patched("path2", "b[1].c", {}, {"b": [None, {"c": 1}]})),
    script("a patch of an array in an array",
           patched("path3", "m[0][1]", {"m": [[1, 2]]}, {"m": [[1, 9]]}, 9)),
    script("a patch replaces a scalar that stands in its way",
           patched("path4", "a.b.c", {"a": 1}, {"a": {"b": {"c": 1}}})),
    script("a patch with null sets null", patched("path5", "a", {"a": 1}, {"a": None}, "null")),
    script("a patch without data removes the path", made(A, "path6", {"a": 1, "b": 2}),
           acked(Record.PATCH, "path6", version=2, path="a"), reads(A, "path6", 2, {"b": 2})),
    script("an erasure removes a key", erased("erase1", "a", {"a": 1, "b": 2}, {"b": 2})),
    script("an erasure of an array's entry leaves null",
           erased("erase2", "l[1]", {"l": [1, 2, 3]}, {"l": [1, None, 3]})),
    script("an erasure of a path that is not there makes its containers",
           erased("erase3", "x.y.z", {}, {"x": {"y": {}}})),
    script("a write to a missing record is an error",
           A.sends(Record.UPDATE, name="gone1", version=1, data={}),
           A.gets(Record.RECORD_UPDATE_ERROR, name="gone1", original_action=18, is_error=True),
           A.sends(Record.PATCH, name="gone1", version=-1, path="a", data="1", id="x"),
           A.gets(Record.RECORD_UPDATE_ERROR, name="gone1", id="x", original_action=19, is_error=True),
           A.sends(Record.ERASE, name="gone1", version=1, path="a"),
           A.gets(Record.RECORD_UPDATE_ERROR, name="gone1", original_action=20, is_error=True),
           misses(A, "gone1")),
    script("a write to a missing record is an error if it is to be acknowledged too",
           A.sends(Record.UPDATE, name="gone2", version=1, data={}, **ACK),
           A.gets(Record.RECORD_UPDATE_ERROR, name="gone2", original_action=18, is_error=True, **ACK)),
    script("an upsert makes a record that is missing at version 1",
           acked(Record.CREATEANDUPDATE, "set1", version=-1, data={"a": 1}),
           reads(B, "set1", 1, {"a": 1})),
    script("an upsert reaches subscribers as an update", has(B, "set2"),
           A.sends(Record.CREATEANDUPDATE, name="set2", version=-1, data={"a": 1}),
           B.gets(Record.UPDATE, name="set2", version=1, data={"a": 1})),
    script("an upsert of a path reaches subscribers as a patch", has(B, "set3"),
           A.sends(Record.CREATEANDPATCH, name="set3", version=-1, path="a.b", data="1"),
           B.gets(Record.PATCH, name="set3", version=1, path="a.b", data="1")),
    script("an upsert of a path makes a record that is missing",
           acked(Record.CREATEANDPATCH, "set4", version=-1, path="a.b", data=1),
           reads(B, "set4", 1, {"a": {"b": 1}})),
    script("an upsert with the next version is accepted", made(A, "set5", {}),
           acked(Record.CREATEANDUPDATE, "set5", version=2, data={"a": 1}), reads(A, "set5", 2, {"a": 1})),
    script("an upsert with a version that exists is refused", made(A, "set6", {"a": 1}),
           A.sends(Record.CREATEANDUPDATE, name="set6", version=1, data={}, **ACK),
           A.gets(Record.VERSION_EXISTS, name="set6", version=1, data={"a": 1}, original_action=16, **ACK)),
    script("an upsert of a path with a version that exists is refused", made(A, "set8", {"a": 1}),
           A.sends(Record.CREATEANDPATCH, name="set8", version=1, path="a", data="2", **ACK),
           A.gets(Record.VERSION_EXISTS, name="set8", version=1, data={"a": 1}, original_action=17, **ACK)),
    script("an upsert by a subscriber is not sent back to it", has(A, "set9"),
           acked(Record.CREATEANDUPDATE, "set9", version=-1, data={})),
    script("an upsert with a number is refused and makes nothing",
           A.sends(Record.CREATEANDUPDATE, name="set7", version=-1, data="1", **ACK),
           A.gets(Record.INVALID_MESSAGE_DATA, name="set7", original_action=16, is_error=True, **ACK),
           misses(A, "set7")),
    script("a record that is not stored behaves like any other", has(A, "nostore/1"), has(B, "nostore/1"),
           acked(Record.UPDATE, "nostore/1", version=1, data={"a": 1}),
           B.gets(Record.UPDATE, name="nostore/1", version=1, data={"a": 1}),
           reads(A, "nostore/1", 1, {"a": 1}), A.sends(Record.DELETE, name="nostore/1"),
           A.gets(Record.DELETE_SUCCESS, name="nostore/1"), B.gets(Record.DELETED, name="nostore/1")),
    script("a path write to a hot record is refused",
           A.sends(Record.CREATEANDPATCH, name="hot/1", version=-1, path="a", data="1", **ACK),
           A.gets(Record.INVALID_PATCH_ON_HOTPATH, name="hot/1", original_action=17, is_error=True, **ACK)),
    script("a hot record takes whole writes without looking at versions",
           [(A.sends(Record.CREATEANDUPDATE, name="hot/2", version=version, data={"v": version}, **ACK),
             A.gets(Record.WRITE_ACKNOWLEDGEMENT, name="hot/2", **ACK)) for version in (-1, 7, 1)]),
    script("a dangerous key in a path is refused", made(A, "proto", {"a": 1}),
           A.sends(Record.PATCH, name="proto", version=2, path="__proto__.x", data="1", **ACK),
           A.gets(Record.INVALID_MESSAGE_DATA, name="proto", original_action=19, is_error=True, **ACK)),
]  # fmt: skip
