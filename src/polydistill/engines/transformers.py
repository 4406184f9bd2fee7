"""Transformers: a model folder, a hub id or a GGUF file, run by PyTorch in this process."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal

from .. import __version__, models, progress
from ..component import Beside, Count
from ..devices import Device, best_dtype, present
from ..foreign.gguf_file import gguf_fields
from ..records import digest
from ..template import Template, no_template, template_file, try_template
from . import Engine
from ._torch import OpenTransformers


class Transformers(Engine):
    """A causal model through transformers: a folder, a downloaded hub id, or a GGUF file (dequantised once)."""

    trains: ClassVar[bool] = True

    path: str
    """The model: a folder with safetensors, a .gguf file, or a hub id that has been downloaded, pinned by org/name@COMMIT."""
    dtype: Literal["auto", "bfloat16", "float16", "float32", "float64"] = "auto"
    """What to compute in when answering and scoring; `auto` takes what this hardware computes fastest."""
    template: str | None = None
    """Another chat template: a .jinja file, or the name of a shipped one (`plain`)."""
    device: Beside[Device] = "auto"
    """`cpu`, `cuda`, `cuda:N`, `mps`; `auto` takes the fastest that is here."""
    batch_size: Beside[Count | Literal["auto"]] = "auto"
    """Rows that are run side by side; `auto` finds it by a probe of about three seconds."""
    threads: Beside[Count | Literal["auto"]] = "auto"
    """Processor threads; on more than two `auto` tries all and half of them for a second."""

    def identity(self) -> Any:
        template = digest(self.template_file.read_text("utf-8")) if self.template_file else None
        return {
            self.name(): {"model": models.content(self.located), "dtype": self.real_dtype, "template": template},
            "version": self.version,
        }

    @property
    def located(self) -> Path:
        """The model's folder or file on this machine."""
        return models.locate(self.path)

    @property
    def real_device(self) -> str:
        return present(self.device)

    @property
    def real_dtype(self) -> str:
        return best_dtype(self.real_device) if self.dtype == "auto" else self.dtype

    @property
    def computes_in(self) -> tuple[str, str]:
        return self.real_device, self.real_dtype

    @property
    def template_file(self) -> Path | None:
        return template_file(self.template)

    def check(self, asks: bool = False) -> None:
        path = self.located
        present(self.device)
        # Reading a GGUF file's head or a tokenizer takes seconds; what was found right once is not read again.
        right = models.CACHE.expanduser() / "checked" / digest([self.identity(), asks, __version__])
        folder = models.unpacked(path)
        ready = folder == path or models.is_whole(folder)
        if ready and (not_known := _found_before(right)) is not None:
            if not_known:
                progress.say_once(not_known)
            return
        models.inspect(path)
        if ready:
            template = Template(models.load_tokenizer(folder, self.template_file))
            if asks:
                _ = template.before_question
            models.remember(right, json.dumps({"template": template.digest, "not_known": template.not_known}))
        # Unpacking takes seconds too, and other mistakes of the plan are to be told before.
        elif self.template_file is None:
            source = gguf_fields(path).get("tokenizer.chat_template")
            if not source:
                raise no_template(path)
            if not_known := try_template(path, str(source)):
                progress.say_once(not_known)

    def trainable(self) -> tuple[Path, Path | None]:
        return models.plain_folder(self.located), self.template_file

    def about(self) -> dict[str, Any]:
        return {**models.about(self.located), "dtype": self.real_dtype}

    @contextmanager
    def open(self) -> Iterator["OpenTransformers"]:
        with progress.line("load", unit=Path(self.path).name):
            folder = models.plain_folder(self.located)
            template = Template(models.load_tokenizer(folder, self.template_file))
            model = models.load_model(folder, self.real_dtype, self.real_device).eval()
        opened = OpenTransformers(model, template, None if self.batch_size == "auto" else self.batch_size)
        import torch

        before = torch.get_num_threads()
        probes = self.threads == "auto" and model.device.type == "cpu" and before > 2
        try:
            torch.set_num_threads(opened.probe_threads() if probes else before if self.threads == "auto" else self.threads)
            yield opened
        finally:
            torch.set_num_threads(before)


def _found_before(right: Path) -> str | None:
    """What was said of the chat template when the model was found right; None where it was not yet."""
    try:
        return str(json.loads(right.read_text("utf-8"))["not_known"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
