"""What can go wrong between a sketch and an emulated board."""

from __future__ import annotations


class EmulatorMissingError(ImportError):
    """A package that the emulator needs is not installed."""


class BuildError(Exception):
    """The sketch does not compile or link; the message has the compiler's first errors."""


class DoesNotFitError(BuildError):
    """The sketch needs more flash or RAM than the board has."""


class MachineFaultError(RuntimeError):
    """The processor met what it cannot do: an address where nothing is, or an instruction that it does not know.

    Attributes
    ----------
    address : int
        Of the instruction.
    function : str
        The function that it stands in; empty if that is unknown.
    """

    def __init__(self, message: str, *, address: int = 0, function: str = "") -> None:
        super().__init__(message)
        self.address, self.function = address, function


def need_package(name: str) -> EmulatorMissingError:
    """Give the error for a package that is not there."""
    return EmulatorMissingError(
        f"The virtual Cortex-M4 needs the package {name}, which is not installed. In the folder of the kit: "
        "python -m pip install -e '.[emulator]'"
    )
