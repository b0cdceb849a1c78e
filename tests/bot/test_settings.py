"""Settings come from the environment, and a wrong one is said in a sentence."""

import re
from pathlib import Path

import pytest

from bot.settings import Settings, SettingsError, load_settings

ROOT = Path(__file__).parent.parent.parent

WRONG = [
    ("PORT", "80a", "PORT"),
    ("PORT", "99999", "PORT"),
    ("DATABASE_URL", "mysql://x", "must begin with sqlite:/// or postgresql://"),
    ("TELEGRAM_TOKEN", "abc", "as BotFather gave it"),
    ("TELEGRAM_WEBHOOK_SECRET", "пароль", "A-Z a-z 0-9 _ -"),
    ("SERVICE_HOURS", "Mo-Fr 9-17", "opening_hours"),
    ("KEPT_DAYS", "0", "KEPT_DAYS"),
    ("PUBLIC_URL", "http://example.org", "https://"),
    ("VIBER_TOKEN", "token", "PUBLIC_URL"),
    ("LOG_LEVEL", "LOUD", "LOG_LEVEL"),
]


@pytest.mark.parametrize(("name", "value", "part"), WRONG)
def test_a_wrong_setting_is_said_in_one_sentence(
    name: str, value: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names the setting or what it must be, and never repeats a secret."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    sentence = str(raised.value)
    assert part in sentence
    assert len(sentence.splitlines()) == 1
    if "TOKEN" in name or "SECRET" in name:
        assert value not in sentence


def test_the_example_lists_every_setting() -> None:
    """.env.example has each setting once and nothing else."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    listed = re.findall(r"^# ([A-Z_]+)=", text, re.MULTILINE)
    assert sorted(listed) == sorted(name.upper() for name in Settings.model_fields)


def test_common_database_addresses_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosting platforms say postgres://; the driver is ours to choose."""
    monkeypatch.setenv("DATABASE_URL", "postgres://u:p@h/d")
    assert load_settings().database_url == "postgresql+asyncpg://u:p@h/d"


def test_the_signing_key_is_kept(tmp_path: Path) -> None:
    """Without SECRET_KEY one is made, kept, and readable by its owner only."""
    settings = Settings(var_dir=tmp_path)
    assert settings.signing_key() == Settings(var_dir=tmp_path).signing_key()
    assert (tmp_path / "secret").stat().st_mode & 0o077 == 0
