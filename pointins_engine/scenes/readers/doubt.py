"""What speaks against the unit or the up axis in which a scan would be taken."""


class Doubt(str):
    """A sentence that names the flags which settle it.

    Attributes:
        finding: The same without flags.
        about: `units` or `up`.
        likely: Value that fits best.
    """

    finding: str
    about: str
    likely: str

    def __new__(cls, finding: str, advice: str, *, about: str, likely: str) -> "Doubt":
        doubt = super().__new__(cls, f"{finding} {advice}")
        doubt.finding = finding
        doubt.about = about
        doubt.likely = likely
        return doubt
