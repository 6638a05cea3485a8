"""The groups of rows there are; another one is a module and a name here."""

from bench import chat, echo, files, tftp
from bench.rows import Row

ROWS: tuple[Row, ...] = (*echo.ROWS, *files.ROWS, *tftp.ROWS, *chat.ROWS)
