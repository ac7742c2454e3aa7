"""TinyML lab kit: the helper package of the course. Import its rooms: ``from tinyml_labs import conversion``."""

__version__ = "0.1.0"
