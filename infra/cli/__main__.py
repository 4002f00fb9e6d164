"""`python -m infra.cli` is `daftar`."""

from infra.cli.main import main

main()
