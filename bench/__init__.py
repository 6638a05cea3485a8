"""Measurements with a peer beside each figure: ``make bench``, or ``python -m bench --help``.

`rows` has the words: a row of the table runs one load on several servers. Each group of rows is a
module (`echo`) that `groups` lists. `rounds` measures, `figures` reckons, `aims` says what is
wanted, `report` shows it.
"""
