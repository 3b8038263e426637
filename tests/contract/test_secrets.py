import pytest

from call_lake.errors import ConfigError, SecretEmpty


def test_a_secret_is_its_json_object(secrets_kit):
    secrets_kit.fill('{"user": "api", "password": "zażółć \\" 🎧"}')

    assert secrets_kit.secrets.get(secrets_kit.name) == {"user": "api", "password": 'zażółć " 🎧'}


def test_a_secret_is_asked_for_again_only_when_it_must_be_fresh(secrets_kit):
    secrets_kit.fill('{"password": "old"}')
    secrets_kit.secrets.get(secrets_kit.name)
    secrets_kit.fill('{"password": "new"}')

    assert secrets_kit.secrets.get(secrets_kit.name) == {"password": "old"}
    assert secrets_kit.secrets.get(secrets_kit.name, fresh=True) == {"password": "new"}
    assert secrets_kit.secrets.get(secrets_kit.name) == {"password": "new"}


def test_a_secret_that_was_never_filled_is_empty(secrets_kit):
    with pytest.raises(SecretEmpty):
        secrets_kit.secrets.get(secrets_kit.name)


@pytest.mark.parametrize("text", [" ", "{}", '{"user": "", "password": ""}'])
def test_a_secret_without_any_value_is_empty(secrets_kit, text):
    secrets_kit.fill(text)

    with pytest.raises(SecretEmpty):
        secrets_kit.secrets.get(secrets_kit.name)


def test_an_empty_secret_is_noticed_as_soon_as_it_is_filled(secrets_kit):
    with pytest.raises(SecretEmpty):
        secrets_kit.secrets.get(secrets_kit.name)
    secrets_kit.fill('{"password": "filled"}')

    assert secrets_kit.secrets.get(secrets_kit.name) == {"password": "filled"}


def test_a_secret_that_does_not_exist_is_a_mistake_of_configuration(secrets_kit):
    with pytest.raises(ConfigError, match="absent"):
        secrets_kit.secrets.get("absent")


@pytest.mark.parametrize("text", ["hunter2", '["hunter2"]', '"hunter2"', '{"hunter2": 1}', '{"a": {"b": "hunter2"}}'])
def test_a_secret_of_another_form_is_refused_without_a_word_of_its_value(secrets_kit, text):
    secrets_kit.fill(text)

    with pytest.raises(ConfigError, match="JSON object of strings") as error:
        secrets_kit.secrets.get(secrets_kit.name)
    assert "hunter2" not in str(error.value)
