"""Families of statements that random notebooks are made of: tables, one file a family."""
