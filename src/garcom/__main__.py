"""``python -m garcom``, for where the command is not on the path."""

from garcom.cli import main

if __name__ == "__main__":
    main()
