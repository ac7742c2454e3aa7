import subprocess
import sys

import pytest

from tinyml_labs.grading.later_imports import import_later


def test_a_name_is_what_it_stands_for_once_it_is_used():
    names = import_later("""
import math
import os.path
import xml.dom.minidom as dom
from collections import Counter, OrderedDict as Ordered
from concurrent import futures
""")
    assert set(names) == {"math", "os", "dom", "Counter", "Ordered", "futures"}
    assert names["math"].hypot(3, 4) == 5
    assert names["os"].path.basename("a/b") == "b"
    assert names["dom"].parseString("<a/>").documentElement.tagName == "a"
    assert names["Counter"]("aab")["a"] == 2
    assert names["Ordered"].fromkeys("ab") == {"a": None, "b": None}
    assert names["futures"].ThreadPoolExecutor.__name__ == "ThreadPoolExecutor"


def test_nothing_is_imported_before():
    program = """
import sys
from tinyml_labs.grading.later_imports import import_later
names = import_later("import pandas as pd\\nfrom matplotlib import pyplot as plt")
repr(names), dir(names["pd"]), [hasattr(each, "__wrapped__") for each in names.values()]
assert "pandas" not in sys.modules and "matplotlib" not in sys.modules
assert names["pd"].Series([1, 2]).sum() == 3 and "pandas" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_what_is_missing_is_an_error_when_it_is_used():
    names = import_later("import no_such_module\nfrom math import no_such_function")
    with pytest.raises(ModuleNotFoundError):
        names["no_such_module"].anything()
    with pytest.raises(ImportError):
        names["no_such_function"](1)


@pytest.mark.parametrize("line", ["x = 1", "from math import *", "from . import sibling", "print(1)"])
def test_other_lines_are_refused(line):
    with pytest.raises(ValueError, match="import"):
        import_later(line)
