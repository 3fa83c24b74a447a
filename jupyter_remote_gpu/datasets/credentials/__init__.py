"""Tokens of Kaggle and the Hub: found where their own programs keep them, and kept here."""
