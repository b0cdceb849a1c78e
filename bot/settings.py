"""Every setting, from the environment or .env. A wrong one stops the start with one sentence."""

import secrets
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from knowledge.places.hours import Hours, HoursError

VAR = Path("var")
"""Where the database, the search file and the local secret live by default."""


class SettingsError(Exception):
    """A setting is wrong."""


def _hours(value: str) -> str:
    try:
        return Hours(value).source
    except HoursError as error:
        raise ValueError(str(error)) from error


class Settings(BaseSettings):
    """All settings. The names in capitals are the names in the environment."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True
    )

    port: int = Field(8080, ge=1, le=65535)
    host: str = "127.0.0.1"
    public_url: AnyHttpUrl | None = None
    database_url: str = f"sqlite+aiosqlite:///{VAR}/helpline.db"
    var_dir: Path = VAR
    content_dir: Path | None = None
    secret_key: SecretStr | None = None

    telegram_token: SecretStr | None = None
    telegram_api_url: AnyHttpUrl = AnyHttpUrl("https://api.telegram.org")
    telegram_webhook_secret: SecretStr | None = None
    telegram_rate: float = Field(30, gt=0)
    telegram_chat_rate: float = Field(1, gt=0)
    telegram_chat_burst: int = Field(5, ge=1)
    telegram_group_rate: float = Field(20, gt=0)

    viber_token: SecretStr | None = None
    viber_api_url: AnyHttpUrl = AnyHttpUrl("https://chatapi.viber.com/pa")
    viber_name: str = Field("Helpline Małopolska", min_length=1, max_length=28)
    viber_avatar: AnyHttpUrl | None = None
    viber_rate: float = Field(30, gt=0)

    service_hours: Annotated[str, AfterValidator(_hours)] = "Mo-Fr 08:00-16:00; PH off"
    privacy_contact: str = ""
    kept_days: int = Field(30, ge=1, le=3650)

    chat_allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    chat_contact_rate: int = Field(20, ge=1)
    chat_address_rate: int = Field(60, ge=1)
    chat_text_limit: int = Field(2000, ge=100, le=4000)
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()

    attempts: int = Field(5, ge=1, le=20)
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")

    @field_validator("chat_allowed_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value.startswith("postgres://"):
            value = "postgresql://" + value.removeprefix("postgres://")
        if value.startswith("postgresql://"):
            return "postgresql+asyncpg://" + value.removeprefix("postgresql://")
        if value.startswith("sqlite:///"):
            return "sqlite+aiosqlite:///" + value.removeprefix("sqlite:///")
        if value.startswith(("sqlite+aiosqlite:///", "postgresql+asyncpg://")):
            return value
        raise ValueError("must begin with sqlite:/// or postgresql://")

    @field_validator("telegram_token")
    @classmethod
    def _token_shape(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            number, _, rest = value.get_secret_value().partition(":")
            if not number.isdigit() or len(rest) < 10:
                raise ValueError("must look like 123456:ABC-DEF, as BotFather gave it")
        return value

    @field_validator("telegram_webhook_secret")
    @classmethod
    def _secret_shape(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            text = value.get_secret_value()
            plain = text.replace("_", "").replace("-", "")
            if not (1 <= len(text) <= 256 and plain.isascii() and plain.isalnum()):
                raise ValueError("must be 1 to 256 of the characters A-Z a-z 0-9 _ -")
        return value

    @model_validator(mode="after")
    def _public_needs(self) -> Self:
        if self.public_url and self.public_url.scheme != "https" and not self._is_local():
            raise ValueError("PUBLIC_URL must begin with https:// for Telegram and Viber")
        if self.viber_token and not self.public_url:
            raise ValueError("VIBER_TOKEN needs PUBLIC_URL: Viber only knows webhooks")
        return self

    def _is_local(self) -> bool:
        return self.public_url is not None and self.public_url.host in ("127.0.0.1", "localhost")

    @property
    def is_public(self) -> bool:
        """Whether pages are served over https to the world."""
        return self.public_url is not None and self.public_url.scheme == "https"

    def base_url(self) -> str:
        """The address people and channels reach us at, without a slash at the end."""
        return str(self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    def signing_key(self) -> str:
        """The key of cookies and links: SECRET_KEY, else one kept in the var folder."""
        if self.secret_key:
            return self.secret_key.get_secret_value()
        path = self.var_dir / "secret"
        if not path.exists():
            self.var_dir.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(32), encoding="utf-8")
        return path.read_text(encoding="utf-8").strip()

    def webhook_secret(self) -> str:
        """Telegram's webhook secret: the setting, else one derived from the signing key."""
        if self.telegram_webhook_secret:
            return self.telegram_webhook_secret.get_secret_value()
        from hashlib import sha256

        return sha256(f"telegram-webhook:{self.signing_key()}".encode()).hexdigest()


def load_settings() -> Settings:
    """The settings, or a SettingsError with one clear sentence for each wrong one."""
    try:
        return Settings()
    except ValidationError as error:
        sentences = [
            f"{'.'.join(map(str, item['loc'])).upper() or 'Settings'}: "
            f"{item['msg'].removeprefix('Value error, ')}."
            for item in error.errors(include_input=False)
        ]
        raise SettingsError("\n".join(sentences)) from None
