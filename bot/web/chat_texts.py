"""The words of the web chat's own furniture, in one language; the bot's are handlers/texts."""

from handlers.translate import Translator


def page_words(t: Translator) -> dict[str, str]:
    """Every word of the page that is not said by the bot, by its key in chat.js."""
    return {
        "name": t.gettext("Małopolska Help Line"),
        "tagline": t.gettext("Answers and people for those who came to Małopolska"),
        "write": t.gettext("Write your question"),
        "send": t.pgettext("page", "Send"),
        "place": t.pgettext("page", "Send my location"),
        "place_refused": t.gettext(
            "Your phone did not give the location. You can write the town or the address instead."
        ),
        "leave": t.pgettext("page", "Leave now"),
        "leave_why": t.gettext(
            "Closes this page at once, opens another one, and this device forgets the chat"
        ),
        "language": t.pgettext("page", "Language"),
        "more": t.pgettext("page", "Show more"),
        "you": t.pgettext("page", "You"),
        "bot": t.pgettext("page", "Help line"),
        "operator": t.pgettext("page", "Person of the team"),
        "offline": t.gettext("No connection. I'll send it as soon as there is one."),
        "failed": t.gettext("Not sent. Tap to try again."),
        "sending": t.pgettext("page", "Sending…"),
        "typing": t.gettext("The answer is being written"),
        "conversation": t.pgettext("page", "Conversation"),
        "open_now": t.pgettext("phone line", "open now"),
        "emergency": t.gettext("In danger? Call 112"),
        "new": t.gettext("New messages below"),
        "chose": t.gettext("You sent your location"),
        "skip": t.gettext("Skip to the message field"),
        "no_script": t.gettext(
            "This chat needs JavaScript. Without it, call 112 in danger, or 12 210 20 20 "
            "for questions about stay and work."
        ),
    }
