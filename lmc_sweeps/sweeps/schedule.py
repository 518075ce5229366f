"""What is done when: the jobs of a sweep as soon as their networks are trained, these in the stacks with which all is done soonest."""

import heapq
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from hydra.core.utils import JobReturn, JobStatus

from lmc_sweeps.common.workers import Answer, WorkerEnded, Workers
from lmc_sweeps.jobs.balancing import Waiting, balanced
from lmc_sweeps.jobs.network_files import StoredNetwork
from lmc_sweeps.jobs.planned import groups
from lmc_sweeps.sweeps.progress import JobCount, SweepProgress
from lmc_sweeps.sweeps.work import SweepWork, Trained

JOBS, SIZES, STACKS = "run", "try_sizes", "train"  # methods of `SweepWork`
ORDER = (SIZES, JOBS, STACKS)  # the first are over in a moment, and the longest stacks cannot begin before


class Step(NamedTuple):
    """Something that a worker can do: a method of `SweepWork`, for a job by its number or for networks by their names."""

    method: str
    subject: Any


class Schedule:
    """Runs the jobs of a sweep by workers, their networks trained beforehand; a failure is a job's own.

    A step whose worker ended is tried once more when all else is done, alone: where two were too much for the memory, one may not be.
    """

    def __init__(self, work: SweepWork, workers: Workers, progress: SweepProgress, count: JobCount) -> None:
        self._work, self._workers, self._progress, self._count = work, workers, progress, count
        self._jobs = dict(work.jobs)  # that are not yet run
        self._at_hand: dict[str, StoredNetwork] = {}
        self._groups = [[network.name for network in group] for group in groups(list(work.networks.values()))]
        self._queue: list[tuple[int, float, int, Step]] = []
        self._order = itertools.count()
        self._tried: list[Waiting] = []
        self._n_trying = 0
        self._under_way: set[Step] = set()
        self._lost: list[Step] = []
        self._tried_again: set[Step] = set()
        self._begun: set[int] = set()
        self._results: dict[int, JobReturn] = {}

    def run(self) -> dict[int, JobReturn]:
        """Return the result of each job, by its number."""
        self._queue_ready()
        if self._workers.count > 1:
            self._queue_sizes(len(self._groups))
        while self._has_more():
            while self._queue and self._workers.has_room:
                self._ask(heapq.heappop(self._queue)[-1])
            for answer in self._workers.answers():
                self._take(answer)
            if not self._groups and not any(step.method != JOBS for step in self._unfinished()):
                self._progress.end_training()
        return self._results

    def _unfinished(self) -> Iterator[Step]:
        """Yield what waits, what is being done, and what is to be tried once more."""
        yield from (entry[-1] for entry in self._queue)
        yield from self._under_way
        yield from self._lost

    def _has_more(self) -> bool:
        """Return whether anything is left to do, and queue what is done in its turn: groups, then what has lost its worker."""
        if self._queue or self._workers.is_busy:
            return True
        if self._groups:
            self._queue_sizes(1)
            return True
        if self._lost:
            step = self._lost.pop(0)
            self._tried_again.add(step)
            self._n_trying = int(step.method == SIZES)
            self._put(step)
            return True
        return False

    def _put(self, step: Step, seconds: float = 0.0) -> None:
        """Queue a step: behind those of the methods before its own, and of these the longest first where there are several workers."""
        after = -seconds if self._workers.count > 1 else 0.0
        heapq.heappush(self._queue, (ORDER.index(step.method), after, next(self._order), step))

    def _ask(self, step: Step) -> None:
        more: tuple[Any, ...] = ()
        if step.method == JOBS:
            self._progress.begin_job(step.subject)
            more = ({name: self._at_hand[name] for name in self._jobs[step.subject].networks if name in self._at_hand},)
        self._under_way.add(step)
        self._workers.ask(step, step.method, step.subject, *more)

    def _take(self, answer: Answer) -> None:
        step: Step = answer.key  # type: ignore[assignment]
        self._under_way.discard(step)
        if isinstance(answer.error, WorkerEnded) and step not in self._tried_again:
            self._progress.write(f"{self._in_words(step)}: {answer.error}; tried once more at the end.")
            self._lost.append(step)
        elif step.method == JOBS:
            result, lines = self._work.run(step.subject, {}, answer.error) if answer.error else answer.result
            self._end(step.subject, result, lines)
        elif answer.error is not None:
            self._take_trained(step.subject, Trained(self._work.stored(step.subject), {}, answer.error))
        elif step.method == SIZES:
            self._tried += answer.result
        else:
            self._take_trained(step.subject, answer.result)
        if step.method == SIZES:
            self._n_trying -= 1
            self._queue_stacks()

    def _take_trained(self, names: Sequence[str], trained: Trained) -> None:
        """Queue the jobs for which nothing is missing any more, and fail those that wait for what was not trained, and no others."""
        self._at_hand |= trained.at_hand
        for job in self._jobs.values():
            job.waits_for -= trained.names
        self._queue_ready()
        if trained.failure is not None:
            for number in [number for number, job in self._jobs.items() if not job.waits_for.isdisjoint(names)]:
                self._end(number, *self._work.run(number, {}, trained.failure))

    def _queue_sizes(self, count: int) -> None:
        """Queue trial steps of the next groups."""
        self._n_trying = count
        for names in self._groups[:count]:
            self._put(Step(SIZES, tuple(names)))
        del self._groups[:count]

    def _in_words(self, step: Step) -> str:
        if step.method == JOBS:
            return self._jobs[step.subject].label or "the job"
        return f"{len(step.subject)} networks of width {self._work.networks[step.subject[0]].settings.width}"

    def _queue_ready(self) -> None:
        for number, job in self._jobs.items():
            if not job.waits_for and number not in self._begun:
                self._begun.add(number)
                self._put(Step(JOBS, number))

    def _queue_stacks(self) -> None:
        """Queue the stacks of all groups of which sizes were tried, when none is being tried any more."""
        if self._n_trying:
            return
        for seconds, names in balanced(self._tried, self._workers.count):
            self._put(Step(STACKS, names), seconds)
        self._tried = []

    def _end(self, number: int, result: JobReturn, lines: Sequence[str]) -> None:
        """Keep the result of a job, write its lines, and drop the networks that no other job needs."""
        self._count.ended += 1
        for line in lines:
            self._progress.write(self._count.line(line))
        self._progress.end_job(number, result.status == JobStatus.COMPLETED)
        self._results[number] = result
        del self._jobs[number]
        if not self._at_hand:
            return
        needed = {name for job in self._jobs.values() for name in job.networks}
        for name in self._at_hand.keys() - needed:
            del self._at_hand[name]
