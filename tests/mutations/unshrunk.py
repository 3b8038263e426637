"""A plugin of pytest: the first example that fails is enough, Hypothesis need not look for a smaller one."""

from hypothesis import Phase, settings

settings.register_profile("unshrunk", deadline=None, phases=(Phase.explicit, Phase.generate))
