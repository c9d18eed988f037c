"""The archive that skops writes: put in order, and looked at before it is believed.

An archive holds ``schema.json``, which describes a tree of nodes, and one file for each
array. A node says by which loader of skops it becomes an object of which class; an
object that is held in several places is described once and referred to by its number.
"""

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np

SCHEMA = "schema.json"
# Bounds on what is parsed and built before anything can be trusted.
MAX_SCHEMA = 4 * 2**20  # bytes
MAX_VALUES = 250_000  # commas and brackets, of which one number takes about seven
MAX_NODES = 250_000  # with what is referred to counted each time
MAX_DEPTH = 120
MAX_FILES = 20_000
MAX_INT = 2**128
# Loaders of plain data; the types of the others are judged by their names.
FILES = {"NdArrayNode": "npy", "BytesNode": "bin", "BytearrayNode": "bin"}
LOADERS = {
    *FILES,
    *("ConstructorFromReduceNode", "DTypeNode", "DefaultDictNode", "DictNode"),
    *("FunctionNode", "JsonNode", "ListNode", "LossNode", "MaskedArrayNode"),
    *("MethodNode", "ObjectNode", "OperatorFuncNode", "PartialNode"),
    *("RandomGeneratorNode", "RandomStateNode"),
    *("SetNode", "SliceNode", "TreeNode", "TupleNode", "TypeNode"),
}


def read_schema(content: bytes) -> dict[str, Any]:
    """Return the schema of an archive of skops, as it is."""
    with ZipFile(BytesIO(content)) as archive:
        return json.loads(archive.read(SCHEMA))


def nodes_of(value: Any) -> Iterator[dict[str, Any]]:
    """Yield all nodes of a schema."""
    if isinstance(value, dict):
        if _is_node(value):
            yield value
        value = [*value.values()]
    if isinstance(value, list):
        for item in value:
            yield from nodes_of(item)


def name_of(node: dict[str, Any]) -> str:
    """Return the full name of a node's class."""
    return f"{node['__module__']}.{node['__class__']}"


def tidy(content: bytes, **facts: Any) -> bytes:
    """Return an archive of skops in its one form, each object in it once.

    Parameters
    ----------
    content : bytes
        What skops wrote, in which names are the addresses of objects.
    **facts : object
        What else the schema shall say, by name.
    """
    numbers: dict[int, int] = {}
    files: dict[str, str] = {}

    def visit(value: Any) -> Any:
        if isinstance(value, list):
            return [visit(item) for item in value]
        if not isinstance(value, dict):
            return value
        if not _is_node(value):
            return {key: visit(item) for key, item in value.items()}
        if value["__id__"] in numbers:
            return {"__loader__": "CachedNode", "__id__": numbers[value["__id__"]]}
        number = numbers[value["__id__"]] = len(numbers) + 1
        changed: dict[str, Any] = {"__id__": number}
        if "file" in value:
            changed["file"] = f"{number}.{FILES.get(value['__loader__'])}"
            files[changed["file"]] = value["file"]
        return {
            key: changed.get(key) or visit(value[key]) for key in _reading_order(value)
        }

    schema = {**visit(read_schema(content)), **facts}
    text = json.dumps(schema, separators=(",", ":"))
    stream = BytesIO()
    with ZipFile(BytesIO(content)) as source, ZipFile(stream, "w") as archive:
        archive.writestr(ZipInfo(SCHEMA), text)
        for name, old in files.items():
            archive.writestr(ZipInfo(name), source.read(old))
    return stream.getvalue()


def check_archive(content: bytes) -> dict[str, Any]:
    """Return the schema of a tidy archive, after a look at all that could cost much.

    Parameters
    ----------
    content : bytes
        What may be a file of :func:`tidy`.

    Raises
    ------
    ValueError
        If it is none.
    """
    if content[8:9] == b"{":
        raise ValueError(
            "it was saved by an earlier version of sklearn_sed, as safetensors, which "
            "this one does not read: train and save the model again"
        )
    if content[:4] != b"PK\3\4" or content[-22:-18] != b"PK\5\6":
        raise ValueError("it is not a file of save_model, or it was cut short")
    if content.count(b"PK\1\2") > MAX_FILES:
        raise ValueError(f"it holds more than {MAX_FILES} arrays")
    try:
        with ZipFile(BytesIO(content)) as archive:
            files = {info.filename: info for info in archive.infolist()}
            if len(files) < len(archive.infolist()):
                raise ValueError("it holds a file twice")
            packed = [
                info.compress_type or info.flag_bits & 1 for info in files.values()
            ]
            if any(packed) or sum(i.file_size for i in files.values()) > len(content):
                raise ValueError("it holds files that are packed or overlap")
            if SCHEMA not in files:
                raise ValueError("it is not a file of save_model: it has no schema")
            schema = _parse(archive.read(SCHEMA))
            look = _Look(archive)
            look.visit(schema)
    except (BadZipFile, EOFError, NotImplementedError) as error:
        raise ValueError(f"damaged: {error}") from error
    unused = files.keys() - look.files - {SCHEMA}
    if unused:
        raise ValueError(f"it holds a file for nobody: {min(unused)!r}")
    return schema


