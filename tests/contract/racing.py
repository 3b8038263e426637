from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

THREADS = 8


def outcomes(act: Callable[[int], object]) -> Counter[str]:
    """Run ``act`` in eight threads at once and count what each got: ``done``, or the name of its error's type."""
    together = Barrier(THREADS)

    def run(number: int) -> str:
        together.wait()
        try:
            act(number)
        except Exception as error:
            return type(error).__name__
        return "done"

    with ThreadPoolExecutor(THREADS) as threads:
        return Counter(threads.map(run, range(THREADS)))
