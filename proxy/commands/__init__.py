"""What the subcommands do before and after the flow: write, check, start, show. Nothing here is on a call's path."""
