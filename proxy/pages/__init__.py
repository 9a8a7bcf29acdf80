"""The web pages of the admin port: one template, one module and one view per page; a larger desk takes its place beside them.

Law: a page shows what the recorder and the rollouts' files say and waits for no store. It changes something only by the form of a person
who is known here, from a page of ours. Every text is escaped by the template engine, there is no script, nothing is loaded from elsewhere.
Read `routes.py` first.
"""
