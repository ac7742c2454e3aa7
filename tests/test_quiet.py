import ctypes
import os
import subprocess
import sys
import threading

import pytest

from tinyml_labs.quiet import import_quietly, quiet


def test_what_python_and_c_and_children_write_is_captured(capfd):
    with quiet() as captured:
        print("python")
        os.write(2, b"descriptor\n")
        subprocess.run([sys.executable, "-c", "print('child')"], check=True)
        if sys.platform != "win32":
            ctypes.CDLL(None).puts(b"stdio")
    print("after")
    assert capfd.readouterr() == ("after\n", "")
    assert {"python", "descriptor", "child"} <= set(str(captured).split())
    assert sys.platform == "win32" or "stdio" in str(captured)


def test_nested_blocks_and_errors_restore_everything(capfd):
    out, err = sys.stdout, sys.stderr

    def fails_inside():
        with quiet() as captured:
            print("outer")
            with quiet() as inner:
                print("inner")
            seen.extend([captured, inner])
            raise RuntimeError("stop")

    seen = []
    with pytest.raises(RuntimeError, match="stop"):
        fails_inside()
    assert (sys.stdout, sys.stderr) == (out, err)
    assert [str(text) for text in seen] == ["outer\ninner\n", "inner\n"]
    os.write(1, b"heard\n")
    assert capfd.readouterr().out == "heard\n"


def test_other_threads_are_heard(capfd):
    quiet_now, done = threading.Event(), threading.Event()

    def other():
        quiet_now.wait(10)
        print("from the other thread")
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with quiet() as captured:
        quiet_now.set()
        assert done.wait(10)
    thread.join()
    assert "from the other thread" in capfd.readouterr().out
    assert str(captured) == ""


def test_many_threads_at_once(capfd):
    texts = {}

    def work(name):
        for _ in range(50):
            with quiet() as captured:
                print(name)
            texts[name] = str(captured)

    threads = [threading.Thread(target=work, args=(f"thread {k}",)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("end")
    assert capfd.readouterr() == ("end\n", "")
    assert all(name in text for name, text in texts.items())


def test_no_descriptors_are_lost():
    for _ in range(20):
        with quiet():
            pass
    before = os.dup(0)
    os.close(before)
    for _ in range(200):
        with quiet():
            print("x")
    after = os.dup(0)
    os.close(after)
    assert after <= before + 2


def test_import_quietly(tmp_path, monkeypatch, capfd):
    (tmp_path / "talkative_module.py").write_text("import os\nos.write(2, b'hello from C\\n')\nvalue = 3\n")
    (tmp_path / "broken_module.py").write_text("print('half way')\nimport a_module_that_is_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert import_quietly("talkative_module").value == 3
    with pytest.raises(ImportError, match=r"broken_module cannot be imported: .*doctor.* half way"):
        import_quietly("broken_module")
    assert capfd.readouterr() == ("", "")


def test_log_level_is_a_default_only(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    with quiet():
        pass
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"


@pytest.mark.slow
def test_one_network_after_the_other_is_no_reason_for_a_warning():
    program = """
from tinyml_labs.quiet import import_quietly
keras = import_quietly("keras")
import logging
import numpy as np
for _ in range(7):
    keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]).predict(np.ones((1, 1)), verbose=0)
logging.getLogger("tensorflow").warning("something else")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "something else" in done.stderr
    assert "retracing" not in done.stderr
