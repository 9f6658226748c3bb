"""Server-to-server federation for Twisted and wokkel: many domain pairs, each proven, over few streams."""
