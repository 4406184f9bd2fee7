"""Value relations: the student's values must resemble each other as the teacher's do."""

from typing import TYPE_CHECKING

from . import RelationsLoss

if TYPE_CHECKING:
    from ..shapes import PerRow, Seen
    from ..signals import Relations


class ValueRelations(RelationsLoss):
    """(1/A) sum_a sum_t KL(p_at || q_at), p_at = softmax(V_a V_a^T / sqrt(d))_t of the teacher, q_at of the student.

    a runs over the A heads, t over all tokens of the row, a softmax over the tokens that t may see, V and the head's width d
    are each side's own. In nats, summed over a row's tokens; zero exactly where the two relate alike. Unchanged where V of a
    head is turned; heads are compared in their order, so both sides need as many, which may be of different width.

    Paper: Wang et al. 2020, MiniLM, arXiv 2002.10957, section 3.2 (L_VR, there divided by the row's length); the mask in this
    term too is the authors' word.
    Departs: values that several heads of queries share count once for each of them; the paper's text was not at hand, nor was
    its authors' code ever released.
    Checked: by hand on three tokens.
    """

    def __call__(self, student: "Relations", teacher: "Relations", seen: "Seen") -> "PerRow":
        from ._relations import divergence, log_shares

        log_q, log_p = (log_shares(side.values, side.values, seen) for side in (student, teacher))
        return divergence(log_p, log_q)
