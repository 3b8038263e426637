"""Ask a provider once before anything is started, so that a mistyped URL or password is one clear error."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from call_lake.aws.clock import SystemClock
from call_lake.errors import Drifted, Reason, StepFailed, TooWide
from call_lake.model.windows import Window
from call_lake.providers import make_provider
from call_lake.settings import SourceSettings
from call_lake_local.errors import LocalError

TRIES = 3
MAY_PASS = {Reason.CONNECTION, Reason.TIMEOUT, Reason.HTTP_ERROR, Reason.BAD_LISTING}


def check_source(settings: SourceSettings, secret: Mapping[str, str], say: Callable[[str], None]) -> None:
    """List the last ten minutes. Raises LocalError where the provider cannot be reached or refuses the credentials. Any
    other trouble is only said: the polls will try again."""
    clock = SystemClock()
    provider = make_provider(settings, lambda fresh: dict(secret), clock)
    now = clock.now()
    for attempt in range(1, TRIES + 1):
        try:
            for _ in provider.list_window(Window(now - timedelta(minutes=10), now)):
                break
            say(f"{settings.name}: {settings.base_url} answers")
            return
        except (TooWide, Drifted):
            return
        except StepFailed as error:
            if attempt < TRIES and error.reason in MAY_PASS:
                continue
            _explain(settings, error, say)
            return


def _explain(settings: SourceSettings, error: StepFailed, say: Callable[[str], None]) -> None:
    name, url = settings.name, settings.base_url
    login = "--thulium-user and THULIUM_PASSWORD" if settings.provider == "thulium" else "CONPEEK_KEY"
    if error.reason is Reason.UNAUTHORIZED:
        raise LocalError(f"{name}: {url} refuses the credentials: check {login}")
    if error.reason is Reason.FORBIDDEN:
        raise LocalError(f"{name}: {url} knows the user but does not let it list recordings: give it that right there")
    if error.reason in (Reason.CONNECTION, Reason.TIMEOUT):
        raise LocalError(
            f"{name}: {url} cannot be reached: check --{settings.provider}-url and the network ({error.detail})"
        )
    if "answered 404" in error.detail:  # http_error like any other to the poller, which goes on asking
        raise LocalError(f"{name}: {url} is no address of its API: check --{settings.provider}-url ({error.detail})")
    say(f"{name}: {url} answers with trouble ({error}); it will be tried again")
