"""A host of one's own: it takes stanzas without a Router and without a component."""

from muxs2s import from_tree


class Greeter:
    """Sends every message back; attached with `s2s.attach(DomainName.parse("a.example"), Greeter(s2s))`."""

    def __init__(self, federation):
        self.federation = federation

    def deliver(self, stanzas):
        for stanza in stanzas:
            if stanza.name == "message" and stanza.type != "error":
                answer = stanza.tree()
                answer.swapAttributeValues("from", "to")
                self.federation.send([from_tree(answer)])
