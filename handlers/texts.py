"""Every sentence the bot says, as functions of the catalogue of one language.

Whole sentences with named placeholders; translator notes stand above as comments.
"""

from datetime import date, datetime, timedelta

from babel import Locale
from babel.dates import format_date, format_time

from handlers.translate import Translator
from knowledge.languages import Lang
from knowledge.places.hours import POLAND, Hours

NAMES: dict[Lang, str] = {"uk": "Українська", "ru": "Русский", "en": "English", "pl": "Polski"}
"""Languages in their own words, as people look for them in a list."""


def day(lang: Lang, value: date) -> str:
    """A date in words: «20 листопада 2026 р.», in English the day first as in Europe."""
    return format_date(value, "long", locale=_locale(lang))


def _locale(lang: Lang) -> str:
    return "en_GB" if lang == "en" else lang


def clock(lang: Lang, value: datetime) -> str:
    """A time of day in Poland, on the 24-hour clock everybody reads here: "8:00"."""
    return format_time(value.astimezone(POLAND), "H:mm", locale=lang)


def service_name(t: Translator) -> str:
    return t.gettext("Małopolska Help Line")


def greeting(t: Translator) -> str:
    return t.gettext(
        "Hello! This is the help line for people who came to Małopolska. I am a program, "
        "not a person: I give answers that people wrote and checked. Ask in your own words, "
        "and at any time you can ask for a person."
    )


def privacy_line(t: Translator, days: int) -> str:
    # Translators: shown under the greeting, beside a button that tells more.
    return t.ngettext(
        "Your messages are kept for {days} day so that the team can help you. "
        "I don't ask for your name.",
        "Your messages are kept for {days} days so that the team can help you. "
        "I don't ask for your name.",
        days,
    ).format(days=days)


def ask_freely(t: Translator) -> str:
    return t.gettext("Write your question, or choose a theme:")


def theme_name(t: Translator, theme: str) -> str:
    names = {
        # Translators: names of themes on buttons: at most 32 characters.
        "stay": t.pgettext("theme", "Documents and legal stay"),
        "work": t.pgettext("theme", "Work"),
        "housing": t.pgettext("theme", "Housing"),
        "health": t.pgettext("theme", "Health"),
        "education": t.pgettext("theme", "School and courses"),
        "benefits": t.pgettext("theme", "Money and benefits"),
        "legal": t.pgettext("theme", "Law and safety"),
        "daily": t.pgettext("theme", "Daily life"),
        "info": t.pgettext("theme", "Where to get help"),
    }
    return names[theme]


def choose_topic(t: Translator, theme: str) -> str:
    return t.gettext("{theme}. What would you like to know?").format(theme=theme)


def choose_language(t: Translator) -> str:
    return t.gettext("In which language shall we talk?")


def language_chosen(t: Translator) -> str:
    return t.gettext("Good, from now on in English.")


def language_noticed(t: Translator) -> str:
    # Translators: said in the language of the message, when another language was chosen before.
    return t.gettext("I answered in English, because you wrote in English. Shall we go on so?")


def button_switch(t: Translator) -> str:
    # Translators: a button, in the language it switches to; at most 32 characters.
    return t.pgettext("button", "Yes, in English")


def button_person(t: Translator) -> str:
    return t.pgettext("button", "Talk to a person")


def button_menu(t: Translator) -> str:
    return t.pgettext("button", "All themes")


def button_language(t: Translator) -> str:
    return t.pgettext("button", "Language")


def button_privacy(t: Translator) -> str:
    return t.pgettext("button", "About my data")


def button_privacy_full(t: Translator) -> str:
    return t.pgettext("button", "The full text")


def button_erase(t: Translator) -> str:
    return t.pgettext("button", "Delete everything")


def button_keep(t: Translator) -> str:
    return t.pgettext("button", "No, keep it")


def button_helped(t: Translator) -> str:
    return t.pgettext("button", "👍 Yes")


def button_not_helped(t: Translator) -> str:
    return t.pgettext("button", "👎 No")


def button_nothing_fits(t: Translator) -> str:
    return t.pgettext("button", "None of these")


def button_danger(t: Translator) -> str:
    return t.pgettext("button", "🆘 I am in danger")


def button_places(t: Translator) -> str:
    return t.pgettext("button", "Where?")


