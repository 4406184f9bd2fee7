"""How a command ends: in words, and with a code that says which end it was."""

import errno
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup

from . import progress

STOPPED, REFUSED, FAILED, NOT_KEPT = 130, 2, 1, 3
"""Exit codes: asked to stop (130 by Ctrl-C, 143 by SIGTERM, as shells count); a mistake in the input; something broke; the rich
language is not shown to be kept."""
AGAIN = "the same command goes on from here"


class Verbs(TyperGroup):
    """Every verb: Ctrl-C where no run is open yet, while a plan is read or checked, ends as it does inside a run."""

    def invoke(self, ctx: Any) -> Any:
        try:
            with progress.remembering():
                return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise stopped(stop) from None


def fail(*sentences: str) -> None:
    for sentence in sentences:
        typer.echo(f"error: {progress.spoken(str(sentence), progress.LONGEST)}", err=True)
    raise typer.Exit(REFUSED)


def stopped(stop: BaseException, number: int = 0) -> typer.Exit:
    """The end of what was asked to stop by a signal, between two batches or at once."""
    progress.say(f"stopped{' at once' if isinstance(stop, KeyboardInterrupt) else ''}; {AGAIN}")
    return typer.Exit(128 + number if number else STOPPED)


def told(error: OSError) -> str:
    """What the system refused, and what to do about it."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return f"{error.filename or 'a file'} cannot be written: {error.strerror}; make room"
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return f"{error.filename or 'a file'} cannot be used: {error.strerror}; give a folder that is yours: runs=FOLDER"
    return str(error)


def ended(space: Any, work: Callable[[], Any]) -> Any:
    """What work in a workspace gives; every other ending is said in words."""
    from .endings import AfterStage, PartDone, Stopped
    from .stage import working
    from .yaml_tree import PlanError

    try:
        with working(space):
            return work()
    except AfterStage as done:
        return done.result
    except PartDone as done:
        progress.say(f"{done}; {'run the other workers, then the plan' if space.part else AGAIN}")
        raise typer.Exit(0 if space.part else FAILED) from None
    except (Stopped, KeyboardInterrupt) as stop:
        raise stopped(stop, space.signal) from None
    except PlanError as error:
        fail(*error.mistakes)
    except OSError as error:
        progress.say(f"error: {told(error)}")
        progress.say(f"what was finished is kept; {AGAIN}")
        raise typer.Exit(FAILED) from None
    except MemoryError:
        progress.say("error: the memory is full; try a smaller batch_size, train.micro_tokens or model")
        progress.say(f"what was finished is kept; {AGAIN}")
        raise typer.Exit(FAILED) from None
    except (ValueError, RuntimeError, LookupError, ImportError, FloatingPointError) as error:
        for sentence in (f"error: {error}", *getattr(error, "__notes__", ())):
            progress.say(sentence)
        raise typer.Exit(FAILED) from None
