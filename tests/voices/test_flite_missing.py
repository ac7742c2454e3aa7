"""Where Flite is not installed."""

import pytest

from tinyml_labs.voices import flite


def test_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    flite.list_voices.cache_clear()
    assert not flite.is_installed()
    with pytest.raises(ModuleNotFoundError, match="apt-get install flite"):
        flite.speak("yes")
