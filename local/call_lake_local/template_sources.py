"""The sources of ``template.yaml``: read, add and remove them, and write each one's part from one definition.

The template's Metadata lists the sources. Everything between the marks ``>>> sources`` and ``<<< sources`` is
written from that list and from ``source_block.yaml`` (``make sources``); a test compares. Why the template is written
by a program: docs/adr/0017-sources-are-written-into-the-template.md.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from call_lake.errors import ConfigError
from call_lake.providers import VENDORS
from call_lake.settings import SOURCE_NAME
from call_lake_local.project import project

BLOCK = Path(__file__).with_name("source_block.yaml")
PARTS = ("parameters", "conditions", "resources", "queues", "dashboard", "outputs")
LISTED = re.compile(r"^ *- \{name: ([a-z0-9-]+), provider: ([a-z0-9-]+)(, removed: true)?\}$", re.MULTILINE)
RESOURCES_MAX = 500
PARAMETERS_MAX = 200
"""Of one template: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
MADE_BY_SAM = 10
"""Resources kept free for those that SAM adds to what is written, like the settings of asynchronous invocations."""
NAMES_MAX = 3000
"""Characters of all names of sources: the compactor's environment has them, and 4 KB of it is all that Lambda takes
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""


@dataclass(frozen=True, slots=True)
class TemplateSource:
    """One source as the template's Metadata lists it. Of a removed one only this line is left: the lake has rows under
    its name, so no source of another vendor may take it."""

    name: str
    provider: str
    removed: bool = False

    @property
    def id(self) -> str:
        """The beginning of its logical ids and parameters: ``north-west`` gives ``NorthWest``."""
        return "".join(part.capitalize() for part in self.name.split("-"))

    @property
    def title(self) -> str:
        """How a question names it: by its vendor, or by its own name where the vendor has several sources."""
        return VENDORS[self.provider].title if self.name == self.provider else self.name


def active_sources() -> list[TemplateSource]:
    """The sources of the template that is deployed, without removed ones. Raises ConfigError, LocalError."""
    template = (project() / "template.yaml").read_text(encoding="utf-8")
    return [source for source in read_sources(template) if not source.removed]


def read_sources(template: str) -> list[TemplateSource]:
    """The sources that the template lists, removed ones too. Raises ConfigError where the marks are missing."""
    found = LISTED.findall(_between(template, "metadata"))
    return [TemplateSource(name, provider, bool(removed)) for name, provider, removed in found]


def with_source(template: str, name: str, provider: str) -> str:
    """The template with one source more; one that was removed comes back. Raises ConfigError for a name that is
    taken or not allowed, and for an unknown vendor."""
    sources = read_sources(template)
    new = TemplateSource(name, provider)
    _check_name(new)
    if provider not in VENDORS:
        raise ConfigError(f"vendor {provider!r} is not one of {', '.join(VENDORS)}")
    for other in sources:
        if other.name == name and not other.removed:
            raise ConfigError(f"source {name!r} is in the template already; `call-lake source list` shows all")
        if other.name == name and other.provider != provider:
            raise ConfigError(f"source {name!r} was one of {other.provider} and has rows of it: choose another name")
        if other.name != name and other.id == new.id:
            raise ConfigError(f"source {name!r} would have the logical ids of {other.name!r}: choose another name")
    kept = [source for source in sources if source.name != name]
    _check_names([*kept, new])
    written = write_sources(template, [*kept, new])
    _check_size(written)
    return written


def without_source(template: str, name: str) -> str:
    """The template without the parts of a source. Raises ConfigError where it has none of this name."""
    sources = read_sources(template)
    if name not in [source.name for source in sources if not source.removed]:
        there = ", ".join(source.name for source in sources if not source.removed)
        raise ConfigError(f"the template has no source {name!r}; it has: {there or 'none'}")
    kept = [replace(source, removed=True) if source.name == name else source for source in sources]
    return write_sources(template, kept)


def write_sources(template: str, sources: Sequence[TemplateSource]) -> str:
    """The template with the parts of exactly these sources. Raises ConfigError where a logical id is taken."""
    active = [source for source in sources if not source.removed]
    listed = [
        f"      - {{name: {source.name}, provider: {source.provider}{', removed: true' if source.removed else ''}}}\n"
        for source in sources
    ]
    written = _replaced(template, "metadata", "".join(listed))
    for part in PARTS:
        written = _replaced(written, part, "".join(part_of(part, source) for source in active))
    _check_ids(written)
    return written


def part_of(part: str, source: TemplateSource) -> str:
    """One of PARTS, as the template has it for this source."""
    vendor = VENDORS[source.provider]
    words = {
        "__Id__": source.id,
        "__name__": source.name,
        "__provider__": source.provider,
        "__base_url__": f"{vendor.base_url_description}; empty for no {source.title}",
        "__time_zone__": vendor.time_zone_description,
    }
    return re.sub("|".join(words), lambda found: words[found[0]], _definition(part))


def _definition(part: str) -> str:
    text = BLOCK.read_text(encoding="utf-8")
    return text.partition(f"# ---- {part}\n")[2].partition("# ---- ")[0]


def _pattern(mark: str) -> re.Pattern[str]:
    return re.compile(
        rf"(^ *# >>> sources: {mark}\b[^\n]*\n)(.*?)(^ *# <<< sources: {mark}\n)", re.MULTILINE | re.DOTALL
    )


def _between(template: str, mark: str) -> str:
    found = _pattern(mark).search(template)
    if found is None:
        raise ConfigError(f"template.yaml lacks the marks '>>> sources: {mark}' and '<<< sources: {mark}'")
    return found[2]


def _replaced(template: str, mark: str, text: str) -> str:
    _between(template, mark)
    return _pattern(mark).sub(lambda found: found[1] + text + found[3], template)


def _check_name(source: TemplateSource) -> None:
    if not SOURCE_NAME.fullmatch(source.name) or not re.fullmatch(r"[a-z].*[a-z0-9]|[a-z]", source.name):
        raise ConfigError(
            f"{source.name!r} cannot be a source's name: 1 to 32 of a-z, 0-9 and '-', beginning with a letter and not "
            "ending with '-'"
        )


def _check_ids(template: str) -> None:
    """Raises ConfigError where two parts of the template have one name: a source called ``poller``, say."""
    for section in ("Parameters", "Conditions", "Resources"):
        names = _names(template, section)
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigError(f"the template has {twice[0]} in {section} already: choose another name for the source")


def _check_names(sources: Sequence[TemplateSource]) -> None:
    if len(",".join(source.name for source in sources)) > NAMES_MAX:
        raise ConfigError(
            f"the names of all sources, removed ones too, would have more than {NAMES_MAX} characters together: deploy "
            "a second stack for further sources"
        )


def _check_size(template: str) -> None:
    for section, most in (("Parameters", PARAMETERS_MAX), ("Resources", RESOURCES_MAX - MADE_BY_SAM)):
        if (number := len(_names(template, section))) > most:
            raise ConfigError(
                f"the template would have {number} {section.lower()}, and CloudFormation takes {most}: deploy a second "
                "stack for further sources"
            )


def _names(template: str, section: str) -> list[str]:
    body = template.partition(f"\n{section}:\n")[2]
    body = re.split(r"^\S", body, maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^  (\w+):", body, re.MULTILINE)
