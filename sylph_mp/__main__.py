"""`python -m sylph_mp` is the same as `sylph`."""

from sylph_mp.cli.main import main

if __name__ == "__main__":
    main()
