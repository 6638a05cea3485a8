-- Rooms that outlive their last member: with their bans, each as `core.kept` writes it.
CREATE TABLE room (
    folded TEXT PRIMARY KEY,
    founder TEXT NOT NULL COLLATE NOCASE,
    record TEXT NOT NULL
);

-- What accounts tell about themselves (draft/metadata-2).
CREATE TABLE metadata (
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (account, key)
) WITHOUT ROWID;

-- Who is banned from the whole chat.
CREATE TABLE ban (
    folded TEXT PRIMARY KEY,
    mask TEXT NOT NULL,
    by TEXT NOT NULL,
    since REAL NOT NULL,            -- seconds since 1970
    until REAL NOT NULL,            -- 0: for ever
    why TEXT NOT NULL
) WITHOUT ROWID;
