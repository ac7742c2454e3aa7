"""The words of the keyword lab: two keywords, and what shall not be taken for them."""


def _split(words: str) -> tuple[str, ...]:
    return tuple(words.split())


KEYWORDS = ("yes", "no")

COMMANDS = _split(
    """up down left right on off stop go backward bed bird cat dog eight five follow forward four happy house learn
    marvin nine one seven sheila six three tree two visual wow zero"""
)
"""The other words of Speech Commands, a public collection of real voices: words that such a device meets."""

LIKE_NO = _split(
    """now not nor note nose snow low row so though toe dough mow own new knee none known mode nope gnome noon nine
    nay"""
)
"""Not "know", which is the same sound."""

LIKE_YES = _split(
    """yet yell guess chess less dress mess us ten bless press yeah years yesterday jazz west best ask east yard"""
)

COMMON = _split(
    """hello water music light lamp apple table window morning evening please thanks sorry start open close play pause
    next volume louder kitchen garden red green blue yellow black white cold warm hot fast slow big small mother
    father sister brother school money paper coffee sugar bread fish bath phone call time day week month year again
    always never maybe who what where when why how this that here there them with from into over under about before
    after"""
)

PRONUNCIATIONS = {
    "no": _split("nˈO nˈO nˈO nˈQ nˈQ nˈOː nˈo nˈoː nˈɔː nˈɔʊ nˈoʊ nˈəʊ"),
    "yes": _split("jˈɛs jˈɛs jˈɛs jˈɛs jˈɛːs jˈɛsː jˈes jˈæs jˈɪs jˈəs"),
    "go": _split("ɡˈO ɡˈO ɡˈO ɡˈQ ɡˈQ ɡˈOː ɡˈo ɡˈoː ɡˈɔː ɡˈoʊ ɡˈəʊ"),
    "down": _split("dˈWn dˈWn dˈWn dˈæʊn dˈaʊn dˈɛʊn dˈaːn dˈɑʊn"),
    "up": _split("ˈʌp ˈʌp ˈʌp ˈəp ˈɐp ˈap"),
    "left": _split("lˈɛft lˈɛft lˈɛft lˈeft lˈɛf lˈæft"),
}
"""How people of many places say them, in Kokoro's letters; the usual ones are there more than once."""
