"""Errors a person can act on. Each message says what came, what was expected, and the fix.

PointinsError            the command line prints it without a traceback and exits with 2
├── SceneError           a scan or its labels cannot be read as a scene
│   └── ScanQuestion     ... before its owner says in which unit it is, or which way is up
├── ConfigError          a value or a combination of values of the configuration is not possible
├── RunError             a run folder cannot be written, read or resumed
└── WeightsError         a file of weights cannot be read, or holds another network
"""


class PointinsError(Exception):
    """Base of every error caused by input, configuration or environment, not by our own mistake."""


class SceneError(PointinsError):
    """A scan, a folder of scans or a label file cannot be read; names the file and the fix."""


class ScanQuestion(SceneError):
    """A scan is refused until its owner says in which unit it is, or which way is up.

    Attributes:
        question: What was found, without naming flags of a command.
        ask: `units` or `up` (or both), with the likely answer.
    """

    def __init__(self, text: str, *, question: str, ask: dict[str, str]) -> None:
        super().__init__(text)
        self.question = question
        self.ask = ask


class ConfigError(PointinsError):
    """A configuration value is impossible; names the field, the value and what is allowed."""


class RunError(PointinsError):
    """A run folder cannot be written, read or resumed; names the folder and the fix."""


class WeightsError(PointinsError):
    """Weights cannot be read or fit no encoder of ours; names the file, the keys and the fix."""
