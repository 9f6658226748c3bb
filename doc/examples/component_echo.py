"""A bot in slixmpp whose server is muxs2s: `python component_echo.py` sends every message back."""

import asyncio

from slixmpp import ComponentXMPP


class Echo(ComponentXMPP):
    def __init__(self):
        super().__init__("bot.a.example", "change me", "127.0.0.1", 5347)
        self.add_event_handler("message", self.on_message)
        self.add_event_handler("disconnected", lambda _: self.connect())

    def on_message(self, message):
        if message["type"] != "error":
            message.reply(message["body"]).send()


async def main():
    Echo().connect()
    await asyncio.Event().wait()


asyncio.run(main())
