"""``python -m harness``."""

import sys

if __name__ == "__main__":
    try:
        from harness.cli import main
    except KeyboardInterrupt:  # While modules are still loading there is nothing to keep.
        sys.exit(130)
    main()
