"""Saving: what a client changed comes as collections of rows, each stands for one record, and all of them for one transaction."""
