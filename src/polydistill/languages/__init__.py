"""Which language a text is in, how it falls into words and sentences, and dictionaries between two."""
