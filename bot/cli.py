"""The `helpline` command."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from bot.app import Helpline, load_knowledge, utc_now
from bot.ask import answer_lines, print_answer
from bot.evaluate import print_report, read_cases, write_html
from bot.logs import set_up_logs
from bot.settings import Settings, SettingsError, load_settings
from bot.storage.cases import list_cases
from bot.storage.database import Database
from bot.storage.migrate import migrate as migrate_database
from bot.web.server import serve as serve_pages
from handlers.translate import translator
from knowledge.check import check_content
from knowledge.errors import ContentError
from knowledge.files import CONTENT, read_content
from knowledge.languages import LANGS, Lang, is_lang
from knowledge.places.hours import POLAND

Result = TypeVar("Result")

cli = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="The Małopolska help line.",
)  # fmt: skip
console = Console(stderr=True)

ContentOption = Annotated[Path | None, typer.Option(help="Another folder of content.")]
LangsOption = Annotated[str, typer.Option(help="Languages of that folder: uk,ru,en,pl.")]


def main() -> None:
    """Run the command; what a person can mend is said in a sentence, without a traceback."""
    try:
        cli()
    except (SettingsError, ContentError) as error:
        _stop(str(error))


def _stop(sentence: str) -> NoReturn:
    console.print(sentence, style="red", markup=False, highlight=False)
    raise SystemExit(2)


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    import uvloop

    return uvloop.run(work)


def _langs(given: str) -> tuple[Lang, ...]:
    codes = [code.strip() for code in given.split(",")]
    found = tuple(lang for lang in LANGS if lang in codes)
    if not found or len(found) != len(codes):
        _stop(f"--langs {given}: choose from {','.join(LANGS)}.")
    return found


def _settings(content: Path | None = None) -> Settings:
    settings = load_settings()
    set_up_logs(settings.log_level)
    return settings.model_copy(update={"content_dir": content}) if content else settings


@cli.command()
def serve() -> None:
    """Everything in one process: pages, webhooks or polling, answering and sending."""
    _serve(works=True)


@cli.command()
def web() -> None:
    """Pages and webhooks only; `worker` answers and sends (PostgreSQL)."""
    _serve(works=False)


def _serve(*, works: bool) -> None:
    settings = _settings()
    _check_port(settings)
    _run(_migrate(settings))
    console.print("Reading the content and its search …", style="dim")
    helpline = Helpline.of(settings, load_knowledge(settings))
    _announce(settings, helpline)
    server = serve_pages(helpline, works=works)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        raise SystemExit(3)


def _check_port(settings: Settings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            _stop(
                f"PORT {settings.port} on {settings.host} can't be used: {error.strerror}. "
                "Stop what uses it, or set another PORT."
            )


def _announce(settings: Settings, helpline: Helpline) -> None:
    telegram = "webhook" if settings.public_url else "polling"
    lines = [
        ("Web chat", f"{settings.base_url()}/"),
        ("Telegram", telegram if helpline.telegram else "off (TELEGRAM_TOKEN is not set)"),
        ("Viber", "webhook" if helpline.viber else "off (VIBER_TOKEN is not set)"),
        ("Database", "SQLite" if helpline.database.is_sqlite else "PostgreSQL"),
        ("Topics", f"{len(helpline.knowledge.content.entries)} in {', '.join(LANGS)}"),
        ("Stop", "Ctrl+C"),
    ]
    console.print("\nMałopolska Help Line", style="bold")
    for name, value in lines:
        console.print(f"  {name:<10}{value}", highlight=False, markup=False)


@cli.command()
def worker() -> None:
    """Answer and send only; `web` takes what comes in (PostgreSQL)."""
    settings = _settings()
    _run(_worker(settings))


async def _worker(settings: Settings) -> None:
    helpline = Helpline.of(settings, load_knowledge(settings))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stop.set)
    async with helpline.running(works=True, listens=True):
        console.print("Małopolska Help Line: answering and sending", highlight=False)
        await stop.wait()


@cli.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    settings = _settings()
    _run(_migrate(settings))
    console.print("The database is up to date.")


async def _migrate(settings: Settings) -> None:
    database = Database(settings.database_url)
    try:
        await migrate_database(database)
    except (OSError, ConnectionError) as error:
        _stop(f"DATABASE_URL: the database can't be reached ({type(error).__name__}).")
    finally:
        await database.close()


@cli.command()
def check(
    content: ContentOption = None,
    langs: LangsOption = "uk,ru,en,pl",
    warnings: Annotated[bool, typer.Option("--warnings", help="Show warnings too.")] = False,
) -> None:
    """Check content, catalogues and settings; says what is wrong and where."""
    settings = _settings(content)
    chosen = _langs(langs)
    found = check_content(
        read_content(settings.content_dir or CONTENT, chosen), utc_now().astimezone(POLAND).date()
    )
    wrong = [problem for problem in found if not problem.warning]
    for problem in found if warnings else wrong:
        typer.echo(str(problem))
    incomplete = [lang for lang in LANGS if not _is_complete(lang)]
    for lang in incomplete:
        typer.echo(f"locales/{lang}: the catalogue is not complete (make messages)")
    if wrong or incomplete:
        raise SystemExit(1)
    also = f" ({len(found)} warnings: --warnings shows them)" if found else ""
    typer.echo(f"Content, catalogues and settings are in order{also}.")


def _is_complete(lang: Lang) -> bool:
    from handlers.translate import missing_messages

    translator(lang)
    return not missing_messages(lang)


@cli.command()
def ask(
    text: Annotated[str | None, typer.Argument(help="A message of a person.")] = None,
    lang: Annotated[str | None, typer.Option(help="The language chosen before.")] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Read and write JSON lines.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show the evidence.")] = False,
    content: ContentOption = None,
    langs: LangsOption = "uk,ru,en,pl",
) -> None:
    """What the bot would say on a first message."""
    settings = _settings(content)
    if lang is not None and not is_lang(lang):
        _stop(f"--lang {lang}: choose from {', '.join(LANGS)}.")
    if not jsonl and not text:
        _stop('Say what to ask: helpline ask --lang uk "…", or --jsonl to read lines.')
    knowledge = load_knowledge(settings, _langs(langs))
    if jsonl:
        answer_lines(sys.stdin, sys.stdout, knowledge, settings, utc_now())
    else:
        print_answer(str(text), lang, knowledge, settings, utc_now(), explain=explain)


@cli.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="Labelled messages, JSON lines.", exists=True)],
    html: Annotated[Path | None, typer.Option(help="Write a page with pictures too.")] = None,
    content: ContentOption = None,
    langs: LangsOption = "uk,ru,en,pl",
) -> None:
    """How well the messages of a file are understood."""
    settings = _settings(content)
    found = read_cases(file, load_knowledge(settings, _langs(langs)), settings, utc_now())
    print_report(found)
    if html:
        write_html(found, html)


@cli.command()
def cases(
    closed: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
) -> None:
    """Who waits for a person: the longest waiting first. No words of theirs are shown."""
    settings = _settings()
    _run(_cases(settings, closed=closed))


async def _cases(settings: Settings, *, closed: bool) -> None:
    database = Database(settings.database_url)
    async with database.read() as connection:
        rows = await list_cases(connection, closed=closed)
    await database.close()
    if not rows:
        typer.echo("Nobody is waiting.")
        return
    table = Table("Case", "State", "Why", "Language", "Channel", "Since", "Messages")
    for row in rows:
        since = row.opened_at.astimezone(POLAND).strftime("%Y-%m-%d %H:%M")
        table.add_row(
            str(row.id), row.state, row.reason, row.lang, row.channel, since, str(row.messages)
        )
    Console().print(table)


with contextlib.suppress(AttributeError, ValueError):
    # A Windows console or an odd locale must not break Cyrillic output.
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
