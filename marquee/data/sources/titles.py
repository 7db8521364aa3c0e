"""MovieLens writes "Matrix, The (1999)": taken apart into what people say and a year."""

import re

ARTICLES = frozenset(
    {"The", "A", "An", "Le", "La", "Les", "L'", "Un", "Une", "Il", "Lo", "Gli", "Una", "Uno"}
    | {"Der", "Die", "Das", "Ein", "Eine", "El", "Los", "Las", "Den", "Det", "En", "De", "Het", "Een"}
)
"""Only words that end a title after a comma as an article and as nothing else; "I" and "O" are left out."""

NO_GENRES = frozenset({"(no genres listed)", "unknown", ""})
"""What stands for no genres at all."""

RENAMED_GENRES = {"Children's": "Children"}
"""The archives of 1998 to 2009 wrote one genre in another way."""

_YEAR = re.compile(r"\s*\((\d{4})(?:\s*[-–]\s*(?:\d{4})?)?\)+\s*(?:\(T?VG?\)\s*)?$")
_ALTERNATIVE = re.compile(r"\(([^()]*)\)")


def split_title(text: str) -> tuple[str, int]:
    """Take "Matrix, The (1999)" apart into ("The Matrix", 1999).

    What IMDb writes behind the year of a film made for video or television ("(1995) (V)") goes with it.
    The year of a series is its first ("(2006–2007)"); without one it is 0. Alternative titles in brackets
    stay, their article in front as well. A text that is nothing but a year stays whole.
    """
    found = _YEAR.search(text)
    year = int(found.group(1)) if found else 0
    name = text[: found.start()].strip() if found else text.strip()
    if not name:
        return text.strip(), year
    main, bracket, rest = name.partition(" (")
    rest = _ALTERNATIVE.sub(lambda match: f"({article_first(match.group(1))})", bracket + rest)
    return article_first(main) + rest, year


def article_first(name: str) -> str:
    """Put a trailing article in front: "Avventura, L'" becomes "L'Avventura".

    A subtitle stays behind: "Crow, The: Wicked Prayer" becomes "The Crow: Wicked Prayer".
    """
    main, colon, subtitle = name.partition(": ")
    if colon and (moved := article_first(main)) != main:
        return f"{moved}: {subtitle}"
    before, comma, last = name.rpartition(",")
    article = last.strip()
    if not comma or not before.strip() or article not in ARTICLES:
        return name
    return f"{article}{'' if article.endswith(chr(39)) else ' '}{before.strip()}"


def split_genres(text: str) -> list[str]:
    """Take "Action|Children's" apart into ["Action", "Children"]; none where none are listed."""
    names = (name.strip() for name in text.split("|"))
    return [RENAMED_GENRES.get(name, name) for name in names if name not in NO_GENRES]
