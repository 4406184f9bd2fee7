"""Makes a language model that is good in one language good in others, by distilling it into itself."""

__version__ = "0.1.0"
