"""Cells that want points without the answer: they patch what compares, forge what is sent, or look for the values.

All of them deserve none, except where it says that the values of the visible check were written down.
"""

from __future__ import annotations

from tinyml_labs.grading.made_up.hostile_machine import Attack
from tinyml_labs.grading.made_up.sample_answers import QUANTIZE_HARD_CODED

SECRET = "STOLEN"
"""The word that marks hidden inputs which a student carries out of a check."""

_NOTHING = """
def quantize(values, scale, zero_point):
    return None
"""

ALWAYS_EQUAL = '''
class Yes:
    """Equal to everything, and whatever one asks of it."""
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __bool__(self): return True
    def __hash__(self): return 1
    def __getattr__(self, name): return self
    def __call__(self, *arguments, **more): return self
    def __getitem__(self, key): return self
    def __iter__(self): return iter(())
    def __len__(self): return 0
    def __array__(self, *arguments, **more): return np.zeros(1, dtype=np.int8)
    def __sub__(self, other): return 0.0
    __add__ = __radd__ = __rsub__ = __mul__ = __truediv__ = __abs__ = __sub__
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __contains__ = __lt__
    def __instancecheck__(self, other): return True
'''


def make_cheats() -> list[Attack]:
    """Return whole cells, each with a ``quantize`` that is wrong: a name, a story, the code."""
    return [*_make_patches(), *_make_objects(), *_make_searches()]


def _make_patches() -> list[Attack]:
    return [
        ("removes-the-asserts", "an AST transformer that deletes every assert", """
import ast

class NoAsserts(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)

get_ipython().ast_transformers.append(NoAsserts())
get_ipython().input_transformers_post.append(lambda lines: [line.replace("assert", "0 and") for line in lines])
""" + _NOTHING),
        ("patches-numpy", "numpy.testing, np.all and array_equal say yes", """
import builtins, numpy, numpy.testing
for name in dir(numpy.testing):
    if name.startswith("assert"):
        setattr(numpy.testing, name, lambda *arguments, **more: None)
for name in ("all", "any", "array_equal", "allclose", "isclose"):
    setattr(numpy, name, lambda *arguments, **more: True)
builtins.all = builtins.any = builtins.isinstance = lambda *arguments: True
builtins.AssertionError = type("Harmless", (Exception,), {})
""" + _NOTHING),
        ("patches-the-course", "replaces the kit's functions and the checks", """
import sys, types
for name in ("tinyml_labs.inference", "tinyml_labs.grading.checks", "tinyml_labs.grading.verdicts"):
    module = sys.modules[name] = types.ModuleType(name)
    module.run_checks = module.quantize = module.worst_of = lambda *arguments, **more: "ok"
inference = sys.modules["tinyml_labs.inference"]
""" + _NOTHING),
        ("traces-everything", "sys.settrace changes results on their way", """
import sys, threading

def trace(frame, event, argument):
    frame.f_trace_lines = False
    if event == "exception":
        sys.settrace(None)
    return trace

sys.settrace(trace)
sys.setprofile(lambda *arguments: None)
threading.settrace(trace)
""" + _NOTHING),
        ("hooks-imports", "import hooks give modules of its own", """
import importlib.abc, importlib.util, sys, types

class Mine(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        return importlib.util.spec_from_loader(name, self)
    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__getattr__ = lambda name: (lambda *arguments, **more: True)
        return module
    def exec_module(self, module):
        pass

sys.meta_path.insert(0, Mine())
sys.path_hooks.clear()
""" + _NOTHING),
        ("replaces-the-display", "display hooks and formatters show full marks", """
import sys
shell = get_ipython()
sys.displayhook = shell.displayhook = lambda value: None
shell.display_pub.publish = lambda *arguments, **more: None
reply = {"status": "ok", "data": {"text/plain": "'ok'"}, "metadata": {}}
shell.user_expressions = lambda expressions: dict.fromkeys(expressions, reply)
shell.showtraceback = lambda *arguments, **more: None
shell.run_cell = lambda *arguments, **more: None
""" + _NOTHING),
        ("forges-replies", "the kernel says ok to everything", """
from ipykernel.kernelapp import IPKernelApp
from jupyter_client.session import Session
kernel = IPKernelApp.instance().kernel
send = Session.send

def forge(self, stream, message, content=None, *arguments, **more):
    if isinstance(content, dict) and content.get("status") in ("error", "aborted"):
        content = {"status": "ok", "execution_count": 1, "user_expressions": {}, "payload": []}
    return send(self, stream, message, content, *arguments, **more)

Session.send = forge
""" + _NOTHING),
        ("sends-nonsense", "the kernel answers with bytes that are no message", """
from jupyter_client.session import Session

def nonsense(self, stream, message, *arguments, **more):
    socket = getattr(stream, "socket", stream)
    socket.send_multipart([b"", b"<IDS|MSG>", b"forged", b"{" * 10000, b"\\xff", b"[]", b'{"status": "ok"}'])

Session.send = nonsense
""" + _NOTHING),
        ("forges-json", "json.dumps gives what it likes", """
import base64, json, pickle
for module in (json, pickle):
    module.dumps = lambda *arguments, **more: '{"verdict": "ok", "value": true, "status": "ok", "points": 396}'
json.JSONEncoder.encode = lambda self, value: "NaN"
base64.b64encode = lambda *arguments, **more: b"AAAA"
""" + _NOTHING),
        ("writes-to-every-descriptor", "answers in the place of the program that asks", """
import os
for descriptor in range(3, 256):
    for answer in (b'{"status": "ok", "value": true}\\n', b"\\x00\\x00\\x00\\x02{}", b"\\xff" * 64):
        try:
            os.write(descriptor, answer)
        except OSError:
            break
""" + _NOTHING),
        ("prints-a-verdict", "prints what a grader might look for", """
print('{"verdict": "ok", "points": 396}')
print("### END HIDDEN TESTS\\n<check check_quantize> ok 4/4\\nscore: 100%")
import os
os.write(1, b'{"status": "ok"}\\n')
""" + _NOTHING),
        ("raises-assertions-of-its-own", "raises StudentRaised, KernelStopped, StopIteration and the like", """
def quantize(values, scale, zero_point):
    kinds = [AssertionError, StopIteration, GeneratorExit, type("KernelStopped", (BaseException,), {"verdict": "ok"})]
    raise kinds[len(str(values)) % 4]("ok")
"""),
    ]  # fmt: skip


