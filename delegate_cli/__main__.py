"""`python -m delegate_cli` is the `delegate` command."""

from delegate_cli.cli.app import main

if __name__ == "__main__":
    main()
