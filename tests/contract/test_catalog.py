from datetime import date, timedelta

import pytest

from call_lake.model.layout import Partition
from tests.contract.kits import CatalogKit

pytestmark = pytest.mark.unsafe_in("moto", reason="its Glue needs pyparsing, which nothing else needs")

DAY = Partition("thulium", date(2026, 10, 20))
NEXT = Partition("thulium", date(2026, 10, 21))
DECADE = [Partition("conpeek", date(2016, 1, 1) + timedelta(days=number)) for number in range(1234)]


def test_nothing_is_registered_in_a_new_table(catalog_kit: CatalogKit) -> None:
    assert catalog_kit.catalog.registered("calls") == set()


def test_a_partition_is_registered_in_its_own_table(catalog_kit: CatalogKit) -> None:
    catalog_kit.catalog.register("calls", [DAY])
    catalog_kit.catalog.register("calls_open", [NEXT])

    assert catalog_kit.catalog.registered("calls") == {DAY}
    assert catalog_kit.catalog.registered("calls_open") == {NEXT}


def test_registering_again_changes_nothing(catalog_kit: CatalogKit) -> None:
    catalog_kit.catalog.register("calls", [DAY])
    catalog_kit.catalog.register("calls", [DAY, NEXT])

    assert catalog_kit.catalog.registered("calls") == {DAY, NEXT}


def test_registering_nothing_is_fine(catalog_kit: CatalogKit) -> None:
    catalog_kit.catalog.register("calls", [])


@pytest.mark.parametrize("count", [100, 101, len(DECADE)])
def test_any_number_of_partitions_is_registered_and_found(catalog_kit: CatalogKit, count: int) -> None:
    catalog_kit.catalog.register("calls", DECADE[:count])

    assert catalog_kit.catalog.registered("calls") == set(DECADE[:count])


def test_an_unregistered_partition_is_gone(catalog_kit: CatalogKit) -> None:
    catalog_kit.catalog.register("calls", [DAY, NEXT])
    catalog_kit.catalog.unregister("calls", DAY)

    assert catalog_kit.catalog.registered("calls") == {NEXT}


def test_what_is_not_registered_can_be_unregistered(catalog_kit: CatalogKit) -> None:
    catalog_kit.catalog.unregister("calls", DAY)


def test_a_partition_of_a_table_that_has_changed_is_registered_again(catalog_kit: CatalogKit) -> None:
    catalog_kit.catalog.register("calls", [DAY])
    catalog_kit.add_column()
    assert catalog_kit.catalog.registered("calls") == set()

    catalog_kit.catalog.register("calls", [DAY])

    assert catalog_kit.catalog.registered("calls") == {DAY}


def test_a_partition_that_somebody_gave_another_location_is_registered_again(catalog_kit: CatalogKit) -> None:
    catalog_kit.catalog.register("calls", [DAY, NEXT])
    catalog_kit.move(DAY)
    assert catalog_kit.catalog.registered("calls") == {NEXT}

    catalog_kit.catalog.register("calls", [DAY])

    assert catalog_kit.catalog.registered("calls") == {DAY, NEXT}