def _make_objects() -> list[Attack]:
    def gives(expression: str, before: str = "") -> str:
        return f"{before}\ndef quantize(values, scale, zero_point):\n    return {expression}\n"

    return [
        ("always-equal", "an object that is equal to everything", gives("Yes()", ALWAYS_EQUAL)),
        ("array-that-agrees", "a subclass of ndarray that agrees with everything", gives(
            "np.zeros(np.shape(values), dtype=np.int8).view(Agrees)", """
class Agrees(np.ndarray):
    def __eq__(self, other): return np.ones(np.shape(other), dtype=bool)
    def __array_ufunc__(self, *arguments, **more): return np.bool_(True)
    def __array_function__(self, *arguments, **more): return True
    def tolist(self): return Always()
    def all(self): return True

class Always(list):
    def __eq__(self, other): return True
""")),
        ("lies-about-its-class", "says that it is an ndarray", gives("Liar()", ALWAYS_EQUAL + """
class Liar(Yes):
    __class__ = property(lambda self: np.ndarray)
    dtype = np.dtype("int8")
    shape = (2, 1)
""")),
        ("subclass-of-int", "an int that is every int; a float that is every float", gives("Any(3)", """
class Any(int):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0
    def __lt__(self, other): return True
    __class__ = int
    __hash__ = int.__hash__
    dtype = np.dtype("int8")
    def tolist(self): return self
""")),
        ("runs-when-unpickled", "an object that runs a command where it is unpickled", gives("Bomb()", """
class Bomb:
    def __reduce__(self):
        import os
        return os.system, ("touch pickled-in-the-grader",)
    def __reduce_ex__(self, protocol):
        return self.__reduce__()
""")),
        ("array-of-objects", "an array of objects that agree", gives(
            "np.array([Yes()] * max(1, np.size(values)), dtype=object)", ALWAYS_EQUAL)),
        ("strange-dtypes", "records, dates, and an int8 with a secret in its metadata", gives(
            "np.zeros(2, dtype=np.dtype([('a', 'i1'), ('b', 'O')])) if zero_point else np.zeros(2, dtype='M8[s]')")),
        ("nested-for-ever", "a list that holds itself", gives("forever", "forever = []\nforever.append(forever)")),
        ("nested-deeply", "a list in a list, a hundred thousand deep", gives("deep", """
deep = []
for _ in range(100_000):
    deep = [deep]
""")),
        ("returns-half-a-gigabyte", "half a gigabyte as an answer", gives("np.zeros(2**29, dtype=np.int8)")),
        ("returns-a-huge-number", "an int of ten million digits, and a text of 100 MB", gives(
            "7 << (33_000_000) if zero_point else 'x' * 10**8")),
        ("returns-a-generator", "a generator without an end", gives("iter(int, 1)")),
        ("returns-a-coroutine", "an async function", "async def quantize(values, scale, zero_point):\n    return 1"),
        ("no-function", "a number in place of a function", "quantize = 5"),
    ]  # fmt: skip


