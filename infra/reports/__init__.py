"""The books' queries: one module per report, each a statement that answers with JSON that is ready to send.

What is asked, and how an answer is known to be up to date, is in `asking`; what reports share of SQL is in `fragments`.
"""
