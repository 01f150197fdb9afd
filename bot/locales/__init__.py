"""The message catalogues; bot/rules/texts.py reads them."""