def button_share_place(t: Translator) -> str:
    return t.pgettext("button", "Send my location")


def button_stop_waiting(t: Translator) -> str:
    return t.pgettext("button", "I don't need a person")


def button_more(t: Translator) -> str:
    return t.pgettext("button", "Read more")


def label_steps(t: Translator) -> str:
    return t.pgettext("label", "What to do")


def label_bring(t: Translator) -> str:
    return t.pgettext("label", "What to bring")


def label_cost(t: Translator) -> str:
    return t.pgettext("label", "Cost")


def label_deadline(t: Translator) -> str:
    return t.pgettext("label", "Deadline")


def label_where(t: Translator) -> str:
    return t.pgettext("label", "Where")


def label_note(t: Translator) -> str:
    return t.pgettext("label", "Please note")


def label_sources(t: Translator) -> str:
    return t.pgettext("label", "Sources")


def checked_on(t: Translator, when: str) -> str:
    return t.gettext("Checked on {date}.").format(date=when)


def may_change(t: Translator, when: str) -> str:
    return t.gettext(
        "These rules change. This is how it was on {date}; check before you go."
    ).format(date=when)


def overdue(t: Translator, when: str) -> str:
    return t.gettext(
        "Careful: this answer should have been checked again by {date} and has not been yet. "
        "Please ask before you rely on it."
    ).format(date=when)


def contact_uncertain(t: Translator, when: str) -> str:
    # Translators: `when` is a year or a date from the source, such as 2024 or 2024-06.
    return t.gettext("as of {when}, may have changed").format(when=when)


def contact_languages(t: Translator, lang: Lang, codes: tuple[Lang, ...]) -> str:
    names = ", ".join(str(Locale(lang).languages[code]) for code in codes)
    return t.gettext("languages: {names}").format(names=names)


def contact_free(t: Translator) -> str:
    return t.pgettext("phone line", "free")


def contact_always(t: Translator) -> str:
    return t.pgettext("phone line", "day and night")


def contact_open_now(t: Translator) -> str:
    return t.pgettext("phone line", "open now")


def contact_opens(t: Translator, when: str) -> str:
    # Translators: `when` is like "today at 14:00" or "Monday 23 November at 8:00".
    return t.gettext("opens {when}").format(when=when)


def did_this_help(t: Translator) -> str:
    return t.gettext("Did this help?")


def thanks_for_helped(t: Translator) -> str:
    return t.gettext("I'm glad. Write if something else comes up.")


def sorry_not_helped(t: Translator) -> str:
    return t.gettext(
        "I'm sorry. Try to say it in other words, look at the themes, or talk to a person."
    )


def rated_already(t: Translator) -> str:
    return t.gettext("Thank you, I have your answer already.")


def choices(t: Translator) -> str:
    return t.gettext("I'm not sure I understood you. Is it one of these?")


def unsure(t: Translator) -> str:
    return t.gettext(
        "I don't know the answer to this, and I don't want to guess. "
        "You can say it in other words, look at the themes, or talk to a person."
    )


def unsure_again(t: Translator) -> str:
    return t.gettext(
        "I still don't understand you, I'm sorry. It is better to talk to a person about this."
    )


def unsure_waiting(t: Translator) -> str:
    return t.gettext("I don't know this. Your message is kept for the person who will answer you.")


def no_such_answer(t: Translator) -> str:
    return t.gettext(
        "There is no valid answer to this at the moment: the old one is out of date. "
        "Please talk to a person."
    )


def old_button(t: Translator) -> str:
    return t.gettext("This button no longer works. Here are the themes:")


def person_now(t: Translator, until: str) -> str:
    return t.gettext(
        "I have called a person from the team. They see what we wrote here and will answer in "
        "this chat. Somebody is on duty today until {until}; I can't promise the minute."
    ).format(until=until)


def person_always(t: Translator) -> str:
    return t.gettext(
        "I have called a person from the team. They see what we wrote here and will answer in "
        "this chat. I can't promise the minute."
    )


def person_later(t: Translator, when: str) -> str:
    # Translators: `when` is like "today at 14:00" or "Monday 23 November at 8:00".
    return t.gettext(
        "Nobody is on duty now. Your request is written down, and a person will see it {when}. "
        "They will answer in this chat."
    ).format(when=when)