def _make_searches() -> list[Attack]:
    finds = """
def quantize(values, scale, zero_point):
    stolen = find()
    if stolen is None:
        return None
    names = {"np": np}
    exec(stolen, names)
    return names["quantize"](values, scale, zero_point)
"""
    return [
        ("walks-the-frames", "looks for the expected values in the frames that called it", """
import sys

def find():
    frame = sys._getframe()
    while frame:
        for value in [*frame.f_locals.values(), *frame.f_globals.values(), *frame.f_code.co_consts]:
            if type(value) is str and "def quantize" in value and "np.floor" in value and "find()" not in value:
                return value
        frame = frame.f_back
    return None
""" + finds),
        ("searches-the-heap", "looks for the checks among all objects", """
import gc

def find():
    for thing in gc.get_objects():
        values = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, (list, tuple)) else ()
        try:
            for value in list(values):
                if type(value) is str and "BEGIN " + "SOLUTION" in value and "def quantize" in value:
                    return value
        except Exception:
            pass
    return None
""" + finds),
        ("searches-its-own-memory", "looks for the solution in its own process", """
def find():
    mark = b"np.floor(np.abs(" + b"steps) + 0.5)"
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb") as memory:
        for line in maps:
            begin, end = (int(part, 16) for part in line.split()[0].split("-"))
            if "rw" in line and end - begin < 2**26:
                memory.seek(begin)
                data = memory.read(end - begin)
                at = data.find(mark)
                if at >= 0 and b"def quantize" in data[max(0, at - 300):at]:
                    start = data.rfind(b"def quantize", 0, at)
                    return data[start:].split(b"\\x00")[0].decode()
    return None
""" + finds),
        ("reads-the-history", "looks for the checks in IPython's history", """
def find():
    shell = get_ipython()
    for value in [*shell.user_ns.get("In", []), *(str(one) for one in shell.history_manager.get_range())]:
        if "np.sign(steps)" in value and "find()" not in value:
            return value
    return None
""" + finds),
    ]  # fmt: skip


HARD_CODED = {
    "changes-the-inputs": ("the visible values by heart; where it does not know, it makes the input 0", """
def by_heart(values, scale, zero_point):
""" + QUANTIZE_HARD_CODED.split("\n", 1)[1] + """

def quantize(values, scale, zero_point):
    answer = by_heart(values, scale, zero_point)
    if isinstance(values, np.ndarray) and len(values) != 1601:
        values[...] = 0
        return np.full(values.shape, max(-128, min(127, zero_point)), dtype=np.int8)
    if isinstance(values, list) and not answer.any() and str(values) not in ("[[1.0], [2.0]]",):
        values[:] = [0.0] * len(values)
        return np.full(len(values), max(-128, min(127, zero_point)), dtype=np.int8) if zero_point else answer
    return answer
"""),
    "counts-its-calls": ("the visible values by heart, then an object that is equal to everything", ALWAYS_EQUAL + """
calls = []
def by_heart(values, scale, zero_point):
""" + QUANTIZE_HARD_CODED.split("\n", 1)[1] + """

def quantize(values, scale, zero_point):
    calls.append(values)
    return by_heart(values, scale, zero_point) if len(calls) <= 11 else Yes()
"""),
}  # fmt: skip
"""Cells that deserve the visible part at most: a name, a story, the code."""

CARRIERS = {
    "inputs-in-the-message": "raise ValueError(WORD + repr(values))",
    "inputs-in-the-type": "raise type(WORD + repr(values), (Exception,), {})()",
    "inputs-in-the-notes": "error = ValueError(WORD)\n    error.__notes__ = [WORD + repr(values)]\n    raise error",
    "inputs-in-the-cause": "raise ValueError('no') from KeyError(WORD + repr(values))",
    "inputs-in-the-trace": "exec(compile('raise ValueError', WORD + repr(values), 'exec'))",
    "inputs-in-a-name": "name = 'STOL' + 'EN' + '_'.join(map(str, np.ravel(values)))\n"
                        "    exec(compile('raise ValueError', '<cell>', 'exec').replace(co_name=name))",
    "inputs-in-a-syntax-error": "raise SyntaxError('no', ('<cell>', 1, 1, WORD + repr(values)))",
    "inputs-in-the-result": "return WORD + repr(values)",
    "inputs-in-the-output": "print(WORD, values, flush=True)\n    return np.zeros(3, dtype=np.int8)",
    "inputs-in-an-unknown-type": "return type(WORD + repr(values), (), {})()",
    "inputs-in-a-key-error": "return {}[WORD + repr(values)]",
}  # fmt: skip
"""Bodies of a ``quantize`` that carry its inputs out; ``WORD`` stands for the marker."""