def _parse(text: bytes) -> dict[str, Any]:
    """Parse strict JSON of bounded size: no name twice, no NaN."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            raise ValueError("its schema holds a name twice")
        return values

    def refuse(constant: str) -> None:
        raise ValueError(f"its schema holds {constant}")

    n_values = sum(map(text.count, (b",", b"[", b"{")))
    if len(text) > MAX_SCHEMA or n_values > MAX_VALUES:
        raise ValueError(
            "the model has too many parts, classes, settings or training epochs for a "
            f"model file: its schema may take {MAX_SCHEMA} bytes and {MAX_VALUES} "
            "values"
        )
    try:
        schema = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"its schema is not JSON: {error}") from error
    if not isinstance(schema, dict) or not _is_node(schema):
        raise ValueError("it is not a file of save_model: its schema is another one")
    return schema


class _Look:
    """Looks at every node, in the order in which skops will."""

    def __init__(self, archive: ZipFile):
        self.archive = archive
        self.files: set[str] = set()
        self.nodes: dict[int, dict[str, Any]] = {}
        self.sizes: dict[int, int] = defaultdict(int)

    def visit(self, value: Any, depth: int = 0) -> int:
        """Return the number of nodes in a value, those referred to included."""
        if depth > MAX_DEPTH:
            raise ValueError(f"its schema is nested more than {MAX_DEPTH} times")
        if isinstance(value, list):
            return sum(self.visit(item, depth + 1) for item in value)
        if not isinstance(value, dict):
            return 0
        if not _is_node(value):
            return sum(self.visit(item, depth + 1) for item in value.values())
        number = value.get("__id__")
        if value["__loader__"] == "CachedNode":
            size = self.sizes.get(number or 0, 0)
            if not size:
                raise ValueError(f"it refers to an object that is not there: {number}")
        else:
            if type(number) is not int or number in self.nodes:
                raise ValueError(f"it numbers two objects {number!r}")
            self.nodes[number] = value
            self._check(value)
            below = (self.visit(value[k], depth + 1) for k in _reading_order(value))
            size = self.sizes[number] = 1 + sum(below)
        if size > MAX_NODES:
            raise ValueError(f"it describes more than {MAX_NODES} objects")
        return size

    def _check(self, node: dict[str, Any]) -> None:
        """Check what a node says, and the array that it names."""
        loader = node["__loader__"]
        named = all(type(node.get(key)) is str for key in ("__class__", "__module__"))
        if loader not in LOADERS or not named:
            raise ValueError(f"it holds an object of no known form: {loader!r}")
        if loader == "JsonNode":
            _scalar(node)
        elif loader == "RandomStateNode":
            # NumPy believes it, and would read past the end of the state.
            state = node["content"]["content"]["state"]["content"]
            position = state["pos"]
            if position["__loader__"] == "CachedNode":
                position = self.nodes[position["__id__"]]
            if _scalar(position) not in range(625):
                raise ValueError("it holds a RandomState that is none")
        if "file" in node or (loader in FILES and node.get("type") != "json"):
            self._check_file(node, node.get("file"))

    def _check_file(self, node: dict[str, Any], name: Any) -> None:
        if name != f"{node['__id__']}.{FILES.get(node['__loader__'])}":
            raise ValueError(f"an array is in a file of no known name: {name!r}")
        try:
            content = self.archive.read(name)
        except KeyError:
            raise ValueError(f"its array {name!r} is missing") from None
        self.files.add(name)
        if name.endswith(".npy"):
            check_array(content, name)
            if name_of(node) in ("numpy.void", "numpy.object_"):
                raise ValueError(f"its number {name!r} is no number")


def check_array(content: bytes, name: str) -> None:
    """Check that a file of NumPy's holds numbers or texts, and as many as it says.

    Raises
    ------
    ValueError
        If not.
    """
    stream = BytesIO(content)
    try:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError("of another version")
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    except (SyntaxError, TypeError, ValueError, RecursionError, EOFError) as error:
        raise ValueError(f"its array {name!r} is damaged: {error}") from error
    size = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or not dtype.itemsize or size != len(content) - stream.tell():
        raise ValueError(f"its array {name!r} is not {dtype.str} of the shape {shape}")


def _is_node(value: dict[str, Any]) -> bool:
    """Tell a node from a mapping of names to nodes."""
    return isinstance(value.get("__loader__"), str)


def _reading_order(node: dict[str, Any]) -> list[str]:
    """Return a node's keys in the order in which skops reads what is below them."""
    first = {"key_types": 0, "content": 1}
    return sorted(node, key=lambda key: first.get(key, 2))


def _scalar(node: dict[str, Any]) -> Any:
    """Return the number or text of a node of JSON."""
    if not re.fullmatch(r'["\dNIftn-].*', node["content"], re.DOTALL):
        raise ValueError("it holds a value of no known form")
    value = json.loads(node["content"])
    if isinstance(value, int) and abs(value) >= MAX_INT:
        raise ValueError("it holds a number of no known form: too many digits")
    return value