def person_unknown(t: Translator) -> str:
    return t.gettext(
        "Your request is written down. I don't know when a person will be here; "
        "they will answer in this chat."
    )


def person_meanwhile(t: Translator) -> str:
    return t.gettext(
        "Meanwhile you can write more about your question, or ask me something else. "
        "If you are in danger, call 112: it is free and works at any time."
    )


def person_waiting_already(t: Translator) -> str:
    return t.gettext("You are already waiting for a person, your request is not lost.")


def stopped_waiting(t: Translator) -> str:
    return t.gettext("All right, I have cancelled the request. You can ask again at any time.")


def not_waiting(t: Translator) -> str:
    return t.gettext("You are not waiting for a person at the moment.")


def when(t: Translator, lang: Lang, at: datetime, now: datetime) -> str:
    """A moment to come, said the way people say it: today, tomorrow, or by its weekday."""
    local, today = at.astimezone(POLAND), now.astimezone(POLAND).date()
    time = clock(lang, at)
    if local.date() == today:
        return t.gettext("today at {time}").format(time=time)
    if local.date() == today + timedelta(days=1):
        return t.gettext("tomorrow at {time}").format(time=time)
    words = format_date(local.date(), _weekday_pattern(lang), locale=lang)
    return t.gettext("on {day} at {time}").format(day=words, time=time)


def _weekday_pattern(lang: Lang) -> str:
    return "EEEE, d MMMM" if lang != "en" else "EEEE d MMMM"


def person_called(t: Translator, lang: Lang, service: Hours, now: datetime) -> str:
    """When somebody will answer, honestly, from the service hours."""
    opens = service.opens_after(now)
    if opens is None:
        return person_unknown(t)
    if opens > now:
        return person_later(t, when(t, lang, opens, now))
    closes = service.closes_after(now)
    return person_now(t, clock(lang, closes)) if closes else person_always(t)


def crisis_person(t: Translator) -> str:
    return t.gettext("If you can write, a person from our team can be called to this chat too:")


def crisis_which(t: Translator) -> str:
    return t.gettext("If life is in danger, call 112 now. What is happening?")


def crisis_name(t: Translator, kind: str) -> str:
    names = {
        # Translators: buttons of a person in danger: short, at most 32 characters.
        "danger": t.pgettext("crisis", "I am attacked or followed"),
        "violence": t.pgettext("crisis", "Violence at home"),
        "suicide": t.pgettext("crisis", "I don't want to live"),
        "child": t.pgettext("crisis", "A child is in danger"),
        "missing": t.pgettext("crisis", "Someone is missing"),
        "trafficking": t.pgettext("crisis", "I am held or forced to work"),
    }
    return names[kind]


def privacy_summary(t: Translator, days: int) -> str:
    return t.ngettext(
        "What is kept: your messages, our answers, your language and the number by which this "
        "chat knows you. After {days} day without a message they are deleted.",
        "What is kept: your messages, our answers, your language and the number by which this "
        "chat knows you. After {days} days without a message they are deleted.",
        days,
    ).format(days=days)


def privacy_not_kept(t: Translator) -> str:
    return t.gettext(
        "What is not kept: your name, your location and your documents. "
        "If a danger is recognised, only its kind is counted, without you."
    )


def privacy_who(t: Translator) -> str:
    return t.gettext(
        "Who sees it: only the team of the help line, when you ask for a person. "
        "Nothing is sold or given to other offices."
    )


def privacy_counts(t: Translator, count: int) -> str:
    return t.ngettext(
        "At the moment {count} message of this chat is kept.",
        "At the moment {count} messages of this chat are kept.",
        count,
    ).format(count=count)


def privacy_full(t: Translator, days: int) -> tuple[str, ...]:
    """The full privacy text, a paragraph each."""
    return (
        t.gettext(
            "Purpose. We use what you write only to answer you and to find mistakes in our "
            "answers. The legal basis is the public interest in informing people and your own "
            "request for help."
        ),
        privacy_summary(t, days),
        t.gettext(
            "Answers you rate and questions nobody could answer are counted by topic and "
            "language, without anything that leads to you."
        ),
        privacy_not_kept(t),
        privacy_who(t),
        t.gettext(
            "The channel you use (Telegram, Viber or your internet provider) sees your messages "
            "by its own rules. The chat on our page needs no account."
        ),
        t.gettext(
            "Your rights. You may see, correct and delete what is kept, and complain to the "
            "Polish data protection office (Prezes UODO, uodo.gov.pl). To delete everything at "
            "once, write /delete."
        ),
    )


