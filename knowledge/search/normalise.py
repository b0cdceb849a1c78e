"""Makes differently typed words comparable: case, diacritics, alphabets, keyboard layouts.

The skeleton of a word is the same whether it was typed in Cyrillic, in Latin letters or in
Polish without diacritics: «песель» and "pesel", «хочу» and "hochu", "możecie" and "mozecie".
"""

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:['’ʼ`´-][^\W_]+)*")
_APOSTROPHES = str.maketrans("", "", "'’ʼ`´-")
_FOLDED = str.maketrans({"ł": "l", "Ł": "L", "ё": "е", "Ё": "Е", "ґ": "г", "Ґ": "Г", "ß": "s"})

_CYRILLIC = {
    "а": "a", "б": "b", "в": "v", "г": "h", "ґ": "h", "д": "d", "е": "e", "ё": "e", "є": "e",
    "ж": "z", "з": "z", "и": "i", "і": "i", "ї": "i", "й": "i", "к": "k", "л": "l", "м": "m",
    "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ў": "u", "ф": "f",
    "х": "h", "ц": "c", "ч": "c", "ш": "s", "щ": "sc", "ъ": "", "ы": "i", "ь": "", "э": "e",
    "ю": "iu", "я": "ia",
}  # fmt: skip

# Longest first. "ch" is х in Polish and ч in typed Russian: both become c, which loses little.
_LATIN = (
    ("shch", "sc"), ("szcz", "sc"), ("rzh", "rz"), ("kh", "h"), ("ch", "c"), ("cz", "c"),
    ("ts", "c"), ("tz", "c"), ("sh", "s"), ("sz", "s"), ("zh", "z"), ("rz", "z"), ("w", "v"),
    ("g", "h"), ("q", "k"), ("x", "ks"), ("y", "i"), ("j", "i"),
)  # fmt: skip
_LATIN_PATTERN = re.compile("|".join(pair[0] for pair in _LATIN))
_LATIN_MAP = dict(_LATIN)
_DOUBLED = re.compile(r"(.)\1+")


def typed_skeletons(text: str) -> list[tuple[str, bool]]:
    """The skeletons of a text, each with whether its word was typed in Latin letters."""
    found = ((skeleton(word), _is_latin(word)) for word in words(text))
    return [(form, is_latin) for form, is_latin in found if form]


def _is_latin(word: str) -> bool:
    return not any("\u0400" <= char <= "\u04ff" for char in word)


_TYPED = str.maketrans(
    {
        "а": "a", "б": "b", "в": "v", "г": "h", "ґ": "g", "д": "d", "е": "e", "ё": "e",
        "є": "ye", "ж": "zh", "з": "z", "и": "y", "і": "i", "ї": "yi", "й": "y", "к": "k",
        "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t",
        "у": "u", "ф": "f", "х": "h", "ц": "c", "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "",
        "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya",
    }
)  # fmt: skip
_TYPED_RU = str.maketrans({"и": "i", "г": "g"})

_QWERTY = "qwertyuiop[]asdfghjkl;'zxcvbnm,."
_JCUKEN_RU = "йцукенгшщзхъфывапролджэячсмитьбю"
_JCUKEN_UK = "йцукенгшщзхїфівапролджєячсмитьбю"
_TO_RU = str.maketrans(_QWERTY + "`", _JCUKEN_RU + "ё")
_TO_UK = str.maketrans(_QWERTY + "\\", _JCUKEN_UK + "ґ")
_TO_LATIN = str.maketrans(_JCUKEN_RU + "іїє", _QWERTY + "s]'")


def words(text: str) -> list[str]:
    """The words of a text in lower case, apostrophes and hyphens removed, digits kept."""
    return [match.translate(_APOSTROPHES) for match in _WORD.findall(text.lower())]


def fold(word: str) -> str:
    """A word without diacritics: ą → a, ł → l, ё → е, ї → і, й → и."""
    decomposed = unicodedata.normalize("NFKD", word.translate(_FOLDED))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


@lru_cache(maxsize=65536)
def skeleton(word: str) -> str:
    """The alphabet-free form of one word, in a–z and digits; may be empty."""
    latin = "".join(_CYRILLIC.get(char, char) for char in word.lower())
    latin = fold(latin)
    latin = _LATIN_PATTERN.sub(lambda found: _LATIN_MAP[found.group()], latin)
    latin = latin.replace("ie", "e")
    latin = "".join(char for char in latin if char.isascii() and char.isalnum())
    return _DOUBLED.sub(r"\1", latin) if not latin.isdigit() else latin


def skeletons(text: str) -> list[str]:
    """The skeletons of the words of a text, in order, empty ones left out."""
    return [form for form in map(skeleton, words(text)) if form]


def typed_in_latin(text: str, *, russian: bool) -> str:
    """A Cyrillic text as people type it without a Cyrillic keyboard."""
    lowered = text.lower()
    return (lowered.translate(_TYPED_RU) if russian else lowered).translate(_TYPED)


def other_layouts(text: str) -> tuple[str, ...]:
    """What the text would be had the keyboard been switched: candidates, most may be nonsense.

    «lsz gk» typed on a Latin layout was «дія пл» on a Ukrainian one.
    """
    lowered = text.lower()
    latin = sum("a" <= char <= "z" for char in lowered)
    cyrillic = sum("а" <= char <= "я" or char in "ёіїєґ" for char in lowered)
    if latin > cyrillic:
        return (lowered.translate(_TO_UK), lowered.translate(_TO_RU))
    return (lowered.translate(_TO_LATIN),) if cyrillic else ()
