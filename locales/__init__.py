"""The catalogues of every sentence the bot and the pages say."""
