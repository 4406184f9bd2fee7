"""Another model that is here."""

from typing import TYPE_CHECKING, Any, Literal

from ..engines import Engine
from ..losses import Sizes
from ..signals import Form, Wants
from . import LIVE, OpenTeacher, Teacher

if TYPE_CHECKING:
    from ..spans import Sides
    from ..student import Student
    from ..template import Template
    from ..vocabulary import Shared


class OtherModel(Teacher):
    """Another model, such as a larger one: in this process, in evaluation mode, without gradient.

    It takes the memory of its weights, in the dtype and on the device of ``model``. With ``align: tokens`` it reads the
    student's own tokens, so in the student's chat template, and what it says is cut to the logits that both have. With
    ``align: spans`` it reads each row's text with its own tokenizer, in its own chat template; see `spans.span_losses`. Rows
    whose answers the two tokenizers do not write alike are then left out, and it is said how many.

    Paper: Boizard et al. 2024, arXiv 2402.12030 (a teacher with another tokenizer).
    Departs: there sorted probabilities are compared, whatever their tokens; here those of tokens of equal bytes, and of
    spans of equal bytes. The paper's text was not at hand.
    Checked: against the model's own logits; a copy with its vocabulary in another order says what the model itself does.
    """

    model: Engine
    """What has it: `transformers` with its path, dtype, device and template; its batch size and threads say nothing here."""
    align: Literal["tokens", "spans"] = "tokens"
    """What is compared: `tokens` of one vocabulary, or `spans` of equal bytes where there are two."""

    @property
    def gives(self) -> frozenset[Form]:
        return LIVE if self.align == "tokens" else frozenset({"spans"})

    @property
    def of_student(self) -> bool:
        return False

    def about(self) -> dict[str, Any]:
        return self.model.about()

    def sizes_beside(self, whole: Sizes, student: Sizes) -> Sizes:
        from ..vocabulary import sizes_of

        return sizes_of(self.model.located)

    def check(self, student: Engine, wants: Wants) -> None:
        from .. import models
        from ..template import Template
        from ..vocabulary import check_layers, sizes_of

        _ = self.model.computes_in
        own, theirs = (sizes_of(engine.located) for engine in (student, self.model))
        check_layers(wants, own, theirs)
        # Unpacking a GGUF file takes seconds, and other mistakes of the plan are to be told before; `open` looks again.
        if all(e.located.is_dir() or models.is_whole(models.unpacked(e.located)) for e in (student, self.model)):
            ours, other = (models.load_tokenizer(*engine.trainable()) for engine in (student, self.model))
            self._fitting(Template(ours), other, (own.vocabulary, theirs.vocabulary))

    def _fitting(self, student: "Template", tokenizer: Any, widths: tuple[int, int]) -> "Shared | Sides":
        """What the two vocabularies have in common, as it is compared."""
        from .. import progress
        from ..spans import Sides
        from ..template import Template
        from ..vocabulary import one_vocabulary

        if self.align == "spans":
            return Sides.of(student, Template(tokenizer), widths)
        try:
            shared = one_vocabulary(student, tokenizer, widths)
        except ValueError as error:
            raise ValueError(
                f"{self.model.located} ({widths[1]:,} logits) does not fit the student ({widths[0]:,} logits): {error}. "
                "Give align=spans, which compares spans of equal bytes, or a teacher of the student's family"
            ) from error
        if shared.note:
            progress.say_once(f"other_model: {shared.note}")
        if tokenizer.chat_template != student.tokenizer.chat_template:
            progress.say_once(f"other_model: {self.model.located} reads the student's chat template, which is not its own")
        return shared

    def open(self, student: "Student", wants: Wants) -> OpenTeacher:
        from .. import models, progress
        from ..spans import Sides
        from ..student import Student
        from ..vocabulary import sizes_of
        from ._reading import OpenBySpans, OpenByTokens, Reader

        if student.template is None:
            raise ValueError("other_model compares tokenizers, and the student's is not known here")
        folder, template = self.model.trainable()
        widths = student.sizes.vocabulary, sizes_of(folder).vocabulary
        fitting = self._fitting(student.template, models.load_tokenizer(folder, template), widths)
        device, dtype = self.model.computes_in
        with progress.line("load", unit=folder.name):
            model = models.load_model(folder, dtype, device).eval().requires_grad_(False)
        reader = Reader(Student(model, student.ends), wants)
        return OpenBySpans(reader, fitting) if isinstance(fitting, Sides) else OpenByTokens(reader, fitting.width)