def privacy_ask(t: Translator, address: str) -> str:
    return t.gettext("Questions about your data: {address}").format(address=address)


def erase_ask(t: Translator) -> str:
    return t.gettext(
        "Delete this whole conversation and everything kept about you? "
        "This cannot be undone. If you are waiting for a person, the request is deleted too."
    )


def erased(t: Translator) -> str:
    return t.gettext(
        "Done: this conversation and everything kept about you is deleted on our side. "
        "You may want to clear the chat on your phone too."
    )


def kept(t: Translator) -> str:
    return t.gettext("All right, nothing is deleted.")


def help_text(t: Translator) -> str:
    return t.gettext(
        "Write your question in your own words, in Ukrainian, Russian, English or Polish. "
        "I look for an answer that people wrote and checked. If I am not sure, I ask back; if "
        "I don't know, I say so."
    )


def help_commands(t: Translator) -> tuple[str, ...]:
    """The commands, each with what it does."""
    return (
        t.gettext("/person – talk to a person"),
        t.gettext("/points – where to get help"),
        t.gettext("/language – change the language"),
        t.gettext("/privacy – what is kept about me"),
        t.gettext("/delete – delete everything about me"),
    )


def command_start(t: Translator) -> str:
    return t.pgettext("command", "Start again")


def command_help(t: Translator) -> str:
    return t.pgettext("command", "What I can do")


def command_language(t: Translator) -> str:
    return t.pgettext("command", "Change the language")


def command_person(t: Translator) -> str:
    return t.pgettext("command", "Talk to a person")


def command_points(t: Translator) -> str:
    return t.pgettext("command", "Where to get help")


def command_privacy(t: Translator) -> str:
    return t.pgettext("command", "What is kept about me")


def command_delete(t: Translator) -> str:
    return t.pgettext("command", "Delete everything about me")


def places_not_sorted(t: Translator) -> str:
    return t.gettext(
        "Thank you. I did not keep your location. I can't sort the points by distance yet; "
        "here is where people are helped:"
    )


def hello(t: Translator) -> str:
    return t.gettext("Hello! What can I help you with?")


def you_are_welcome(t: Translator) -> str:
    return t.gettext("You're welcome. Write if something else comes up.")


def goodbye(t: Translator) -> str:
    return t.gettext("Take care! You can write here at any time.")


def all_right(t: Translator) -> str:
    return t.gettext("Good. If you have another question, just write it.")


def i_am_a_program(t: Translator) -> str:
    return t.gettext(
        "I am a program: I find answers that people wrote and checked. "
        "If you wish, a person will answer you."
    )


def rude(t: Translator) -> str:
    return t.gettext("I see that you are upset. Tell me what happened, or talk to a person.")


def got_phone(t: Translator) -> str:
    return t.gettext(
        "Thank you. I don't call back myself, and I did not keep your number. "
        "If you want to talk to a person, press the button."
    )


def got_attachment(t: Translator) -> str:
    return t.gettext(
        "I can't open photos, files or voice messages. Please write your question in words. "
        "If you ask for a person, they will see what you sent."
    )


def got_attachment_waiting(t: Translator) -> str:
    return t.gettext("Thank you, the person who will answer you will see it.")


def got_sticker(t: Translator) -> str:
    return t.gettext("🙂 Write what you would like to know, in your own words.")


def unsupported(t: Translator) -> str:
    return t.gettext("I can't read messages of this kind. Please write your question in words.")


def only_private(t: Translator) -> str:
    return t.gettext("I answer in a private chat only, so that nobody else reads your question.")


def went_wrong(t: Translator) -> str:
    return t.gettext(
        "Something went wrong on our side and I could not answer. Your message is not lost: "
        "a person from the team will see it. If it is urgent, call 112."
    )


def too_fast(t: Translator) -> str:
    return t.gettext(
        "You are writing faster than I can read. Please wait a minute and send it again. "
        "If you are in danger, call 112."
    )


def too_long(t: Translator, limit: int) -> str:
    return t.ngettext(
        "This is too long for me: please say it in at most {limit} character.",
        "This is too long for me: please say it in at most {limit} characters.",
        limit,
    ).format(limit=limit)
