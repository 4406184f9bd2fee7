"""The student as training begins."""

from functools import partial
from pathlib import Path
from typing import Any

from . import models
from .student import Student
from .template import Template
from .training import TrainSettings


def beginning(settings: TrainSettings, folder: Path, template_file: Path | None, device: str) -> tuple[Student, Any]:
    """The student, after its surgeries and with its adapters in place, and its tokenizer."""
    dtype = "float64" if settings.computes_in[1] == "float64" else "float32"
    tokenizer = models.load_tokenizer(folder, template_file)
    template = Template(tokenizer)
    load = partial(models.load_model, folder, dtype, device)
    model = load()
    for surgery in settings.surgeries:
        model, tokenizer = surgery(model, tokenizer)
    if settings.method == "lora":
        from peft import LoraConfig, get_peft_model

        lora = LoraConfig(
            r=settings.lora.rank, lora_alpha=settings.lora.alpha, target_modules="all-linear", task_type="CAUSAL_LM"
        )
        model = get_peft_model(model, lora)
    student = Student(model, (template.end_of_turn, *sorted(template.ends)), template)
    student.whole = load if settings.surgeries else None
    return student, tokenizer
