"""Settings: every mistake is told with the variable's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.settings import SECRET_FIELDS, Settings, SettingsError, load, new_secret_key, require_servers, variables

POSTGRES = "postgresql://owner:hunter2@db/daftar"


def test_defaults() -> None:
    settings = load({})
    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8000, Path(".daftar"))
    assert 1 <= settings.api_processes <= 4
    assert settings == Settings()


def test_values_are_typed() -> None:
    settings = load(
        {
            "DAFTAR_PORT": "8080",
            "DAFTAR_REQUIRE_HTTPS": "yes",
            "DAFTAR_CORS_ORIGINS": "https://a.example, https://b.example",
            "DAFTAR_LOG_LEVEL": "DEBUG",
            "DAFTAR_DATA_DIR": "~/books",
            "DAFTAR_NATS_URL": "",
            "HOME": "/ignored",
        }
    )
    assert settings.port == 8080
    assert settings.require_https is True
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert settings.log_level == "debug"
    assert settings.data_dir == Path("~/books").expanduser()
    assert not settings.nats_url


def test_an_option_wins_over_the_environment_and_none_is_no_option() -> None:
    assert load({"DAFTAR_PORT": "1234"}, port=8080, host=None).port == 8080
    assert load({"DAFTAR_PORT": "1234"}, port=None).port == 1234


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"DAFTAR_POTR": "1"}, "DAFTAR_POTR is not a setting; did you mean DAFTAR_PORT?"),
        ({"DAFTAR_port": "1"}, "DAFTAR_port is not a setting; did you mean DAFTAR_PORT?"),
        ({"DAFTAR_XYZZY": "1"}, "DAFTAR_XYZZY is not a setting"),
        ({"DAFTAR_PORT": "http"}, r"DAFTAR_PORT: Expected `int`, got `str` \(it is 'http'\)"),
        ({"DAFTAR_PORT": "70000"}, r"DAFTAR_PORT: Expected `int` <= 65535 \(it is '70000'\)"),
        ({"DAFTAR_LOG_FORMAT": "xml"}, "DAFTAR_LOG_FORMAT: Invalid enum value 'xml'"),
        ({"DAFTAR_DEMO": "maybe"}, "DAFTAR_DEMO: "),
        ({"DAFTAR_DATABASE_URL": "mysql://db"}, "DAFTAR_DATABASE_URL: a URL that starts with postgresql:// is needed"),
        ({"DAFTAR_API_DATABASE_URL": POSTGRES}, "is set without DAFTAR_DATABASE_URL"),
        ({"DAFTAR_NATS_URL": "localhost:4222"}, "DAFTAR_NATS_URL: "),
        ({"DAFTAR_OTLP_ENDPOINT": "collector"}, "DAFTAR_OTLP_ENDPOINT: "),
        ({"DAFTAR_SECRET_KEY": "short"}, "DAFTAR_SECRET_KEY: at least 32 characters"),
    ],
)
def test_a_mistake_names_its_variable(environment: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        load(environment)
    assert "hunter2" not in str(caught.value)


def test_another_process_reads_the_same_settings() -> None:
    settings = load({}, port=8081, demo=True, cors_origins=("https://a.example",), secret_key=new_secret_key())
    assert load(settings.environment()) == settings


def test_secrets_are_not_shown() -> None:
    settings = load({"DAFTAR_DATABASE_URL": POSTGRES, "DAFTAR_API_DATABASE_URL": POSTGRES})
    assert "hunter2" not in repr(settings)


def test_every_setting_is_documented() -> None:
    described = variables()
    assert all(description.endswith(".") for _, description in described.values())
    assert {name.removeprefix("DAFTAR_").lower() for name in described} == set(Settings.__struct_fields__)
    assert set(Settings.__struct_fields__) >= SECRET_FIELDS


def test_half_of_daftar_alone_needs_every_server() -> None:
    with pytest.raises(SettingsError, match="DAFTAR_DATABASE_URL is needed here"):
        require_servers(load({}))
    settings = load(
        {
            "DAFTAR_DATABASE_URL": POSTGRES,
            "DAFTAR_API_DATABASE_URL": POSTGRES,
            "DAFTAR_NATS_URL": "nats://127.0.0.1",
            "DAFTAR_SECRET_KEY": new_secret_key(),
        }
    )
    assert require_servers(settings) is settings
