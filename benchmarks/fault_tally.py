"""What was seen of one kind of fault: a row of the benchmark's table."""

import re
import sys
import time
from dataclasses import dataclass, field

from benchmarks.fault_runs import Completed


@dataclass
class Tally:
    """What was seen of one kind of fault."""

    fault: str
    pattern: str  # of what must be said
    injected: int = 0
    finished_work_lost: int = 0
    wrong_numbers: int = 0
    unclear_messages: int = 0
    sentence: str = ""
    begun: float = field(default_factory=time.monotonic)
    _shown: int = 0

    def note(self, sentence: str | None, *, lost: bool = False, wrong: bool = False, case: object = "") -> None:
        """Count one injection; with `said` None there was nothing to say."""
        match = None if sentence is None else re.search(self.pattern, sentence)
        unclear = sentence is not None and (match is None or "Traceback" in sentence)
        self.injected += 1
        self.finished_work_lost += lost
        self.wrong_numbers += wrong
        self.unclear_messages += unclear
        if match is not None and sentence is not None and not self.sentence:
            self.sentence = sentence[sentence.rfind("\n", 0, match.start()) + 1 :].splitlines()[0].strip()
        self._shown += bool(lost or wrong or unclear)
        if (lost or wrong or unclear) and self._shown <= 5:
            print(f"{self.fault} {case}: lost {lost}, wrong {wrong}, unclear {unclear}: {sentence}", file=sys.stderr, flush=True)

    def end(self, completed: Completed, *, lost: bool, wrong: bool) -> None:
        """Count what the same command left behind when nothing was in its way any more."""
        wrong = wrong or completed.status != 0
        self.finished_work_lost += lost
        self.wrong_numbers += wrong
        if lost or wrong:
            text = f"{self.fault}, afterwards ({completed.status}): lost {lost}, wrong {wrong}: {completed.printed}"
            print(text, file=sys.stderr, flush=True)

    def row(self) -> dict[str, object]:
        """Return the row of the table."""
        counts = {key: getattr(self, key) for key in ("injected", "finished_work_lost", "wrong_numbers", "unclear_messages")}
        print(f"{self.fault}: {counts}", file=sys.stderr, flush=True)
        sentence = re.sub(r"/\S*/tmp\w{8}", "DIR", self.sentence)
        return {"fault": self.fault, **counts, "what the program said": sentence, "seconds": round(time.monotonic() - self.begun)}
