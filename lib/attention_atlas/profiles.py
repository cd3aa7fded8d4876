"""The sizes at which everything runs; a module of its own, so that the command line need not import pandas for it."""

PROFILES = ("smoke", "quick", "paper")


def check_profile(profile: str) -> str:
    """Return the profile, or refuse an unknown one.

    Examples
    --------
    >>> check_profile("quick")
    'quick'
    """
    if profile not in PROFILES:
        raise ValueError(f"unknown profile {profile!r}; allowed: {', '.join(PROFILES)}")
    return profile


def rank(profile: str) -> int:
    """Place of a profile in the order smoke, quick, paper.

    Examples
    --------
    >>> rank("smoke") < rank("paper")
    True
    """
    return PROFILES.index(check_profile(profile))
