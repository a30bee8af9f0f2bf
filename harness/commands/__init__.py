"""One module per command, each with a click command named ``command``; loaded when it is used."""
