"""Find movies by title: case, accents, word order, unfinished words and small typos do not matter."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from marquee.pipeline.arrays import Float32, Int32, Int64, Uint8

ARTICLES = frozenset(
    {"the", "a", "an", "le", "la", "les", "l", "un", "une", "il", "lo", "gli", "una", "uno", "der", "die"}
    | {"das", "ein", "eine", "el", "los", "las", "den", "det", "en", "de", "het", "een"}
)
"""What takes no part in the order of a catalogue: "Matrix, The" is looked up as "The Matrix" and "Matrix"."""
MOST_WORDS = 12
"""Words of a search that are read."""
FEW = 3
"""Typos are looked for where the words as typed find fewer movies than this."""
EXACT, BEGINNING = 1.0, 0.75
"""What a word as typed is worth that is a whole word of the title, or the beginning of one."""
MISTYPED = {(1, True): 0.5, (1, False): 0.4, (2, True): 0.25, (2, False): 0.15}
"""What a mistyped word is worth, by the edits it takes to become the whole word, or else its beginning."""
WHOLE_TITLE, TITLE_BEGINNING = 2.0, 1.0
"""What is added where the words run together are the whole title, or the beginning of one."""
LONGEST_MISTYPED = 16
"""Letters of a word that are compared; a longer word must be typed as it is written."""

_LETTERS = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_JOINED = re.compile(r"[^\W_]+(?:[-'’.·*]+[^\W_]+)*")
"""Words written with what joins them or without: "Spider-Man", "Ocean's", "L.A.", "WALL·E", "M*A*S*H"."""
_WORD = re.compile(r"[^\W_]+")
_LAST = "\U0010ffff"


def fold(text: str) -> str:
    """Lower case without accents: "Amélie & Œdipus" becomes "amelie  and  oedipus"."""
    text = text.casefold().replace("&", " and ")
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


@dataclass(frozen=True)
class Postings:
    """Which rows hold a word.

    Attributes:
        words: (w,) sorted.
        starts: (w + 1,) where the rows of each word begin.
        rows: (p,) int32, word by word.
    """

    words: list[str]
    starts: Int64
    rows: Int32

    @classmethod
    def of(cls, words_of_rows: Iterable[set[str]]) -> "Postings":
        """From the words of every row."""
        first_seen: dict[str, int] = {}
        word, row = [], []
        for index, words in enumerate(words_of_rows):
            for text in words:
                word.append(first_seen.setdefault(text, len(first_seen)))
                row.append(index)
        words_sorted = sorted(first_seen)
        place = np.empty(len(words_sorted), dtype=np.int64)
        place[[first_seen[text] for text in words_sorted]] = np.arange(len(words_sorted))
        placed = place[np.array(word, dtype=np.int64)]
        rows = np.array(row, dtype=np.int32)
        order = np.lexsort((rows, placed))
        starts = np.concatenate([[0], np.bincount(placed, minlength=len(words_sorted)).cumsum()])
        return cls(words_sorted, starts.astype(np.int64), rows[order])

    def beginning_with(self, text: str) -> Int32:
        """Rows of all words that begin so, some of them repeated."""
        first, last = bisect_left(self.words, text), bisect_left(self.words, text + _LAST)
        return self.rows[self.starts[first] : self.starts[last]]

    def equal_to(self, text: str) -> Int32:
        """Rows of this very word."""
        first = bisect_left(self.words, text)
        found = first < len(self.words) and self.words[first] == text
        return self.rows[self.starts[first] : self.starts[first + found]]

    def of_words(self, word: Int64) -> tuple[Int32, Int64]:
        """Rows of several words, and how many of them belong to each."""
        counts = self.starts[word + 1] - self.starts[word]
        skipped = self.starts[word] - (counts.cumsum() - counts)
        return self.rows[np.repeat(skipped, counts) + np.arange(counts.sum())], counts


class TitleSearch:
    """An index over the titles of a catalogue, a few megabytes at 62,423 movies."""

    def __init__(self, titles: Sequence[str], years: Sequence[int], popularity: Float32) -> None:
        """Index titles by movie_index.

        Args:
            titles: as the page shows them, other titles in brackets.
            years: of release, 0 where unknown; "matrix 1999" finds by it.
            popularity: (num_movies,), decides among equally good matches.
        """
        self._popularity = popularity
        folded = [fold(title) for title in titles]
        self._words = Postings.of(
            words_of(text) | {str(year)} for text, year in zip(folded, years, strict=True)
        )
        self._titles = Postings.of(names_of(text) for text in folded)
        self._spelled = spell(self._words.words)
        self._lengths = np.array([len(word) for word in self._words.words])

    def search(self, title: str, k: int) -> list[int]:
        """The movie_index of at most k movies, best match first, the most rated first among equals.

        A movie matches if it holds every word, or begins with the words run together. Where few do, words
        may be mistyped (an edit, or two in eight letters); where none does, less than half may be missing.
        """
        words = query_words(title)
        if not words:
            return []
        total, matched = self._score(words, np.stack([self._typed(word) for word in words]))
        if np.count_nonzero(matched == len(words)) < FEW:
            mistyped = np.stack([np.maximum(self._typed(word), self._mistyped(word)) for word in words])
            total, matched = self._score(words, mistyped)
        most = int(matched.max(initial=0))
        if 2 * most <= len(words):
            return []
        found = np.flatnonzero(matched == most)
        order = np.lexsort((found, -self._popularity[found], -total[found]))
        best: list[int] = found[order[:k]].tolist()
        return best

    def _score(self, words: list[str], quality: Float32) -> tuple[Float32, Int64]:
        """Of every movie: the (words, num_movies) qualities added up, and how many words it holds."""
        total, matched = quality.sum(axis=0), np.count_nonzero(quality, axis=0)
        together = "".join(words)
        begins, equals = self._titles.beginning_with(together), self._titles.equal_to(together)
        matched[begins] = len(words)
        bonus = np.zeros_like(total)
        bonus[begins] = TITLE_BEGINNING
        bonus[equals] = WHOLE_TITLE
        return total + bonus, matched

    def _typed(self, word: str) -> Float32:
        """(num_movies,) how well a word as typed fits each title; 0: not at all."""
        quality = np.zeros(len(self._popularity), dtype=np.float32)
        quality[self._words.beginning_with(word)] = BEGINNING
        quality[self._words.equal_to(word)] = EXACT
        return quality

    def _mistyped(self, word: str) -> Float32:
        """(num_movies,) how well a word fits if it was mistyped."""
        quality = np.zeros(len(self._popularity), dtype=np.float32)
        allowed = 0 if len(word) < 3 else 1 if len(word) < 8 else 2
        if not allowed or len(word) > LONGEST_MISTYPED - 2:
            return quality
        whole, beginning = edits(word, self._spelled, self._lengths)
        worth = np.zeros(len(self._lengths), dtype=np.float32)
        for count in range(allowed, 0, -1):
            worth[beginning <= count] = MISTYPED[count, False]
            worth[whole <= count] = MISTYPED[count, True]
        close = np.flatnonzero(worth)
        close = close[np.argsort(worth[close], kind="stable")]  # the best one of a title is written last
        rows, counts = self._words.of_words(close)
        quality[rows] = np.repeat(worth[close], counts)
        return quality


def words_of(folded: str) -> set[str]:
    """Words of a folded title; joined ones in parts and as one."""
    joined = _JOINED.findall(folded)
    parts = {part for text in joined for part in _WORD.findall(text)}
    return parts | {"".join(_WORD.findall(text)) for text in joined}


def names_of(folded: str) -> set[str]:
    """Each title of a folded text, brackets apart, its words run together; with and without its article."""
    names = set()
    for title in re.split(r"[()]", folded):
        words = _WORD.findall(title)
        names.add("".join(words))
        if words and words[0] in ARTICLES:
            names.add("".join(words[1:]))
    return names - {""}


def query_words(title: str) -> list[str]:
    """What somebody typed, in words, an article after a comma in front: "Matrix, The" as "The Matrix"."""
    folded = fold(title)
    words = _WORD.findall(folded)[:MOST_WORDS]
    _, comma, last = folded.rpartition(",")
    if comma and words and last.strip(" '’") in ARTICLES and words[-1] == last.strip(" '’"):
        words = [words[-1], *words[:-1]]
    return words


def spell(words: Sequence[str]) -> Uint8:
    """(LONGEST_MISTYPED, w) the letters of each word, one row per place; 0 after its end."""
    padded = "".join(word[:LONGEST_MISTYPED].ljust(LONGEST_MISTYPED, "\0") for word in words)
    points = np.frombuffer(padded.encode("utf-32-le"), dtype=np.uint32)
    # Letters of other alphabets keep their last byte only: enough to tell neighbours apart.
    letters = points.astype(np.uint8).reshape(-1, LONGEST_MISTYPED)
    return np.ascontiguousarray(letters.T)


def edits(word: str, spelled: Uint8, lengths: npt.NDArray[np.int64]) -> tuple[Uint8, Uint8]:
    """Edits that turn `word` into each word, and into its nearest beginning; 3 stands for 3 and more.

    Optimal string alignment (insert, delete, replace, swap neighbours) of one word with w others at a
    time, on the five diagonals that at most two edits can reach.

    Args:
        word: at most LONGEST_MISTYPED - 2 letters.
        spelled: of `spell`.
        lengths: (w,) letters of each word.
    """
    count, n = spelled.shape[1], len(word)
    letters = spell([word])[:, 0]
    far = np.full(count, 3, dtype=np.uint8)
    before: dict[int, Uint8] = {}
    row = {j: np.full(count, min(j, 3), dtype=np.uint8) for j in range(3)}
    for i in range(1, n + 1):
        earlier, before, row = before, row, {}
        for j in range(max(0, i - 2), i + 3):
            if j == 0:
                row[0] = np.full(count, min(i, 3), dtype=np.uint8)
                continue
            differ = spelled[j - 1] != letters[i - 1]
            best = before.get(j - 1, far) + differ
            np.minimum(best, before.get(j, far) + np.uint8(1), out=best)
            np.minimum(best, row.get(j - 1, far) + np.uint8(1), out=best)
            if i > 1 and j > 1 and j - 2 in earlier:
                swapped = (spelled[j - 2] == letters[i - 1]) & (spelled[j - 1] == letters[i - 2])
                np.minimum(best, np.where(swapped, earlier[j - 2] + np.uint8(1), far), out=best)
            row[j] = np.minimum(best, far)
    whole, beginning = far.copy(), far.copy()
    for j, distance in row.items():
        np.copyto(whole, distance, where=lengths == j)
        np.minimum(beginning, distance, out=beginning)
    return whole, beginning
