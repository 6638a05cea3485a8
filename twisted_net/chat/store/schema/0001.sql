-- What the chat remembers. A step that was released is never changed: the next one gets a number.

CREATE TABLE event (
    id INTEGER PRIMARY KEY,         -- unix_ms << 16 | n
    talk TEXT NOT NULL,             -- the room, folded; or two accounts with a space between
    place TEXT NOT NULL,            -- as members saw it: the room, or the member addressed
    kind INTEGER NOT NULL,
    sender TEXT NOT NULL,
    account TEXT NOT NULL COLLATE NOCASE,
    by TEXT NOT NULL,               -- the sender's key; addresses are never kept
    other TEXT NOT NULL,
    text TEXT NOT NULL,             -- empty: taken out again
    tags TEXT NOT NULL              -- [["name", "value"]]
);
CREATE INDEX event_talk ON event (talk, id);
CREATE INDEX event_account ON event (account, id) WHERE account <> '';

CREATE VIRTUAL TABLE event_text
    USING fts5 (text, content='event', content_rowid='id', tokenize='trigram');

-- Only what was said is searched for: the numbers are those of the store's module.
CREATE TRIGGER event_said AFTER INSERT ON event WHEN new.kind < 10 AND new.text <> '' BEGIN
    INSERT INTO event_text (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER event_unsaid AFTER UPDATE OF text ON event WHEN old.kind < 10 AND old.text <> '' BEGIN
    INSERT INTO event_text (event_text, rowid, text) VALUES ('delete', old.id, old.text);
END;
CREATE TRIGGER event_forgotten AFTER DELETE ON event WHEN old.kind < 10 AND old.text <> '' BEGIN
    INSERT INTO event_text (event_text, rowid, text) VALUES ('delete', old.id, old.text);
END;

-- Which accounts have talked to each other.
CREATE TABLE pair (
    account TEXT NOT NULL, talk TEXT NOT NULL, PRIMARY KEY (account, talk)
) WITHOUT ROWID;
CREATE TRIGGER event_private AFTER INSERT ON event WHEN instr(new.talk, ' ') BEGIN
    INSERT OR IGNORE INTO pair VALUES
        (substr(new.talk, 1, instr(new.talk, ' ') - 1), new.talk),
        (substr(new.talk, instr(new.talk, ' ') + 1), new.talk);
END;

-- Events that were lost because they could not be written: how many, and where.
CREATE TABLE gap (after INTEGER NOT NULL, before INTEGER NOT NULL, lost INTEGER NOT NULL);

-- Rooms that not everybody may enter: no room outlives the server, and who begins one of that name
-- anew is not to read what was said in the old one.
CREATE TABLE closed (talk TEXT PRIMARY KEY) WITHOUT ROWID;

-- How far an account has read.
CREATE TABLE mark (
    account TEXT NOT NULL, talk TEXT NOT NULL, id INTEGER NOT NULL,
    PRIMARY KEY (account, talk)
) WITHOUT ROWID;

-- Of a password only what SCRAM-SHA-256 needs (RFC 5802, 3).
CREATE TABLE account (
    folded TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    salt BLOB NOT NULL,
    iterations INTEGER NOT NULL,
    stored_key BLOB NOT NULL,
    server_key BLOB NOT NULL,
    since INTEGER NOT NULL          -- milliseconds since 1970
) WITHOUT ROWID;
CREATE TABLE certificate (
    fingerprint TEXT PRIMARY KEY,   -- SHA-256 in hex
    account TEXT NOT NULL REFERENCES account (folded) ON DELETE CASCADE
) WITHOUT ROWID;

-- What accounts that are not there are pretended with: the same after a restart.
CREATE TABLE secret (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
