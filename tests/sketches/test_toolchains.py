"""A tool that is missing skips a test, with the line that installs it; in CI it fails it."""

import pytest
import toolchains


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_a_missing_tool(ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="no-such-compiler missing: sudo apt-get install some-package"):
        toolchains.need_tools("sh", "no-such-compiler", packages="some-package")


def test_tools_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    toolchains.need_tools("sh", packages="dash", headers=[__file__])
