"""What all tests need of the process that they run in."""

import signal

# A shell lets what it starts in its background ignore Ctrl-C, and children inherit that; tests
# that interrupt a child would wait in vain.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
