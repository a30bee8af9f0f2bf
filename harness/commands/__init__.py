"""The commands: one module or package each, found by being here."""
